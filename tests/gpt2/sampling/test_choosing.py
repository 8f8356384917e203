"""A token is drawn as its probability says, and is a function of seed, number and position."""

import numpy as np
import pytest

from gpt2.random_numbers import key_of, threefry
from gpt2.sampling.choosing import RANDOM_BITS, WEIGHT_BITS, check_finite, choose, draw, log_probability
from gpt2.sampling.filters import Filters


def chosen_plainly(logits, number, position, seed, temperature, top_k):
    """The same choice with a sort, over the whole vocabulary."""
    logits = (logits - logits.max()) / np.float32(temperature)
    logits = np.where(logits < np.sort(logits)[-top_k], -np.inf, logits)
    weights = (np.exp(logits) * np.float32(2**40)).astype(np.int64)
    with np.errstate(over="ignore"):
        bits = threefry(key_of(seed), [np.array([word], np.uint32) for word in (number, position)])[0][0] >> 9
    threshold = int(weights.sum()) * int(bits) // 2**23
    return int((np.cumsum(weights) <= threshold).sum())


def test_a_token_is_the_one_that_a_plain_version_chooses():
    logits = np.random.default_rng(0).normal(size=[200, 1000]).astype(np.float32) * 3
    numbers = np.arange(1, 201)
    tokens = choose(logits, Filters(temperature=0.8, top_k=40), 11, numbers, np.full(200, 9))
    assert tokens.tolist() == [chosen_plainly(row, n, 9, 11, 0.8, 40) for row, n in zip(logits, numbers, strict=True)]


def test_tokens_are_drawn_as_often_as_their_probabilities_say():
    ids = np.array([1, 3, 4])
    logits = np.log(np.array([2 / 5, 1 / 5, 1], np.float32))
    drawn = [draw(ids, logits, bits) for bits in range(2**11, 2**RANDOM_BITS, 2**15)]
    assert [drawn.count(token) for token in range(6)] == [0, 64, 0, 32, 160, 0]


def test_no_token_without_weight_is_drawn_at_either_end():
    logits = np.array([-np.inf, 0, -np.inf], np.float32)
    for bits in (0, 2**RANDOM_BITS - 1):
        assert draw(np.arange(3), logits, bits) == 1


def test_sums_over_the_largest_vocabulary_stay_whole_numbers():
    logits = np.zeros(2**16, np.float32)
    assert draw(np.arange(2**16), logits, 2**RANDOM_BITS - 1) == 2**16 - 1
    assert 2**16 * 2**WEIGHT_BITS < 2**63


def test_temperature_0_takes_the_likeliest():
    logits = np.random.default_rng(1).normal(size=[5, 100]).astype(np.float32)
    assert choose(logits, Filters(temperature=0), 3, range(5), [7] * 5).tolist() == logits.argmax(axis=1).tolist()


@pytest.mark.parametrize("id", [0, 99])
def test_a_log_probability_is_that_of_the_whole_softmax(id):
    logits = np.random.default_rng(1).normal(size=100).astype(np.float32) * 4
    p = np.exp(logits.astype(np.float64))
    assert log_probability(logits, id) == pytest.approx(np.log(p[id] / p.sum()), abs=1e-5)


def test_logits_that_are_no_numbers_are_refused():
    check_finite(np.zeros(5, np.float32))
    with pytest.raises(ValueError, match="weights have diverged; take an earlier save"):
        check_finite(np.array([0, np.nan], np.float32))
