import itertools

import pytest
import regex
from hypothesis import example, given
from hypothesis import strategies as st

from poems.layout import BAR, FIELDS, Layout, describe, find_layout, lay_out, prefix_of
from poems.poem import Poem

# OpenAI, src/encoder.py
PATTERN = regex.compile(r"""'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+""")

LAYOUTS = [Layout("plain"), Layout("prefix", "book"), Layout("prefix", "author"), Layout("poem")]
POEM = Poem(
    "Sunset and evening star,\n  And one clear call for me!\n\n'Twilight and evening bell,\n",
    title="Crossing the Bar",
    author="Alfred Tennyson",
    tags=("Death", "Seas, Rivers, & Streams"),
    book="1304",
)

letters = st.text("aÉ1 '|\"[].,-_\tͤ²", max_size=8)
names = st.text("aÉ1 '|\"[].,\n\t", max_size=8)
poems = st.builds(
    Poem,
    st.lists(letters, min_size=1, max_size=6).map(lambda lines: "\n".join(lines) + "\n"),
    names,
    names,
    st.lists(names, max_size=2).map(tuple),
    names,
)


def read_back(text, layout, is_rest=False):
    """The lines and stanzas of a poem out of its text in a layout, letter for letter."""
    if layout.name == "prefix":
        return "\n".join(line.partition(BAR)[2] or line for line in text.split("\n"))
    if layout.name == "poem" and not is_rest:
        return text.partition("\n")[2]
    return text


def ends_of_pieces(texts):
    """Where GPT-2's pattern ends its pieces, in texts that are encoded one by one and follow on one another."""
    return set(itertools.accumulate(len(piece) for text in texts for piece in PATTERN.findall(text)))


def test_plain_is_the_poem_as_it_is():
    laid_out = lay_out(POEM, Layout("plain"))
    assert (laid_out.text, laid_out.prefixes) == (POEM.text, ())


def test_prefix_puts_the_number_of_the_book_before_every_line_and_leaves_the_empty_ones_empty():
    assert lay_out(POEM, Layout("prefix")).text == (
        "1304|Sunset and evening star,\n1304|  And one clear call for me!\n\n1304|'Twilight and evening bell,\n"
    )


def test_prefix_may_put_the_author_before_every_line():
    text = lay_out(POEM, Layout("prefix", "author")).text
    assert text.startswith("Alfred Tennyson|Sunset and evening star,\nAlfred Tennyson|  And one")


def test_poem_puts_title_author_and_tags_above_the_poem():
    heading = '"Crossing the Bar", by Alfred Tennyson [Death, Seas, Rivers, & Streams]\n'
    assert lay_out(POEM, Layout("poem")).text == heading + POEM.text


@pytest.mark.parametrize(
    ("known", "prefix"),
    [
        ({}, "\n"),
        ({"title": "Ode"}, '"Ode"\n'),
        ({"author": "Keats"}, "by Keats\n"),
        ({"tags": ["Love"]}, "[Love]\n"),
        ({"title": "Ode", "author": "Keats"}, '"Ode", by Keats\n'),
        ({"title": "Ode", "tags": ("Love", "Death")}, '"Ode" [Love, Death]\n'),
        ({"author": "Keats", "tags": ("Love",)}, "by Keats [Love]\n"),
        ({"title": ' "Ode"\n to ', "author": "J.\tKeats"}, "\"'Ode' to\", by J. Keats\n"),
    ],
)
def test_what_is_not_known_of_a_poem_is_left_out_of_its_heading(known, prefix):
    assert prefix_of(Layout("poem"), **known) == prefix


@pytest.mark.parametrize(
    ("field", "known", "prefix"),
    [
        ("book", {"book": "1322", "author": "Walt Whitman"}, "1322|"),
        ("author", {"book": "1322", "author": "Walt Whitman"}, "Walt Whitman|"),
        ("book", {"author": "Walt Whitman"}, "Walt Whitman|"),
        ("author", {"book": "1322"}, "1322|"),
        ("book", {}, "|"),
        ("book", {"book": "a|b\nc"}, "a/b c|"),
    ],
)
def test_of_book_and_author_one_fills_in_for_the_other(field, known, prefix):
    assert prefix_of(Layout("prefix", field), **known) == prefix


def test_plain_has_no_prefix():
    assert prefix_of(Layout("plain"), author="Keats") == ""


@given(poems, st.sampled_from(LAYOUTS), st.booleans())
def test_a_poem_is_read_back_letter_for_letter(poem, layout, is_rest):
    assert read_back(lay_out(poem, layout, is_rest).text, layout, is_rest) == poem.text


@given(poems, st.sampled_from(LAYOUTS))
def test_a_poem_is_laid_out_with_the_prefix_that_sampling_uses(poem, layout):
    laid_out = lay_out(poem, layout)
    prefix = prefix_of(layout, poem.author, poem.title, poem.tags, poem.book)
    assert {laid_out.text[start:end] for start, end in laid_out.prefixes} <= {prefix}
    n_lines = sum(bool(line.strip()) for line in poem.text.split("\n"))
    assert len(laid_out.prefixes) == {"plain": 0, "prefix": n_lines, "poem": 1}[layout.name]


@given(poems, st.sampled_from(LAYOUTS))
@example(Poem('"Hush!"\n\n\'Tis he\n|\n', book="7"), Layout("prefix"))
@example(Poem("\n\n  indented\n", title="T"), Layout("poem"))
def test_a_prefix_begins_and_ends_where_the_pattern_of_gpt2_ends_a_piece(poem, layout):
    laid_out = lay_out(poem, layout)
    ends = {0, *ends_of_pieces(laid_out.pieces())}
    assert {place for prefix in laid_out.prefixes for place in prefix} <= ends


@given(poems, st.sampled_from(LAYOUTS))
def test_the_pieces_join_to_the_text(poem, layout):
    laid_out = lay_out(poem, layout)
    assert "".join(laid_out.pieces()) == laid_out.text


def test_the_rest_of_a_poem_in_parts_has_no_heading():
    assert lay_out(POEM, Layout("poem"), is_rest=True).text == POEM.text


def test_the_rest_of_a_poem_in_parts_has_its_prefixes():
    assert lay_out(POEM, Layout("prefix"), is_rest=True) == lay_out(POEM, Layout("prefix"))


def test_a_part_without_text_has_no_prefix_of_its_own():
    assert lay_out(Poem("", title="T", book="7"), Layout("prefix")).text == ""


@pytest.mark.parametrize("layout", LAYOUTS)
def test_what_a_dataset_says_of_its_layout_gives_the_layout(layout):
    assert find_layout(describe(layout)) == layout


@pytest.mark.parametrize("wrong", [{"name": "sonnet"}, {"name": "prefix", "field": "title"}])
def test_another_layout_is_an_error(wrong):
    with pytest.raises(ValueError, match=f"expected .*{FIELDS[1] if 'field' in wrong else 'prefix'}"):
        find_layout(wrong)
