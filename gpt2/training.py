"""One step of training, and the loss that it lowers, each compiled into one program."""

import numpy as np
import tensorflow as tf

from gpt2.loss import summed_loss
from gpt2.model import GPT2


def mean_loss(model: GPT2, batch):
    """Mean cross-entropy, in nats, of each token given those before it: float32 scalar.

    batch int32 [batch, seq + 1]: all but the last go in, all but the first are to be predicted.
    """
    hidden, _ = model.transform(batch[:, :-1])
    labels = tf.reshape(batch[:, 1:], [-1])
    wte = tf.cast(model.weights["model/wte"], model.dtype)
    return summed_loss(tf.reshape(hidden, [labels.shape[0], wte.shape[1]]), wte, labels) / labels.shape[0]


def make_train_step(model: GPT2, optimizer):
    """A compiled function (batch, learning_rate, step) -> loss before the update, which it makes in place.

    batch int32 [batch, seq + 1], learning_rate float32 and step int32 scalars, so that neither is compiled in.
    """

    @tf.function(jit_compile=True)
    def train_step(batch, learning_rate, step):
        with tf.GradientTape() as tape:
            loss = mean_loss(model, batch)
        gradients = tape.gradient(loss, model.weights)
        optimizer.apply(
            {name: tf.convert_to_tensor(gradient) for name, gradient in gradients.items()}, learning_rate, step
        )
        return loss

    return train_step


def make_evaluate(model: GPT2):
    """A function of batches int32 [batch, seq + 1] of one shape: their mean loss in nats a token."""
    loss = tf.function(lambda batch: mean_loss(model, batch), jit_compile=True)
    return lambda batches: float(np.mean([loss(tf.constant(batch)) for batch in batches]))
