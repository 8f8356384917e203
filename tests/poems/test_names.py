"""What a run knows of its poems: the authors, subjects and books, and which of them a prompt names."""

import json

import pytest

from poems import layout
from poems.layout import Layout
from poems.names import Census, lines_about, nearest, read_described, strangers
from poems.poem import Poem

POEMS = [
    Poem("a\n", author="Emily Dickinson", tags=("Death", "Nature")),
    Poem("b\n", author="Emily  Dickinson", title="B", book="2"),
    Poem("c\n", author="Walt Whitman", tags=("Nature",), book="1322"),
    Poem("d\n"),
]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("plain", {}),
        ("prefix", {"author": {"Emily Dickinson": 2, "Walt Whitman": 1}, "book": {"2": 1, "1322": 1}}),
        ("poem", {"author": {"Emily Dickinson": 2, "Walt Whitman": 1}, "tags": {"Nature": 2, "Death": 1}}),
    ],
)
def test_the_names_that_a_layout_shows_are_counted(name, expected):
    census = Census(Layout(name))
    for poem in POEMS:
        census.add(poem)
    assert census.names(range(4)) == expected
    assert census.names([3]) == {}


@pytest.mark.parametrize(
    ("typed", "near"),
    [
        ("Dickinson", "Emily Dickinson"),
        ("emily dickinson", "Emily Dickinson"),
        ("Dickinson Emily", "Emily Dickinson"),
        ("Emely Dickenson", "Emily Dickinson"),
        ("Whitmann", "Walt Whitman"),
    ],
)
def test_the_nearest_name_comes_first(typed, near):
    assert nearest(typed, ["Anna Bell", "Walt Whitman", "Emily Dickinson", "Emily Bronte"])[0] == near


def test_a_name_that_no_poem_has_is_told_with_the_nearest():
    names = {"author": {"Walt Whitman": 3}, "tags": {"Love": 1, "Death": 2}}
    assert list(strangers({"author": "Walt Whitman", "tags": "Love, Death", "title": "X"}, names)) == []
    [line] = strangers({"author": "Whitman"}, names)
    assert line.startswith("--author Whitman: ")
    assert "nearest: Walt Whitman;" in line
    assert [line.split(":")[0] for line in strangers({"tags": "Love,Moon"}, names)] == ["--tags Moon"]
    assert "none is like it" in next(strangers({"author": "Qqqq"}, names))


def test_a_run_that_notes_no_names_has_no_strangers():
    assert list(strangers({"author": "Walt Whitman"}, {})) == []


def test_what_a_run_knows_is_listed():
    names = {"author": {"Walt Whitman": 1234}}
    lines = list(lines_about("checkpoint/run1/model-5", Layout("poem"), names))
    assert lines[0] == "checkpoint/run1/model-5: layout poem; ask with --author --title --tags"
    assert "   1,234  Walt Whitman" in lines
    [line] = lines_about("m", Layout(), {})
    assert "neither titles nor authors" in line
    assert "no list of names" in list(lines_about("run/model-5", Layout("poem"), {}))[-1]


def test_the_layout_of_a_run(tmp_path):
    path = tmp_path / "layout.json"
    assert read_described(str(path)) == (Layout(), {})
    for known in (Layout("prefix", "author"), Layout("poem", rules=("quotes",))):
        path.write_text(json.dumps(layout.describe(known) | {"names": {"author": {"Keats": 2}}}))
        assert read_described(str(path)) == (known, {"author": {"Keats": 2}})


@pytest.mark.parametrize(
    "content",
    [
        "[]",
        '{"name": "sonnet"}',
        '{"name": []}',
        '{"name": "poem", "rules": "quotes"}',
        '{"name": "poem", "rules": [3]}',
        '{"name": "poem", "names": []}',
        '{"name": "poem", "names": {"author": ["Keats"]}}',
        '{"name": "poem", "names": {"author": {"Keats": "two"}}}',
        '{"name": "prefix", "field": {}}',
    ],
)
def test_a_damaged_layout_is_one_line(tmp_path, content):
    path = tmp_path / "layout.json"
    path.write_text(content)
    with pytest.raises(ValueError, match=r"layout\.json: .*expected the layout of the run's dataset; copy"):
        read_described(str(path))
