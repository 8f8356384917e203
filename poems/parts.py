"""Poems in parts, so that a text of any length passes through the memory of a short one."""

import dataclasses
from collections.abc import Iterable, Iterator

from poems.poem import LONGEST, Poem


def in_parts(pieces: Iterable[str], poem: Poem, longest: int = LONGEST) -> Iterator[Poem]:
    """A poem whose text comes in pieces: whole if it is short, else in parts, each but the last with `more`.

    The text is made to end in a line end. Parts end with lines; only a line that is itself too long is cut, before a
    blank where it has one.
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
