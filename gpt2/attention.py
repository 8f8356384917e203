"""Causal attention: over a past one token after another, or over a whole window in blocks that see no later one."""

import numpy as np
import tensorflow as tf

from gpt2.recompute import later

BLOCK = 256  # Queries whose weights exist at once; a window of 1,024 then takes 5/8 of the products of the square.


def attend(q, k, v, positions):
    """Each query's mean of the values at its own position and before, weighted by softmax(q k / sqrt(size)).

    q [batch, head, dst, size], k and v [batch, head, src, size] -> [batch, head, dst, size]; positions int32
    [batch or 1, dst] says where in src the queries stand.
    """
    visible = tf.range(tf.shape(k)[2]) <= positions[:, None, :, None]  # [batch or 1, 1, dst, src]
    return tf.matmul(attention_weights(q, k, visible), v)


def attention_weights(q, k, visible):
    """softmax(q k / sqrt(size)) over the visible positions: [batch, head, dst, src], in the dtype of q."""
    scores = tf.matmul(q, k, transpose_b=True) * q.shape[-1] ** -0.5
    # -inf in float32: OpenAI's 1e10 overflows float16 to NaN. A row sees at least itself, so none is all -inf.
    scores = tf.where(visible, tf.cast(scores, tf.float32), -np.inf)
    return tf.cast(tf.nn.softmax(scores), q.dtype)


@tf.custom_gradient
def attend_window(q, k, v):
    """`attend` where the queries are those of the keys, [batch, head, seq, size] all, and seq is known.

    The weights are computed again for the gradient instead of being kept: 50 MB a layer for a window of 1,024 of the
    124M model. The gradient of a softmax is that of Dao et al., "FlashAttention", NeurIPS 2022, appendix B.2.
    """
    seq, scale = q.shape[2], q.shape[-1] ** -0.5
    blocks = [(start, min(start + BLOCK, seq)) for start in range(0, seq, BLOCK)]

    def weights(q, start, stop):
        visible = tf.range(stop) <= tf.range(start, stop)[:, None]
        return attention_weights(q[:, :, start:stop], k[:, :, :stop], visible)  # [batch, head, stop - start, stop]

    attended = tf.concat([tf.matmul(weights(q, *block), v[:, :, : block[1]]) for block in blocks], axis=2)

    def grad(d_attended):
        d_q, d_k, d_v = [], tf.zeros_like(k), tf.zeros_like(v)
        for start, stop in blocks:
            w, d = weights(later(q, d_attended), start, stop), d_attended[:, :, start:stop]
            mean = tf.reduce_sum(d * attended[:, :, start:stop], axis=-1, keepdims=True)
            d_scores = w * (tf.matmul(d, v[:, :, :stop], transpose_b=True) - mean) * scale
            d_q.append(tf.matmul(d_scores, k[:, :, :stop]))
            rest = [[0, 0], [0, 0], [0, seq - stop], [0, 0]]
            d_k += tf.pad(tf.matmul(d_scores, q[:, :, start:stop], transpose_a=True), rest)
            d_v += tf.pad(tf.matmul(w, d, transpose_a=True), rest)
        return tf.concat(d_q, axis=2), d_k, d_v

    return attended, grad
