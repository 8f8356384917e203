import gzip
import os
import pathlib

import pytest

from poems.long_texts import END_OF_TEXT, in_parts
from poems.poem import LONGEST, Dropped, Poem
from poems.sources import text_file
from poems.sources.account import Rows
from poems.sources.formats import read_poems
from poems.sources.other_formats import has_other_ending
from system.errors import UnreadableFile, UserError

DATA = pathlib.Path(__file__).parents[1] / "data"
ROW = b'{"s": "one", "gid": "1"}\n'
TABLE = b"Title,Poem,Poet,Tags\r\nOne,verse,A,\r\n"


def read(path, encoding="utf-8", rows=None):
    return list(read_poems(rows or Rows(str(path)), encoding))


def texts(path, encoding="utf-8"):
    return [poem.text for poem in read(path, encoding)]


@pytest.fixture
def file(tmp_path):
    def write(data, name="file"):
        path = tmp_path / name
        path.write_bytes(data)
        return path

    return write


@pytest.mark.parametrize("name", ["file", "file.txt", "file.jsonl", "file.ndjson.gz"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_what_a_file_holds_counts_for_more_than_its_name(file, name, pack):
    assert texts(file(pack(ROW * 2), name)) == ["one\none\n"]
    assert texts(file(pack(TABLE), name if "json" not in name else "file")) == ["verse\n"]


def test_a_file_that_begins_with_a_bad_row_is_read_by_its_name(file):
    assert texts(file(b"broken\n" + ROW, "file.jsonl")) == ["one\n"]


def test_the_samples_are_told_apart():
    kinds = {path.name: len(read(path)) for path in sorted(DATA.iterdir()) if path.suffix in (".txt", ".csv", ".gz")}
    assert kinds == {
        "1057-0.txt": 85,
        "353.txt": 30,
        "gutenberg-poetry-lines.ndjson.gz": 2,
        "gutenberg-poetry-sample.ndjson.gz": 2,
        "poems-foundation.csv": 21,
        "poems-tags.csv": 20,
    }


def test_what_a_book_holds_besides_poems_is_in_the_account():
    told: list[Dropped] = []
    path = DATA / "353.txt"
    rows = Rows(str(path), told.append)
    read(path, rows=rows)
    assert rows.dropped == {"licence": 2, "headings alone": 2, "prose": 15, "contents": 1}
    assert len(told) == 20


def test_plain_text_is_one_document_or_several_between_marks(file):
    assert texts(file(b"one\n\n  two\n")) == ["one\n\n  two\n"]
    assert texts(file(b"one\n<|endoftext|>\ntwo<|endoftext|>\n\n<|endoftext|>three")) == ["one\n", "two\n", "three\n"]


def test_text_that_begins_with_a_brace_or_has_commas_is_text(file):
    for text in ("{From a} Facsimile\nof verse\n", "Title, by Poet: a poem\nof verse\n"):
        assert texts(file(text.encode())) == [text]


def test_bytes_that_are_not_of_the_encoding_are_named_by_file_and_offset(file):
    path = file("où d'".encode() + b"\xe9t")
    with pytest.raises(UnreadableFile, match="byte 6 is not utf-8; give its encoding, such as --encoding cp1252"):
        read(path)


def test_a_table_of_another_encoding_is_read(file):
    data = "Title,Poem,Poet\nÉté,neiges,A\n"
    assert read(file(data.encode("latin-1")), "latin-1")[0].title == "Été"
    assert read(file(data.encode("utf-16")), "utf-16")[0].title == "Été"


def test_binary_files_are_refused(file):
    with pytest.raises(ValueError, match="not text, found a packed file"):
        read(file(b"PK\x03\x04\0\0"))


def test_a_pipe_can_be_read():
    reader, writer = os.pipe()
    os.write(writer, ROW)
    os.close(writer)
    assert texts(f"/dev/fd/{reader}") == ["one\n"]


def test_a_long_text_comes_in_parts(file):
    line = b"The sea is calm to-night.\n"
    poems = read(file(line * 100_000))
    assert [poem.more for poem in poems] == [True, True, False]
    assert "".join(poem.text for poem in poems).encode() == line * 100_000


@pytest.mark.parametrize("size", [1, 3, 7, 64])
def test_marks_and_letters_may_stand_across_the_blocks_of_a_file(file, monkeypatch, size):
    monkeypatch.setattr(text_file, "BLOCK", size)
    path = file(f"Ô\r\nœuvre 🌊{END_OF_TEXT}two\r\n".encode())
    assert texts(path) == ["Ô\nœuvre 🌊\n", "two\n"]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("ab\ncd\nef\n", ["ab\ncd\n", "ef\n"]),
        ("ab\ncd\n\nef\n", ["ab\n", "cd\n\nef\n"]),
        ("ab\n\n\n\n\n\ncd\n", ["ab\n\n\n\n\n\n", "cd\n"]),
        ("ab cd efgh\n", ["ab cd", " efgh\n"]),
        ("abcdefghij", ["abcdefgh", "ij\n"]),
    ],
)
def test_a_part_ends_with_a_line_if_it_can_and_best_between_two_letters(text, parts):
    assert [part.text for part in in_parts([text], Poem(""), longest=8)] == parts


