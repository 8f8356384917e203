"""What the tests of conversions share: the small model as a Hugging Face folder."""

import pathlib
import shutil

import pytest

from gpt2.formats import conversion


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
