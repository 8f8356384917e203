"""The choice in a graph is that of NumPy, for every filter, seed and position."""

import numpy as np
import pytest
import tensorflow as tf

from gpt2.sampling import choosing, in_graph
from gpt2.sampling.filters import Filters

FILTERS = [
    Filters(),
    Filters(top_k=0),
    Filters(top_k=1),
    Filters(top_k=10_000),
    Filters(temperature=0.0),
    Filters(temperature=0.3, top_k=5),
    Filters(temperature=1e-25),
    Filters(temperature=50.0, top_k=0),
    *(Filters(top_p=p) for p in (1e-6, 0.5, 0.9, 0.999, 1.0)),
    Filters(temperature=0.7, top_p=0.9),
]


def logits_of(rows, n_vocab=1000):
    """Rows of which some have equal logits, and ids that were banned."""
    logits = np.random.default_rng(1).normal(0, 4, [rows, n_vocab]).astype(np.float32)
    logits[1::3] = np.round(logits[1::3])
    logits[2::3, ::7] = -np.inf
    return logits


@pytest.mark.parametrize("filters", FILTERS)
def test_the_choice_is_that_of_numpy(filters):
    rows = 200
    logits, numbers, positions = logits_of(rows), np.arange(1, rows + 1), np.arange(rows) * 7 % 1024
    for seed in (0, 7, 2**40 + 3, -1):
        expected = choosing.choose(list(logits), filters, seed, numbers, positions)
        settings = map(tf.constant, (filters.temperature, filters.top_k, filters.top_p))
        how = in_graph.Draw(tf.constant(seed, tf.int64), *settings)
        chosen = in_graph.choose(tf.constant(logits), how, tf.constant(numbers), tf.constant(positions))
        assert chosen.numpy().tolist() == expected.tolist()


def test_the_random_bits_are_those_of_numpy():
    numbers, positions = np.array([1, 2, 2**31 - 1]), np.array([0, 1023, 2**20])
    for seed in (0, 1, 2**32, 2**63 - 1, -5):
        bits = in_graph.random_bits(tf.constant(seed, tf.int64), tf.constant(numbers), tf.constant(positions))
        assert bits.numpy().tolist() == choosing.random_bits(seed, numbers, positions).tolist()
