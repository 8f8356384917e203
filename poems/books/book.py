"""Project Gutenberg's books of verse, cut into poems.

A book is plain text: a header and a licence between marks, and between them a title page, perhaps prefaces and a list
of contents, the poems under their headings, perhaps an essay and notes. Nothing says which is which; poems.blocks,
poems.headings and poems.sections tell it by the look of the lines. All of it comes out, the poems as poems and the
rest as what was dropped and why.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from poems.books.blocks import Block, split_blocks
from poems.books.header import Header, find_text, has_title, read_header
from poems.books.headings import Contents, find_contents
from poems.books.sections import cut_section, split_sections
from poems.cleaning.mending import LICENCE_END, LICENCE_START
from poems.long_texts import in_parts
from poems.poem import Book, Dropped, Poem

LONGEST_BOOK = 1 << 24  # Characters; what is longer is cut as if it were several books.

START = re.compile(rf"\ufeff?\s*{LICENCE_START}", re.IGNORECASE)
END = re.compile(rf"\s*{LICENCE_END}", re.IGNORECASE)


def is_book(head: str) -> bool:
    """Whether a file that begins so is a book of Project Gutenberg's."""
    lines = head.lstrip("\ufeff").lstrip().splitlines()
    return has_title(lines[:1]) or any(map(START.match, lines))


def read_books(lines: Iterable[str], path: str, books: Mapping[str, Book]) -> Iterator[Poem | Dropped]:
    """The poems of a file of one or several books, in its order, and all text that belongs to no poem.

    Books of 2001 to 2003 may lack the mark above the text, and have their small print, with its marks, below it.

    Args:
      lines: with or without their line ends.
      path: of the file; a book whose header gives no number may have it in its name, such as 1057-0.txt.
      books: authors and titles that count for more than those of the header, by number.
    """
    held: list[str] = []
    header, inside, titled, size, first = Header(), False, False, 0, 1
    for number, line in enumerate(lines, start=1):
        ends = bool(END.match(line))
        if (ends or size > LONGEST_BOOK) and (inside or titled):
            if inside:
                yield from cut_book(held, first, path, header)
            else:
                yield from _cut_unmarked(held, first, path, books)
            held, size, first, inside, titled = [], 0, number, not ends, False
        held.append(line.rstrip())
        size += len(line)
        titled = titled or has_title([line])
        if not inside and START.match(line) and (first == 1 or "small print" not in line.lower() or titled):
            header = read_header(held, path, books)
            yield Dropped(f"{path}:{first}", "licence", _joined(held))
            held, inside, titled, size, first = [], True, False, 0, number + 1
    if inside:
        yield from cut_book(held, first, path, header)
    elif titled:
        yield from _cut_unmarked(held, first, path, books)
    elif any(held):
        yield Dropped(f"{path}:{first}", "licence", _joined(held))


def _cut_unmarked(lines: Sequence[str], first: int, path: str, books: Mapping[str, Book]) -> Iterator[Poem | Dropped]:
    """The poems of a book without a mark above its text, and what is none: header and small print."""
    start, end = find_text(lines)
    yield Dropped(f"{path}:{first}", "licence", _joined(lines[:start]))
    yield from cut_book(lines[start:end], first + start, path, read_header(lines[:start], path, books))
    if any(lines[end:]):
        yield Dropped(f"{path}:{first + end}", "licence", _joined(lines[end:]))


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
