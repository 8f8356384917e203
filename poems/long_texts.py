"""Documents in pieces, so that a book of any length needs no more memory than a poem.

A document is an iterable of texts that follow on one another. They are cut where GPT-2's pattern ends one of its
pieces whatever comes before or after, so encoding them one by one gives the ids of the whole.
"""

import dataclasses
import itertools
from collections.abc import Iterable, Iterator

from poems.poem import LONGEST, Poem

END_OF_TEXT = "<|endoftext|>"  # OpenAI's mark between documents

MOST_BLANK = 8  # pieces of white space, each up to LONGEST, that are kept before a document; more are dropped


def cut(blocks: Iterable[str]) -> Iterator[str]:
    """The same text as the blocks, cut before line ends: "a\\nb", "c\\nd" -> "a", "\\nbc", "\\nd".

    A line that is itself too long is cut before a space if it has one, so that no text need be in memory whole.
    """
    held = ""
    for block in blocks:
        held += block
        end = last_cut(held)
        if end:
            yield held[:end]
            held = held[end:]
        while len(held) > LONGEST + len(END_OF_TEXT):  # so that a mark at the place to cut is there whole
            end = _before_mark(held, _last_cut(held, LONGEST))
            yield held[:end]
            held = held[end:]
    if held:
        yield held


def _before_mark(text: str, end: int) -> int:
    """A place to cut a text, or the beginning of the mark `<|endoftext|>` that it would cut in two."""
    mark = text.find(END_OF_TEXT, max(end - len(END_OF_TEXT) + 1, 0), end + len(END_OF_TEXT) - 1)
    return mark if 0 < mark < end else end


def last_cut(text: str) -> int:
    """The last place where a text may be cut: before a line end that follows no white space; 0 if there is none.

    White space is taken with what precedes it or follows it; a line end after a letter or sign always begins a piece.
    """
    end = text.rfind("\n")
    while end > 0 and text[end - 1].isspace():
        end = text.rfind("\n", 0, end)
    return max(end, 0)


def split_documents(pieces: Iterable[str]) -> Iterator[Iterator[str]]:
    """The documents between the marks `<|endoftext|>`, each to be read before the next; those of white space left out.

    Args:
      pieces: as `cut` gives them: a mark has no line end in it, so it is never cut.
    """
    parts = (part for piece in pieces for part in _around_marks(piece))
    for is_mark, document in itertools.groupby(parts, key=END_OF_TEXT.__eq__):
        if not is_mark:
            yield from _unless_blank(document)


def _unless_blank(document: Iterator[str]) -> Iterator[Iterator[str]]:
    """The document itself, or nothing when all of it is white space."""
    blank: list[str] = []
    for piece in document:
        blank = [*blank, piece] if len(blank) < MOST_BLANK else [piece]
        if not piece.isspace():
            yield itertools.chain(blank, document)
            return


def _around_marks(text: str) -> Iterator[str]:
    for number, part in enumerate(text.split(END_OF_TEXT)):
        if number:
            yield END_OF_TEXT
        if part:
            yield part


def in_parts(pieces: Iterable[str], poem: Poem, longest: int = LONGEST) -> Iterator[Poem]:
    """A poem whose text comes in pieces: whole if it is short, else in parts, each but the last with `more`.

    The text is made to end in a line end. Parts end with lines; only a line that is itself too long is cut, before a
    space if it has one.
    """
    held = ""
    for piece in pieces:
        held += piece
        while len(held) > longest:
            end = _last_cut(held, longest)
            yield dataclasses.replace(poem, text=held[:end], more=True)
            held = held[end:]
    if held:
        yield dataclasses.replace(poem, text=held if held.endswith("\n") else f"{held}\n")


def _last_cut(text: str, longest: int) -> int:
    """Where to cut a text that is too long, best first: a line end alone, any line end, a blank, anywhere.

    A line end between two letters or signs is one piece of GPT-2's pattern, so a cut after it changes no ids.
    """
    end = text.rfind("\n", 0, longest)
    first = end
    while end > 0:
        if not text[end - 1].isspace() and not text[end + 1].isspace():
            return end + 1
        end = text.rfind("\n", 0, end)
    if first >= 0:
        return first + 1
    return max(text.rfind(" ", 1, longest), 0) or longest
