"""New ids from a model: a batch of samples written token by token.

A sample is a function of (seed, its number, position): the same at any batch size and after any restart.
"""

import itertools
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from gpt2.choosing import choose
from gpt2.filters import Filters
from gpt2.model import GPT2

PAST_STEP = 128  # The past has room for a multiple of this many positions, so that few sizes are compiled.


def sample(
    model: GPT2,
    prompt: list[int],
    nsamples: int = 1,
    batch_size: int = 1,
    length: int | None = None,
    temperature: float = 1.0,
    top_k: int = 40,
    top_p: float = 0.0,
    seed: int = 0,
) -> Iterator[list[int]]:
    """Samples in the order of their numbers, each without the prompt and ending before end-of-text.

    Args:
      prompt: ids to go on from; without any, a sample begins a new text.
      nsamples: how many; 0 goes on for ever.
      batch_size: how many are written at a time.
      length: the most tokens in one; by default what the window leaves, half of it with a prompt.
      temperature, top_k, top_p: see `Filters`; a temperature of 0 takes the likeliest token.
    Raises:
      ValueError: a setting out of its range, an id outside the vocabulary, more tokens than the window holds.
    """
    sampler = Sampler(model, batch_size, temperature, top_k, top_p, seed)
    return sampler.samples(prompt, nsamples, sample_length(model.hparams, prompt, length))


def sample_length(hparams, prompt: list[int], length: int | None) -> int:
    """How many tokens a sample may have: the length asked for, if the window holds it after the prompt.

    Raises:
      ValueError: it does not, and by how much.
    """
    n_prompt = len(prompt) or 1
    if length is None:
        length = max(1, min(hparams.n_ctx // 2, hparams.n_ctx - n_prompt)) if prompt else hparams.n_ctx - 1
    if length < 1:
        raise ValueError(f"length is {length}, expected at least 1")
    if (over := n_prompt + length - hparams.n_ctx) > 0:
        raise ValueError(
            f"a prompt of {n_prompt} tokens and a length of {length} are {over} more than the window of "
            f"{hparams.n_ctx}; shorten the prompt or the length by {over}"
        )
    return length


def up_to(ids, end_of_text: int) -> list[int]:
    """The ids before the first end-of-text."""
    return list(itertools.takewhile(lambda token: token != end_of_text, map(int, ids)))


class Sampler:
    """A model made ready to write batches of samples: compiled once, its past held in variables written in place.

    Attributes:
      end_of_text: the id that ends a sample, the last of the vocabulary.
    """

    def __init__(self, model: GPT2, batch_size=1, temperature=1.0, top_k=40, top_p=0.0, seed=0):
        check_batch_size(batch_size)
        self.model = model
        self.end_of_text = model.hparams.n_vocab - 1
        self.batch_size = batch_size
        self.filters = Filters(temperature, top_k, top_p)
        self.seed = seed
        self.past: list[tuple[tf.Variable, tf.Variable]] = []
        self.prefill = tf.function(self._prefill, jit_compile=True)
        self.step = tf.function(self._step, jit_compile=True)

    def samples(self, prompt: list[int], nsamples: int, length: int) -> Iterator[list[int]]:
        """So many samples of at most so many tokens, each ending before end-of-text; 0 goes on for ever."""
        for first in itertools.count(1, self.batch_size) if nsamples == 0 else range(1, nsamples + 1, self.batch_size):
            numbers = range(first, first + self.batch_size)
            rows = np.stack([*self.tokens(prompt, numbers, length)], axis=1)
            for row in rows[: nsamples - first + 1] if nsamples else rows:
                yield up_to(row, self.end_of_text)

    def tokens(self, prompt: list[int], numbers, length: int) -> Iterator[np.ndarray]:
        """One integer [batch_size] for each position: the next token of the samples of these numbers.

        It ends after `length` tokens, or when every sample has had its end-of-text.
        """
        prompt = prompt or [self.end_of_text]
        check_ids(prompt, self.model.hparams.n_vocab)
        self._make_room(len(prompt) + length)
        padded = min(2 ** (len(prompt) - 1).bit_length(), self.past[0][0].shape[2])
        ids = np.zeros([1, padded], np.int32)
        ids[0, : len(prompt)] = prompt
        logits = self.prefill(tf.constant(ids), tf.constant(len(prompt)))
        finished = np.zeros(self.batch_size, bool)
        for position in range(len(prompt), len(prompt) + length):
            tokens = choose(logits.numpy(), self.filters, self.seed, numbers, np.full(self.batch_size, position))
            yield tokens
            finished |= tokens == self.end_of_text
            if finished.all() or position == len(prompt) + length - 1:
                return
            logits = self.step(tf.constant(tokens, tf.int32), tf.constant(position))

    def _make_room(self, positions: int):
        """A past for so many positions, if the one that is there is of another size."""
        src = min(-(-positions // PAST_STEP) * PAST_STEP, self.model.hparams.n_ctx)
        if not self.past or self.past[0][0].shape[2] != src:
            empty = self.model.empty_past(self.batch_size, src)
            self.past = [(tf.Variable(k), tf.Variable(v)) for k, v in empty]
            self.step = tf.function(self._step, jit_compile=True)
            self.prefill = tf.function(self._prefill, jit_compile=True)

    def _prefill(self, ids, n_prompt):
        """Fills the past with one prompt for all rows; the logits after its last token, float32 [batch, n_vocab].

        What stands after the prompt in ids int32 [1, padded] is hidden from it, and written over by the samples.
        """
        hidden, present = self.model.transform(ids)
        for variables, rows in zip(self.past, present, strict=True):
            for variable, row in zip(variables, rows, strict=True):
                row = tf.pad(row, [[0, 0], [0, 0], [0, variable.shape[2] - row.shape[2]], [0, 0]])
                variable.assign(tf.broadcast_to(row, variable.shape))
        logits = self.model.logits(tf.gather(hidden, [n_prompt - 1], axis=1))[:, 0]
        return tf.broadcast_to(logits, [self.batch_size, logits.shape[1]])

    def _step(self, tokens, position):
        """The logits after one more token of each row, int32 [batch] at this position: float32 [batch, n_vocab]."""
        hidden, present = self.model.transform(tokens[:, None], self.past, tf.fill([self.batch_size], position))
        for variables, rows in zip(self.past, present, strict=True):
            for variable, row in zip(variables, rows, strict=True):
                variable.assign(row)
        return self.model.logits(hidden)[:, 0]


def check_batch_size(batch_size: int) -> None:
    """Raises a ValueError for a batch without a row."""
    if batch_size < 1:
        raise ValueError(f"batch_size is {batch_size}, expected at least 1")


def check_ids(ids, n_vocab: int) -> None:
    """Raises a ValueError that names an id outside the vocabulary."""
    wrong = next((token for token in ids if not 0 <= token < n_vocab), None)
    if wrong is not None:
        raise ValueError(f"token id {wrong}, expected ids from 0 to {n_vocab - 1} (n_vocab {n_vocab})")
