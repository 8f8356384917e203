"""The loss and its gradient, computed together in blocks of positions, so that few logits ever exist at once.

They are 206 MB for one window of 1,024 positions of OpenAI's models. There are two ways: `summed_loss_and_gradients`
takes the least memory, `loss_and_gradients` the least time.
"""

import numpy as np
import tensorflow as tf

from gpt2 import precision
from gpt2.training.memory_plan import BLOCK, LARGE_BLOCK


@tf.custom_gradient
def summed_loss(hidden, wte, labels):
    """Sum of the cross-entropy, in nats, of each label under the logits hidden · wteᵀ: float32 scalar.

    hidden [n, n_embd] and wte [n_vocab, n_embd] of one dtype, labels int32 [n].
    """
    loss, d_hidden, d_wte = summed_loss_and_gradients(hidden, wte, labels)

    def grad(upstream):
        return tf.cast(upstream * d_hidden, hidden.dtype), tf.cast(upstream * d_wte, wte.dtype), None

    return loss, grad


def summed_loss_and_gradients(hidden, wte, labels, weight: float = 1.0):
    """`summed_loss` and its gradients, float32, times a weight: computed while each block of logits is there."""
    n, n_embd = hidden.shape
    n_vocab = wte.shape[0]
    blocks = -(-n * n_vocab // BLOCK)
    rows = -(-n // blocks)
    padding = blocks * rows - n
    hidden = tf.pad(hidden, [[0, padding], [0, 0]])
    labels = tf.pad(labels, [[0, padding]], constant_values=-1)  # no token: such a row has no loss and no gradient

    def block(i, loss, d_hidden, d_wte):
        h = tf.slice(hidden, [i * rows, 0], [rows, n_embd])
        label = tf.slice(labels, [i * rows], [rows])
        loss_of_block, d_logits = loss_and_d_logits(h, wte, label, weight)
        d_h = precision.float32_product(d_logits, wte)
        d_hidden = tf.tensor_scatter_nd_update(d_hidden, i[None, None], d_h[None])
        return i + 1, loss + loss_of_block, d_hidden, d_wte + precision.float32_product(d_logits, h, adj_x=True)

    start = (tf.constant(0), tf.constant(0.0), tf.zeros([blocks, rows, n_embd]), tf.zeros(wte.shape))
    _, loss, d_hidden, d_wte = tf.while_loop(lambda i, *_: i < blocks, block, start, maximum_iterations=blocks)
    return loss, tf.reshape(d_hidden, [-1, n_embd])[:n], d_wte


def loss_and_gradients(hidden, wte, labels, trains_wte: bool = True):
    """The mean loss and its gradients by hidden and wte, float32; None for the latter where it is not wanted.

    hidden [n, n_embd] and wte [n_vocab, n_embd] of one dtype, labels int32 [n]. The gradients are products outside of
    XLA: oneDNN makes them up to a fifth faster on a CPU.
    """
    n, n_vocab = hidden.shape[0], wte.shape[0]
    rows = -(-n // -(-n * n_vocab // LARGE_BLOCK))
    losses: list[tf.Tensor] = []
    d_hidden: list[tf.Tensor] = []
    d_wte: list[tf.Tensor] = []
    for start in range(0, n, rows):
        with tf.control_dependencies(d_hidden[-1:] + d_wte):  # one block after the other
            h = tf.identity(hidden[start : start + rows])
        loss, d_logits = loss_and_d_logits(h, wte, labels[start : start + rows], 1 / n)
        losses.append(loss)
        d_hidden.append(precision.float32_product(d_logits, wte))
        if trains_wte:
            with tf.control_dependencies(d_hidden[-1:]):  # two products at once would share the cores
                d_logits = tf.identity(d_logits)
            product = tf.matmul(d_logits, h, transpose_a=True)  # oneDNN's, as XLA's is slow where `a` is transposed
            d_wte = [tf.add_n([*d_wte, tf.cast(product, tf.float32)])]
    with tf.control_dependencies(d_wte):  # Else the logits would stay while the gradient goes on.
        return tf.add_n(losses), tf.concat(d_hidden, axis=0), d_wte[0] if trains_wte else None


@tf.function(jit_compile=True)
def loss_and_d_logits(hidden, wte, labels, weight: float):
    """The summed loss of some positions, and its gradient by their logits [rows, n_vocab], both times a weight.

    d logits = softmax - one-hot. A label below 0 is none: it has no loss and no gradient.
    """
    logits = precision.float32_product(hidden, wte, adj_y=True)
    greatest = tf.reduce_max(logits, axis=-1, keepdims=True)
    of_labels = tf.gather(logits, tf.maximum(labels, 0), batch_dims=1) - greatest[:, 0]
    of_labels = tf.reduce_sum(tf.where(labels < 0, 0.0, of_labels))
    # Once those of the labels are read, the exponentials may take the place of the logits.
    exponentials = tf.exp(logits - later(greatest, of_labels))
    total = tf.reduce_sum(exponentials, axis=-1, keepdims=True)
    loss = tf.reduce_sum(tf.where(labels[:, None] < 0, 0.0, tf.math.log(total))) - of_labels
    share = tf.where(labels[:, None] < 0, 0.0, weight / total)
    is_label = tf.range(wte.shape[0]) == labels[:, None]
    return weight * loss, tf.cast(exponentials * share - tf.where(is_label, weight, 0.0), hidden.dtype)


def later(tensor, other):
    """The same tensor, but not there before the other is.

    A zero is added that depends on the other: NaN keeps XLA from knowing that it is always zero.
    """
    first = tf.reshape(other, [-1])[0]
    return tensor + tf.cast(tf.where(tf.math.is_nan(first), np.nan, 0.0), tensor.dtype)
