"""Causal attention: over a past one token after another, or over a whole window in blocks that see no later one."""

import numpy as np
import tensorflow as tf

from gpt2.precision import fast_product, product

LARGEST_BLOCK = 256  # The most queries whose weights exist at once.
BLOCKS = 4  # of a window of up to 1,024 queries: then 5/8 of the products of the square are made.


def attend(q, k, v, positions):
    """Each query's mean of the values at its own position and before, weighted by softmax(q k / sqrt(size)).

    q [batch, head, dst, size], k and v [batch, head, src, size] -> [batch, head, dst, size]; positions int32
    [batch or 1, dst] says where in src the queries stand.
    """
    scores = tf.matmul(q, k, transpose_b=True) * q.shape[-1] ** -0.5  # [batch, head, dst, src]
    visible = tf.range(tf.shape(k)[2]) <= positions[:, None, :, None]  # [batch or 1, 1, dst, src]
    # -inf in float32: OpenAI's 1e10 overflows float16 to NaN. A row sees at least itself, so none is all -inf.
    scores = tf.where(visible, tf.cast(scores, tf.float32), -np.inf)
    return tf.matmul(tf.cast(tf.nn.softmax(scores), v.dtype), v)


@tf.custom_gradient
def attend_window(q, k, v):
    """`attend` where the queries are those of the keys, [batch, head, seq, size] all, and seq is known."""
    attended, log_sums = window_and_log_sums(q, k, v)
    return attended, lambda d_attended: window_gradient(q, k, v, attended, log_sums, d_attended)


def window_and_log_sums(q, k, v):
    """`attend_window`, and the logarithms of what each query's weights were divided by: float32 [batch, head, seq, 1].

    With those the gradient computes the weights again; kept, they were 50 MB a layer for a window of 1,024 of the 124M
    model.
    """
    attended, log_sums = [], []
    for start, stop in blocks(q.shape[2]):
        scores = fast_product(q[:, :, start:stop], k[:, :, :stop], adj_y=True) * q.shape[-1] ** -0.5
        visible = tf.range(stop) <= tf.range(start, stop)[:, None]  # [dst, src]
        scores = tf.where(visible, scores, -np.inf)
        largest = tf.reduce_max(scores, axis=-1, keepdims=True)
        weights = tf.exp(scores - largest)
        total = tf.reduce_sum(weights, axis=-1, keepdims=True)
        attended.append(tf.cast(fast_product(tf.cast(weights, v.dtype), v[:, :, :stop]) / total, v.dtype))
        log_sums.append(largest + tf.math.log(total))
    return tf.concat(attended, axis=2), tf.concat(log_sums, axis=2)


def window_gradient(q, k, v, attended, log_sums, d_attended):
    """The gradients of q, k and v, given those of `attend_window`.

    The weights stand as [src, dst] here, as the gradients of k and v want them: XLA's product with a transposed batch
    on its left runs at a third of the speed on a CPU. The gradient of a softmax is that of Dao et al.,
    "FlashAttention", NeurIPS 2022, appendix B.2.
    """
    seq, scale = q.shape[2], q.shape[-1] ** -0.5
    mean = tf.reduce_sum(tf.cast(d_attended, tf.float32) * tf.cast(attended, tf.float32), axis=-1, keepdims=True)
    mean, log_sums, k_rows = (tf.linalg.matrix_transpose(t) for t in (mean, log_sums, k))
    d_q, d_k, d_v = [], tf.zeros_like(k, tf.float32), tf.zeros_like(v, tf.float32)
    for start, stop in blocks(seq):
        d = d_attended[:, :, start:stop]
        scores = fast_product(k[:, :, :stop], q[:, :, start:stop], adj_y=True) * scale  # [..., src, dst]
        visible = tf.range(stop)[:, None] <= tf.range(start, stop)
        weights = tf.where(visible, tf.exp(scores - log_sums[..., start:stop]), 0.0)
        d_weights = fast_product(v[:, :, :stop], d, adj_y=True)
        d_scores = tf.cast(weights * (d_weights - mean[..., start:stop]) * scale, k.dtype)
        d_q.append(product_of_rows(k_rows[..., :stop], d_scores))  # [batch, head, size, dst]
        rest = [[0, 0], [0, 0], [0, seq - stop], [0, 0]]
        d_k += tf.pad(fast_product(d_scores, q[:, :, start:stop]), rest)
        d_v += tf.pad(fast_product(tf.cast(weights, v.dtype), d), rest)
    d_q = tf.linalg.matrix_transpose(tf.concat(d_q, axis=3))
    return d_q, tf.cast(d_k, k.dtype), tf.cast(d_v, v.dtype)


def product_of_rows(rows, b):
    """rows · b, where rows are a transposed tensor: [batch, head, m, k] and [batch, head, k, n] -> [batch, head, m, n].

    XLA makes the transposition a part of the product, and has no such product of bfloat16 with two axes in front.
    """
    if rows.dtype == tf.float32:
        return tf.matmul(rows, b)
    flat = product(tf.reshape(rows, [-1, *rows.shape[2:]]), tf.reshape(b, [-1, *b.shape[2:]]))
    return tf.reshape(flat, [-1, rows.shape[1], *flat.shape[1:]])


def blocks(seq: int):
    """The first query of each block, and the one after its last."""
    size = min(LARGEST_BLOCK, -(-seq // BLOCKS))
    return [(start, min(start + size, seq)) for start in range(0, seq, size)]
