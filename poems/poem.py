"""What a poem is here: its lines with their stanzas, and what is known of it."""

import dataclasses
import re
from typing import NamedTuple

LONGEST = 1 << 20  # Characters; a longer text goes through in parts, so that no book need be in memory whole.
LINE_END = re.compile(r"(?<!\r)\r*\n|\r")  # one, even with several "\r", but not a run of "\r" alone


def count_lines(text: str) -> int:
    """How many lines a text has that are not empty."""
    lines = text.split("\n")
    return len(lines) - lines.count("")


def clean_text(text: str) -> str:
    """A poem's lines: plain line ends, one empty line between stanzas, plain spaces before a line."""
    lines = LINE_END.split(text) if "\r" in text else text.split("\n")  # which is four times as fast
    lines = [plain_indentation(line) if line[:1].isspace() else line for line in lines]
    stanzas = re.split(r"\n{2,}", "\n".join(lines).strip("\n"))
    return "\n\n".join(stanzas) + "\n"


def plain_indentation(line: str) -> str:
    """The line with spaces for the no-break spaces before it; empty if it is white space."""
    verse = line.lstrip()
    return line[: len(line) - len(verse)].replace("\xa0", " ") + verse if verse else ""


@dataclasses.dataclass(frozen=True, slots=True)
class Poem:
    """A poem, or any other document, or a part of one.

    Attributes:
      text: lines that end in "\\n", stanzas apart by an empty line.
      title, author: as the source gives them, empty where it does not.
      tags: subjects, in the order of the source.
      book: the number or name of the book that contains the poem.
      place: where in its source it begins, for reports: a file and line.
      more: whether the next one is the rest of this one, cut at the end of a line.
      is_row: whether its source calls it a poem, being a row of a table of poems, however prosaic its lines.
    """

    text: str
    title: str = ""
    author: str = ""
    tags: tuple[str, ...] = ()
    book: str = ""
    place: str = ""
    more: bool = False
    is_row: bool = False


class Book(NamedTuple):
    """What a table of books has on one of them."""

    author: str
    title: str


UNKNOWN = Book("", "")


class Dropped(NamedTuple):
    """Something that was read and is in no poem.

    Attributes:
      place: the file and the line where it begins.
      reason: in a few words, the same for all of its kind.
      text: of a passage of a book all of it, of a bad row its beginning.
    """

    place: str
    reason: str
    text: str
