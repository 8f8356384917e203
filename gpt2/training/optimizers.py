"""Optimizers over weights by name, updating in place; their slots are saved under names of their own.

Keras refuses names with `/`, and its optimizers have no update in place that XLA can fuse with the step.
"""

import functools
import itertools
import zlib

import tensorflow as tf

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8  # TensorFlow 1, tf.train.AdamOptimizer
# Shazeer and Stern, "Adafactor", ICML 2018, algorithm 6 and section 9.
SQUARE_EPSILON, SCALE_EPSILON, CLIP, DECAY_EXPONENT = 1e-30, 1e-3, 1.0, 0.8


class SGD(tf.Module):
    """Plain gradient descent, and what all optimizers here have in common.

    Attributes:
      slots: what is kept between steps, float32, by names such as `m/model/wte`; of SGD nothing.
    """

    slot_kinds: tuple[str, ...] = ()

    def __init__(self, weights, seed: int = 0):
        """An optimizer at its beginning.

        Args:
          weights: variables by name, float32 or bfloat16.
          seed: of the rounding of bfloat16 weights.
        """
        super().__init__()
        self.weights = weights
        self.seed = seed
        self.slots = {
            f"{kind}/{name}": tf.Variable(tf.zeros(shape), name=f"{kind}/{name}")
            for kind in self.slot_kinds
            for name, weight in weights.items()
            if (shape := self.slot_shape(kind, weight.shape)) is not None
        }

    def apply(self, gradients, learning_rate, step, scale=1.0):
        """Moves each weight in place.

        Args:
          gradients: tensors by the names of the weights, of some or all of them.
          learning_rate: float32 scalar.
          step: int32 scalar, how many updates came before.
          scale: float32 scalar that the gradients are multiplied by first.
        """
        move = program_of(self.rule)
        # One layer after another: they share a program, so it is compiled once, and its size does not grow with depth.
        for _, group in itertools.groupby(gradients, key=lambda name: name.split("/")[:2]):
            names = list(group)
            weights = [own(self.weights[name]) for name in names]
            slots = [self._slots_of(name) for name in names]
            keys = tf.constant([self.seed % 2**31 ^ zlib.crc32(name.encode()) // 2 for name in names])
            move(weights, slots, [gradients[name] for name in names], keys, learning_rate, step, scale)

    @property
    def rule(self) -> tuple:
        """What tells its updates from those of others: its class, and what that is given besides weights."""
        return (type(self),)

    def _slots_of(self, name: str):
        slots = {kind: self.slots.get(f"{kind}/{name}") for kind in self.slot_kinds}
        return {kind: own(slot) for kind, slot in slots.items() if slot is not None}

    def slot_shape(self, kind: str, shape):
        """The shape of a slot for a weight of this shape, None for no slot."""
        return shape

    def change(self, weight, slots, gradient, learning_rate, t):
        """What is subtracted from a weight in the update number t, from 1 on: float32 of its shape.

        slots are those of the weight by kind, brought up to date here.
        """
        return learning_rate * gradient


class Adam(SGD):
    """Adam as TensorFlow 1 has it: epsilon stands beside sqrt(v), not beside the unbiased sqrt(v).

    Kingma and Ba, "Adam", ICLR 2015, the formula before section 2.1. Slots: the means `m/NAME` and the mean squares
    `v/NAME` of the gradients.
    """

    slot_kinds = ("m", "v")

    def change(self, weight, slots, gradient, learning_rate, t):
        m, v = slots["m"], slots["v"]
        mean = m.assign(BETA_1 * m + (1 - BETA_1) * gradient)
        square = v.assign(BETA_2 * v + (1 - BETA_2) * tf.square(gradient))
        rate = learning_rate * tf.sqrt(1 - BETA_2**t) / (1 - BETA_1**t)
        return rate * mean / (tf.sqrt(square) + EPSILON)


class AdamW(Adam):
    """Adam that also shrinks the matrices, by learning_rate * weight_decay: not biases and gains.

    Loshchilov and Hutter, "Decoupled Weight Decay Regularization", ICLR 2019, algorithm 2.
    """

    def __init__(self, weights, weight_decay: float = 0.01, seed: int = 0):
        super().__init__(weights, seed)
        self.weight_decay = weight_decay

    @property
    def rule(self) -> tuple:
        return type(self), self.weight_decay

    def change(self, weight, slots, gradient, learning_rate, t):
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

    def slot_shape(self, kind: str, shape):
        if shape.rank < 2:
            return shape if kind == "v" else None
        return {"r": shape[:-1], "c": shape[:-2] + shape[-1:], "v": None}[kind]

    def change(self, weight, slots, gradient, learning_rate, t):
        square = tf.square(gradient) + SQUARE_EPSILON
        old = 1 - t**-DECAY_EXPONENT

        def updated(kind, new):
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


@functools.cache
def program_of(rule):
    """The function that moves some weights, compiled once for all optimizers of a rule."""
    kind, *settings = rule
    change_of = kind({}, *settings).change

    @tf.function(jit_compile=True)
    def move(weights, slots, gradients, keys, learning_rate, step, scale):
        for i, (weight, slots_of_weight, gradient) in enumerate(zip(weights, slots, gradients, strict=True)):
            gradient = tf.cast(gradient, tf.float32) * scale
            change = change_of(weight, slots_of_weight, gradient, learning_rate, tf.cast(step + 1, tf.float32))
            if weight.dtype == tf.bfloat16:
                weight.assign(round_by_chance(tf.cast(weight, tf.float32) - change, [keys[i], step]))
            else:
                weight.assign_sub(change)

    return move


def round_by_chance(x, key):
    """float32 to bfloat16, up or down with the probability that makes the mean right, drawn by two int32 of a key.

    Rounded to the nearest, all changes below half a unit of a weight's last place would be lost, which at the usual
    rates are most of them.
    """
    bits = tf.bitcast(x, tf.uint32)
    drawn = tf.random.stateless_uniform(tf.shape(x), tf.stack(key), minval=None, maxval=None, dtype=tf.uint32)
    # A bfloat16 is the upper half of a float32, so the lower half is the share of the way to the next one.
    rounded = (bits + drawn // 2**16) // 2**16
    return tf.bitcast(tf.cast(rounded, tf.uint16), tf.bfloat16)


def own(variable):
    """Of a variable that every replica has, that of the replica in which this is traced.

    A function that takes the variables of one layer after another would else take those of the first for all.
    """
    # TensorFlow's own name for what it does itself whenever such a variable is read.
    return variable._get() if isinstance(variable, tf.distribute.DistributedValues) else variable


def root_mean_square(x):
    """float32 scalar."""
    return tf.sqrt(tf.reduce_mean(tf.square(x)))


OPTIMIZERS: dict[str, type[SGD]] = {"adam": Adam, "sgd": SGD, "adamw": AdamW, "adafactor": Adafactor}
