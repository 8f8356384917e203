"""Training steps on one replica or many, with the same numbers on all.

Gradients are averaged over the replicas before every replica makes the same update of its own weights, so how many
there are changes only the order of sums.
"""

from collections.abc import Callable, Sequence

import tensorflow as tf

from gpt2.distributed.replicas import MEAN, Replicas
from gpt2.model import GPT2
from gpt2.training import step as training
from gpt2.training.updates import SGD


def make_train_steps(
    replicas: Replicas, model: GPT2, optimizer: SGD, names: Sequence[str] | None = None, clip_norm: float = 0.0
) -> Callable[..., tf.Tensor]:
    """A function (batches, learning_rates, updates, count) -> the losses before each of `count` updates in place.

    batches int32 [steps, n, batch, seq + 1] of each replica, see `Replicas.share_out` and `step.make_train_step`;
    learning_rates float32 [steps], updates int32 scalar, how many came before, count int32 scalar, at most steps.
    The losses are float32 [steps], those after count 0.
    """
    strategy = replicas.strategy
    alone = strategy is tf.distribute.get_strategy()
    take = training.make_train_step(model, optimizer, names, clip_norm) if alone else None
    take = take or make_replicated_step(replicas, model, optimizer, names, clip_norm)

    # What the host does of a step is TensorFlow's, not Python's.
    @tf.function
    def train_steps(batches: tf.Tensor, learning_rates: tf.Tensor, updates: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
        def body(i: tf.Tensor, losses: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            loss = take(strategy.run(lambda b: b[i], (batches,)), learning_rates[i], updates + i)
            return i + 1, tf.tensor_scatter_nd_update(losses, [[i]], [loss])

        start = (tf.constant(0), tf.zeros_like(learning_rates))
        if learning_rates.shape[0] == 1:
            return body(*start)[1]
        return tf.while_loop(lambda i, _: i < count, body, start)[1]

    return train_steps


def make_replicated_step(
    replicas: Replicas, model: GPT2, optimizer: SGD, names: Sequence[str] | None = None, clip_norm: float = 0.0
) -> Callable[..., tf.Tensor]:
    """A function of the batches of each replica, learning_rate and step, to be called in a graph: the mean loss.

    A TPU takes the whole step as one program. Elsewhere what happens within a replica is compiled, and what happens
    between them is not: XLA has no exchange between two CPUs of a process.
    """
    strategy = replicas.strategy
    loss_and_gradients, update = training.make_halves(model, optimizer, names, clip_norm)
    if not replicas.is_tpu:
        loss_and_gradients = tf.function(loss_and_gradients, jit_compile=True)
        update = tf.function(update, jit_compile=True)

    def replica_step(batches: tf.Tensor, learning_rate: tf.Tensor, step: tf.Tensor) -> tf.Tensor:
        loss, gradients = loss_and_gradients(batches)
        loss, gradients = tf.distribute.get_replica_context().all_reduce(MEAN, (loss, gradients))
        update(gradients, learning_rate, step)
        return loss

    def step(batches: tf.Tensor, learning_rate: tf.Tensor, step: tf.Tensor) -> tf.Tensor:
        losses = strategy.run(replica_step, (batches, learning_rate, step))
        return strategy.experimental_local_results(losses)[0]  # They are all the mean.

    return step


def compiled_on_each(replicas: Replicas, function: Callable[[tf.Tensor], tf.Tensor]) -> Callable[..., tf.Tensor]:
    """A compiled function of a tensor, for which every process computes the same by itself."""
    if not replicas.is_tpu:
        return tf.function(function, jit_compile=True)
    strategy = replicas.strategy
    return tf.function(lambda x: strategy.experimental_local_results(strategy.run(function, (x,)))[0])