def test_no_part_is_longer_than_the_longest():
    parts = list(in_parts(["x" * 1000 + "\n"] * 5000, Poem("", "Title")))
    assert max(len(part.text) for part in parts) <= LONGEST
    assert {part.title for part in parts} == {"Title"}


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "cp1250", "shift_jis", "koi8-r"])
@pytest.mark.parametrize("ascii_before", [0, 1 << 17, 1 << 20])
def test_a_file_in_utf8_is_read_as_utf8_whatever_the_encoding_of_others(file, encoding, ascii_before):
    text = "verse\n" * (ascii_before // 6) + "Über den Wolken, naïve ♥\n"
    assert "".join(texts(file(text.encode()), encoding)) == text


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1252", "für dich, “naïf”\n"),
        ("latin-1", "für dich, naïf\n"),
        ("cp1250", "vítr a déšť\n"),
        ("shift_jis", "古池や蛙飛びこむ\n"),
        ("koi8-r", "Я вас любил\n"),
        ("gb18030", "床前明月光\n"),
    ],
)
def test_a_file_that_is_not_utf8_is_read_in_the_encoding_given(file, encoding, text):
    assert texts(file(text.encode(encoding)), encoding) == [text]


OTHERS = {
    "RTF": "{\\rtf1\\ansi Soft on the slate\n",
    "RTF of TextEdit": "\ufeff\n{\\rtf1\\ansi\\ansicpg1252\\cocoartf2639\n",
    "TeX": "\n\\documentclass{article}\n\\begin{document}\nverse\n",
    "a part of TeX": "\\begin{verse}\nSoft on the slate \\\\\n\\end{verse}\n",
    "a page": "<!DOCTYPE html>\n<p>Soft on the slate</p>\n",
    "an old page": "<HTML><BODY>Soft on the slate<BR>\n",
    "XML": '<?xml version="1.0"?>\n<poem><l>Soft</l></poem>\n',
    "a printed page": "%PDF-1.4\n",
    "a notebook": '{\n "cells": [\n  {"cell_type": "code"}\n ]\n}\n',
    "JSON": '[\n  {"name": "Soft"},\n  {"name": "on"}\n]\n',
    "GeoJSON": '{"type":\n "Feature"}\n',
    "subtitles": "1\n00:00:01,000 --> 00:00:03,000\nSoft on the slate\n",
    "subtitles of the web": "WEBVTT\n\n00:01.000 --> 00:03.000\nSoft\n",
    "settings": "; made by a program\n[core]\nbare = true\n",
    "C": "#include <stdio.h>\nint main(void){return 0;}\n",
    "shell": "#!/bin/sh\necho verse\n",
    "Python": "from os import path\nprint(path)\n",
    "a log of a server": '10.0.0.1 - - [10/Oct/2000:13:55:36] "GET /a"\n10.0.0.1 - - [10/Oct/2000:13:55:37] "GET /b"\n',
    "a log of a system": "Nov 29 10:00:01 host sshd: in\nNov  9 10:00:02 host: out\nNov 29 10:00:03 host cron: run\n",
    "a log of levels": "INFO: start\nDEBUG: x=1\n[ERROR] no\nINFO: end\n",
    "YAML": "---\nname: x\nitems:\n  - a: 1\n  - b: 2\n---\n",
    "YAML without marks": "name: x\nversion: 1\nitems:\n  - a\n  - b\nother:\n  k: v\n",
    "properties": "# made by hand\nPATH=/usr/bin\nexport EDITOR=vi\nLANG=C\nHOME=/root\n",
    "Python without imports": "def main():\n    x = 1\n    return x\n\n\nclass A(B):\n    pass\n",
    "JavaScript": "function f() {\n  var x = 1;\n  return x;\n}\n",
    "SQL": "CREATE TABLE poems (id int);\nINSERT INTO poems VALUES (1);\n",
    "a patch": "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n",
    "translations": 'msgid ""\nmsgstr ""\n"Language: de"\n\nmsgid "rose"\nmsgstr "Rose"\n',
    "an error": 'Traceback (most recent call last):\n  File "x.py", line 1\nValueError: x\n',
    "lyrics with times": "[ti:Song]\n[00:12.00]Soft on the slate\n[00:15.30]the rain\n",
    "subtitles of a player": "[Script Info]\nTitle: x\nDialogue: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,Hi\n",
    "a part of a page": "<p>Soft on the slate</p>\n<br>\n<div>the rain</div>\n",
    "a poem in XML": '<poem xmlns="http://example.org/"><l>Soft</l></poem>\n',
    "TeX after a remark": "% a remark\n\\documentclass{article}\n\\begin{document}\nverse\n",
    "a section of TeX": "\\section{A}\nSoft on the slate \\\\\nthe rain\n",
    "a list of books": "@article{smith,\n  title = {On verse},\n  year = 1999,\n}\n",
    "an address": "BEGIN:VCARD\nVERSION:3.0\nFN:Ann\nEND:VCARD\n",
    "a mail": "From: a@b.c\nTo: d@e.f\nSubject: poems\n\nSoft on the slate\n",
    "a saved page": "MIME-Version: 1.0\nContent-Type: multipart/related\n\n--x\n",
    "a table": "name,age\nAnn,3\nBob,4\nCid,5\n",
    "a table of tabs": "a\tb\tc\n1\t2\t3\n4\t5\t6\n",
    "base64": f"{'UEsDBBQA' * 9}\n" * 3,
    "a log": "2024-01-01 12:00 INFO a\n2024-01-01 12:01 INFO b\n2024-01-01 12:02 INFO c\n",
}
VERSES = (
    "from dust\nto dust\n",
    "import no sorrow\nhere\n",
    "[The first of these was lost]\nThe second was a tree\n",
    "{to my mother}\nSoft on the slate\n",
    "1\nSoft on the slate\nthe rain\n",
    "#12\nSoft on the slate\n",
    "2024-01-01 12:00\nSoft on the slate\n",
    "<3\nSoft on the slate\n",
    "---\ntitle: Rain\n---\nSoft on the slate\n",
    "% of us\nremain\n",
    "- a rose\n- a thorn\n- the rain\n",
    "HAMLET: To be, or not to be:\nOPHELIA: Good my lord,\nHAMLET: I humbly thank you;\n",
    "I have lost,\nI have won,\nI have gone,\n",
    "let us go then;\nlet the rain come;\nreturn, my love;\n",
    '"Who is there?"\n"I."\n"Come in."\n',
    "Rain: a fall\nFall: a season\nSeason: salt\n",
    "If (as they say)\nthe sea (the sea)\nis deep (and blue)\n",
    "at 12:00\nat 12:30\nat 1:00\n",
    "(rain)\n(rain)\n(and the sea)\n",
    "*\nSoft on the slate\n*\nthe rain\n*\n",
    "O, O, O,\nO, O, O,\nO, O, O,\n",
    "From: the sea\nTo: the rain\nDear one,\nI am late.\n",
)


