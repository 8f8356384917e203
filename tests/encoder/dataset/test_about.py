"""OUT.json beside a dataset: of this .npz, whole, unchanged, in its form."""

import json
import os
import pathlib
import re

import numpy as np
import pytest
from conftest import poem

import encoder
from encoder.dataset import about, reader
from encoder.dataset.writer import write_dataset
from poems.corpus import Corpus
from poems.sources.sources import find_source
from system.errors import UserError


@pytest.fixture
def enc(small_model):
    return encoder.get_encoder("small", str(small_model))


@pytest.fixture
def path(tmp_path, enc, monkeypatch):
    """A dataset of two files; the cache is beside it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    documents = [poem(number) for number in range(40)]
    (tmp_path / "a.txt").write_text("<|endoftext|>".join(documents[:30]))
    (tmp_path / "b.txt").write_text("<|endoftext|>".join(documents[30:]))
    out = str(tmp_path / "poems.npz")
    write_dataset(out, Corpus([find_source(str(tmp_path / name)) for name in ("a.txt", "b.txt")]), enc, held_out=0.2)
    return out


def beside(path):
    return pathlib.Path(path).with_suffix(".json")


def changed(path, **values):
    """Changes some values, and writes the hash that belongs to them."""
    found = json.loads(beside(path).read_text()) | values
    beside(path).write_bytes(about.to_bytes({key: value for key, value in found.items() if key != "sha256"}))


def test_a_json_of_another_npz_is_noticed(path, enc):
    changed(path, npz_sha256="0" * 64)
    with pytest.raises(ValueError, match=r"poems\.npz: not the file that .*poems\.json describes"):
        reader.open_dataset(path, enc.n_vocab)


def test_another_json_of_that_name_is_no_matter(tmp_path):
    np.savez(tmp_path / "old.npz", np.arange(9))
    for text in ("[1]", '{"a": 1}', "{}"):
        (tmp_path / "old.json").write_text(text)
        assert reader.open_dataset(str(tmp_path / "old.npz"), 300).about == {}


@pytest.mark.parametrize("keep", [0, 10, 300])
def test_a_json_that_is_cut_short_is_an_error(path, enc, keep):
    os.truncate(beside(path), keep)
    with pytest.raises(
        ValueError,
        match=r"poems\.json: found no JSON at line 1.*expected what is held out of .*; make it again",
    ):
        reader.open_dataset(path, enc.n_vocab)


CHANGES = {
    "vocabulary": ([], "vocabulary is a list, expected an object"),
    "documents": ({}, "the documents of arr_0: found something else than whole numbers that grow, from 0 on and below"),
    "held_out": ({"arr_0": [0, 99]}, "the documents of arr_0: found something else than whole numbers that grow"),
    "held_out_tokens": ("9", "held_out_tokens is text, expected a whole number"),
    "sources": ([{"array": "arr_0"}], "found no name, expected what prepare_corpus.py writes"),
    "layout": ({"name": "sonnet"}, "--layout is sonnet, expected one of plain, prefix, poem"),
    "made_with": (None, "made_with is null, expected an object"),
    "prefix_marks": ({"arr_0": 7}, "the prefix_marks in its .json are damaged"),
}
STARTS = [[0, 0], [-1], [1, 0], [0, 0.5], [True], ["0"], [[0]], [[0], [0, 1]], [10**30], [10**6], None, 7, {"0": 1}]


@pytest.mark.parametrize("key", CHANGES)
def test_a_json_in_which_something_has_another_form_is_an_error(path, enc, key):
    value, message = CHANGES[key]
    changed(path, **{key: value})
    with pytest.raises(UserError, match=rf"poems\.(json|npz): {message}.*; make it again"):
        reader.open_dataset(path, enc.n_vocab, enc.fingerprint)


@pytest.mark.parametrize("key", ["npz_sha256", "held_out", "made_with", "rules", "format"])
def test_a_misspelt_key_is_named(path, enc, key):
    beside(path).write_text(beside(path).read_text().replace(f'"{key}"', '"spelt"', 1))
    with pytest.raises(UserError, match=r"poems\.json: found the unknown key 'spelt', expected what prepare_corpus"):
        reader.open_dataset(path, enc.n_vocab)


OTHERS = {
    "a number": lambda text: text.replace('"weight": 1.0', '"weight": 3.0', 1),
    "a name": lambda text: text.replace("a.txt", "c.txt", 1),
    "its format": lambda text: text.replace('"format": 3', '"format": 2'),
    "its hash": lambda text: re.sub('"sha256": ".', '"sha256": "x', text),
    "a lost hash": lambda text: re.sub(', "sha256".*"', "", text),
    "a space": lambda text: text.replace(", ", ",  ", 1),
    "saved by another program": lambda text: json.dumps(json.loads(text), indent=1),
}


@pytest.mark.parametrize("change", OTHERS.values(), ids=OTHERS)
def test_a_json_that_was_changed_is_an_error(path, enc, change):
    text = beside(path).read_text()
    beside(path).write_text(change(text))
    assert beside(path).read_text() != text
    with pytest.raises(UserError, match=r"poems\.json: changed since it was written, found another SHA-256"):
        reader.open_dataset(path, enc.n_vocab)


def test_a_json_of_an_earlier_version_needs_no_hash(path, enc):
    found = json.loads(beside(path).read_text())
    del found["sha256"]
    beside(path).write_text(json.dumps(found | {"format": 2}))
    assert reader.open_dataset(path, enc.n_vocab).about["sources"] == found["sources"]


@pytest.mark.parametrize("starts", STARTS)
def test_documents_begin_where_they_can(path, enc, starts):
    changed(path, documents={"arr_0": starts, "arr_1": [0]})
    with pytest.raises(UserError, match=r"poems\.json: the documents of arr_0: found something else"):
        reader.open_dataset(path, enc.n_vocab)


@pytest.mark.parametrize("change", [{"n_tokens": 7}, {"array": "arr_9"}])
def test_the_lengths_in_a_json_are_those_of_the_arrays(path, enc, change):
    first, *others = json.loads(beside(path).read_text())["sources"]
    changed(path, sources=[first | change, *others])
    with pytest.raises(UserError, match=r"poems\.json: \d+ tokens of '.*a\.txt', expected \d+, the length of arr_"):
        reader.open_dataset(path, enc.n_vocab)
