"""Learns which ends of words poets rhyme: those that stand near each other more often than far apart.

It is given nothing about any book, neither its form nor its stanzas.
"""

import collections
import lzma
from collections.abc import Iterable, Iterator

import numpy as np

from poetics.rhyme import customs
from poetics.rhyme.customs import Ends
from poetics.sounds.dictionary import Phones
from poetics.sounds.tails import tails
from poetics.sounds.words import last_word

NEAR, FAR = (1, 2, 3, 4), (101, 102, 103, 104)  # lines apart
MOST_TIMES = 3  # two words count so often at most: a refrain and a poem printed twice tell nothing more
WEIGHT = 4  # a pair of ends is believed as much as the pair of its vowels once it was seen so often far apart
RAREST = 6  # two ends seen less often have no line of their own

Counts = dict[Ends, list[int]]  # how often ends were near, and far apart


def learn(lines: Iterable[str]) -> dict[Ends, float]:
    """The table of `customs`, out of the lines of a corpus."""
    numbers: dict[str, int] = {}
    ends = np.array([numbers.setdefault(last_word(line), len(numbers)) for line in lines])
    words = list(numbers)
    by_ends: Counts = collections.defaultdict(lambda: [0, 0])
    by_vowels: Counts = collections.defaultdict(lambda: [0, 0])
    main_tails = [(tails(word) or ((),))[0] for word in words]
    for is_far, distances in enumerate((NEAR, FAR)):
        for word, other, count in _pairs(ends, main_tails, distances):
            end, other_end = main_tails[word], main_tails[other]
            spelling = customs.compare_letters(words[word], words[other])
            by_ends[customs.key(end, other_end, spelling)][is_far] += count
            if len(end) > 1:
                by_vowels[customs.key((end[0], customs.ANY), (other_end[0], customs.ANY), spelling)][is_far] += count
    return _ratios(by_ends, by_vowels)


def write(table: dict[Ends, float]) -> None:
    """Writes the file that `customs` reads."""
    rows = (f"{first} {second} {spelling} {ratio:.2g}\n" for (first, second, spelling), ratio in sorted(table.items()))
    with lzma.open(customs.path(), "wt", encoding="utf-8", preset=9 | lzma.PRESET_EXTREME) as file:
        file.writelines(rows)


def _pairs(ends: np.ndarray, main_tails: list[Phones], distances: tuple[int, ...]) -> Iterator[tuple[int, int, int]]:
    """Words at the ends of lines so far apart, whose tails differ in the vowel or in voice alone, with their counts."""
    tail_numbers: dict[Phones, int] = {}
    consonant_numbers: dict[Phones, int] = {}
    of_tail = np.array([tail_numbers.setdefault(tail, len(tail_numbers)) for tail in main_tails])
    of_consonants = np.array(
        [consonant_numbers.setdefault(customs.consonants(tail), len(consonant_numbers)) for tail in main_tails]
    )
    silent = tail_numbers.get((), -1)
    keys = []
    for distance in distances:
        first, second = ends[:-distance], ends[distance:]
        alike = of_consonants[first] == of_consonants[second]
        alike &= of_tail[first] != of_tail[second]
        alike &= (of_tail[first] != silent) & (of_tail[second] != silent)
        first, second = first[alike], second[alike]
        keys.append(np.minimum(first, second) * len(main_tails) + np.maximum(first, second))
    found, counts = np.unique(np.concatenate(keys), return_counts=True)
    for pair, count in zip(found.tolist(), np.minimum(counts, MOST_TIMES).tolist(), strict=True):
        yield *divmod(pair, len(main_tails)), count


def _ratios(by_ends: Counts, by_vowels: Counts) -> dict[Ends, float]:
    """How many times chance the ends are near each other, drawn towards what their vowels show."""
    table = {vowels: min((near + 1) / (far + 1), customs.MANY_TIMES) for vowels, (near, far) in by_vowels.items()}
    for (first, second, spelling), (near, far) in by_ends.items():
        vowels = ((first.split("-")[0], customs.ANY), (second.split("-")[0], customs.ANY))
        of_vowels = table.get(customs.key(*vowels, spelling), 1.0)
        if near + far >= RAREST:
            ratio = (near + WEIGHT * of_vowels) / (far + WEIGHT)
            table[first, second, spelling] = min(ratio, customs.MANY_TIMES)
    return table
