"""`python models/convert.py FROM TO`, as a user types it."""

import importlib
import sys

import pytest

from system import command_line

FLAGS = {"--to pdf": "--to is pdf, expected", "--dtype int4": "--dtype is int4, expected", "--form x": "unknown flag"}


@pytest.fixture
def convert(tmp_path, monkeypatch, capsys):
    """Runs the script in an empty folder; gives its exit status, output and messages."""

    def run(*words):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["models/convert.py", *map(str, words)])
        status: object = 0
        try:
            command_line.run(importlib.import_module("models.convert").main)
        except SystemExit as end:
            status = end.code
        return status, *capsys.readouterr()

    return run


def test_a_model_goes_out_and_comes_back(convert, small_model, tmp_path):
    status, said, _ = convert(small_model / "small", "theirs")
    assert (status, said) == (0, f"theirs: 8,624 parameters in float32, from {small_model}/small/model.ckpt\n")
    status, said, _ = convert("theirs/", "ours/")
    assert (status, said) == (0, "ours/: 8,624 parameters in float32, from theirs/\n")
    name = "model.ckpt.data-00000-of-00001"
    assert (tmp_path / "ours" / name).read_bytes() == (small_model / "small" / name).read_bytes()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """The folder of converted models."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "gpt-2-poetry" / "models"


@pytest.mark.parametrize("paths", [[], ["one"], ["one", "two", "three"], ["", "two"]])
def test_two_paths_are_expected(convert, paths):
    status, _, complaint = convert(*paths)
    assert (status, complaint.count("\n")) == (1, 1)
    assert "expected two: FROM and TO" in complaint


@pytest.mark.parametrize("flags", FLAGS)
def test_a_wrong_flag_is_one_line(convert, small_model, flags):
    status, _, complaint = convert(small_model / "small", "out", *flags.split())
    assert status
    assert complaint.count("\n") == 1
    assert FLAGS[flags] in complaint


def test_a_missing_model_is_one_line(convert):
    status, _, complaint = convert("none", "out")
    assert status == 1
    assert complaint.startswith("convert.py: none: no such model folder")


def test_samples_of_a_hugging_face_folder_are_those_of_the_model(cache, convert, small_model, run_here):
    convert(small_model / "small", "theirs")
    writing = ("--prompt", "Tell me", "--length", "8", "--seed", "3", "--engine", "xla")
    expected = run_here("sample.py", "--model_name", "small", "--models_dir", small_model, *writing)
    found = run_here("sample.py", "--model_name", "theirs", *writing)
    assert (found.returncode, found.stdout) == (0, expected.stdout)
    assert len([*cache.iterdir()]) == 1


@pytest.mark.slow
def test_verse_is_prepared_and_trained_on_from_a_hugging_face_folder(cache, convert, small_model, run_here, tmp_path):
    convert(small_model / "small", "theirs")
    (tmp_path / "poems.txt").write_text("Tell me not, in mournful numbers,\nLife is but an empty dream!\n" * 9)
    prepared = run_here("prepare_corpus.py", "poems.txt", "poems.npz", "--model_name", "theirs")
    assert "vocabulary of 300" in prepared.stdout
    training = ("--dataset", "poems.npz", "--model_name", "theirs", "--sample_every", "0")
    assert run_here("train.py", *training, "--steps", "1").returncode == 0
    again = run_here("train.py", *training, "--steps", "2")
    assert again.returncode == 0
    assert "saved checkpoint/run1 at step 2" in again.stderr
