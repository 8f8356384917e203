"""A prompt is laid out as the poems were that a model learnt from, and prompts are read letter for letter."""

import json

import pytest

from poems import layout
from poems.layout import Layout
from poems.poem import Poem
from poems.prompts import lay_out, read_many, read_texts

ABOUT = {"author": "Walt Whitman", "title": "Song of Myself", "tags": "Nature, Life", "book": "1322"}


def only(*names):
    return {name: value if name in names else "" for name, value in ABOUT.items()}


def test_a_heading_is_the_one_of_training():
    poem = Poem("I celebrate myself,\nAnd sing", ABOUT["title"], ABOUT["author"], ("Nature", "Life"))
    trained = layout.lay_out(poem, Layout("poem"))
    prompt = lay_out(poem.text, only("author", "title", "tags"), Layout("poem"), 1)
    assert prompt.text == trained.text
    assert prompt.begins
    assert lay_out("", only("author"), Layout("poem"), 1).text == "by Walt Whitman\n"


@pytest.mark.parametrize("field", ["book", "author"])
@pytest.mark.parametrize("text", ["I celebrate", "I celebrate\nAnd sing\n\n'Tis"])
def test_a_prefix_stands_before_every_line_as_in_training(field, text):
    described = Layout("prefix", field)
    trained = layout.lay_out(Poem(text, author=ABOUT["author"], book=ABOUT["book"]), described)
    prompt = lay_out(text, only("author", "book"), described, 1)
    assert prompt.text == trained.text
    # A prefix ends an id: nothing is encoded across its end.
    ends = {end for _, end in trained.prefixes}
    assert ends <= {len("".join(prompt.pieces[:n])) for n in range(len(prompt.pieces) + 1)}


def test_a_line_that_is_to_be_written_has_its_prefix():
    described = Layout("prefix", "author")
    assert lay_out("", only("author"), described, 1).text == "Walt Whitman|"
    assert lay_out("I sing\n", only("author"), described, 1).text == "Walt Whitman|I sing\nWalt Whitman|"


def test_without_a_description_a_prompt_is_taken_as_it_is():
    for described in (Layout(), Layout("prefix"), Layout("poem")):
        prompt = lay_out("a|b\n", only(), described, 3)
        assert (prompt.text, prompt.begins, prompt.nsamples) == ("a|b\n", False, 3)


@pytest.mark.parametrize(
    ("name", "described", "message"),
    [
        ("author", Layout(), "--author is no part of what this model was trained on, whose layout is plain"),
        ("title", Layout("prefix"), "--title is no part .* prefix; give --author and --book"),
        ("book", Layout("poem"), "--book is no part .* poem; give --author and --title and --tags"),
    ],
)
def test_what_a_model_never_saw_is_an_error(name, described, message):
    with pytest.raises(ValueError, match=message):
        lay_out("", only(name), described, 1)


def test_many_prompts_one_a_line(tmp_path):
    (tmp_path / "p.txt").write_text("O rose,\n\n None \n", encoding="utf-8-sig")
    found = read_many(str(tmp_path / "p.txt"), only(), Layout(), 2)
    assert [(prompt.text, prompt.nsamples) for prompt in found] == [("O rose,", 2), (" None ", 2)]


def test_many_prompts_an_object_a_line(tmp_path):
    rows = [{"prompt": "O\nrose", "nsamples": 3}, {"author": "Homer"}, {"prompt": "x"}]
    (tmp_path / "p.jsonl").write_text("\n".join(map(json.dumps, rows)))
    found = read_many(str(tmp_path / "p.jsonl"), only("author"), Layout("poem"), 2)
    assert [(prompt.text, prompt.nsamples) for prompt in found] == [
        ("by Walt Whitman\nO\nrose", 3),
        ("by Homer\n", 2),
        ("by Walt Whitman\nx", 2),
    ]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("O rose", "line 2: found no JSON at line 1, column 1"),
        ("[1]", "line 2: found a list, expected an object"),
        ('{"prmpt": "x"}', "line 2: unknown key prmpt"),
        ('{"prompt": 3}', "line 2: prompt is a whole number, expected text"),
        ('{"nsamples": 0}', "line 2: nsamples is 0, expected 1 to 2147483647"),
        ('{"nsamples": 99999999999999999999}', "line 2: nsamples is 99999999999999999999, expected 1 to"),
        ('{"author": "x"}', "line 2: --author is no part"),
    ],
)
def test_a_line_that_is_no_prompt_is_named(tmp_path, line, message):
    (tmp_path / "p.jsonl").write_text('{"prompt": "x"}\n' + line + "\n")
    with pytest.raises(ValueError, match=message):
        read_many(str(tmp_path / "p.jsonl"), only(), Layout(), 1)


def test_a_file_without_prompts_is_an_error(tmp_path):
    (tmp_path / "p.txt").write_text("\n")
    with pytest.raises(ValueError, match="no prompts"):
        read_many(str(tmp_path / "p.txt"), only(), Layout(), 1)


def test_texts_to_score(tmp_path):
    (tmp_path / "t.txt").write_text("a\nb\n")
    assert texts_of(tmp_path / "t.txt") == [("", "a\nb\n")]
    (tmp_path / "t.jsonl").write_text('{"text": "a"}\n{"text": "b", "prompt": "c", "number": 1}\n')
    assert texts_of(tmp_path / "t.jsonl") == [("", "a"), ("c", "b")]


def texts_of(path):
    return [(prompt.text, text) for prompt, text in read_texts(str(path), only(), Layout())]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"txt": "a"}', "found no text, expected an object such as"),
        ("[1]", "found a list, expected an object such as"),
        ('{"text": null}', "text is null, expected text"),
        ('{"text": ["a"]}', "text is a list, expected text"),
        ('{"text": "a", "prompt": 3}', "prompt is a whole number, expected text"),
    ],
)
def test_a_line_that_is_no_text_to_score_is_named(tmp_path, line, message):
    (tmp_path / "t.jsonl").write_text('{"text": "a"}\n' + line + "\n")
    with pytest.raises(ValueError, match=f"line 2: {message}"):
        texts_of(tmp_path / "t.jsonl")


@pytest.mark.parametrize("described", [Layout("poem"), Layout("prefix", "author")])
@pytest.mark.parametrize("text", ["", "I sing", "I sing\n\nAnd so\n"])
def test_a_text_to_score_has_its_prefix_once(tmp_path, described, text):
    written = lay_out(text, only("author"), described, 1)
    for prompt in (text, written.text):
        (tmp_path / "t.jsonl").write_text(json.dumps({"text": "a", "prompt": prompt}))
        [(found, _)] = read_texts(str(tmp_path / "t.jsonl"), only("author"), described)
        assert (found.pieces, found.begins) == (written.pieces, True)
    (tmp_path / "t.txt").write_text("a")
    [(found, _)] = read_texts(str(tmp_path / "t.txt"), only("author"), described)
    assert found == lay_out("", only("author"), described, 1)


def test_titles_and_authors_are_spelled_as_the_dataset_spells_them():
    described = Layout("poem", rules=("quotes", "dashes"))
    about = {"title": "“Hush” — again", "author": "D’Arcy", "tags": "Love’s, Night"}  # noqa: RUF001
    assert lay_out("", about, described, 1).text == "\"'Hush' -- again\", by D'Arcy [Love’s, Night]\n"  # noqa: RUF001
    assert lay_out("", about, Layout("poem"), 1).text.startswith('"“Hush” — again", by D’Arcy')  # noqa: RUF001
