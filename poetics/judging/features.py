"""What a text is like in a dozen numbers, which keep a machine's verse and real verse apart."""

from collections.abc import Sequence

import numpy as np

from poetics.judging import diversity
from poetics.metre import metre_bits, stress
from poetics.rhyme import schemes
from poetics.rhyme.grades import Grade
from poetics.sounds import dictionary
from poetics.sounds.words import last_words, words

NAMES = (
    "rhyme",
    "perfect rhyme",
    "bits of metre",
    "spread of bits of metre",
    "regular lines",
    "syllables a line",
    "spread of syllables",
    "known words",
    "distinct words",
    "frequency of words",
    "different first words",
    "lines that end in punctuation",
    "commas and the like a line",
)
UNKNOWN_LEVEL = 1.0  # below that of any word of the dictionary of verse: 2 of 3 million lines have it
MARKS = ".,;:!?-"


def features(lines: Sequence[str]) -> np.ndarray:
    """The numbers of NAMES for one text: float64 [13]; of use from about 4 lines on."""
    ends = last_words(list(lines))
    found = [words(line) for line in lines]
    all_words = [word for line in found for word in line] or [""]
    lengths = [stress.count_syllables(line) for line in lines]
    bits = metre_bits.bits(lines)
    bits = bits[~np.isnan(bits)] if not np.isnan(bits).all() else np.zeros(1)
    levels = [dictionary.level(word) or UNKNOWN_LEVEL for word in all_words]
    firsts = [line[0] for line in found if line]
    return np.array(
        [
            schemes.rhyme_rate(ends),
            schemes.rhyme_rate(ends, least=Grade.PERFECT),
            bits.mean(),
            bits.std(),
            regularity(lengths),
            np.mean(lengths),
            np.std(lengths),
            np.mean([diversity.is_known(word) for word in all_words]),
            len(set(all_words)) / len(all_words),
            np.mean(levels),
            len(set(firsts)) / max(len(firsts), 1),
            np.mean([line.rstrip(" \"'”’)")[-1:] in MARKS for line in lines]),  # noqa: RUF001
            np.mean([sum(line.count(mark) for mark in MARKS) for line in lines]),
        ]
    )


def regularity(lengths: Sequence[int]) -> float:
    """The share of lines with as many syllables as one of the two before, from the second line on."""
    alike = [lengths[i] in lengths[max(0, i - 2) : i] for i in range(1, len(lengths))]
    return sum(alike) / max(len(alike), 1)
