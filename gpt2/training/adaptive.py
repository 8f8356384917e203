"""Optimizers that follow the mean square of each gradient: Adam, AdamW and Adafactor."""

import tensorflow as tf

from gpt2.training.updates import SGD, Variables

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8  # TensorFlow 1, tf.train.AdamOptimizer
# Shazeer and Stern, "Adafactor", ICML 2018, algorithm 6 and section 9.
SQUARE_EPSILON, SCALE_EPSILON, CLIP, DECAY_EXPONENT = 1e-30, 1e-3, 1.0, 0.8


class Adam(SGD):
    """Adam as TensorFlow 1 has it: epsilon stands beside sqrt(v), not beside the unbiased sqrt(v).

    Kingma and Ba, "Adam", ICLR 2015, the formula before section 2.1. Slots: the means `m/NAME` and the mean squares
    `v/NAME` of the gradients.
    """

    slot_kinds: tuple[str, ...] = ("m", "v")

    def change(
        self, weight: tf.Variable, slots: Variables, gradient: tf.Tensor, learning_rate: tf.Tensor, t: tf.Tensor
    ) -> tf.Tensor:
        m, v = slots["m"], slots["v"]
        mean = m.assign(BETA_1 * m + (1 - BETA_1) * gradient)
        square = v.assign(BETA_2 * v + (1 - BETA_2) * tf.square(gradient))
        rate = learning_rate * tf.sqrt(1 - BETA_2**t) / (1 - BETA_1**t)
        return rate * mean / (tf.sqrt(square) + EPSILON)


class AdamW(Adam):
    """Adam that also shrinks the matrices, by learning_rate * weight_decay: not biases and gains.

    Loshchilov and Hutter, "Decoupled Weight Decay Regularization", ICLR 2019, algorithm 2.
    """

    def __init__(self, weights: Variables, weight_decay: float = 0.01, seed: int = 0):
        super().__init__(weights, seed)
        self.weight_decay = weight_decay

    @property
    def rule(self) -> tuple:
        return type(self), self.weight_decay

    def change(
        self, weight: tf.Variable, slots: Variables, gradient: tf.Tensor, learning_rate: tf.Tensor, t: tf.Tensor
    ) -> tf.Tensor:
        change = super().change(weight, slots, gradient, learning_rate, t)
        if weight.shape.rank < 2:
            return change
        return change + learning_rate * self.weight_decay * tf.cast(weight, tf.float32)


class Adafactor(SGD):
    """Mean squares kept of rows and columns alone, so that the state of a matrix is as large as its two edges.

    Shazeer and Stern, ICML 2018, algorithm 6, without momentum; the rate is min(learning_rate, 1 / sqrt(t)) times the
    size of the weight. Slots: `r/NAME` and `c/NAME` of matrices, `v/NAME` of biases and gains.
    """

    slot_kinds = ("r", "c", "v")

    def slot_shape(self, kind: str, shape: tf.TensorShape) -> tf.TensorShape | None:
        if shape.rank < 2:
            return shape if kind == "v" else None
        return {"r": shape[:-1], "c": shape[:-2] + shape[-1:], "v": None}[kind]

    def change(
        self, weight: tf.Variable, slots: Variables, gradient: tf.Tensor, learning_rate: tf.Tensor, t: tf.Tensor
    ) -> tf.Tensor:
        square = tf.square(gradient) + SQUARE_EPSILON
        old = 1 - t**-DECAY_EXPONENT

        def updated(kind: str, new: tf.Tensor) -> tf.Tensor:
            slot = slots[kind]
            return slot.assign(old * slot + (1 - old) * new)

        if gradient.shape.rank < 2:
            mean_square = updated("v", square)
        else:
            rows = updated("r", tf.reduce_mean(square, axis=-1))
            columns = updated("c", tf.reduce_mean(square, axis=-2))
            share = rows / tf.reduce_mean(rows, axis=-1, keepdims=True)
            mean_square = share[..., None] * columns[..., None, :]
        change = gradient * tf.math.rsqrt(mean_square)
        change /= tf.maximum(1.0, root_mean_square(change) / CLIP)
        size = tf.maximum(SCALE_EPSILON, root_mean_square(tf.cast(weight, tf.float32)))
        return tf.minimum(learning_rate, tf.math.rsqrt(t)) * size * change


def root_mean_square(x: tf.Tensor) -> tf.Tensor:
    """float32 scalar."""
    return tf.sqrt(tf.reduce_mean(tf.square(x)))
