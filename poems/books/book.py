"""Project Gutenberg's books of verse, cut into poems.

A book is plain text: a header and a licence between marks, and between them a title page, perhaps prefaces and a list
of contents, the poems under their headings, perhaps an essay and notes. Nothing says which is which; poems.blocks,
poems.headings and poems.sections tell it by the look of the lines. All of it comes out, the poems as poems and the
rest as what was dropped and why.
"""

import itertools
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from poems.books.blocks import Block, split_blocks
from poems.books.headings import Contents, find_contents
from poems.books.sections import cut_section, split_sections
from poems.cleaning.mending import LICENCE_END, LICENCE_START
from poems.long_texts import in_parts
from poems.poem import Book, Dropped, Poem

LONGEST_BOOK = 1 << 24  # Characters; what is longer is cut as if it were several books.

START = re.compile(rf"\ufeff?\s*{LICENCE_START}", re.IGNORECASE)
END = re.compile(rf"\s*{LICENCE_END}", re.IGNORECASE)
FIELD = re.compile(r"(Title|Author):\s*(.*)", re.IGNORECASE)
NUMBER = re.compile(r"\[(?:EBook|E-?text) ?#(\d+)\]", re.IGNORECASE)


class Header(NamedTuple):
    """What the header of a book says."""

    title: str = ""
    author: str = ""
    number: str = ""


def is_book(head: str) -> bool:
    """Whether a file that begins so is a book of Project Gutenberg's."""
    return any(map(START.match, head.splitlines()))


def read_books(lines: Iterable[str], path: str, books: Mapping[str, Book]) -> Iterator[Poem | Dropped]:
    """The poems of a file of one book or several, in its order, and all that is in none of them.

    Args:
      lines: with or without their line ends.
      path: of the file; a book whose header gives no number may have it in its name, such as 1057-0.txt.
      books: authors and titles that count for more than those of the header, by number.
    """
    held: list[str] = []
    header, inside, size, first = Header(), False, 0, 1
    for number, line in enumerate(lines, start=1):
        if inside and (END.match(line) or size > LONGEST_BOOK):
            yield from cut_book(held, first, path, header)
            held, size, first = [], 0, number
            inside = not END.match(line)
        held.append(line.rstrip())
        size += len(line)
        if not inside and START.match(line):
            header = read_header(held, path, books)
            yield Dropped(f"{path}:{first}", "licence", _joined(held))
            held, inside, size, first = [], True, 0, number + 1
    if inside:
        yield from cut_book(held, first, path, header)
    elif any(held):
        yield Dropped(f"{path}:{first}", "licence", _joined(held))


def cut_book(lines: Sequence[str], first: int, path: str, header: Header) -> Iterator[Poem | Dropped]:
    """The poems of a book without its header and licence, and what is none.

    Args:
      first: the number of its first line in the file.
    """
    blocks = list(split_blocks(lines, first))
    start, end = find_contents(blocks)
    contents = Contents(blocks[start:end], header.title)
    yield from _cut(blocks[:start], contents, path, header)
    if end:
        yield _dropped(blocks[start:end], "contents", path)
    yield from _cut(blocks[end:], contents, path, header)


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


def _cut(blocks: Sequence[Block], contents: Contents, path: str, header: Header) -> Iterator[Poem | Dropped]:
    no_poem_yet = True
    for section in split_sections(blocks, contents):
        cut = cut_section(section, contents, no_poem_yet)
        for reason, dropped in cut.dropped:
            yield _dropped(dropped, reason, path)
        if cut.text:
            title = cut.title or (header.title if no_poem_yet else "")
            no_poem_yet = False
            yield from in_parts(
                [cut.text], Poem("", title, header.author, book=header.number, place=f"{path}:{cut.line}")
            )


def _dropped(blocks: Sequence[Block], reason: str, path: str) -> Dropped:
    return Dropped(f"{path}:{blocks[0].line}", reason, "\n".join(_joined(block.lines) for block in blocks))


def _joined(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
