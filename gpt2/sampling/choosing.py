"""The choice of the next token of each row: a function of its logits, the seed, the sample's number and the position.

In whole numbers, whose sums do not depend on the order of summation: no filtered token slips in by rounding, and the
engines choose the same where their logits are the same.
"""

from collections.abc import Sequence

import numpy as np

from gpt2.random_numbers import key_of, threefry
from gpt2.sampling.filters import Filters, kept
from system.errors import UserError

WEIGHT_BITS, RANDOM_BITS = 40, 23  # Sums of 2**16 weights stay below 2**56, times random bits split in two below 2**63.

Rows = np.ndarray | list[np.ndarray]
Integers = np.ndarray | Sequence[int]


def check_finite(logits: np.ndarray) -> None:
    """Raises a UserError for logits that are NaN or infinite."""
    if not np.isfinite(logits).all():
        raise UserError(
            "the model's logits are NaN or infinite, so its weights have diverged; take an earlier save: --restore_from"
        )


def choose(logits: Rows, filters: Filters, seed: int, numbers: Integers, positions: Integers) -> np.ndarray:
    """An id for each row of logits float32 [rows, n_vocab]: int64 [rows].

    Args:
      numbers, positions: the number of the sample in each row, and the position of the next token in it [rows].
    """
    if filters.temperature == 0:
        return np.array([row.argmax() for row in logits])
    bits = random_bits(seed, numbers, positions)
    return np.array([draw(*kept(row, filters), int(bit)) for row, bit in zip(logits, bits, strict=True)])


def random_bits(seed: int, numbers: Integers, positions: Integers) -> np.ndarray:
    """RANDOM_BITS random bits for each sample and position, uint32 [rows]."""
    counter = [np.asarray(words).astype(np.uint32) for words in (numbers, positions)]
    with np.errstate(over="ignore"):
        return threefry(key_of(seed), counter)[0] >> np.uint32(32 - RANDOM_BITS)


def draw(ids: np.ndarray, logits: np.ndarray, bits: int) -> int:
    """The id at which the sum of the weights passes the share bits / 2**RANDOM_BITS; the greatest logit is 0."""
    sums = np.cumsum((np.exp(logits) * np.float32(2**WEIGHT_BITS)).astype(np.int64))
    threshold = int(sums[-1]) * bits >> RANDOM_BITS
    return int(ids[np.searchsorted(sums, threshold, side="right")])


def log_probability(logits: np.ndarray, id: int) -> float:
    """The log-probability of an id under the logits [n_vocab], unfiltered."""
    weights = logits - logits.max()
    logprob = weights[id]
    return float(logprob - np.log(np.exp(weights, out=weights).sum()))
