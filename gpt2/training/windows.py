"""Which tokens each step trains on: every one once an epoch, in an order that is a function of seed and step.

The epochs, one after the other, are one endless text, in each of them the documents in an order of its own. Windows cut
it every `seq` tokens, so that each token is predicted once an epoch. Where the rest of a window would just hold a
document, that one comes next, so that the next window begins where a poem does. The windows of an epoch are shuffled.
"""

import functools
import math

import numpy as np

from encoder.dataset.reader import Tokens
from gpt2.random_numbers import integers, uniform

# What random numbers are for: the upper half of the seed's 64 bits, so that none are used twice.
DOCUMENTS, WINDOWS, NOISE, NOISE_IDS = (purpose << 32 for purpose in range(1, 5))


def make_read(flags, tokens: Tokens, seq: int, n_vocab: int):
    """A function (rows, first) of the windows of some rows of the batch, int32 [steps, n, rows, seq + 1].

    first is how many windows were used before; steps is --steps_per_call, and n --accumulate_gradients. With --noise
    the windows are as of `with_noise`.
    """
    batch = np.arange(flags.accumulate_gradients * flags.batch_size).reshape(flags.accumulate_gradients, -1)

    def read_step(chosen, used):
        ids = training_batch(tokens, batch.size, seq, used, flags.seed, chosen.ravel())
        ids = ids.reshape([*chosen.shape, seq + 1])
        return with_noise(ids, flags.noise, n_vocab, used, flags.seed, chosen) if flags.noise else ids

    def read(rows, first):
        steps = range(flags.steps_per_call)
        return np.stack([read_step(batch[:, rows], first + step * batch.size) for step in steps])

    return read


def training_batch(tokens: Tokens, batch: int, seq: int, first: int, seed: int, rows=None) -> np.ndarray:
    """The windows of one training step, by the seed and by how many windows came before.

    Args:
      batch: how many windows the step has.
      seq: tokens to predict in each window.
      first: how many windows the steps before it have used.
      rows: which of the windows are wanted, numbers below batch; by default all of them.
    Returns:
      int32 [batch or len(rows), seq + 1]: [:, :-1] goes in, [:, 1:] is to be predicted.
    """
    numbers = [first + int(row) for row in (range(batch) if rows is None else rows)]
    starts = [shuffled(len(tokens), seq, number, seed) * seq for number in numbers]
    return np.stack([read(tokens, seq, seed, start - 1, seq + 1) for start in starts])


def with_noise(batches: np.ndarray, noise: float, n_vocab: int, first: int, seed: int, rows=None) -> np.ndarray:
    """Windows whose tokens that go in are each replaced with the probability `noise` by any token of the vocabulary.

    What is to be predicted stays as it is, as in nshepperd's train.py.

    Args:
      batches: int32 [n, batch, seq + 1].
      first: as of `training_batch`.
      rows: int [n, batch], which windows of the step these are; by default all, in their order.
    Returns:
      int32 [n, batch, 2, seq]: what goes in, above what is to be predicted.
    """
    inputs, labels = batches[..., :-1], batches[..., 1:]
    rows = np.arange(inputs[..., 0].size) if rows is None else rows.ravel()
    positions = (rows[:, None] * inputs.shape[-1] + np.arange(inputs.shape[-1])).ravel()
    replaced = uniform(seed + NOISE, first, positions) < noise
    ids = integers(seed + NOISE_IDS, n_vocab, first, positions).astype(np.int32)
    noisy = np.where(replaced.reshape(inputs.shape), ids.reshape(inputs.shape), inputs)
    return np.stack([noisy, labels], axis=-2)


def steps_of_epochs(epochs: float, n_tokens: int, tokens_per_step: int, used: int = 0) -> int:
    """The fewest steps after which every token was trained on so many times, `used` of them before these steps."""
    return max(0, math.ceil((epochs * n_tokens - used) / tokens_per_step))


def shuffled(n_tokens: int, seq: int, number: int, seed: int) -> int:
    """Which window comes at this place: one of those that begin in the same epoch."""
    epoch = number * seq // n_tokens
    first, end = -(-epoch * n_tokens // seq), -(-(epoch + 1) * n_tokens // seq)
    return first + int(window_order(seed, epoch, end - first)[number - first])


def read(tokens: Tokens, seq: int, seed: int, start: int, length: int) -> np.ndarray:
    """int32 [length] of the endless text of epochs. The token before its beginning, -1, is the last of an epoch."""
    parts = []
    while length > 0:
        epoch, at = divmod(start, len(tokens))
        part = epoch_of(tokens, seq, seed, epoch).read(at, min(length, len(tokens) - at))
        parts.append(part)
        start, length = start + len(part), length - len(part)
    return np.concatenate(parts)


@functools.lru_cache(maxsize=3)
def epoch_of(tokens: Tokens, seq: int, seed: int, epoch: int) -> Tokens:
    """The documents in the order of an epoch."""
    lengths = tokens.spans[:, 2] - tokens.spans[:, 1]
    order = fitted(permutation(seed + DOCUMENTS, epoch, len(lengths)), lengths, epoch * len(tokens) % seq, seq)
    return Tokens(tokens.arrays, tokens.spans[order])


@functools.lru_cache(maxsize=2)
def window_order(seed: int, epoch: int, n: int) -> np.ndarray:
    """A permutation of the windows of an epoch."""
    return permutation(seed + WINDOWS, epoch, n)


def permutation(seed: int, epoch: int, n: int) -> np.ndarray:
    """int64 [n], each number below n once."""
    return np.argsort(integers(seed, 2**63, epoch, np.arange(n)), kind="stable")


def fitted(order: np.ndarray, lengths: np.ndarray, filled: int, seq: int) -> list[int]:
    """Documents in this order, but for those drawn forward because they just fill a window.

    Args:
      order: int64 [n_documents], a permutation.
      lengths: int64 [n_documents], in tokens.
      filled: tokens of the first window that are taken already.
    """
    sizes = lengths.tolist()
    waiting: dict[int, list[int]] = {}
    for document in order[::-1].tolist():
        waiting.setdefault(sizes[document], []).append(document)
    taken = np.zeros(len(sizes), bool)
    found = []
    for document in order.tolist():
        if taken[document]:
            continue
        waiting[sizes[document]].pop()  # Those of one length are taken in their order, so it is this one.
        found.append(document)
        filled = (filled + sizes[document]) % seq
        if filled and waiting.get(seq - filled):
            fit = waiting[seq - filled].pop()
            taken[fit] = True
            found.append(fit)
            filled = 0
    return found
