"""The models that are taken to other programs, and a process for those programs."""

import concurrent.futures
import json
import multiprocessing

import pytest
from conftest import REFERENCE, ROOT

from gpt2.formats import conversion

# With OpenAI's vocabulary, and with one of its own.
FOLDERS = {"tiny": str(REFERENCE / "tiny"), "poet": str(ROOT / "models" / "poet")}


@pytest.fixture(params=FOLDERS)
def name(request):
    """The name of each model."""
    return request.param


@pytest.fixture
def folder(name):
    """The folder of a model in OpenAI's layout."""
    return FOLDERS[name]


@pytest.fixture(scope="session")
def place(tmp_path_factory):
    """A folder with a Hugging Face folder of each model, by its name; not to be changed."""
    place = tmp_path_factory.mktemp("exported")
    for name, folder in FOLDERS.items():
        conversion.convert(folder, str(place / name))
    return place


@pytest.fixture
def exported(place, name):
    """The model as a Hugging Face folder."""
    return str(place / name)


@pytest.fixture(scope="session")
def elsewhere():
    """Calls a function of `other_programs` in a process of its own: elsewhere(function, arguments...)."""
    with concurrent.futures.ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        yield lambda function, *arguments: pool.submit(function, *arguments).result()


@pytest.fixture(scope="session")
def bpe_cases():
    """Texts and their ids in OpenAI's vocabulary."""
    return json.loads((REFERENCE / "bpe_cases.json").read_text())
