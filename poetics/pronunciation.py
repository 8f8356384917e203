"""How any word of verse sounds: by the dictionary, by its ending or older spelling, as a compound, or by analogy."""

import collections
import functools
import re
from typing import Literal, NamedTuple

from poetics import dictionary, spelling
from poetics.dictionary import Phones
from poetics.words import without_accents

Source = Literal["dictionary", "rule", "compound", "analogy", ""]
UNKNOWN = "?"  # a phone of which nothing is known
COMMON = 6  # the level (base-2 logarithm of the count) of words that may be half of a compound
DEPTH = 2  # so many endings and beginnings may be taken off one word

Said = tuple[Phones, ...]


class Sound(NamedTuple):
    """How a word sounds.

    Attributes:
      said: its pronunciations, likeliest first; none where it has no letters.
      source: where they come from; by "analogy" only the last syllables are known, the phones before are "?".
    """

    said: Said
    source: Source


@functools.lru_cache(1 << 18)
def pronounce(word: str) -> Sound:
    """The pronunciations of a word in lower case, as `words.words` gives it."""
    said = dictionary.known(word)
    if said:
        return Sound(said, "dictionary")
    bare = word.strip("'")
    if not bare:
        return Sound((), "")
    if bare != word and not word.endswith("s'") and (said := dictionary.known(bare)):
        return Sound(said, "rule")
    if "-" in word:
        return _of_parts([part for part in word.split("-") if part.strip("'")])
    if said := _by_rules(spelling.modern(word)) or _by_rules(word):
        return Sound(said, "rule")
    if said := _compound(bare):
        return Sound(said, "compound")
    plain = without_accents(word)
    if plain != word:
        return pronounce(plain)
    said = _by_analogy(re.sub(r"[^a-z]", "", word))
    return Sound(said, "analogy" if said else "")


def is_vowel(phone: str) -> bool:
    """Whether a phone makes a syllable."""
    return phone[-1] in "012"


def count_vowels(phones: Phones) -> int:
    """How many syllables a pronunciation has."""
    return sum(map(is_vowel, phones))


def _of_parts(parts: list[str]) -> Sound:
    """A word written with hyphens: its parts in the first pronunciation, the last one in all of its own."""
    sounds = [pronounce(part) for part in parts]
    if not parts or not all(sound.said for sound in sounds):
        return Sound((), "")
    head = tuple(phone for sound in sounds[:-1] for phone in sound.said[0])
    by_analogy = any(sound.source == "analogy" for sound in sounds)
    return Sound(tuple((*head, *last) for last in sounds[-1].said), "analogy" if by_analogy else "compound")


def _by_rules(word: str) -> Said:
    """By an ending, a beginning, or another spelling."""
    if word.endswith(("èd", "éd")):  # always a syllable of its own
        stem = without_accents(word[:-2])
        return tuple((*phones, "IH0", "D") for phones in _stem(stem) or _by_rules(stem))
    said = dictionary.known(word) or _by_ending(word) or _by_beginning(word)
    for other in spelling.respelt(word):
        said = said or dictionary.known(other) or _by_ending(other)
    return said


def _stem(cut: str) -> Said:
    for stem in spelling.stems(cut):
        if len(stem) > 1 and (said := dictionary.known(stem)):
            return said
    return ()


def _by_ending(word: str, depth: int = 0) -> Said:
    for ending, added in spelling.ENDINGS:
        if not word.endswith(ending) or len(word) <= len(ending) + 1:
            continue
        cut = word[: -len(ending)]
        said = _stem(cut) or (pronounce(cut).said if ending.startswith("'") else ())
        if not said and depth < DEPTH and len(cut) > 3:
            said = _by_ending(cut, depth + 1) or _by_beginning(cut, depth + 1)
        if said:
            ways = added.split("|")
            return tuple(dict.fromkeys(spelling.with_ending(phones, way) for way in ways for phones in said if phones))
    return ()


def _by_beginning(word: str, depth: int = 0) -> Said:
    for beginning, phones in spelling.BEGINNINGS:
        rest = word[len(beginning) :]
        if not word.startswith(beginning) or len(rest) < 3:
            continue
        said = dictionary.known(rest) or (_by_ending(rest, depth + 1) if depth < DEPTH - 1 else ())
        if any(phone[-1] in "12" for said_so in said for phone in said_so):
            return tuple((*phones.split(), *said_so) for said_so in said)
    return ()


def _compound(word: str) -> Said:
    """Two common words in one, cut where the shorter half is longest: moonlight, eventide."""
    cuts = [cut for cut in range(3, len(word) - 2) if _is_common(word[:cut]) and _is_common(word[cut:])]
    for cut in sorted(cuts, key=lambda cut: -min(cut, len(word) - cut)):
        first, second = dictionary.known(word[:cut]), dictionary.known(word[cut:])
        weaker = tuple(tuple(phone.replace("1", "2") for phone in phones) for phones in second)
        return tuple((*first[0], *phones) for phones in weaker)
    return ()


def _is_common(word: str) -> bool:
    level = dictionary.level(word)
    return level is not None and level >= COMMON and any(map(count_vowels, dictionary.known(word)))


def _by_analogy(word: str) -> Said:
    """The last syllables as in most words of the dictionary that end in the same letters."""
    syllables = spelling.count_syllables(word)
    for length in range(min(6, len(word)), 0, -1):
        counts = _endings().get(word[-length:])
        if not counts or (sum(counts.values()) < 2 and length == 4):
            continue
        alike = {tail: count for (many, tail), count in counts.items() if many == (syllables > 1)}
        tail = max((alike or {tail: count for (_, tail), count in counts.items()}).items(), key=lambda item: item[1])[0]
        missing = max(syllables - count_vowels(tail), 0)
        head = [UNKNOWN, "AH0"] * missing
        if missing and not any(phone[-1] in "12" for phone in tail):
            head[-1] = "AH1"
        return ((*head, UNKNOWN, *tail),)
    return ()


@functools.cache
def _endings() -> dict[str, collections.Counter[tuple[bool, Phones]]]:
    """For the last letters of the dictionary's words: the phones they end in, and whether the word has more syllables.

    The phones are those from the last vowel on that the letters hold, or from the one before, where the letters hold
    that too and the last vowel bears no stress.
    """
    table: dict[str, collections.Counter[tuple[bool, Phones]]] = collections.defaultdict(collections.Counter)
    for word in dictionary.load().said:
        phones = dictionary.known(word)[0]
        vowels = [i for i, phone in enumerate(phones) if is_vowel(phone)]
        if not word.isalpha() or len(word) < 3 or not vowels:
            continue
        places = spelling.vowel_groups(word)
        if len(places) > len(vowels) and word.endswith(("e", "es", "ed")):
            places.pop()  # silent
        many = len(vowels) > 1
        weak = many and phones[vowels[-1]][-1] == "0"
        last, before = (places[-1:] or [0])[0], (places[-2:-1] or [0])[0]
        for length in range(len(word) - last, min(6, len(word)) + 1):
            with_one_before = weak and length >= len(word) - before
            table[word[-length:]][many, phones[vowels[-2 if with_one_before else -1] :]] += 1
    return table
