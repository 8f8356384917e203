"""Which tokens each step trains on: every one once an epoch, in an order that is a function of seed and step.

The epochs, one after the other, are one endless text, in each of them the documents in an order of its own. Windows cut
it every `seq` tokens, so that each token is predicted once an epoch. Where the rest of a window would just hold a
document, that one comes next, so that the next window begins where a poem does. The windows of an epoch are shuffled.
"""

import dataclasses
import functools
import math

import numpy as np

from encoder.dataset.reader import Tokens
from gpt2.random_numbers import integers, uniform

# What random numbers are for: the upper half of the seed's 64 bits, so that none are used twice.
DOCUMENTS, WINDOWS, NOISE, NOISE_IDS = (purpose << 32 for purpose in range(1, 5))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Windows:
    """The windows of a run, in the order in which it trains on them.

    Attributes:
      tokens: what to train on.
      seq: tokens to predict in each window.
      seed: of the order, and of the noise.
      batch: windows in a batch, on all replicas together.
      n_batches: in a step, whose gradients are averaged.
      noise: the probability with which a token that goes in is replaced by any token.
      n_vocab: how many tokens there are to replace one by.
    """

    tokens: Tokens
    seq: int
    seed: int
    batch: int
    n_batches: int = 1
    noise: float = 0.0
    n_vocab: int = 0

    @property
    def in_step(self) -> int:
        """How many windows a step uses."""
        return self.n_batches * self.batch

    def of_steps(self, count: int, first: int, rows: np.ndarray) -> np.ndarray:
        """The windows of `count` steps, one after the other, int32 [count, ...]; see `of_step`."""
        return np.stack([self.of_step(first + step * self.in_step, rows) for step in range(count)])

    def of_step(self, first: int, rows: np.ndarray | None = None) -> np.ndarray:
        """The windows of a step, a function of the seed and of how many windows the steps before it have used.

        Args:
          first: how many those are.
          rows: int [n_rows], which rows of each batch are wanted; by default all of them.
        Returns:
          int32 [n_batches, n_rows, seq + 1], of which [..., :-1] goes in and [..., 1:] is to be predicted; with noise
          [n_batches, n_rows, 2, seq], see `with_noise`.
        """
        numbers = np.arange(self.in_step).reshape(self.n_batches, self.batch)
        numbers = numbers if rows is None else numbers[:, rows]
        ids = np.stack([self.window(first + number) for number in numbers.ravel().tolist()])
        ids = ids.reshape([*numbers.shape, self.seq + 1])
        return self.with_noise(ids, first, numbers) if self.noise else ids

    def window(self, number: int) -> np.ndarray:
        """The window of this number in the run, int32 [seq + 1]."""
        start = shuffled(len(self.tokens), self.seq, number, self.seed) * self.seq
        return read(self.tokens, self.seq, self.seed, start - 1, self.seq + 1)

    def with_noise(self, ids: np.ndarray, first: int, numbers: np.ndarray) -> np.ndarray:
        """Windows whose tokens that go in are each replaced with the probability `noise` by any token.

        What is to be predicted stays as it is, as in nshepperd's train.py.

        Args:
          ids: int32 [n_batches, n_rows, seq + 1].
          first: how many windows the steps before have used.
          numbers: int [n_batches, n_rows], which windows of the step these are.
        Returns:
          int32 [n_batches, n_rows, 2, seq]: what goes in, above what is to be predicted.
        """
        inputs, labels = ids[..., :-1], ids[..., 1:]
        positions = (numbers.ravel()[:, None] * self.seq + np.arange(self.seq)).ravel()
        replaced = uniform(self.seed + NOISE, first, positions) < self.noise
        others = integers(self.seed + NOISE_IDS, self.n_vocab, first, positions).astype(np.int32)
        noisy = np.where(replaced.reshape(inputs.shape), others.reshape(inputs.shape), inputs)
        return np.stack([noisy, labels], axis=-2)


def steps_of_epochs(epochs: float, n_tokens: int, tokens_per_step: int, used: int = 0) -> int:
    """The fewest steps after which every token was trained on `epochs` times, if `used` tokens were before them."""
    return max(0, math.ceil((epochs * n_tokens - used) / tokens_per_step))


def shuffled(n_tokens: int, seq: int, number: int, seed: int) -> int:
    """Which window comes at place `number`: one of those that begin in the same epoch."""
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
