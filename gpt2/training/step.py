"""One step of training, and the loss that it lowers."""

import tensorflow as tf

from gpt2.model import GPT2
from gpt2.training.gradients import inputs_and_labels, make_backpropagate
from gpt2.training.loss import summed_loss


def mean_loss(model: GPT2, batch):
    """Mean cross-entropy, in nats, of each token given those before it: float32 scalar.

    batch int32 [batch, seq + 1]: all but the last go in, all but the first are to be predicted; or [batch, 2, seq],
    what goes in above what is to be predicted, where they differ by noise.
    """
    inputs, labels = inputs_and_labels(batch)
    hidden, _ = model.transform(inputs)
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
    backpropagate = make_backpropagate(model, names or model.weights)
    loss_and_gradients, update = make_halves(model, optimizer, names, clip_norm)

    @tf.function
    def train_step(batches, learning_rate, step):
        if batches.shape[0] == 1 and not clip_norm:
            return backpropagate(batches[0], lambda gradients: optimizer.apply(gradients, learning_rate, step))
        loss, gradients = loss_and_gradients(batches)
        update(gradients, learning_rate, step)
        return loss

    return train_step


def make_halves(model: GPT2, optimizer, names=None, clip_norm: float = 0.0):
    """The two halves of a training step, for what has to happen between them.

    Returns:
      A function of batches [n, batch, seq + 1] that gives the mean loss and the gradients, a list of float32, of n
      batches one after the other, and a function of the gradients, learning_rate and step that makes the update.
    """
    names = list(names or model.weights)
    backpropagate = make_backpropagate(model, names)

    def loss_and_gradients(batches):
        n = batches.shape[0]

        def add(i, loss, sums):
            sums = dict(zip(names, sums, strict=True))

            def use(gradients):
                for name, gradient in gradients.items():
                    sums[name] += tf.cast(gradient, tf.float32)

            loss += backpropagate(batches[i], use)
            return i + 1, loss, list(sums.values())

        start = tf.constant(0), tf.constant(0.0), [tf.zeros(model.weights[name].shape) for name in names]
        if n == 1:
            return add(*start)[1:]
        _, loss, sums = tf.while_loop(lambda i, *_: i < n, add, start, maximum_iterations=n)
        return loss / n, [gradient / n for gradient in sums]

    def update(gradients, learning_rate, step):
        scale = clip_norm / tf.maximum(tf.linalg.global_norm(gradients), clip_norm) if clip_norm else 1.0
        optimizer.apply(dict(zip(names, gradients, strict=True)), learning_rate, step, scale)

    return loss_and_gradients, update
