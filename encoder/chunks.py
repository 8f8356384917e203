"""A corpus in chunks: text cut where the ids of the parts are those of the whole."""

from collections.abc import Iterable, Iterator

import regex

from encoder.pattern import END
from encoder.reference import check_characters

BLOCK = 1 << 16  # Characters that are cut and made UTF-8 at once.
FIRST, LARGEST = 1 << 16, 4 << 20  # Bytes of a chunk: few at first, while most words are new.
Chunk = list[bytes]  # UTF-8 in parts, since joining them takes time.
# Backwards, two characters between which a piece ends whatever stands around them.
CUT = regex.compile(r"(?r)\p{L}\P{L}|\p{N}\P{N}|\S\s")


def cut(texts: Iterable[str | None]) -> Iterator[Chunk]:
    """Chunks of text that continues from one to the next, with END for every None; each twice as large as the last.

    Raises:
      ValueError: the text holds half of a surrogate pair.
    """
    chunk: list[bytes] = []
    size, limit = 0, FIRST
    for block in _blocks(texts):
        chunk.append(block)
        size += len(block)
        if size >= limit:
            yield chunk
            chunk, size, limit = [], 0, min(2 * limit, LARGEST)
    yield chunk


def find_cuts(text: str) -> Iterator[int]:
    """Places, about every BLOCK characters, where a piece ends whatever follows the text."""
    at, ahead = 0, BLOCK
    while at + ahead <= len(text):
        found = CUT.search(text, at, at + ahead)
        if found:
            at, ahead = found.end() - 1, BLOCK
            yield at
        else:
            ahead *= 2  # for a piece as long


def _blocks(texts: Iterable[str | None]) -> Iterator[bytes]:
    """The text as UTF-8, in blocks that end where it may be cut."""
    held: list[str] = []
    size, limit = 0, BLOCK
    for text in texts:
        if text is None:
            yield _utf_8("".join(held)) + bytes([END])
            held, size, limit = [], 0, BLOCK
            continue
        held.append(text)
        size += len(text)
        if size >= limit:
            whole, at = "".join(held), 0
            for place in find_cuts(whole):
                yield _utf_8(whole[at:place])
                at = place
            held, size = [whole[at:]], len(whole) - at
            limit = max(BLOCK, 2 * size)  # Else a piece without an end would be searched for each part of it.
    yield _utf_8("".join(held))


def _utf_8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        check_characters(text)  # raises as well, with a message
        raise
