"""Which ends poets print as rhymes though they are none to us: love/prove, dear/bear, wind/find.

data/customs.txt.xz holds what 3 million lines of verse show, whatever the books are; `learn_customs.py` writes it.
For two ends that differ it has how many times more often they stand within four lines of each other than a hundred
lines apart: 1 is chance. Where two ends are too rare, those of all ends with the same two vowels and equal consonants
stand in.
"""

import functools
import lzma
import os

from poetics.sounds.dictionary import DATA, Phones
from poetics.sounds.tails import tail_letters

# How the letters of two ends compare: from the last vowel on they are equal, or begin with one vowel, or differ.
DIFFERENT, BEGIN_ALIKE, EQUAL = 0, 1, 2
VOICED = {"Z": "S", "DH": "TH", "V": "F", "ZH": "SH"}
ANY = "*"  # stands for any consonants, the same in both ends
MANY_TIMES = 50.0  # more than this is not told apart

Ends = tuple[str, str, int]  # two ends in the order of the alphabet, phones apart by "-", and their letters


def times_chance(end: Phones, other: Phones, spelling: int) -> float:
    """How many times more often two ends are near each other than by chance, learnt from verse; 0 where unknown."""
    table = _table()
    ratio = table.get(key(end, other, spelling))
    if ratio is None and len(end) > 1 and consonants(end) == consonants(other):
        ratio = table.get(key((end[0], ANY), (other[0], ANY), spelling))
    return ratio or 0.0


def key(end: Phones, other: Phones, spelling: int) -> Ends:
    """What the table is looked up by."""
    first, second = sorted(("-".join(end), "-".join(other)))
    return first, second, spelling


def compare_letters(word: str, other: str) -> int:
    """How the letters of the ends of two words compare."""
    letters, other_letters = tail_letters(word), tail_letters(other)
    if letters == other_letters:
        return EQUAL
    return BEGIN_ALIKE if letters[:1] == other_letters[:1] else DIFFERENT


def consonants(end: Phones) -> Phones:
    """The phones of an end after its vowel, without the difference of s and z, f and v."""
    return tuple(VOICED.get(phone, phone) for phone in end[1:])


def path() -> str:
    """Where the table is."""
    return os.path.join(DATA, "customs.txt.xz")


@functools.cache
def _table() -> dict[Ends, float]:
    with lzma.open(path(), "rt", encoding="utf-8") as file:
        rows = [line.split() for line in file]
    return {(first, second, int(spelling)): float(ratio) for first, second, spelling, ratio in rows}
