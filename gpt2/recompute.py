"""What is cheaper to compute again for the gradient than to keep: the activation, and how to make XLA do it again."""

import numpy as np
import tensorflow as tf

GELU_SCALE, GELU_CUBE = float(np.sqrt(2 / np.pi)), 0.044715  # OpenAI, src/model.py


def later(tensor, gradient):
    """The same tensor, but not there before the gradient is, so that XLA cannot take what it computed earlier.

    A zero is added that depends on the gradient: NaN keeps XLA from knowing that it is always zero.
    """
    first = tf.reshape(gradient, [-1])[0]
    return tensor + tf.cast(tf.where(tf.math.is_nan(first), np.nan, 0.0), tensor.dtype)


@tf.custom_gradient
def gelu_product(x, w):
    """gelu(x) · w, the gelu in its tanh form: [n, in] and [in, out] -> [n, out]; only x is kept for the gradient."""

    def grad(d_product):
        d_gelu = tf.matmul(d_product, w, transpose_b=True)
        activated, slope = gelu_and_slope(later(x, d_product))
        return d_gelu * slope, tf.matmul(activated, d_product, transpose_a=True)

    return tf.matmul(gelu_and_slope(x)[0], w), grad


def gelu_and_slope(x):
    """x/2 (1 + tanh(scale (x + cube x³))) and its derivative. Hendrycks and Gimpel, "GELUs", 2016, section 2."""
    t = tf.tanh(GELU_SCALE * (x + GELU_CUBE * x * x * x))
    inner_slope = GELU_SCALE * (1 + 3 * GELU_CUBE * x * x)
    return 0.5 * x * (1 + t), 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * inner_slope
