"""Optimizers over weights by name, updating in place; their slots are saved under names of their own.

Keras refuses names with `/`, and its optimizers have no update in place that XLA can fuse with the step.
"""

import tensorflow as tf

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8  # TensorFlow 1, tf.train.AdamOptimizer


class SGD(tf.Module):
    """Plain gradient descent."""

    def __init__(self, weights):
        super().__init__()
        self.weights = weights
        self.slots: dict[str, tf.Variable] = {}

    def apply(self, gradients, learning_rate, step):
        """Moves each weight by its gradient.

        Args:
          gradients: tensors by the names of the weights.
          learning_rate: float32 scalar.
          step: int32 scalar, how many updates came before.
        """
        for name, gradient in gradients.items():
            self.weights[name].assign_sub(tf.cast(learning_rate * gradient, self.weights[name].dtype))


class Adam(tf.Module):
    """Adam as TensorFlow 1 has it: epsilon stands beside sqrt(v), not beside the unbiased sqrt(v).

    Kingma and Ba, "Adam", ICLR 2015, the formula before section 2.1.

    Attributes:
      slots: the means `m/NAME` and the mean squares `v/NAME` of the gradients, float32, by those names.
    """

    def __init__(self, weights):
        super().__init__()
        self.weights = weights
        self.slots = {
            f"{slot}/{name}": tf.Variable(tf.zeros(weight.shape), name=f"{slot}/{name}")
            for slot in ("m", "v")
            for name, weight in weights.items()
        }

    def apply(self, gradients, learning_rate, step):
        """Moves each weight by its unbiased mean gradient over its root mean square; see `SGD.apply`."""
        t = tf.cast(step + 1, tf.float32)
        rate = learning_rate * tf.sqrt(1 - BETA_2**t) / (1 - BETA_1**t)
        for name, gradient in gradients.items():
            gradient = tf.cast(gradient, tf.float32)
            m, v = self.slots[f"m/{name}"], self.slots[f"v/{name}"]
            mean = m.assign(BETA_1 * m + (1 - BETA_1) * gradient)
            square = v.assign(BETA_2 * v + (1 - BETA_2) * tf.square(gradient))
            change = rate * mean / (tf.sqrt(square) + EPSILON)
            self.weights[name].assign_sub(tf.cast(change, self.weights[name].dtype))


OPTIMIZERS: dict[str, type[SGD] | type[Adam]] = {"adam": Adam, "sgd": SGD}
