"""The loss and its gradient in blocks of positions, so that the logits of a whole window never exist at once.

They are 206 MB for one window of 1,024 positions of OpenAI's models, and their gradient as much again.
"""

import tensorflow as tf

BLOCK = 2**24  # Logits that exist at once, 64 MB: large enough for a matrix product to run at full speed.


@tf.custom_gradient
def summed_loss(hidden, wte, labels):
    """Sum of the cross-entropy, in nats, of each label under the logits hidden · wteᵀ: float32 scalar.

    The gradient is computed with the loss, while each block of logits is there: d logits = softmax - one-hot.

    hidden [n, n_embd] and wte [n_vocab, n_embd] of one dtype, labels int32 [n].
    """
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
        logits = tf.cast(tf.matmul(h, wte, transpose_b=True), tf.float32)  # [rows, n_vocab]
        total = tf.reduce_logsumexp(logits, axis=-1, keepdims=True)
        is_label = tf.range(n_vocab) == label[:, None]
        is_real = label[:, None] >= 0
        loss += tf.reduce_sum(tf.where(is_real, total, 0)) - tf.reduce_sum(tf.where(is_label, logits, 0))
        d_logits = tf.where(is_real, tf.exp(logits - total) - tf.cast(is_label, tf.float32), 0)
        d_logits = tf.cast(d_logits, hidden.dtype)
        d_h = tf.matmul(d_logits, wte)
        d_hidden = tf.tensor_scatter_nd_update(d_hidden, i[None, None], d_h[None])
        return i + 1, loss, d_hidden, d_wte + tf.matmul(d_logits, h, transpose_a=True)

    zeros = [tf.zeros([blocks, rows, n_embd], wte.dtype), tf.zeros_like(wte)]
    start = (tf.constant(0), tf.constant(0.0), *zeros)
    _, loss, d_hidden, d_wte = tf.while_loop(lambda i, *_: i < blocks, block, start, maximum_iterations=blocks)
    d_hidden = tf.reshape(d_hidden, [-1, n_embd])[:n]

    def grad(upstream):
        scale = tf.cast(upstream, hidden.dtype)
        return scale * d_hidden, scale * d_wte, None

    return loss, grad
