"""One step of training, and the loss that it lowers, each compiled into one program."""

import numpy as np
import tensorflow as tf

from gpt2.loss import summed_loss
from gpt2.model import GPT2


def mean_loss(model: GPT2, batch):
    """Mean cross-entropy, in nats, of each token given those before it: float32 scalar.

    batch int32 [batch, seq + 1]: all but the last go in, all but the first are to be predicted; or [batch, 2, seq],
    what goes in above what is to be predicted, where they differ by noise.
    """
    inputs, labels = (batch[:, 0], batch[:, 1]) if batch.shape.rank == 3 else (batch[:, :-1], batch[:, 1:])
    hidden, _ = model.transform(inputs)
    labels = tf.reshape(labels, [-1])
    wte = tf.cast(model.weights["model/wte"], model.dtype)
    return summed_loss(tf.reshape(hidden, [labels.shape[0], wte.shape[1]]), wte, labels) / labels.shape[0]


def make_train_step(model: GPT2, optimizer, names=None, clip_norm: float = 0.0):
    """A compiled function (batches, learning_rate, step) -> loss before the update, which it makes in place.

    batches int32 [n, batch, seq + 1]: the mean gradient of n batches, one after the other in memory, makes one update.
    learning_rate float32 and step int32 scalars, so that neither is compiled in.

    Args:
      names: of the weights to train, all by default.
      clip_norm: the greatest global norm of the gradient, which is scaled down to it; 0 for none.
    """
    weights = {name: model.weights[name] for name in names or model.weights}

    def loss_and_gradients(batch):
        with tf.GradientTape() as tape:
            loss = mean_loss(model, batch)
        return loss, [tf.convert_to_tensor(gradient) for gradient in tape.gradient(loss, list(weights.values()))]

    @tf.function(jit_compile=True)
    def train_step(batches, learning_rate, step):
        loss, gradients = mean_over(loss_and_gradients, batches)
        if clip_norm:
            gradients, _ = tf.clip_by_global_norm(gradients, clip_norm)
        optimizer.apply(dict(zip(weights, gradients, strict=True)), learning_rate, step)
        return loss

    return train_step


def mean_over(loss_and_gradients, batches):
    """The mean loss and gradients of batches [n, ...], of which one is in memory at a time."""
    first = loss_and_gradients(batches[0])
    n = batches.shape[0]
    if n == 1:
        return first
    _, loss, gradients = tf.while_loop(
        lambda i, *_: i < n,
        lambda i, *sums: (i + 1, *tf.nest.map_structure(tf.add, sums, loss_and_gradients(batches[i]))),
        (tf.constant(1), *first),
        maximum_iterations=n - 1,
    )
    return loss / n, [gradient / n for gradient in gradients]


def make_evaluate(model: GPT2):
    """A function of batches int32 [batch, seq + 1] of one shape: their mean loss in nats a token."""
    loss = tf.function(lambda batch: mean_loss(model, batch), jit_compile=True)
    return lambda batches: float(np.mean([loss(tf.constant(batch)) for batch in batches]))
