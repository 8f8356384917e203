"""What is read of LiteRT's file before it is used."""

import os
import pathlib
import shutil

import pytest

from gpt2.checkpoint_paths import find_prefix
from gpt2.hparams import read_hparams
from gpt2.lite import tflite_file
from gpt2.lite.products import ProductsGraph
from system import files


@pytest.fixture
def made(tmp_path, small_model, monkeypatch):
    """The prefix of a model, its sizes, and its file, which was found whole."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(files, "SETTLED", -1)
    monkeypatch.setattr(tflite_file, "BLOCK", 256)
    folder = shutil.copytree(small_model / "small", tmp_path / "model")
    prefix, hparams = find_prefix(str(folder)), read_hparams(str(folder))
    path = tflite_file.make_file(prefix, hparams, "float32")
    assert tflite_file.find_file(prefix, hparams, "float32") == path
    return prefix, hparams, pathlib.Path(path)


def damage(path, hparams):
    """Flips a bit of the third block, which is not among those that are read each time."""
    raw = bytearray(path.read_bytes())
    raw[ProductsGraph(hparams, "float32").slots[0].offset + 2 * 256 + 7] ^= 1
    path.write_bytes(raw)


def test_damage_anywhere_is_found_when_the_file_has_changed(made, messages):
    prefix, hparams, path = made
    damage(path, hparams)
    assert tflite_file.find_file(prefix, hparams, "float32") is None
    assert f"{path}: damaged, so it is made again" in messages()


def test_damage_that_leaves_the_times_is_found_with_verify(made, monkeypatch):
    prefix, hparams, path = made
    monkeypatch.setattr(files, "_state_of", lambda path: "the same")
    assert tflite_file.find_file(prefix, hparams, "float32") == str(path)
    damage(path, hparams)
    assert tflite_file.find_file(prefix, hparams, "float32") == str(path)
    assert tflite_file.find_file(prefix, hparams, "float32", verify=True) is None


def test_the_whole_file_is_read_once(made, monkeypatch):
    prefix, hparams, path = made
    read = []

    def note(file, starts, graph, crcs=tflite_file._crcs):
        read.append(len(starts))
        return crcs(file, starts, graph)

    monkeypatch.setattr(tflite_file, "_crcs", note)
    for _ in range(2):
        assert tflite_file.find_file(prefix, hparams, "float32") == str(path)
    assert read == [tflite_file.SAMPLED] * 2
    os.utime(path)
    assert tflite_file.find_file(prefix, hparams, "float32") == str(path)
    assert len(read) == 4
