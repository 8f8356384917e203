"""The choice of `gpt2.sampling.choosing` inside a TensorFlow graph, for a model that is served without our code.

Number for number the same sums, in int64: where the logits are the same, so is the choice.
"""

from typing import NamedTuple

import tensorflow as tf

from gpt2.random_numbers import threefry
from gpt2.sampling.choosing import RANDOM_BITS, WEIGHT_BITS
from gpt2.sampling.filters import COLDEST


class Draw(NamedTuple):
    """How ids are drawn.

    Attributes:
      seed: int64 [].
      temperature, top_p: float32 []; see `gpt2.sampling.filters.Filters`.
      top_k: int32 [].
    """

    seed: tf.Tensor
    temperature: tf.Tensor
    top_k: tf.Tensor
    top_p: tf.Tensor


def choose(logits: tf.Tensor, how: Draw, numbers: tf.Tensor, positions: tf.Tensor) -> tf.Tensor:
    """An id for each row of logits float32 [batch, n_vocab]: int32 [batch]; see `gpt2.sampling.choosing.choose`.

    numbers, positions: int32 [batch], the number of the sample in each row and the position of the next id in it.
    """
    seed, temperature, top_k, top_p = how
    scaled = (logits - tf.reduce_max(logits, axis=-1, keepdims=True)) / tf.maximum(temperature, COLDEST)
    # A cond, not a where: each filter sorts, or takes the greatest, of the whole vocabulary.
    bound = tf.cond(top_p > 0, lambda: nucleus_bound(scaled, top_p), lambda: top_k_bound(scaled, logits, top_k))
    drawn = draw(tf.where(scaled >= bound, tf.exp(scaled), 0.0), random_bits(seed, numbers, positions))
    return tf.where(temperature > 0, drawn, tf.argmax(logits, axis=-1, output_type=tf.int32))


def top_k_bound(scaled: tf.Tensor, logits: tf.Tensor, k: tf.Tensor) -> tf.Tensor:
    """The k-th greatest of the numbers [batch, n_vocab], -inf for all of them with k = 0: [batch, 1].

    Of the logits, since a low temperature makes several of the scaled ones -inf.
    """
    n_vocab = tf.shape(logits)[-1]
    k = tf.where((k <= 0) | (k > n_vocab), n_vocab, k)
    order = tf.math.top_k(logits, k).indices[:, -1:]  # [batch, 1]
    return tf.gather(scaled, order, batch_dims=1)


def nucleus_bound(scaled: tf.Tensor, p: tf.Tensor) -> tf.Tensor:
    """The last of the numbers [batch, n_vocab] before which the greater ones have less than p together: [batch, 1]."""
    ordered = tf.sort(scaled, axis=-1, direction="DESCENDING")
    sums = tf.cumsum(tf.cast(tf.exp(ordered), tf.float64), axis=-1)
    share = sums / sums[:, -1:]
    last = tf.reduce_sum(tf.cast(share < tf.cast(p, tf.float64), tf.int32), axis=-1, keepdims=True)  # [batch, 1]
    return tf.gather(ordered, tf.minimum(last, tf.shape(scaled)[-1] - 1), batch_dims=1)


def draw(weights: tf.Tensor, bits: tf.Tensor) -> tf.Tensor:
    """The id at which the sum of the weights float32 [batch, n_vocab] passes the share bits / 2**RANDOM_BITS: [batch].

    The share of a sum below 2**56 is computed in two parts, since the product would not fit into 64 bits.
    """
    sums = tf.cumsum(tf.cast(weights * 2.0**WEIGHT_BITS, tf.int64), axis=-1)
    high, low = sums[:, -1] // 2**RANDOM_BITS, sums[:, -1] % 2**RANDOM_BITS
    threshold = high * bits + low * bits // 2**RANDOM_BITS
    return tf.reduce_sum(tf.cast(sums <= threshold[:, None], tf.int32), axis=-1)


def random_bits(seed: tf.Tensor, numbers: tf.Tensor, positions: tf.Tensor) -> tf.Tensor:
    """As `gpt2.sampling.choosing.random_bits`: int64 [batch]."""
    low, high = tf.unstack(tf.bitcast(seed, tf.uint32))
    words = threefry([low, high], [tf.cast(numbers, tf.uint32), tf.cast(positions, tf.uint32)])
    return tf.cast(words[0], tf.int64) // 2 ** (32 - RANDOM_BITS)
