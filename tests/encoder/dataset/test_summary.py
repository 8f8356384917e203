"""What is left out of many files is said by kind, of a few by name."""

import pytest

from encoder.dataset.summary import all_files, by_kind, left_out, skipped
from poems.poem import Dropped
from poems.sources.account import Rows
from poems.sources.sources import Source, find_source


def test_few_names_are_all_said():
    assert by_kind(["a.jpg", "b.c"]) == "a.jpg, b.c"


@pytest.mark.parametrize("n", [6, 3000])
def test_many_names_are_said_by_kind_with_the_first_three(n):
    names = [f"{i}.JPG" for i in range(n - 1)] + ["README"]
    assert by_kind(names) == f"{n - 1:,} .jpg, 1 without an ending, such as 0.JPG, 1.JPG, 2.JPG"


def test_many_kinds_are_one_short_line():
    said = by_kind([f"file.{i}" for i in range(5000)])
    assert "4,995 others" in said
    assert len(said) < 200


@pytest.mark.parametrize(("n", "lines"), [(2, 2), (300, 1)])
def test_what_is_left_out_of_many_files_is_one_line_a_reason(n, lines):
    accounts = {f"{i}.txt": Rows(f"{i}.txt") for i in range(n)}
    for path, rows in accounts.items():
        rows.drop(Dropped(path, "contents", "text"))
    said = list(left_out(Source("folder", lambda *_: iter(()), (), accounts=accounts)))
    assert len(said) == lines
    assert n == 2 or said == ["folder: left out 300 times of 300 .txt, such as 0.txt, 1.txt, 2.txt: contents"]


def test_documents_that_are_skipped_are_told_with_what_to_do_about_them(tmp_path):
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text("a rose")
    assert skipped(find_source(str(tmp_path))) is None
    (tmp_path / "code.py").write_text("import os")
    told = f"{tmp_path}: skipped 1 that hold no verse: {tmp_path / 'code.py'}"
    assert skipped(find_source(str(tmp_path))) == told
    for name in ("old.DOC", "a.pdf", "b.pdf"):
        (tmp_path / name).write_bytes(bytes(99))
    told = str(skipped(find_source(str(tmp_path))))
    assert told.endswith("; to have verse in .doc and .pdf read, save it as .docx, .epub or plain text")


def test_the_page_of_a_report_names_all_files_to_look_at():
    accounts = {f"{i}.txt": Rows(f"{i}.txt") for i in range(9)}
    for path, rows in accounts.items():
        rows.guessed, rows.unread = ("cp1252", "") if path < "5" else ("", f"{path}: damaged")
    files = all_files([Source("folder", lambda *_: iter(()), (), skipped=("a.pdf",), accounts=accounts)])
    assert files == {
        "files skipped, since they hold no verse": ["a.pdf"],
        "files that could not be read, or not to the end": [f"{i}.txt: damaged" for i in range(5, 9)],
        "files read in an encoding that was guessed": [f"{i}.txt: cp1252" for i in range(5)],
    }
    assert all_files([Source("folder", lambda *_: iter(()), ())]) == {}


def test_of_a_few_files_each_has_one_line():
    rows = Rows("a.txt")
    for reason in ("notes", "contents", "notes"):
        rows.drop(Dropped("a.txt:1", reason, "x"))
    rows.skip(7, "no poem")
    source = Source("folder", lambda progress, tell: iter(()), ("a.txt",), accounts={"a.txt": rows})
    expected = "a.txt: left out 2 times: notes; 1 time: no poem, first in line 7; 1 time: contents"
    assert list(left_out(source)) == [expected]
