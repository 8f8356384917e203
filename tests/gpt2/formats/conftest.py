"""What the tests of conversions share: the small model as a Hugging Face folder."""

import dataclasses
import pathlib
import shutil

import pytest
from conftest import ROOT

from gpt2.formats import conversion, openai


@pytest.fixture(scope="session")
def small_folder(small_model):
    """The folder of the small model in OpenAI's layout."""
    return small_model / "small"


@pytest.fixture(scope="session")
def written_folder(tmp_path_factory, small_folder):
    """The small model as a Hugging Face folder; not to be changed."""
    folder = tmp_path_factory.mktemp("written") / "small"
    conversion.convert(str(small_folder), str(folder))
    return folder


@pytest.fixture
def folder(tmp_path, written_folder):
    """A copy of the Hugging Face folder, to be changed."""
    return pathlib.Path(shutil.copytree(written_folder, tmp_path / "theirs"))


@pytest.fixture(scope="session")
def short_poet(tmp_path_factory):
    """The folder of half of models/poet's layers with a window of 32 tokens, whose end texts soon reach."""
    model = conversion.open_model(str(ROOT / "models" / "poet"))
    folder = tmp_path_factory.mktemp("short") / "poet"

    def read(name):
        return model.read(name)[:32] if name == "model/wpe" else model.read(name)

    sizes = dataclasses.replace(model.hparams, n_ctx=32, n_layer=2)
    openai.write_folder(dataclasses.replace(model, hparams=sizes, read=read), str(folder), "float32")
    return folder
