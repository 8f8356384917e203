"""Which words rhyme: perfectly, as older poets print rhymes (love with prove, eternity with die), or being the same."""

import enum
import functools

from poetics.rhyme import customs
from poetics.sounds.tails import tails, weak_tails

CUSTOM = 1.5  # two ends that poets print near each other that much more often than by chance are taken for a rhyme


class Grade(enum.IntEnum):
    """How two words rhyme."""

    NONE = 0
    SAME = 1  # the same word
    CUSTOMARY = 2  # near vowels before the same consonants, as poets print them
    PERFECT = 3  # the same phones from the last stressed vowel on


@functools.lru_cache(1 << 19)
def grade(word: str, other: str) -> Grade:
    """How two words in lower case rhyme."""
    if word == other:
        return Grade.SAME
    ends, other_ends = tails(word), tails(other)
    if not set(ends).isdisjoint(other_ends):
        return Grade.PERFECT
    spelling = customs.compare_letters(word, other)
    if any(customs.times_chance(end, other_end, spelling) >= CUSTOM for end in ends for other_end in other_ends):
        return Grade.CUSTOMARY
    if _promoted(word, other) or _promoted(other, word):
        return Grade.CUSTOMARY
    return Grade.NONE


def _promoted(word: str, other: str) -> bool:
    """Whether a word rhymes by its last syllable, which bears no stress: eternity/die, beauty/thee, wander/her."""
    weak, ends = weak_tails(word), tails(other)
    return not set(weak).isdisjoint(ends) or (("IY",) in weak and ("AY",) in ends)
