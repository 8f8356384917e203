"""By what the best of several texts is chosen: likeness to real verse, rhyme or metre."""

import functools
import os
from collections.abc import Sequence
from typing import Literal

import numpy as np

from poetics.judging import features
from poetics.judging.likeness import Likeness
from poetics.judging.verse_files import lines_of
from poetics.metre import metre_bits
from poetics.rhyme import schemes
from poetics.sounds.dictionary import DATA
from poetics.sounds.words import last_words

Quality = Literal["likeness", "rhyme", "metre"]
LENGTHS = (4, 8, 14)  # lines; many features of a text depend on its length, so each length has its regression


def quality(text: str, by: Quality) -> float:
    """How good a text is, more being better; -inf for a text without a word.

    By likeness, the log-odds that the text is real verse; by rhyme, the share of lines that rhyme; by
    metre, the mean bits of metre a line.
    """
    lines = lines_of(text)
    if not lines:
        return -np.inf
    if by == "rhyme":
        return schemes.rhyme_rate(last_words(list(lines)))
    if by == "metre":
        return metre_bits.mean_bits(lines)
    return log_odds(lines)


def log_odds(lines: Sequence[str]) -> float:
    """The natural logarithm of how much likelier lines are real verse than a model's, the first 14 at most.

    No feature counts for more than in real verse (its mean and a standard deviation), so that nothing odd, as a text
    of rare words alone, is better than verse.
    """
    length = max((length for length in LENGTHS if length <= len(lines)), default=LENGTHS[0])
    fitted, ceiling = _fitted()[length]
    terms = fitted.terms(features.features(lines[: LENGTHS[-1]])[None])[0]
    return float(np.minimum(terms, ceiling).sum() + fitted.bias)


def path() -> str:
    """Where the regressions are; `poetics.learning.learn_likeness` writes them."""
    return os.path.join(DATA, "likeness.npz")


@functools.cache
def _fitted() -> dict[int, tuple[Likeness, np.ndarray]]:
    """For each length the regression, and the most that each of its terms may be."""
    with np.load(path()) as file:
        tables = {n: file[f"lines_{n}"] for n in LENGTHS}
    return {
        n: (Likeness(mean, spread, weights, float(bias[0])), ceiling)
        for n, (mean, spread, weights, bias, ceiling) in tables.items()
    }
