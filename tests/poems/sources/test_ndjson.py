import gzip
import io
import json
import pathlib

import pytest

from poems.poem import LONGEST, Book, Dropped
from poems.sources import ndjson
from poems.sources.account import Rows
from poems.sources.book_table import read_books
from poems.sources.ndjson import is_ndjson, read_ndjson

DATA = pathlib.Path(__file__).parents[1] / "data"


def rows_of(*rows):
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def read(data, books=None, rows=None):
    return list(read_ndjson(io.BytesIO(data), books or {}, rows or Rows("verse.ndjson")))


def texts(data, rows=None):
    return [poem.text for poem in read(data, rows=rows)]


def good(n, gid="1"):
    return [{"s": f"line {i}", "gid": gid} for i in range(n)]


def test_a_new_book_is_a_new_document():
    poems = read(rows_of({"s": "one", "gid": "1"}, {"s": "two", "gid": "1"}, {"s": "three", "gid": "2"}))
    assert [(poem.text, poem.book, poem.place) for poem in poems] == [
        ("one\ntwo\n", "1", "verse.ndjson:1"),
        ("three\n", "2", "verse.ndjson:3"),
    ]


def test_a_gap_in_the_numbers_is_a_stanza_break_and_counted_by_its_length():
    numbers = [7, 8, 10, 11, 15, 17]
    rows = Rows("verse.ndjson")
    found = texts(rows_of(*({"line": n, "s": f"line {n}", "gid": "1"} for n in numbers)), rows)
    assert found == ["line 7\nline 8\n\nline 10\nline 11\n\nline 15\n\nline 17\n"]
    assert rows.gaps == {1: 2, 3: 1}


def test_numbers_that_do_not_rise_are_a_gap_of_no_length():
    rows = Rows("verse.ndjson")
    assert texts(rows_of(*({"line": n, "s": "x", "gid": "1"} for n in (5, 6, 6, 2))), rows) == ["x\nx\n\nx\n\nx\n"]
    assert rows.gaps == {0: 2}


def test_without_numbers_there_are_no_stanzas_and_a_note_says_so():
    rows = Rows("verse.ndjson")
    texts(rows_of(*good(3)), rows)
    assert list(rows.notes) == ["no line numbers: books can be told apart, but neither their poems nor their stanzas"]


def test_the_copy_whose_line_is_the_text_is_told_by_what_its_rows_hold():
    rows = [{"line": "one", "gutenberg_id": 19}, {"line": "12", "gutenberg_id": 19}, {"line": "x", "gutenberg_id": 20}]
    assert [(poem.text, poem.book) for poem in read(rows_of(*rows))] == [("one\n12\n", "19"), ("x\n", "20")]


def test_numbers_may_be_written_as_text():
    assert texts(rows_of(*({"line": str(n), "s": "x", "gid": 1} for n in (1, 2, 4)))) == ["x\nx\n\nx\n"]


def test_a_table_of_books_gives_author_and_title(tmp_path):
    path = tmp_path / "books.csv"
    path.write_text('gid,author,title\n1,A. Poet,"Verse, and Other Poems"\n')
    books = read_books(str(path))
    assert books == {"1": Book("A. Poet", "Verse, and Other Poems")}
    poems = read(rows_of(*good(1), *good(1, "2")), books)
    assert [(poem.author, poem.title) for poem in poems] == [("A. Poet", "Verse, and Other Poems"), ("", "")]


@pytest.mark.parametrize("above", ["", "sep=,\n", "\n,,\n", "Books of my grandmother\n"])
def test_the_first_row_below_the_heading_of_a_table_of_books_is_a_book(tmp_path, above):
    path = tmp_path / "books.csv"
    path.write_text(f"{above}gid,author,title\n1,Anna,Songs\n2,Bess,Odes\n")
    assert read_books(str(path)) == {"1": Book("Anna", "Songs"), "2": Book("Bess", "Odes")}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("author,title\n", "the columns are author, title, expected gid, author and title"),
        ("gid,author,title\n", "no row below its heading"),
        ("gid,author,title\n1,A,B\n1,A,C\n", "line 3: book 1 for the second time"),
        ('gid,author,title\n1,A,B\n2,"A,C\n', "line 3: a quote is opened and never closed"),
    ],
)
def test_a_table_of_books_that_is_none_is_refused(tmp_path, text, message):
    path = tmp_path / "books.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        read_books(str(path))


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (b'{"s": "cut', "not JSON"),
        (b'{"s": "one", "gid": "1"}, {"s": "two", "gid": "1"}', "not JSON"),
        (b"[1]", "not a JSON object"),
        (b'{"s": "no book"}', 'not the columns "s" and "gid", or "line" and "gutenberg_id"'),
        (b'{"s": "  ", "gid": "1"}', "no text"),
        (b'{"s": null, "gid": "1"}', "no text"),
        (b'{"s": "x", "gid": null}', "no book number"),
        (b'{"s": "x", "gid": "1", "line": "a"}', "the line number is not an integer"),
        (b'{"s": "a\\u0000b", "gid": "1"}', "a zero byte"),
        (b'{"s": "a\\ud800", "gid": "1"}', "half a character"),
        (b'{"s": "\xe9t\xe9", "gid": "1"}', "not UTF-8"),
        (b'{"s": "' + b"x" * 5_000_000 + b'", "gid": "1"}', f"longer than {LONGEST:,} bytes"),
        (b'{"s": "x", "gid": "1", "line": "' + b"9" * 5000 + b'"}', "the line number is not an integer"),
        (b"[" * 100_000, "not JSON"),
    ],
)
def test_a_bad_row_is_skipped_and_named_by_its_line(row, reason):
    told: list[Dropped] = []
    rows = Rows("verse.ndjson", told.append)
    data = rows_of(*good(2)) + row + b"\n" + rows_of(*good(2))
    assert texts(data, rows) == ["line 0\nline 1\nline 0\nline 1\n"]
    assert rows.bad == {reason: 1}
    assert rows.n == 5
    assert [(one.place, one.reason) for one in told] == [("verse.ndjson:3", reason)]
    assert row.decode(errors="replace").startswith(told[0].text)