@pytest.mark.parametrize("kind", OTHERS)
def test_text_that_is_no_verse_is_refused_in_one_line_whatever_it_is_called(file, kind):
    with pytest.raises(UserError, match=r": (not text, )?found .*, expected plain text of verse; ") as error:
        texts(file(OTHERS[kind].encode()))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("verse", VERSES)
def test_verse_that_begins_oddly_is_read(file, verse):
    assert texts(file(verse.encode())) == [verse]


@pytest.mark.parametrize(
    "name",
    [
        "a.rs",
        "B.YML",
        "x/c.bib",
        "run.log",
        "d.ipynb",
        "r.report.json",
        "e.cue",
        "x/README.md",
        "LICENSE",
        "Makefile",
        "vocab.bpe",
    ],
)
def test_names_of_code_and_settings_are_known(name):
    assert has_other_ending(name)


@pytest.mark.parametrize(
    "name",
    ["a.txt", "rain", "sonnet.18", "x.c/rain", "poems.md", "poem.poem", "c", "yml", "authors.csv", "readme first"],
)
def test_other_names_may_be_of_poems(name):
    assert not has_other_ending(name)


@pytest.mark.parametrize("cell", [b"a,", b"a", b'"', b"\xe9,", b"a;"])
def test_a_table_without_line_ends_is_refused_before_it_is_in_memory(file, cell):
    path = file(TABLE + cell * (text_file.LONGEST_ROW + 9))
    with pytest.raises(UserError, match=r", line 3: over 4,194,304 characters, expected a row of a table"):
        texts(path, "latin-1")


@pytest.mark.parametrize("n", [1, 3])
def test_a_line_without_end_in_a_book_comes_in_parts(n):
    blocks = ["a " * LONGEST] * n
    assert "".join(text_file.lines_of(iter(blocks))) == "".join(blocks)
    assert max(map(len, text_file.lines_of(iter(["a" * 60_000] * 50)))) <= LONGEST + 60_000
