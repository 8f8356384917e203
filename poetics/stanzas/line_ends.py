"""What the lines of verse tell of where its stanzas end: their rhymes, their length and the signs at their ends."""

import dataclasses
import re
from collections.abc import Sequence

import numpy as np

from poetics.rhyme.grades import Grade, grade
from poetics.sounds.words import last_words

REACH = 8  # lines; rhymes further apart are not looked for
FAR = 99  # lines to the nearest rhyme, where there is none

# How much likelier each sign is at the end of a stanza than at the end of any line.
END_MARKS = {".": 2.1, "!": 1.4, "?": 0.9, "-": -0.3, "—": -0.3, ":": -0.7, ";": -1.0, ",": -1.5}
NO_MARK = -1.1
QUOTATION_ENDS, QUOTATION_BEGINS = 0.2, 0.3
CAPITALS_BEGIN, CAPITALS_HERE = 3.8, -1.0
SMALL_LETTER_BEGINS, CONJUNCTION_BEGINS = -1.0, -0.2

CLOSING = "\"'”’)_ ]"  # noqa: RUF001
OPENING = " _[("
QUOTES = "\"'“‘"  # noqa: RUF001
# The first word of a poem is often printed in capitals: WHEN I have fears, I WANDERED lonely.
CAPITALS = re.compile(r"(?:[A-Z]{2,}|[AIO] [A-Z]{2,}|[A-Z]'[A-Z]+)(?![a-z])")
CONJUNCTION = re.compile(r"(?:And|But|Or|Nor|For|That|Which|With|Of|To|In)\b")


@dataclasses.dataclass(frozen=True)
class Evidence:
    """What is known of each of n lines.

    Attributes:
      signs: how much likelier than any line it is to end a stanza, by signs alone: float [n].
      before, after: how many lines before and after it the nearest rhyme stands, FAR where there is none: int [n].
      length: in characters: float [n].
    """

    signs: np.ndarray
    before: np.ndarray
    after: np.ndarray
    length: np.ndarray


def look_at(lines: Sequence[str]) -> Evidence:
    """What is known of each line.

    Args:
      lines: verse without empty lines and without indentation.
    """
    before, after = nearest_rhymes(lines)
    return Evidence(end_signs(lines), before, after, np.array([len(line) for line in lines], float))


def nearest_rhymes(lines: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """How many lines before and after each line the nearest one stands that it rhymes with or that ends alike."""
    ends = last_words(list(lines))
    before, after = np.full(len(lines), FAR), np.full(len(lines), FAR)
    for i, end in enumerate(ends):
        for distance in range(1, min(REACH, i) + 1) if end else ():
            other = ends[i - distance]
            if other and grade(end, other) != Grade.NONE:
                before[i] = min(before[i], distance)
                after[i - distance] = min(after[i - distance], distance)
    return before, after


def end_signs(lines: Sequence[str]) -> np.ndarray:
    """How much likelier than any line each one is to end a stanza, by its punctuation and the next line's beginning."""
    return np.array([_sign(line, after) for line, after in zip(lines, [*lines[1:], ""], strict=False)])


def capitals_begin(line: str) -> bool:
    """Whether the first word is printed in capitals, as that of a poem often is."""
    return bool(CAPITALS.match(line.lstrip(OPENING + QUOTES)))


def begins_with_conjunction(line: str) -> bool:
    """Whether the line continues what the one before it says."""
    return bool(CONJUNCTION.match(line.lstrip(OPENING + QUOTES)))


def ends_sentence(line: str) -> bool:
    """Whether a full stop, an exclamation mark or a question mark ends the line."""
    return line.rstrip().rstrip(CLOSING).endswith((".", "!", "?"))


def _sign(line: str, after: str) -> float:
    line = line.rstrip()
    mark = line.rstrip(CLOSING)[-1:]
    begins = after.lstrip(OPENING)
    return (
        END_MARKS.get(mark, NO_MARK)
        + QUOTATION_ENDS * line.endswith(tuple(CLOSING))
        + QUOTATION_BEGINS * begins.startswith(tuple(QUOTES))
        + SMALL_LETTER_BEGINS * begins.lstrip(QUOTES)[:1].islower()
        + CAPITALS_BEGIN * capitals_begin(after)
        + CAPITALS_HERE * capitals_begin(line)
        + CONJUNCTION_BEGINS * begins_with_conjunction(after)
    )
