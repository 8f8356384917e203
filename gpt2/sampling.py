"""New ids from a model: filters, the choice of a token, and a batch of samples written token by token.

A sample is a function of (seed, its number, position): the same at any batch size and after any restart.
"""

import functools
import itertools
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from gpt2.model import GPT2
from gpt2.random_numbers import key_of, threefry

WEIGHT_BITS, RANDOM_BITS = 40, 23  # Sums of 2**16 weights stay below 2**56, times random bits split in two below 2**63.
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
      temperature, top_k, top_p: see `filter_logits`; a temperature of 0 takes the likeliest token.
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
        check_settings(batch_size, temperature, top_k, top_p)
        self.model = model
        self.end_of_text = model.hparams.n_vocab - 1
        self.batch_size = batch_size
        self.choose = tf.function(functools.partial(choose, temperature=temperature, top_k=top_k, top_p=top_p))
        self.key = [tf.constant(word) for word in key_of(seed)]
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
        """One int32 [batch_size] for each position: the next token of the samples of these numbers.

        It ends after `length` tokens, or when every sample has had its end-of-text.
        """
        prompt = prompt or [self.end_of_text]
        check_ids(prompt, self.model.hparams.n_vocab)
        self._make_room(len(prompt) + length)
        numbers = tf.constant(list(numbers), tf.uint32)
        padded = min(2 ** (len(prompt) - 1).bit_length(), self.past[0][0].shape[2])
        ids = np.zeros([1, padded], np.int32)
        ids[0, : len(prompt)] = prompt
        logits = self.prefill(tf.constant(ids), tf.constant(len(prompt)))
        finished = np.zeros(self.batch_size, bool)
        for position in range(len(prompt), len(prompt) + length):
            tokens = self.choose(logits, self.key, numbers, tf.constant(position, tf.uint32))
            yield tokens.numpy()
            finished |= tokens.numpy() == self.end_of_text
            if finished.all() or position == len(prompt) + length - 1:
                return
            logits = self.step(tokens, tf.constant(position))

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


def choose(logits, key, numbers, position, temperature: float, top_k: int, top_p: float):
    """A token for each row of logits [batch, n_vocab]: int32 [batch], drawn by (key, its number, position) alone.

    Not compiled by XLA, whose top_k on a CPU sorts the whole vocabulary.
    """
    if temperature == 0:
        return tf.argmax(logits, axis=-1, output_type=tf.int32)
    logits -= tf.reduce_max(logits, axis=-1, keepdims=True)  # first, so that no temperature makes them infinite
    logits = filter_logits(logits / max(temperature, 1e-30), top_k, top_p)
    # Whole numbers, whose sums do not depend on the order of summation: no filtered token can slip in by rounding.
    weights = tf.cast(tf.exp(logits) * 2.0**WEIGHT_BITS, tf.int64)
    bits = threefry(key, (numbers, tf.fill(tf.shape(numbers), position)))[0] // np.uint32(2 ** (32 - RANDOM_BITS))
    return inverse_cdf(weights, tf.cast(bits, tf.int64))


def inverse_cdf(weights, bits):
    """The first index at which the sum of weights int64 [batch, n_vocab] passes the share bits / 2**RANDOM_BITS."""
    sums = tf.cumsum(weights, axis=-1)
    share = 2**RANDOM_BITS
    total = sums[:, -1]
    threshold = total // share * bits + total % share * bits // share  # total * bits / share, never over 63 bits
    return tf.reduce_sum(tf.cast(sums <= threshold[:, None], tf.int32), axis=-1)


def filter_logits(logits, top_k: int = 0, top_p: float = 0.0):
    """Logits [batch, n_vocab] with -inf for the tokens that a filter removes.

    top_p > 0 replaces top_k, and keeps the tokens whose exclusive cumulative probability is below p, at least one.
    Else top_k > 0 keeps every logit not below the k-th; 0 keeps all. From nshepperd's src/sample.py.
    """
    n_vocab = logits.shape[-1]
    if top_p > 0:
        ordered = tf.math.top_k(logits, n_vocab).values
        before = tf.cumsum(tf.nn.softmax(ordered), axis=-1, exclusive=True)
        least = tf.reduce_min(tf.where(before < top_p, ordered, np.inf), axis=-1, keepdims=True)
    elif 0 < top_k < n_vocab:
        least = tf.math.top_k(logits, top_k).values[:, -1:]
    else:
        return logits
    return tf.where(logits < least, -np.inf, logits)


def check_settings(batch_size: int, temperature: float, top_k: int, top_p: float) -> None:
    """Raises a ValueError that names the setting out of its range."""
    for name, value, good, expected in (
        ("batch_size", batch_size, batch_size >= 1, "at least 1"),
        ("temperature", temperature, 0 <= temperature < np.inf, "0 or more"),
        ("top_k", top_k, top_k >= 0, "0 or more, 0 keeping all tokens"),
        ("top_p", top_p, 0 <= top_p <= 1, "0 to 1, 0 for top_k instead"),
    ):
        if not good:
            raise ValueError(f"{name} is {value}, expected {expected}")


def check_ids(ids, n_vocab: int) -> None:
    """Raises a ValueError that names an id outside the vocabulary."""
    wrong = next((token for token in ids if not 0 <= token < n_vocab), None)
    if wrong is not None:
        raise ValueError(f"token id {wrong}, expected ids from 0 to {n_vocab - 1} (n_vocab {n_vocab})")
