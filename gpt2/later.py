"""An order that XLA keeps, where it sees none in the data."""

import numpy as np
import tensorflow as tf


def later(tensor, other):
    """The same tensor, but not there before the other is.

    A zero is added that depends on the other: NaN keeps XLA from knowing that it is always zero.
    """
    first = tf.reshape(other, [-1])[0]
    return tensor + tf.cast(tf.where(tf.math.is_nan(first), np.nan, 0.0), tensor.dtype)
