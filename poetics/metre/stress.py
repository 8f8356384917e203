"""How heavy the syllables of a line are: a letter a syllable, in every way in which its words may be said.

S bears a word's main stress, s a second one, w stands weak beside a stress, p is weak and free to be promoted. The
syllable of a word of one syllable is a digit: in how many tenths of its places in verse it bears a beat, 0 for the and
9 for joy, as data/monosyllables.txt has it (`learn_metre.py` writes it).
"""

import functools
import os
import re
from collections.abc import Sequence

from poetics.sounds.dictionary import DATA, Phones, is_vowel
from poetics.sounds.pronunciation import pronounce
from poetics.sounds.words import words

SYLLABLES = "Sswp0123456789"  # all the letters
HEAVY = "8"  # a word of one syllable that the list lacks
MOST_WAYS = 12  # ways to say a line that are compared

# Two syllables that verse may say as one, at the end of a longer word: victorious, heavenly, wandering.
GLIDES = re.compile(
    r"(?:[ieu]ous|ia[nl]|i?an[ct]e?|ien[ct]e?|ie[rst]+|ion|ual|er(?:y|ies|ing|ous|er|est|al|or|ate)|or(?:y|ies)|en(?:ing|ed"
    r"|ess|ly)|ury)$"
)
# And words of two syllables that it may say in one.
CLIPPED = re.compile(
    r"(?:heaven|spirit|power|flower|hour|tower|bower|shower|prayer|devil)s?|even|seven|given|driven|being|seeing|n?ever"
    r"|over|eleven|fallen|stolen|swollen|taken|evil|riven|woven|forgiven|iron|fire|quiet|towards?|(?:dy|ly|fly|cry|go|do)ing"
)


@functools.lru_cache(1 << 16)
def line_ways(line: str) -> tuple[str, ...]:
    """The ways to say a line, likeliest first: a letter a syllable."""
    return joined_ways([word_ways(word) for word in words(line)])


def joined_ways(ways_of_words: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """The ways to say several words, one after the other, the likeliest first."""
    ways = [""]
    for of_word in ways_of_words:
        ways = [way + more for more in of_word for way in ways][:MOST_WAYS]
    return tuple(dict.fromkeys(ways))


def count_syllables(line: str) -> int:
    """How many syllables a line has, said in the likeliest way."""
    return len(line_ways(line)[0])


@functools.lru_cache(1 << 17)
def word_ways(word: str) -> tuple[str, ...]:
    """The ways to say a word, likeliest first."""
    said = pronounce(word).said[:4]
    ways = [_letters(word, phones) for phones in said] or [HEAVY]
    shorter = [way[:-1] for way in ways if len(way) > 2 and way[-2:] in ("ww", "wp") and GLIDES.search(word)]
    if CLIPPED.fullmatch(word) and "Sw" in ways:
        shorter.append(HEAVY)
    return tuple(dict.fromkeys(ways + shorter))


def _letters(word: str, phones: Phones) -> str:
    stresses = [phone[-1] for phone in phones if is_vowel(phone)]
    if len(stresses) == 1:
        return weight(word)
    return letters_of("".join(stresses))


def letters_of(stresses: str) -> str:
    """The syllables of a word of several: 1 for the main stress, 2 for a second one, 0 for none."""
    letters = {"1": "S", "2": "s", "0": "p"}
    beside = {i + step for i, stress in enumerate(stresses) if stress == "1" for step in (-1, 1)}
    return "".join("w" if stress == "0" and i in beside else letters[stress] for i, stress in enumerate(stresses))


def weight(word: str) -> str:
    """How often a word of one syllable bears a beat in verse, from 0 to 9."""
    return _weights().get(word) or _weights().get(word.strip("'"), HEAVY)


@functools.cache
def _weights() -> dict[str, str]:
    with open(os.path.join(DATA, "monosyllables.txt"), encoding="utf-8") as file:
        return {word: digit for digit, *some in (line.split() for line in file if line[0] != "#") for word in some}
