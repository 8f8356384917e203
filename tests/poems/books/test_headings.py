"""A list of contents is read for its titles, whatever else stands in its lines."""

import pytest

from poems.books import headings
from poems.books.blocks import Block
from poems.sources import tables

LONG = 100_000  # signs; what is quadratic takes hours for as many


@pytest.mark.parametrize(
    ("entry", "title"),
    [
        ("The Rose ........ 12", "The Rose"),
        ("The Rose. . . . xiv", "The Rose"),
        ("The Rose  7", "The Rose"),
        ("The Rose\t\t7", "The Rose"),
        ("Ode to 1815", "Ode to 1815"),
        ("Sonnet. 12", "Sonnet. 12"),
        ("To E. L.  vi", "To E. L"),
    ],
)
def test_the_number_of_a_page_is_no_part_of_a_title(entry, title):
    assert headings.without_page(entry) == title


@pytest.mark.parametrize("years", ["(1815)", "(1815-1816):", "(1815, 1816 & 1817)", ":"])
def test_years_are_no_part_of_a_title(years):
    assert "The Rose" in headings.Contents([Block(1, 1, (f"The Rose {years}",))])


@pytest.mark.parametrize(
    "sign", [" ", ".", "·", ". ", "1", "1 ", "i", "(", "(1", "(1815", "( ", "play ", "\t", "\n", ":"]
)
def test_lines_of_one_sign_take_no_longer_than_their_length(sign):
    """The test ends in seconds or not at all: a pattern that is quadratic takes an hour here."""
    line = f"The Rose{sign * (LONG // len(sign))}!"
    assert headings.without_page(line) == line
    headings.YEARS.sub("", line)
    tables.clean_title(line)
