"""The end of a word that rhymes: its phones from the last stressed vowel on, and the letters that write them."""

import functools
import re

from poetics.sounds.dictionary import Phones, is_vowel
from poetics.sounds.pronunciation import UNKNOWN, pronounce

# The dictionary writes one vowel before R in several ways: dear IH R or IY R, fire AY ER or AY R, four AO R or OW R.
BEFORE_R = {"IY": "IH", "OW": "AO", "UW": "UH", "EY": "EH"}


# What the vowel of a weak last syllable becomes when verse gives it a beat: by its letter, and by its letter before a
# single consonant and a silent e. The ment of instrument rhymes with went, the ate of temperate with late.
IN_FULL = {"a": "AE", "e": "EH", "i": "IH", "o": "AA", "u": "AH", "y": "IH"}
IN_FULL_BEFORE_E = {"a": "EY", "e": "IY", "i": "AY", "o": "OW", "u": "UW", "y": "AY"}
WEAK = frozenset(("AH", "IH"))


@functools.lru_cache(1 << 18)
def tails(word: str) -> tuple[Phones, ...]:
    """The ends by which a word may rhyme, without stresses.

    From its last stressed vowel on; and from its last vowel on, where that is two or more syllables further: majesty
    rhymes with be.
    """
    found: dict[Phones, None] = {}
    for phones in _in_full(word):
        vowels = [i for i, phone in enumerate(phones) if is_vowel(phone)]
        for stresses in ("12", "1"):
            stressed = [n for n, i in enumerate(vowels) if phones[i][-1] in stresses] or [len(vowels) - 1]
            tail = _even(phones[vowels[stressed[-1]] :])
            if UNKNOWN not in tail:
                found[tail] = None
        if len(vowels) - stressed[-1] >= 3 or UNKNOWN in tail:
            found[_even(phones[vowels[-1] :])] = None
    return tuple(found)


@functools.lru_cache(1 << 18)
def weak_tails(word: str) -> tuple[Phones, ...]:
    """The ends from an unstressed last vowel on, and the same with the vowel that its letters have in full."""
    found: dict[Phones, None] = {}
    for phones in _in_full(word):
        vowels = [i for i, phone in enumerate(phones) if is_vowel(phone)]
        if len(vowels) < 2 or phones[vowels[-1]][-1] != "0":
            continue
        end = _even(phones[vowels[-1] :])
        promoted = len(vowels) > 2 and phones[vowels[-2]][-1] == "0"
        if promoted or end in (("IY",), ("ER", "R"), ("UW",)):
            found[end] = None
            if end[0] in WEAK and (vowel := _letters_in_full(tail_letters(word))):
                found[(vowel, *end[1:])] = None
    return tuple(found)


def _letters_in_full(letters: str) -> str:
    if re.fullmatch(r"[aeiouy][^aeiouy]e", letters):
        return IN_FULL_BEFORE_E[letters[0]]
    return IN_FULL.get(letters[:1], "")


def _in_full(word: str) -> list[Phones]:
    """The pronunciations that have a syllable, without weak forms where there are others: them, not 'em."""
    said = [phones for phones in pronounce(word).said if any(map(is_vowel, phones))]
    stressed = [phones for phones in said if any(phone[-1] in "12" for phone in phones)]
    return stressed or said


@functools.lru_cache(1 << 18)
def tail_letters(word: str) -> str:
    """The letters from which the last sounded vowel is written on: ove of love, ear of dear, ied of cried."""
    letters = re.sub(r"[^a-z']", "", word).replace("'d", "d")
    letters = re.sub(r"(?<=[gq])u(?=[aeiouy])|(?<=g)ue$|y(?=[aeiou])", "", letters)
    found = re.search(r"[aeiouy]+[^aeiouy]*(?:e[sd]?)?$", letters)
    return found.group() if found else letters


def _even(phones: Phones) -> Phones:
    """Phones without stress, each vowel before R written in one way."""
    even: list[str] = []
    for phone in phones:
        bare = phone.rstrip("012")
        if even and phone in ("AH0", "IH0"):
            bare = "AH"  # the dictionary's last vowels of roses and of basis
        if bare == "ER" and phone[-1] == "0" and even and even[-1] in ("AY", "AW"):
            bare = "R"
        if bare == "R" and even:
            even[-1] = BEFORE_R.get(even[-1], even[-1])
        even.append(bare)
        if bare == "ER":
            even.append("R")
    return tuple(even)
