"""How any word of verse sounds: by the dictionary, by its ending or older spelling, as a compound, or by analogy."""

import functools
import re
from typing import Literal, NamedTuple

from poetics.sounds import dictionary, spelling
from poetics.sounds.dictionary import Phones, count_vowels, is_vowel
from poetics.sounds.words import without_accents

Source = Literal["dictionary", "rule", "compound", "analogy", ""]
UNKNOWN = "?"  # a phone of which nothing is known
COMMON = 6  # the level (base-2 logarithm of the count) of words that may be half of a compound
DEPTH = 2  # endings and beginnings that may be taken off one word

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
    said = _guessed_stem(word) or _by_analogy(re.sub(r"[^a-z]", "", word))
    return Sound(said, "analogy" if said else "")


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
        said = _stem(cut) or (_longer_stem(cut, depth + 1) if depth < DEPTH and len(cut) > 3 else ())
        if said:
            ways = added.split("|")
            return tuple(dict.fromkeys(spelling.with_ending(phones, way) for way in ways for phones in said if phones))
    return ()


def _longer_stem(cut: str, depth: int) -> Said:
    """A stem that has an ending or a beginning itself: the unlov of unlov'd."""
    for stem in spelling.stems(cut):
        if said := _by_ending(stem, depth) or _by_beginning(stem, depth):
            return said
    return ()


def _guessed_stem(word: str) -> Said:
    """A stem by analogy, where an apostrophe shows where it ends: impleach'd."""
    stem, apostrophe, ending = word.rpartition("'")
    added = dict(spelling.ENDINGS).get(apostrophe + ending)
    return tuple(spelling.with_ending(phones, added) for phones in pronounce(stem).said) if stem and added else ()


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
    tail = dictionary.usual_end(word, syllables > 1)
    if not tail:
        return ()
    missing = max(syllables - count_vowels(tail), 0)
    phones = [*[UNKNOWN, "AH0"] * missing, UNKNOWN, *tail]
    if not any(phone[-1] in "12" for phone in tail):
        stressed = 2 * missing - 1 if missing else next(filter(lambda i: is_vowel(phones[i]), range(len(phones))))
        phones[stressed] = phones[stressed][:-1] + "1"
    return (tuple(phones),)
