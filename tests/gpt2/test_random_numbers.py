"""One generator, bit for bit the same in NumPy, in a graph and compiled."""

import numpy as np
import pytest
import tensorflow as tf

from gpt2.random_numbers import key_of, threefry, uniform

# Known answers of Random123, kat_vectors: threefry2x32, 20 rounds: counter, key, result.
KNOWN = [
    ((0x00000000, 0x00000000), (0x00000000, 0x00000000), (0x6B200159, 0x99BA4EFE)),
    ((0xFFFFFFFF, 0xFFFFFFFF), (0xFFFFFFFF, 0xFFFFFFFF), (0x1CB996FC, 0xBB002BE7)),
    ((0x243F6A88, 0x85A308D3), (0x13198A2E, 0x03707344), (0xC4923A9C, 0x483DF7A0)),
]


def in_numpy(counter, key):
    with np.errstate(over="ignore"):
        return threefry([np.uint32(word) for word in key], [np.array([word], np.uint32) for word in counter])


def in_a_graph(counter, key, jit_compile=False):
    tensors = [[tf.constant([word], tf.uint32) for word in words] for words in (key, counter)]
    return tf.function(threefry, jit_compile=jit_compile)(*tensors)


def in_xla(counter, key):
    return in_a_graph(counter, key, jit_compile=True)


@pytest.mark.parametrize("way", [in_numpy, in_a_graph, in_xla])
@pytest.mark.parametrize(("counter", "key", "result"), KNOWN)
def test_the_published_known_answers_are_met(way, counter, key, result):
    assert tuple(int(word[0]) for word in way(counter, key)) == result


def test_uniform_numbers_fill_the_unit_interval_evenly():
    numbers = uniform(7, np.arange(100_000), 3)
    assert numbers.min() >= 0
    assert numbers.max() < 1
    # 1,000 a bin, deviation 31: six deviations.
    assert abs(np.histogram(numbers, bins=100, range=(0, 1))[0] - 1000).max() < 190


def test_seeds_and_counters_all_matter():
    drawn = [uniform(*words)[0] for words in ((1, 2, 3), (2, 2, 3), (1, 3, 3), (1, 2, 4), (1 + 2**32, 2, 3))]
    assert len(set(drawn)) == 5


def test_a_seed_of_any_size_or_sign_has_a_key():
    assert key_of(-1) == key_of(2**64 - 1) == (2**32 - 1, 2**32 - 1)
