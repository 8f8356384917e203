"""What stands above and below a book of Project Gutenberg's: its header, and its small print."""

import itertools
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from poems.cleaning.mending import LICENCE_TITLE
from poems.poem import Book

FIELD = re.compile(r"(Title|Author):\s*(.*)", re.IGNORECASE)
NUMBER = re.compile(r"\[(?:EBook|E-?text) ?#(\d+)\]", re.IGNORECASE)
TITLE = re.compile(rf"\ufeff?\s*{LICENCE_TITLE}", re.IGNORECASE)
# The last lines of a header without a mark below it, and the first of the small print below such a book.
FIELDS = re.compile(
    r"(?:Title|Author|Editor|Translator|(?:Official )?Release Date|Edition|Language|Posting Date):", re.I
)
NAMED = re.compile(r"\*+ ?This (?:file|e-?text|e-?book) should be named ", re.IGNORECASE)
SMALL_PRINT = re.compile(r"(?:The Legal Small Print\b|\*+ ?START ?\** ?(?:THE )?SMALL PRINT)", re.IGNORECASE)
LONGEST_HEADER = 200  # lines


class Header(NamedTuple):
    """What the header of a book says."""

    title: str = ""
    author: str = ""
    number: str = ""


def read_header(lines: Sequence[str], path: str, books: Mapping[str, Book]) -> Header:
    """Title, author and number from the header of a book, or rather from the table of books."""
    fields = {"title": "", "author": ""}
    for i, line in enumerate(lines):
        if (match := FIELD.match(line)) and not fields[name := match[1].lower()]:
            # A long title continues in indented lines.
            more = itertools.takewhile(lambda line: line.startswith(" ") and line.strip(), lines[i + 1 :])
            fields[name] = " ".join(" ".join([match[2], *more]).split())
    found = NUMBER.search("\n".join(lines)) or re.match(r"(?:pg)?(\d+)\b", os.path.basename(path))
    number = found[1] if found else ""
    known = books.get(number)
    return Header(known.title, known.author, number) if known else Header(number=number, **fields)


def has_title(lines: Iterable[str]) -> bool:
    """Whether one of these lines begins a book, as books did before there was a mark above their text."""
    return any(map(TITLE.match, lines))


def find_text(lines: Sequence[str]) -> tuple[int, int]:
    """Where the text of a book without a mark above it begins, and where it ends."""
    begins = next((i for i, line in enumerate(lines) if TITLE.match(line)), 0)
    last = begins
    for i, line in enumerate(lines[begins : begins + LONGEST_HEADER], start=begins):
        if NAMED.match(line) or FIELDS.match(line) or TITLE.match(line):
            last = i
    start = next((i for i in range(last, len(lines)) if not lines[i].strip()), len(lines))
    end = next((i for i in range(start, len(lines)) if SMALL_PRINT.match(lines[i])), len(lines))
    return start, end
