"""Training steps on one replica or many, with the same numbers on all.

Gradients are averaged over the replicas before every replica makes the same update of its own weights, so how many
there are changes only the order of sums.
"""

import numpy as np
import tensorflow as tf

from gpt2.distributed import collectives
from gpt2.distributed.strategy import is_tpu
from gpt2.training import step as training
from system.errors import UserError


def check_batch_size(strategy: tf.distribute.Strategy, batch_size: int) -> None:
    """Raises a ValueError if a batch cannot be shared out evenly."""
    replicas = strategy.num_replicas_in_sync
    if batch_size % replicas:
        raise UserError(f"--batch_size is {batch_size}, expected a multiple of {replicas}, the number of replicas")


def share_out(strategy: tf.distribute.Strategy, batch_size: int, read):
    """What each replica of this worker gets: `read(rows)` of its own rows of a batch, which nobody else reads.

    Args:
      read: a function of an array of row numbers, giving an array.
    """
    share = batch_size // strategy.num_replicas_in_sync

    def of_replica(context):
        first = context.replica_id_in_sync_group * share
        return tf.constant(read(np.arange(first, first + share)))

    return strategy.experimental_distribute_values_from_function(of_replica)


def rows_here(strategy: tf.distribute.Strategy, batch_size: int) -> list[int]:
    """The rows of a batch that the replicas of this process take."""
    found: list[int] = []

    def note(rows):
        found.extend(rows.tolist())
        return rows

    share_out(strategy, batch_size, note)
    return found


def make_train_steps(strategy: tf.distribute.Strategy, model, optimizer, names=None, clip_norm: float = 0.0):
    """A function (batches, learning_rates, updates, count) -> the losses before each of `count` updates in place.

    batches int32 [steps, n, batch, seq + 1] of each replica, see `share_out` and `step.make_train_step`;
    learning_rates float32 [steps], updates int32 scalar, how many came before, count int32 scalar, at most steps.
    The losses are float32 [steps], those after count 0.
    """
    alone = strategy is tf.distribute.get_strategy()
    take = training.make_train_step(model, optimizer, names, clip_norm) if alone else None
    take = take or make_replicated_step(strategy, model, optimizer, names, clip_norm)

    # What the host does of a step is TensorFlow's, not Python's.
    @tf.function
    def train_steps(batches, learning_rates, updates, count):
        def body(i, losses):
            loss = take(strategy.run(lambda b: b[i], (batches,)), learning_rates[i], updates + i)
            return i + 1, tf.tensor_scatter_nd_update(losses, [[i]], [loss])

        start = (tf.constant(0), tf.zeros_like(learning_rates))
        if learning_rates.shape[0] == 1:
            return body(*start)[1]
        return tf.while_loop(lambda i, _: i < count, body, start)[1]

    return train_steps


def make_replicated_step(strategy: tf.distribute.Strategy, model, optimizer, names=None, clip_norm: float = 0.0):
    """A function of the batches of each replica, learning_rate and step, to be called in a graph: the mean loss.

    A TPU takes the whole step as one program. Elsewhere what happens within a replica is compiled, and what happens
    between them is not: XLA has no exchange between two CPUs of a process.
    """
    loss_and_gradients, update = training.make_halves(model, optimizer, names, clip_norm)
    if not is_tpu(strategy):
        loss_and_gradients = tf.function(loss_and_gradients, jit_compile=True)
        update = tf.function(update, jit_compile=True)

    def replica_step(batches, learning_rate, step):
        loss, gradients = loss_and_gradients(batches)
        loss, gradients = tf.distribute.get_replica_context().all_reduce(collectives.MEAN, (loss, gradients))
        update(gradients, learning_rate, step)
        return loss

    def step(batches, learning_rate, step):
        losses = strategy.run(replica_step, (batches, learning_rate, step))
        return strategy.experimental_local_results(losses)[0]  # They are all the mean.

    return step


def compiled_on_each(strategy: tf.distribute.Strategy, function):
    """A compiled function of a tensor, for which every process computes the same by itself."""
    if not is_tpu(strategy):
        return tf.function(function, jit_compile=True)
    return tf.function(lambda x: strategy.experimental_local_results(strategy.run(function, (x,)))[0])
