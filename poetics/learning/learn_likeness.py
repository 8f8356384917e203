"""Learns how a model's samples differ from real verse: python -m poetics.learning.learn_likeness SAMPLES

`poetics.judging.ranking` chooses among samples by it.
"""

import sys
from collections.abc import Sequence

import numpy as np

from poetics.judging import likeness, ranking, real_verse
from poetics.judging.features import features
from poetics.judging.verse_files import Text, read_texts


def learn(samples: Sequence[Text]) -> dict[str, np.ndarray]:
    """For each of some lengths a regression: means, spreads, weights, biases and highest terms, [5, n_features]."""
    arrays = {}
    for n_lines in ranking.LENGTHS:
        real = np.array([features(text) for text in real_verse.texts(n_lines)])
        cut = np.array([features(text[:n_lines]) for text in samples if len(text) >= n_lines])
        found = likeness.fit(real, cut)
        bias = np.full(len(found.weights), found.bias)
        terms = found.terms(real)
        ceiling = terms.mean(0) + terms.std(0)
        arrays[f"lines_{n_lines}"] = np.stack([found.mean, found.spread, found.weights, bias, ceiling])
    return arrays


if __name__ == "__main__":
    np.savez_compressed(ranking.path(), allow_pickle=False, **learn(read_texts(sys.argv[1])))
