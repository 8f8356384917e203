"""What the tests of train.py share."""

import shutil
import subprocess
import sys

import pytest
from conftest import ROOT, VERSE, poem

FIXED = ("--model_name", "small", "--sample_every", 0, "--val_every", 0, "--learning_rate", 1e-2)


@pytest.fixture(scope="session")
def prepared(tmp_path_factory, small_model):
    """A folder with a model called small, a dataset of its tokens, and a run of two steps, run1, set aside."""
    import encoder
    from encoder.dataset.writer import write_dataset
    from poems.corpus import Corpus
    from poems.sources.sources import find_source

    folder = tmp_path_factory.mktemp("prepared")
    shutil.copytree(small_model, folder / "models")
    poems = [f"{poem(number)}{VERSE}" for number in range(40)]
    (folder / "poems.txt").write_text("<|endoftext|>".join(poems))
    enc = encoder.get_encoder("small", str(small_model))
    write_dataset(str(folder / "poems.npz"), Corpus([find_source(str(folder / "poems.txt"))]), enc)
    command = [sys.executable, ROOT / "train.py", "--dataset", "poems.npz", *FIXED, "--steps", 2]
    subprocess.run([*map(str, command)], cwd=folder, check=True, capture_output=True)
    (folder / "checkpoint").rename(folder / "begun")
    return folder


@pytest.fixture
def place(tmp_path, prepared, monkeypatch):
    """A folder with that model and that dataset."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    shutil.copytree(prepared, tmp_path, dirs_exist_ok=True)
    return tmp_path


@pytest.fixture
def begun(place):
    """The same with the run of two steps."""
    (place / "begun").rename(place / "checkpoint")
    return place


@pytest.fixture
def train(run_here):
    def run(*arguments, dataset="poems.npz"):
        return run_here("train.py", "--dataset", dataset, *FIXED, *arguments)

    return run
