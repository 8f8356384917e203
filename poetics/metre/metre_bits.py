"""How metrical a line is, in bits: how much likelier verse makes its pattern of syllables than the same words shuffled.

No metre is named. For each number of syllables there is a mixture of tables, learnt from verse, of how heavy the
syllable at each place is; against them stands one table learnt from the same words in any order. The bits of a line
are the base-2 logarithm of their likelihood ratio: above 0 is verse, prose is below. data/metre.npz has the tables;
`learn_metre.py` writes it.
"""

import functools
import os
import random
from collections.abc import Sequence

import numpy as np

from poetics.metre import stress
from poetics.sounds.dictionary import DATA
from poetics.sounds.words import words

LENGTHS = range(4, 17)  # syllables; shorter and longer lines have no bits


def bits(lines: Sequence[str]) -> np.ndarray:
    """The bits of metre of each line, said in the way that is best for it.

    Returns:
      float64 [n_lines]; NaN where a line has fewer syllables than 4 or more than 16.
    """
    return bits_of_ways([stress.line_ways(line) for line in lines])


def shuffled_bits(lines: Sequence[str], seed: int = 1) -> np.ndarray:
    """The same for the same words in any order, cut to the same numbers of syllables as near as may be."""
    return bits_of_ways([(way,) for way in shuffled_ways(lines, seed)])


def mean_bits(lines: Sequence[str]) -> float:
    """The mean bits of metre a line; a line too short or too long for the tables is neither good nor bad, and has 0."""
    return float(np.nan_to_num(bits(lines)).mean())


def bits_of_ways(ways_of_lines: Sequence[tuple[str, ...]]) -> np.ndarray:
    """The bits of lines of which the ways to say them are given, as `stress.line_ways` does."""
    best = np.full(len(ways_of_lines), -np.inf)
    rows = [(i, way) for i, ways in enumerate(ways_of_lines) for way in ways]
    for length in LENGTHS:
        some = [(i, way) for i, way in rows if len(way) == length]
        if some:
            table, shares = _tables()[length]
            codes = encode([way for _, way in some])
            ratios = table[:, np.arange(length), codes].sum(-1).T + shares  # [lines, components]
            np.maximum.at(best, [i for i, _ in some], np.logaddexp2.reduce(ratios, axis=-1))
    return np.where(np.isfinite(best), best, np.nan)


def shuffled_ways(lines: Sequence[str], seed: int) -> list[str]:
    """The syllables of the same words in any order, in lines of the same numbers of syllables as near as may be."""
    bag = [stress.word_ways(word)[0] for line in lines for word in words(line)]
    random.Random(seed).shuffle(bag)
    wanted = (length for length in map(stress.count_syllables, lines) if length)
    found, line, length = [], "", next(wanted, 0)
    for way in bag:
        line += way
        if len(line) >= length:
            found.append(line)
            line, length = "", next(wanted, length)
    return found


def encode(ways: Sequence[str]) -> np.ndarray:
    """The numbers of syllables that are equally many in each line: int [n_lines, n_syllables]."""
    return np.array([[stress.SYLLABLES.index(letter) for letter in way] for way in ways])


def path() -> str:
    """Where the tables are."""
    return os.path.join(DATA, "metre.npz")


@functools.cache
def _tables() -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """By number of syllables: a table [components, syllables, kinds of syllable], and shares [components].

    A table has the base-2 logarithm of how much likelier a kind of syllable is at a place than in shuffled words; the
    shares are the base-2 logarithms of those of the components.
    """
    with np.load(path()) as file:
        return {n: (file[f"table_{n}"].astype(np.float64), file[f"share_{n}"].astype(np.float64)) for n in LENGTHS}
