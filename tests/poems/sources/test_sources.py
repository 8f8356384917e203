import codecs
import gzip
import json
import os

import numpy as np
import pytest

from poems.poem import LONGEST
from poems.sources import sources, text_file

POEM = "The sea is calm to-night.\nThe tide is full, the moon lies fair\n"


def read(*arguments, encoding="utf-8"):
    return [text for name in arguments for text in texts_of(sources.find_source(str(name), encoding))]


def texts_of(source):
    """The text of each document."""
    texts, held = [], ""
    for poem in source.poems():
        held += poem.text
        if not poem.more:
            texts.append(held)
            held = ""
    return texts


@pytest.fixture
def poem(tmp_path):
    path = tmp_path / "poem.txt"
    path.write_text(POEM)
    return path


def test_a_file_is_one_document(poem):
    assert read(poem) == [POEM]


def test_an_end_of_text_mark_in_a_file_begins_another_document(poem):
    poem.write_text("one\n<|endoftext|>\ntwo\n<|endoftext|>\n")
    assert read(poem) == ["one\n", "two\n"]


def test_a_source_can_be_read_twice(poem):
    source = sources.find_source(str(poem))
    assert texts_of(source) == texts_of(source) == [POEM]


def test_a_folder_gives_the_files_in_it_at_any_depth_in_the_order_of_their_names(tmp_path):
    for name in ("b/2.txt", "b/1.txt", "a.txt", "c.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    assert read(tmp_path) == ["a.txt\n", "b/1.txt\n", "b/2.txt\n", "c.txt\n"]


def test_hidden_files_and_folders_are_left_out(tmp_path, poem):
    (tmp_path / ".git").mkdir()
    for name in (".git/config", ".DS_Store", ".notes"):
        (tmp_path / name).write_text(name)
    assert read(tmp_path) == [POEM]


def test_files_that_are_not_text_are_skipped_and_named(tmp_path, poem):
    np.savez(tmp_path / "old.npz", np.arange(9))
    source = sources.find_source(str(tmp_path))
    assert source.files == (str(poem),)
    assert source.skipped == (str(tmp_path / "old.npz"),)


def test_what_a_dataset_says_of_itself_is_not_read_as_a_poem(tmp_path, poem):
    np.savez(tmp_path / "old.npz", np.arange(9))
    (tmp_path / "old.json").write_text("{}")
    (tmp_path / "poem.json").write_text('{"s": "one", "gid": "1"}\n')
    assert sources.find_source(str(tmp_path)).files == (str(tmp_path / "poem.json"), str(poem))


def test_a_glob_gives_its_files_in_the_order_of_their_names(tmp_path):
    for name in ("b.txt", "a.txt", "c.md"):
        (tmp_path / name).write_text(name)
    (tmp_path / "folder.txt").mkdir()
    assert read(tmp_path / "*.txt") == ["a.txt\n", "b.txt\n"]


def test_two_stars_are_folders_of_any_depth(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "deep.txt").write_text("deep")
    (tmp_path / "top.txt").write_text("top")
    assert read(tmp_path / "**" / "*.txt") == ["deep\n", "top\n"]


def test_a_file_whose_name_looks_like_a_glob_is_that_file(tmp_path):
    (tmp_path / "poem[1].txt").write_text("itself")
    (tmp_path / "poem1.txt").write_text("another")
    assert read(tmp_path / "poem[1].txt") == ["itself\n"]


@pytest.mark.parametrize("name", ["none.txt", "*.rtf", "[x"])
def test_what_matches_nothing_is_named(tmp_path, poem, name):
    with pytest.raises(FileNotFoundError) as error:
        sources.find_source(str(tmp_path / name))
    assert str(error.value).startswith(f"{tmp_path / name}: no ")


def test_a_pattern_that_matches_nothing_and_an_empty_folder_are_told_from_files_without_text(tmp_path):
    for name in (tmp_path, tmp_path / "x*.txt"):
        with pytest.raises(FileNotFoundError, match="no file there; name files, a folder of them, or another pattern"):
            sources.find_source(str(name))


def test_a_folder_without_text_is_an_error(tmp_path):
    np.savez(tmp_path / "old.npz", np.arange(9))
    with pytest.raises(FileNotFoundError, match="no text file there, found 1 other"):
        sources.find_source(str(tmp_path))


def test_a_file_named_outright_that_is_not_text_is_an_error(tmp_path):
    np.savez(tmp_path / "old.npz", np.arange(9))
    with pytest.raises(ValueError, match=r"old\.npz: not text"):
        read(tmp_path / "old.npz")


def test_a_byte_order_mark_is_dropped(poem):
    poem.write_bytes(codecs.BOM_UTF8 + POEM.encode())
    assert read(poem) == [POEM]


def test_windows_line_ends_become_plain_ones(poem):
    poem.write_bytes(b"one\r\ntwo\r\n\r\nthree\rfour")
    assert read(poem) == ["one\ntwo\n\nthree\nfour\n"]


def test_line_ends_and_letters_may_stand_across_the_blocks_of_a_file(poem, monkeypatch):
    text = "Ô\r\nthe “long”\r\n\r\nœuvre 🌊\r\n" * 20
    poem.write_bytes(text.encode())
    for size in (1, 2, 3, 5, 64):
        monkeypatch.setattr(text_file, "BLOCK", size)
        assert read(poem) == [text.replace("\r\n", "\n")]


def test_a_mark_may_stand_across_the_blocks_of_a_file(poem, monkeypatch):
    monkeypatch.setattr(text_file, "BLOCK", 4)
    poem.write_text("one\ntwo<|endoftext|>three\n")
    assert read(poem) == ["one\ntwo\n", "three\n"]


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16", "utf-16-le", "cp1252", "gb18030"])
def test_other_encodings_are_read(poem, encoding):
    poem.write_bytes("Où sont les neiges\r\n".encode(encoding))
    assert read(poem, encoding=encoding) == ["Où sont les neiges\n"]


@pytest.mark.parametrize("block", [1, 4, 1 << 20])
@pytest.mark.parametrize(
    ("encoding", "good", "bad"),
    [
        ("utf-8", "Où sont".encode(), b"\xe9t\xe9"),
        ("utf-8", codecs.BOM_UTF8 + b"neiges ", b"\xe2\x80"),
        ("ascii", b"neiges d'", b"\xe9"),
        ("gb18030", "雪".encode("gb18030"), b"\xff\xff"),
    ],
)
def test_bytes_that_are_not_of_the_encoding_are_named_by_file_and_offset(poem, monkeypatch, block, encoding, good, bad):
    monkeypatch.setattr(text_file, "BLOCK", block)
    poem.write_bytes(good + bad)
    with pytest.raises(ValueError, match="--encoding") as error:
        read(poem, encoding=encoding)
    assert f"{poem}: byte {len(good)} is not {encoding}" in str(error.value)


@pytest.mark.parametrize("encoding", ["klingon", "hex", "idna"])
def test_an_encoding_that_is_none_is_an_error_before_anything_is_read(poem, encoding):
    with pytest.raises(ValueError, match=f"--encoding {encoding}: no such encoding"):
        sources.find_source(str(poem), encoding)


def test_a_long_file_is_read_some_of_it_at_a_time(poem, monkeypatch):
    monkeypatch.setattr(text_file, "BLOCK", 1000)
    poem.write_text(POEM * 50_000)  # 3 MB
    pieces = [part.text for part in sources.find_source(str(poem)).poems()]
    assert "".join(pieces) == POEM * 50_000
    assert max(map(len, pieces)) <= LONGEST


def test_a_source_knows_its_size_for_the_progress_bar(poem):
    assert sources.find_source(str(poem)).n_bytes == len(POEM)


def test_a_pipe_can_be_read():
    reader, writer = os.pipe()
    os.write(writer, POEM.encode())
    os.close(writer)
    assert read(f"/dev/fd/{reader}") == [POEM]


@pytest.mark.slow  # It imports TensorFlow.
def test_files_far_away_are_read_as_those_here():
    tf = pytest.importorskip("tensorflow")
    for name in ("b/two.txt", "a/one.txt", "b/.hidden"):
        tf.io.gfile.makedirs(f"ram://verse/{name[0]}")
        with tf.io.gfile.GFile(f"ram://verse/{name}", "w") as file:
            file.write(name)
    assert read("ram://verse") == ["a/one.txt\n", "b/two.txt\n"]
    assert read("ram://verse/*/*.txt") == ["a/one.txt\n", "b/two.txt\n"]
    with pytest.raises(FileNotFoundError, match="ram://verse/none"):
        read("ram://verse/none")


def test_a_document_ends_in_a_line_end(poem):
    poem.write_text(POEM.rstrip())
    assert read(poem) == [POEM]


def test_a_folder_may_hold_every_kind_of_file_also_packed(tmp_path):
    rows = [{"s": "The sea is calm to-night.", "gid": "7"}, {"s": "The tide is full", "gid": "8"}]
    (tmp_path / "a.ndjson.gz").write_bytes(gzip.compress("".join(f"{json.dumps(row)}\n" for row in rows).encode()))
    (tmp_path / "b.csv").write_text("Title,Poem,Poet,Tags\nDover Beach,The sea,Arnold,\nNothing,,Nobody,\n")
    (tmp_path / "c.txt").write_text(POEM)
    source = sources.find_source(str(tmp_path))
    assert texts_of(source) == ["The sea is calm to-night.\n", "The tide is full\n", "The sea\n", POEM]
    assert source.accounts[str(tmp_path / "b.csv")].bad.total() == 1


@pytest.mark.parametrize("cut", [30, 60])
def test_a_packed_file_that_ends_too_early_is_an_error_that_names_it(tmp_path, cut):
    packed = gzip.compress("".join(f"line {number} of a poem\n" for number in range(9)).encode())
    (tmp_path / "poem.txt.gz").write_bytes(packed[:cut])
    with pytest.raises(ValueError, match=r"poem\.txt\.gz: not a whole \.gz file"):
        read(tmp_path / "poem.txt.gz")


def test_links_to_folders_are_followed_once_and_what_is_no_file_is_skipped(tmp_path):
    verse = tmp_path / "verse"
    (tmp_path / "other").mkdir()
    verse.mkdir()
    (tmp_path / "other" / "poem.txt").write_text(POEM)
    (verse / "link").symlink_to(tmp_path / "other")
    (verse / "loop").symlink_to(verse)
    (verse / "broken").symlink_to(tmp_path / "nowhere")
    os.mkfifo(verse / "pipe")
    source = sources.find_source(str(verse))
    assert source.files == (str(verse / "link" / "poem.txt"),)
    assert set(source.skipped) == {str(verse / "broken"), str(verse / "pipe")}


def test_code_and_pages_in_a_folder_are_not_verse(tmp_path, poem):
    for name in ("corpus.py", "report.html", "report.report.json"):
        (tmp_path / name).write_text("import poems\n")
    assert sources.find_source(str(tmp_path)).files == (str(poem),)


def test_a_file_may_declare_its_own_encoding(tmp_path):
    (tmp_path / "a.txt").write_bytes("Character set encoding: ISO-8859-1\nO été\n".encode("latin-1"))
    (tmp_path / "b.txt").write_text("O été\n", encoding="utf-8-sig")
    assert read(tmp_path) == ["Character set encoding: ISO-8859-1\nO été\n", "O été\n"]
    assert read(tmp_path / "b.txt", encoding="latin-1") == ["O été\n"]


def test_a_mark_in_a_field_of_a_table_ends_a_poem(tmp_path):
    (tmp_path / "a.csv").write_text("Title,Poem,Poet,Tags\nTwo,one<|endoftext|>two,Anna,\n")
    assert read(tmp_path / "a.csv") == ["one\n", "two\n"]


def test_a_table_with_the_line_ends_of_an_old_mac_is_read(tmp_path):
    for quoted in ("one\rtwo\r\rthree", "one\ntwo\n\nthree"):
        (tmp_path / "a.csv").write_bytes(f'Title,Poem,Poet,Tags\rA,"{quoted}",Anna,\rB,four,Anna,\r'.encode())
        assert read(tmp_path / "a.csv") == ["one\ntwo\n\nthree\n", "four\n"]


def test_a_poem_of_a_table_says_so_also_where_a_mark_cuts_it(tmp_path):
    (tmp_path / "a.csv").write_text("Title,Poem,Poet,Tags\nTwo,one<|endoftext|>two,Anna,\n")
    (tmp_path / "b.txt").write_text(POEM)
    poems = sources.find_source(str(tmp_path)).poems()
    assert [(poem.text, poem.is_row) for poem in poems] == [("one\n", True), ("two\n", True), (POEM, False)]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-8-sig"])
def test_text_with_a_byte_order_mark_is_read_in_a_folder_as_when_it_is_named(tmp_path, poem, encoding):
    poem.write_bytes(POEM.encode(encoding))
    assert read(tmp_path) == read(poem) == [POEM]


OTHER = {
    "books.csv": "gid,author,title\n1,Anna,Songs\n",
    "empty.csv": "",
    "info.json": '{"name": "verse"}\n',
    "pretty.json": '[\n {"title": "A", "number": "one"}\n]\n',
    "rows.json": '[{"s": "one", "gid": "1"}]',
    "tabs.tsv": "Title\tNumber\tPoet\tTags\nA\tone\tAnna\t\n",
}


def test_data_in_a_folder_that_is_no_verse_is_skipped_and_named(tmp_path, poem):
    for name, text in OTHER.items():
        (tmp_path / name).write_text(text)
    source = sources.find_source(str(tmp_path))
    assert texts_of(source) == [POEM]
    assert source.skipped == tuple(str(tmp_path / name) for name in sorted(OTHER))


@pytest.mark.parametrize("name", OTHER)
def test_data_named_outright_that_is_no_verse_is_refused_with_what_was_expected(tmp_path, name):
    (tmp_path / name).write_text(OTHER[name])
    with pytest.raises(ValueError, match=rf"{name}: .*expected (one called Poem|poems, with)"):
        read(tmp_path / name)
