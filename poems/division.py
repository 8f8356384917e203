"""One text of many poems, divided at lines of stars, at blank lines, or at lines that match a pattern."""

import itertools
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from poems.long_texts import END_OF_TEXT, in_parts
from poems.poem import Poem
from system.errors import UserError

STARS, BLANK = "stars", "blank"
OF_STARS = re.compile(r"^\s*\*(?:\s*\*){2,}\s*$")
LONGEST_TITLE = 200  # Characters; a longer line is prose.


class _Line(NamedTuple):
    """A line of the poem of this number, which may have a title from the line before it."""

    poem: int
    title: str
    number: int
    text: str


def pattern_of(divide: str) -> re.Pattern[str] | None:
    """What the lines match that divide a text; None if two blank lines do.

    Raises:
      UserError: no regular expression.
    """
    if divide == BLANK:
        return None
    try:
        return OF_STARS if divide == STARS else re.compile(divide)
    except (re.error, RecursionError, OverflowError) as error:
        raise UserError(
            f"--divide {divide}: no regular expression ({error}), expected {STARS}, {BLANK} or one such as '^[IVX]+$'"
        ) from None


def divide_text(lines: Iterable[str], divide: str, path: str) -> Iterator[Poem]:
    """The poems of a text, without the lines that divide them.

    A poem's title is what the first group of the pattern matches, if it has one; otherwise its first line, if that
    stands alone before a blank line. `<|endoftext|>` divides as well.

    Args:
      lines: without their line ends.
      divide: stars; blank, for two or more blank lines; or a regular expression, which a part of a line has to match.
    """
    for _, found in itertools.groupby(_lines(lines, pattern_of(divide)), key=lambda line: line.poem):
        within = itertools.dropwhile(_is_blank, found)
        first = next(within, None)
        if first:
            yield from _poem(first, within, path)


def _lines(lines: Iterable[str], pattern: re.Pattern[str] | None) -> Iterator[_Line]:
    poem, n_blank, title = 0, 0, ""
    for number, line in enumerate(lines, start=1):
        n_blank = 0 if line.strip() else n_blank + 1
        divides = pattern.search(line) if pattern else None
        if divides or (not pattern and n_blank == 2):
            poem, title = poem + 1, (divides[1] or "" if divides and divides.re.groups else "")
            continue
        for number_of_part, part in enumerate(line.split(END_OF_TEXT)):
            if number_of_part:
                poem, title = poem + 1, ""
            yield _Line(poem, title, number, part)


def _poem(first: _Line, following: Iterator[_Line], path: str) -> Iterator[Poem]:
    """A poem from its first line that is not blank, whose title that may be."""
    title, begin = first.title, [first]
    if not title and len(first.text) <= LONGEST_TITLE:
        second = next(following, None)
        if second and _is_blank(second):
            following = itertools.dropwhile(_is_blank, following)
            third = next(following, None)
            begin = [third] if third else [first]
            title = first.text if third else ""
        elif second:
            begin.append(second)
    poem = Poem("", " ".join(title.split()), place=f"{path}:{first.number}")
    yield from in_parts(_with_line_ends(itertools.chain(begin, following)), poem)


def _with_line_ends(lines: Iterable[_Line]) -> Iterator[str]:
    """The text of the lines, without blank ones at the end."""
    n_blank = 0
    for line in lines:
        if _is_blank(line):
            n_blank += 1
        else:
            yield "\n" * n_blank + line.text + "\n"
            n_blank = 0


def _is_blank(line: _Line) -> bool:
    return not line.text.strip()
