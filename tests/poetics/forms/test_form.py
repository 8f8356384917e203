"""Forms are data: each name means a scheme and a metre, and what is no form is refused in one line."""

import json

import pytest

from poetics.forms.form import Metre, find_form, named_forms
from system.errors import UserError


def test_a_sonnet_has_fourteen_lines_of_five_beats():
    form = find_form("sonnet")
    assert form.scheme == "ABABCDCDEFEFGG"
    assert {metre.pattern for metre in form.metres} == {"ws" * 5}
    assert not form.breaks


def test_a_space_in_a_scheme_is_an_empty_line_and_beats_begin_again():
    form = find_form(scheme="xAxA xbxb", metre="iambic4,3")
    assert form.scheme == "XAXAXBXB"
    assert form.breaks == {4}
    assert [metre.size for metre in form.metres] == [4, 3] * 4


def test_a_haiku_counts_syllables_alone():
    form = find_form("haiku")
    assert [(metre.pattern, metre.ends) for metre in form.metres] == [("*" * n, (n,)) for n in (5, 7, 5)]


def test_numbers_of_syllables_alone_are_so_many_lines_without_a_rhyme():
    assert find_form(syllables="5,7,5,7,7").scheme == "XXXXX"


def test_a_metre_replaces_that_of_a_named_form():
    form = find_form("quatrain", metre="trochaic4")
    assert (form.scheme, form.metres[0]) == ("ABAB", Metre("trochaic", 4))


@pytest.mark.parametrize(
    ("metre", "starts", "ends"),
    [
        (Metre("iambic", 2), (0,), (4,)),
        (Metre("trochaic", 2), (0,), (4, 3)),
        (Metre("anapestic", 2), (0, 1), (6,)),
        (Metre("dactylic", 2), (0,), (6, 5, 4)),
    ],
)
def test_lines_may_lack_weak_syllables_where_poets_leave_them_out(metre, starts, ends):
    assert (metre.starts, metre.ends) == (starts, ends)


def test_every_named_form_can_be_asked_for():
    for name in named_forms():
        form = find_form(name)
        assert len(form.metres) == len(form.scheme)


def test_a_file_of_forms_adds_to_those_of_the_package(tmp_path):
    path = tmp_path / "forms.json"
    path.write_text(json.dumps({"tanka": {"syllables": "5,7,5,7,7"}, "haiku": {"syllables": "3,5,3"}}))
    assert [metre.size for metre in find_form("tanka", path=str(path)).metres] == [5, 7, 5, 7, 7]
    assert find_form("haiku", path=str(path)).metres[0].size == 3
    assert find_form("sonnet", path=str(path)) == find_form("sonnet")


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"name": "sonet"}, "--form is sonet, expected sonnet, "),
        ({"scheme": "ABAB"}, "a scheme needs --metre, such as iambic5, or --syllables"),
        ({"scheme": "AB1B", "metre": "iambic5"}, "the scheme is 'AB1B', expected a letter a line"),
        ({"scheme": "AB  AB", "metre": "iambic5"}, "the scheme is 'AB  AB', expected a letter a line"),
        ({"metre": "iambic"}, "the metre is 'iambic', expected one of iambic"),
        ({"metre": "spondaic5"}, "the metre is 'spondaic5', expected one of iambic"),
        ({"metre": "iambic0"}, "a line of 'iambic0' has 0 syllables, expected 2 to 24"),
        ({"metre": "dactylic9"}, "a line of 'dactylic9' has 27 syllables, expected 2 to 24"),
        ({"syllables": "5;7"}, "the syllables are '5;7', expected numbers such as 5,7,5"),
        ({"syllables": "99"}, "a line of '99' has 99 syllables"),
        ({"metre": "iambic5", "syllables": "10"}, "--metre and --syllables are both given"),
    ],
)
def test_what_is_no_form_is_told_in_one_line(asked, message):
    with pytest.raises(UserError, match="^" + message.replace(",", r"\,")) as caught:
        find_form(**asked)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        '{"a": 1}',
        '{"a": {"rhyme": "AB"}}',
        '{"a": {"scheme": 3}}',
        '{"a": {"metre": "iambic"}}',
        "[1]",
        "{",
        '{"a": {}}',
    ],
)
def test_a_file_that_holds_no_forms_is_named(tmp_path, content):
    path = tmp_path / "forms.json"
    path.write_text(content)
    with pytest.raises(UserError, match=r"forms\.json"):
        find_form("a", path=str(path))
