"""What all optimizers have in common: weights by name, updated in place, and slots saved under names of their own.

Keras refuses names with `/`, and its optimizers have no update in place that XLA can fuse with the step.
"""

import functools
import itertools
import zlib
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import tensorflow as tf

Tensors = dict[str, tf.Tensor]  # by the names of weights
Variables = dict[str, tf.Variable]  # by the names of weights, or of one weight by the kinds of its slots


class Move(NamedTuple):
    """What moves one weight.

    Attributes:
      weight: the variable, float32 or bfloat16.
      slots: its slots by their kinds.
      gradient: of its shape.
      key: int32 scalar, of the rounding of a bfloat16 weight.
    """

    weight: tf.Variable
    slots: Variables
    gradient: tf.Tensor
    key: tf.Tensor


class SGD(tf.Module):
    """Plain gradient descent, and what all optimizers here have in common.

    Attributes:
      slots: what is kept between steps, float32, by names such as `m/model/wte`; of SGD nothing.
    """

    slot_kinds: tuple[str, ...] = ()

    def __init__(self, weights: Variables, seed: int = 0):
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

    def apply(
        self, gradients: Tensors, learning_rate: tf.Tensor, step: tf.Tensor, scale: tf.Tensor | float = 1.0
    ) -> None:
        """Moves each weight in place.

        Args:
          gradients: tensors by the names of the weights, of some or all of them.
          learning_rate: float32 scalar.
          step: int32 scalar, how many updates came before.
          scale: float32 scalar that the gradients are multiplied by first.
        """
        move = program_of(self.rule)
        # One layer after another: they share a program, so it is compiled once, and its size does not grow with depth.
        for names in by_layer(gradients):
            move([self._move_of(name, gradients[name]) for name in names], learning_rate, step, scale)

    @property
    def rule(self) -> tuple:
        """What tells its updates from those of others: its class, and what that is given besides weights."""
        return (type(self),)

    def _move_of(self, name: str, gradient: tf.Tensor) -> Move:
        slots = {kind: self.slots.get(f"{kind}/{name}") for kind in self.slot_kinds}
        slots = {kind: own(slot) for kind, slot in slots.items() if slot is not None}
        key = tf.constant(self.seed % 2**31 ^ zlib.crc32(name.encode()) // 2)
        return Move(own(self.weights[name]), slots, gradient, key)

    def slot_shape(self, kind: str, shape: tf.TensorShape) -> tf.TensorShape | None:
        """The shape of a slot for a weight of this shape, None for no slot."""
        return shape

    def change(
        self, weight: tf.Variable, slots: Variables, gradient: tf.Tensor, learning_rate: tf.Tensor, t: tf.Tensor
    ) -> tf.Tensor:
        """What is subtracted from a weight in the update number t, from 1 on: float32 of its shape.

        slots are those of the weight by kind, brought up to date here.
        """
        return learning_rate * gradient


@functools.cache
def program_of(rule: tuple):
    """The function that moves some weights, compiled once for all optimizers of a rule."""
    kind, *settings = rule
    change_of = kind({}, *settings).change

    @tf.function(jit_compile=True)
    def move(moves: list[Move], learning_rate: tf.Tensor, step: tf.Tensor, scale: tf.Tensor | float) -> None:
        for weight, slots, gradient, key in moves:
            gradient = tf.cast(gradient, tf.float32) * scale
            change = change_of(weight, slots, gradient, learning_rate, tf.cast(step + 1, tf.float32))
            if weight.dtype == tf.bfloat16:
                weight.assign(round_by_chance(tf.cast(weight, tf.float32) - change, [key, step]))
            else:
                weight.assign_sub(change)

    return move


def round_by_chance(x: tf.Tensor, key: list[tf.Tensor]) -> tf.Tensor:
    """float32 to bfloat16, up or down with the probability that makes the mean right, drawn by two int32 of a key.

    Rounded to the nearest, all changes below half a unit of a weight's last place would be lost, which at the usual
    rates are most of them.
    """
    bits = tf.bitcast(x, tf.uint32)
    drawn = tf.random.stateless_uniform(tf.shape(x), tf.stack(key), minval=None, maxval=None, dtype=tf.uint32)
    # A bfloat16 is the upper half of a float32, so the lower half is the share of the way to the next one.
    rounded = (bits + drawn // 2**16) // 2**16
    return tf.bitcast(tf.cast(rounded, tf.uint16), tf.bfloat16)


def own(variable: tf.Variable) -> tf.Variable:
    """Of a variable that every replica has, that of the replica in which this is traced.

    A function that takes the variables of one layer after another would else take those of the first for all.
    """
    # TensorFlow's own name for what it does itself whenever such a variable is read.
    return variable._get() if isinstance(variable, tf.distribute.DistributedValues) else variable


def by_layer(names: Iterable[str]) -> Iterator[list[str]]:
    """The names of weights, those of one layer after those of another; they stand together already."""
    for _, group in itertools.groupby(names, key=lambda name: name.split("/")[:2]):
        yield list(group)
