"""Datasets open without being read into memory, and windows are functions of seed and step."""

import types

import numpy as np
import pytest
import tensorflow as tf
from conftest import poem

from encoder.dataset import npz, reader
from encoder.dataset.writer import write_dataset
from poems.corpus import Corpus
from poems.sources.sources import find_source

DOCUMENTS = [poem(number) for number in range(40)]


@pytest.fixture
def enc(small_model):
    import encoder

    return encoder.get_encoder("small", str(small_model))


@pytest.fixture
def path(tmp_path, enc):
    (tmp_path / "a.txt").write_text("<|endoftext|>".join(DOCUMENTS[:30]))
    (tmp_path / "b.txt").write_text("<|endoftext|>".join(DOCUMENTS[30:]))
    out = str(tmp_path / "poems.npz")
    write_dataset(out, Corpus([find_source(str(tmp_path / name)) for name in ("a.txt", "b.txt")]), enc, held_out=0.2)
    return out


def documents_of(tokens, enc):
    return enc.decode(tokens.read(0, len(tokens)).tolist()).split("<|endoftext|>")[:-1]


def test_training_and_held_out_tokens_are_the_documents_each_once(path, enc):
    dataset = reader.open_dataset(path, enc.n_vocab)
    training, held_out = documents_of(dataset.training, enc), documents_of(dataset.held_out, enc)
    assert sorted(training + held_out) == sorted(DOCUMENTS)
    assert len(held_out) == sum(map(len, dataset.about["held_out"].values()))
    assert 0 < len(held_out) < 20


def test_any_stretch_of_tokens_reads_as_of_one_array(path, enc):
    tokens = reader.open_dataset(path, enc.n_vocab).training
    whole = tokens.read(0, len(tokens))
    assert whole.dtype == np.int32
    for start in range(0, len(tokens), 7):
        for length in (1, 10, 100):
            if start + length <= len(tokens):
                np.testing.assert_array_equal(tokens.read(start, length), whole[start : start + length])


def test_ids_are_memory_mapped(path, enc):
    array = npz.read_arrays(path)["arr_0"]
    assert array.dtype == np.uint16
    assert isinstance(array.base, np.memmap)


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_a_file_of_the_original_encode_py_opens_whole(tmp_path, dtype):
    arrays = [np.arange(50, dtype=dtype), np.arange(7, dtype=dtype)]
    np.savez_compressed(tmp_path / "old.npz", *arrays)
    dataset = reader.open_dataset(str(tmp_path / "old.npz"), 300)
    assert dataset.about == {}
    assert len(dataset.held_out) == 0
    np.testing.assert_array_equal(dataset.training.read(0, 57), np.concatenate(arrays))


def test_a_remote_dataset_is_copied_once(path, enc, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in (path, path.replace(".npz", ".json")):
        tf.io.gfile.makedirs("ram://data")
        tf.io.gfile.copy(name, f"ram://data/{name.rpartition('/')[2]}", overwrite=True)
    first = reader.local_copy("ram://data/poems.npz")
    assert len(reader.open_dataset("ram://data/poems.npz", enc.n_vocab).held_out) > 0
    monkeypatch.setattr(tf.io.gfile, "copy", types.SimpleNamespace)  # not to be called again
    assert reader.local_copy("ram://data/poems.npz") == first


def test_python_objects_are_never_unpickled(tmp_path):
    np.savez(tmp_path / "bad.npz", np.array([{"a": 1}], dtype=object))
    with pytest.raises(ValueError, match=r"bad\.npz: arr_0: holds Python objects, which are never unpickled"):
        reader.open_dataset(str(tmp_path / "bad.npz"), 300)


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        (np.array([1, 300]), "token id 300, expected ids below 300"),
        (np.array([1, -1]), "token id -1, expected"),
        (np.array([[1, 2]]), r"is int64 \[1, 2\], expected integers in one dimension"),
        (np.array([1.0, 2.0]), r"is float64 \[2\], expected integers"),
        (np.array([], np.uint16), "no tokens in it"),
    ],
)
def test_what_is_no_dataset_is_an_error(tmp_path, ids, message):
    np.savez(tmp_path / "bad.npz", ids)
    with pytest.raises(ValueError, match=message):
        reader.open_dataset(str(tmp_path / "bad.npz"), 300)


def test_a_damaged_packed_file_is_an_error(tmp_path):
    path = tmp_path / "old.npz"
    np.savez_compressed(path, np.arange(5000))
    raw = bytearray(path.read_bytes())
    for at in range(200, 1000, 50):
        raw[at] ^= 0xFF
    path.write_bytes(raw)
    with pytest.raises(ValueError, match=r"old\.npz: arr_0: "):
        reader.open_dataset(str(path), 50257)


def test_a_text_file_called_npz_is_an_error(tmp_path):
    (tmp_path / "bad.npz").write_text("verse")
    with pytest.raises(ValueError, match=r"not an \.npz file"):
        reader.open_dataset(str(tmp_path / "bad.npz"), 300)


def test_a_missing_dataset_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.npz: no such dataset"):
        reader.open_dataset(str(tmp_path / "none.npz"), 300)


def test_a_dataset_of_another_vocabulary_is_refused(path, enc):
    assert reader.open_dataset(path, enc.n_vocab, enc.fingerprint, "models/small").about
    with pytest.raises(ValueError, match=r"made with another vocabulary \(300 tokens\) than that of models/other"):
        reader.open_dataset(path, 10, "0" * 64, "models/other")
