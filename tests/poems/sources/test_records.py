import json

import pytest

from poems.poem import Poem
from poems.sources import text_file
from poems.sources.account import Rows
from poems.sources.formats import read_poems
from system.errors import UserError

POEM = {
    "title": "The Rose",
    "author": "A. Poet",
    "lines": ["O rose,", "  thou art sick!", "", "The worm"],
    "linecount": "3",
}
LAID_OUT = Poem("O rose,\n  thou art sick!\n\nThe worm\n", "The Rose", "A. Poet", is_row=True)


def read(path, text, encoding="utf-8"):
    path.write_text(text, encoding=encoding)
    return list(read_poems(Rows(str(path))))


def plain(poems):
    return [(poem.title, poem.author, poem.text) for poem in poems]


WANTED = plain([LAID_OUT])


@pytest.mark.parametrize("name", ["file", "poems.json", "poems.jsonl", "poems.txt"])
@pytest.mark.parametrize("indent", [None, 2])
def test_poetrydbs_arrays_are_poems_with_titles_authors_and_stanzas(tmp_path, name, indent):
    assert plain(read(tmp_path / name, json.dumps([POEM, POEM], indent=indent))) == WANTED * 2


@pytest.mark.parametrize("name", ["file", "poems.json", "poems.jsonl", "poems.txt"])
def test_one_poem_a_line_is_read_by_the_names_of_its_parts(tmp_path, name):
    rows = [{"text": "O rose,\n  thou art sick!\n\nThe worm"}, {"Title": "Two", "Poet": "B.", "POEM": "b", "n": 1}]
    wanted = [("", "", LAID_OUT.text), ("Two", "B.", "b\n")]
    assert plain(read(tmp_path / name, "".join(json.dumps(row) + "\n" for row in rows), "utf-8-sig")) == wanted


def test_one_object_alone_is_one_poem(tmp_path):
    assert plain(read(tmp_path / "rose.json", json.dumps(POEM, indent=1))) == WANTED


@pytest.mark.parametrize("block", [1, 7, 1000])
def test_an_array_across_the_blocks_of_a_file_is_read_whole_and_placed_by_line(tmp_path, monkeypatch, block):
    monkeypatch.setattr(text_file, "BLOCK", block)
    text = json.dumps([{"text": f"rose {n}, ö\nthorn"} for n in range(9)], indent=2, ensure_ascii=False)
    poems = read(tmp_path / "poems.json", text)
    assert [poem.text for poem in poems] == [f"rose {n}, ö\nthorn\n" for n in range(9)]
    assert [poem.place for poem in poems] == [f"{tmp_path}/poems.json:{line}" for line in range(1, 28, 3)]


def test_bad_rows_are_left_out_and_counted(tmp_path):
    path = tmp_path / "poems.jsonl"
    good = '{"text": "a rose"}'
    path.write_text(
        "\n".join(["broken", good, '{"text": 7}', '{"text": " "}', "[" * 9999, '{"text": "\\ud800"}', good])
    )
    rows = Rows(str(path))
    assert len(list(read_poems(rows))) == 2
    assert rows.n == 7
    assert rows.bad == {
        "not JSON": 2,
        "not a JSON object": 1,
        "no poem": 1,
        "not of the encoding; give it, such as --encoding cp1252": 1,
    }


@pytest.mark.parametrize("text", ['[{"text": "a rose"}, {"text": "a th', '[{"text": "a rose"}, {"text": x}]'])
def test_an_array_that_is_cut_or_broken_is_one_line_that_names_the_object(tmp_path, text):
    with pytest.raises(UserError, match=r"object 2: not whole JSON; save the file again$"):
        read(tmp_path / "poems.json", text)


def test_an_object_that_never_ends_is_not_taken_into_memory(tmp_path, monkeypatch):
    monkeypatch.setattr("poems.sources.records.LONGEST_VALUE", 1 << 16)
    monkeypatch.setattr(text_file, "BLOCK", 1 << 12)
    with pytest.raises(UserError, match="object 1: not whole JSON"):
        read(tmp_path / "poems.json", '{"text": "' + "rose " * 100_000)


@pytest.mark.parametrize("text", ['{"name": "x", "version": 1}', '[{"id": 1}]', '[{"text": 1}]', "[1, 2]", "[]", "{}"])
def test_json_of_something_else_is_refused(tmp_path, text):
    with pytest.raises(UserError, match="JSON without verse"):
        read(tmp_path / "poems.json", text)