def test_two_broken_rows_that_make_one_good_row_together_are_bad():
    rows = Rows("verse.ndjson")
    data = b'{"s": "one"\n"gid": "1"}\n' + rows_of(*good(1))
    assert texts(data, rows) == ["line 0\n"]
    assert rows.bad.total() == 2


def test_a_hundred_bad_rows_are_put_up_with_and_no_more():
    bad = b"broken\n"
    assert texts(bad * 100 + rows_of(*good(1))) == ["line 0\n"]
    with pytest.raises(
        ValueError, match=r"verse\.ndjson: 101 bad rows up to line 101 \(101 not JSON\), expected at most"
    ):
        texts(rows_of(*good(0)) + bad * 101 + rows_of(*good(1)))


def test_one_row_in_a_hundred_may_be_bad():
    data = (rows_of(*good(150)) + b"broken\n") * 150
    rows = Rows("verse.ndjson")
    assert texts(data, rows)[0].count("\n") == 150 * 150
    assert rows.bad == {"not JSON": 150}


def test_a_file_without_one_good_row_is_an_error():
    with pytest.raises(ValueError, match=r"not one good row among 2 \(not the columns"):
        texts(rows_of({"text": "one"}, {"text": "two"}))


def test_empty_lines_and_a_byte_order_mark_are_no_rows():
    rows = Rows("verse.ndjson")
    assert texts(b"\xef\xbb\xbf" + rows_of(*good(1)) + b"\n\r\n" + rows_of(*good(1)).strip(), rows) == [
        "line 0\nline 0\n"
    ]
    assert (rows.n, rows.bad.total()) == (2, 0)


def test_rows_stand_across_the_blocks_of_a_file(monkeypatch):
    data = rows_of(*({"line": n, "s": f"ligne é{n}", "gid": str(n // 20)} for n in range(99) if n % 7))
    whole = texts(data)
    for size in (1, 10, 77, 1000):
        monkeypatch.setattr(ndjson, "BLOCK", size)
        assert texts(data) == whole


def test_the_fast_way_and_the_row_by_row_way_agree(monkeypatch):
    data = gzip.decompress((DATA / "gutenberg-poetry-lines.ndjson.gz").read_bytes())
    fast = read(data)
    monkeypatch.setattr(ndjson, "_fast", lambda lines, first: None)
    assert read(data) == fast


def test_a_long_book_comes_in_parts_that_end_with_lines():
    poems = read(rows_of(*({"s": "x" * 1000, "gid": "1"} for _ in range(3000))))
    assert [poem.more for poem in poems] == [True, True, False]
    assert "".join(poem.text for poem in poems) == ("x" * 1000 + "\n") * 3000
    assert all(len(poem.text) <= LONGEST and poem.text.endswith("\n") for poem in poems)


@pytest.mark.parametrize("name", ["gutenberg-poetry-lines.ndjson.gz", "gutenberg-poetry-sample.ndjson.gz"])
def test_every_line_of_the_corpus_is_read(name):
    data = gzip.decompress((DATA / name).read_bytes())
    lines = [json.loads(row)["s"] for row in data.splitlines()]
    assert [line for text in texts(data) for line in text.split("\n") if line] == lines


@pytest.mark.parametrize("text", ['{"a":' * 100_000, '{"a":' * 5_000 + "\n"], ids=["without an end", "with one"])
def test_rows_nested_too_deep_are_told_by_the_name_of_the_file_alone(text):
    assert not is_ndjson(text, of_verse=True)
