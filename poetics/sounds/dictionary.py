"""The words that verse uses: how the CMU dictionary says they sound, and how often they come in 3 million lines.

data/words.txt.xz has a line a word: the word, the base-2 logarithm of its count in the Gutenberg Poetry Corpus
(rounded), and its pronunciations in the dictionary; `make_data.py` writes it. data/old_words.txt adds what verse has
and the dictionary lacks. The dictionary is Carnegie Mellon University's: data/CMUDICT_LICENSE.
"""

import functools
import lzma
import os
from typing import NamedTuple

DATA = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "data")

Phones = tuple[str, ...]  # ARPAbet; a vowel ends in its stress: 1 main, 2 second, 0 none


LONGEST_END = 6  # letters


class Dictionary(NamedTuple):
    """What is known of words, in lower case.

    Attributes:
      said: the pronunciations of a word, phones apart by spaces, likeliest first, apart by "|".
      levels: the base-2 logarithm of a word's count in the corpus, rounded; not of words that come fewer than 5 times.
    """

    said: dict[str, str]
    levels: dict[str, int]


@functools.cache
def load() -> Dictionary:
    """Reads the files of the package, once."""
    said, levels = {}, {}
    with lzma.open(os.path.join(DATA, "words.txt.xz"), "rt", encoding="utf-8") as file:
        for line in file.read().split("\n"):
            word, level, phones = line.split("\t")
            if phones:
                said[word] = phones
            if level:
                levels[word] = int(level)
    for word, phones in old_words():
        known = said.get(word)
        said[word] = f"{known}|{phones}" if known else phones
    return Dictionary(said, levels)


def old_words() -> list[tuple[str, str]]:
    """Words of older verse with their phones; a word with two pronunciations comes twice."""
    with open(os.path.join(DATA, "old_words.txt"), encoding="utf-8") as file:
        lines = [line.strip() for line in file if not line.startswith("#")]
    return [(word, phones) for word, _, phones in (line.partition(" ") for line in lines)]


def known(word: str) -> tuple[Phones, ...]:
    """The pronunciations of a word by the dictionary alone; none where it lacks the word."""
    said = load().said.get(word)
    return tuple(tuple(phones.split()) for phones in said.split("|")) if said else ()


def level(word: str) -> int | None:
    """The base-2 logarithm of a word's count in 3 million lines of verse; None where it hardly comes."""
    return load().levels.get(word)


def usual_end(word: str, in_more_syllables: bool) -> Phones:
    """The phones in which most words end that end in the same letters, the longest such end of the word.

    data/ends.txt.xz has a line an end: its letters, and its phones in words of one syllable and of more; `make_data.py`
    writes it.
    """
    for length in range(min(LONGEST_END, len(word)), 0, -1):
        if found := _usual_ends().get(word[-length:]):
            return found[in_more_syllables] or found[not in_more_syllables]
    return ()


def is_vowel(phone: str) -> bool:
    """Whether a phone makes a syllable."""
    return phone[-1] in "012"


def count_vowels(phones: Phones) -> int:
    """How many syllables a pronunciation has."""
    return sum(map(is_vowel, phones))


@functools.cache
def _usual_ends() -> dict[str, tuple[Phones, Phones]]:
    with lzma.open(os.path.join(DATA, "ends.txt.xz"), "rt", encoding="utf-8") as file:
        rows = [line.rstrip("\n").split("\t") for line in file]
    return {letters: (tuple(one.split()), tuple(more.split())) for letters, one, more in rows}
