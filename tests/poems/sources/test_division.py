"""One text of many poems is divided where the user says."""

import pytest

from encoder.dataset.request import Request
from poems.long_texts import END_OF_TEXT
from poems.poem import LONGEST
from poems.sources.account import Rows
from poems.sources.formats import read_poems
from poems.sources.sources import find_source, has_names
from system.errors import UserError


def poems_of(path, text, divide):
    path.write_text(text, encoding="utf-8")
    return list(read_poems(Rows(str(path)), divide=divide))


@pytest.fixture
def divided(tmp_path):
    def divide(text, how):
        return [(poem.title, poem.text) for poem in poems_of(tmp_path / "poems.txt", text, how)]

    return divide


@pytest.mark.parametrize("stars", ["***", "* * *", "  *  *  *  ", "*****", "\t* **"])
def test_a_line_of_stars_ends_a_poem(divided, stars):
    assert divided(f"one\ntwo\n\nthree\n{stars}\n\nfour\n", "stars") == [("", "one\ntwo\n\nthree\n"), ("", "four\n")]


@pytest.mark.parametrize("line", ["**", "* a * b *", "*one*", "***bold***", "-- * * *"])
def test_other_lines_with_stars_are_verse(divided, line):
    assert divided(f"one\n{line}\ntwo\n", "stars") == [("", f"one\n{line}\ntwo\n")]


@pytest.mark.parametrize("n", [2, 3, 7])
def test_two_or_more_blank_lines_end_a_poem_and_one_ends_a_stanza(divided, n):
    assert divided("a\nb\n\nc" + "\n" * (n + 1) + "d\n", "blank") == [("", "a\nb\n\nc\n"), ("", "d\n")]


def test_lines_of_white_space_are_blank(divided):
    assert divided("one\n \n\t\ntwo\n", "blank") == [("", "one\n"), ("", "two\n")]


def test_a_pattern_ends_a_poem_where_a_line_matches_a_part_of_it(divided):
    assert divided("one\n== 2 ==\ntwo\n", "^==") == [("", "one\n"), ("", "two\n")]
    assert divided("one\ntwo\n", "^==") == [("", "one\ntwo\n")]


def test_the_first_group_of_a_pattern_is_the_title(divided):
    text = "SONNET I\nFrom fairest creatures\n\nSONNET II\n\nWhen forty winters\n"
    expected = [("I", "From fairest creatures\n"), ("II", "When forty winters\n")]
    assert divided(text, "^SONNET (.+)$") == expected
    assert divided("one\n#\ntwo\n", "^#(x)?") == [("", "one\n"), ("", "two\n")]


def test_a_first_line_alone_before_a_blank_one_is_the_title(divided):
    text = "\n  The  Rose\n\nO rose\nthou\n***\nno\ntitle\n\nhere\n***\nOne line alone\n\n\n***\n\n"
    expected = [("The Rose", "O rose\nthou\n"), ("", "no\ntitle\n\nhere\n"), ("", "One line alone\n")]
    assert divided(text, "stars") == expected


def test_a_long_first_line_is_no_title(divided):
    line = "a rose " * 40 + "a"
    assert divided(f"{line}\n\nverse\n", "stars") == [("", f"{line}\n\nverse\n")]


@pytest.mark.parametrize("how", ["stars", "blank", "^$x"])
def test_a_mark_between_documents_divides_as_well(divided, how):
    assert divided(f"one{END_OF_TEXT}two\n{END_OF_TEXT}\n", how) == [("", "one\n"), ("", "two\n")]


@pytest.mark.parametrize("how", ["stars", "blank"])
@pytest.mark.parametrize("text", ["", "\n\n\n", "***\n\n***\n"])
def test_nothing_is_no_poem(divided, how, text):
    assert [poem for poem in divided(text, how) if poem[1].strip("*\n")] == []


def test_a_poem_knows_the_line_where_it_begins(tmp_path):
    poems = poems_of(tmp_path / "a.txt", "\none\n***\n\n\ntwo\n", "stars")
    assert [poem.place for poem in poems] == [f"{tmp_path / 'a.txt'}:2", f"{tmp_path / 'a.txt'}:6"]


def test_a_text_that_is_not_divided_comes_in_parts(tmp_path):
    text = "a rose in the rain\n" * (2 * LONGEST // 19)
    poems = poems_of(tmp_path / "a.txt", text, "stars")
    assert [poem.more for poem in poems] == [True, False]
    assert "".join(poem.text for poem in poems) == text


def test_only_plain_text_is_divided(tmp_path):
    table = "Title,Poem,Poet\nRose,one\n***\nAnna\n".replace("one\n***\n", '"one\n***\ntwo",')
    assert [poem.text for poem in poems_of(tmp_path / "a.csv", table, "stars")] == ["one\n***\ntwo\n"]


def test_titles_that_division_finds_choose_the_layout(tmp_path):
    (tmp_path / "a.txt").write_text("The Rose\n\nO rose\n***\nThe Thorn\n\nO thorn\n")
    assert has_names(find_source(str(tmp_path), divide="stars"))
    assert not has_names(find_source(str(tmp_path)))


@pytest.mark.parametrize("how", ["(", "[a", "*", "(?P<1>a)", "\\"])
def test_a_pattern_that_is_none_is_an_error_in_one_line(divided, how):
    with pytest.raises(UserError, match=r"--divide .*: no regular expression .*, expected stars, blank or one such as"):
        divided("one\n", how)


def test_what_a_dataset_says_of_itself_has_how_its_text_was_divided():
    made_with = [Request(sources=("a.txt", "a.npz"), divide=how).made_with("mine") for how in (None, "stars", "^#")]
    assert [about["divide"] for about in made_with] == [None, "stars", "^#"]
