"""Which devices take part, and training on one or many with the same numbers on all: tf.distribute's strategies.

A replica is a device that holds all weights and takes its share of each batch. Gradients are averaged over the replicas
before every replica makes the same update of its own weights, so how many there are changes only the order of sums.
"""

import os
import shutil

import numpy as np
import tensorflow as tf

from gpt2 import training
from gpt2.workers import NOTHING_TOLD, tells_of_workers

MEAN, SUM = tf.distribute.ReduceOp.MEAN, tf.distribute.ReduceOp.SUM


def find_strategy(kind: str = "auto", tpu: str | None = None) -> tf.distribute.Strategy:
    """The strategy for the devices that are there.

    Args:
      kind: `one` device; `mirrored` on all GPUs of this machine, or else its logical CPUs; `multi_worker`, the
        machines that TF_CONFIG or Slurm tells of; `tpu`; or `auto`, the first of the last three that finds anything.
      tpu: the name or address of a TPU, or `local` for that of this machine.
    Raises:
      ValueError: there is no TPU of that name, or nothing tells of other machines.
    """
    if kind == "auto":
        kind = guess(tpu)
    if kind == "tpu":
        return connect_tpu(tpu or "local")
    if kind == "multi_worker":
        cluster = find_cluster()
        if not cluster:
            raise ValueError(NOTHING_TOLD)
        return tf.distribute.MultiWorkerMirroredStrategy(cluster_resolver=cluster)
    if kind == "mirrored":
        return tf.distribute.MirroredStrategy(find_devices(kind))
    return tf.distribute.get_strategy()


def find_devices(kind: str = "auto", tpu: str | None = None) -> list[str]:
    """The names of the devices of this process that take part, for work that each of them does by itself.

    See `find_strategy`; of several workers each takes all that it sees, as with `auto`.

    Raises:
      ValueError: there is no TPU of that name.
    """
    if kind == "tpu" or (kind in ("auto", "multi_worker") and has_tpu(tpu)):
        connect_tpu(tpu or "local")
        devices = tf.config.list_logical_devices("TPU")
    else:
        gpus, cpus = tf.config.list_logical_devices("GPU"), tf.config.list_logical_devices("CPU")
        devices = gpus or (cpus if kind == "mirrored" else cpus[:1])
    return [device.name for device in (devices[:1] if kind == "one" else devices)]


def has_tpu(tpu: str | None) -> bool:
    """Whether a TPU is asked for, or is in this machine."""
    return bool(tpu or tf.config.list_physical_devices("TPU"))


def guess(tpu: str | None) -> str:
    """The kind of strategy that makes use of all there is."""
    if has_tpu(tpu):
        return "tpu"
    if tells_of_workers():
        return "multi_worker"
    return "mirrored" if len(tf.config.list_logical_devices("GPU")) > 1 else "one"


def connect_tpu(tpu: str) -> tf.distribute.TPUStrategy:
    """Takes hold of a TPU and empties its memory."""
    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver(tpu)
        if tpu != "local":
            tf.config.experimental_connect_to_cluster(resolver)
        tf.tpu.experimental.initialize_tpu_system(resolver)
    except (ValueError, OSError, RuntimeError, tf.errors.OpError) as error:
        raise ValueError(
            f"--tpu {tpu}: no such TPU ({str(error).splitlines()[0]}); name one, or take another --strategy"
        ) from error
    return tf.distribute.TPUStrategy(resolver)


def find_cluster():
    """Who the workers are, and which of them this process is, as TF_CONFIG or Slurm says; None if neither does."""
    if not tells_of_workers():
        return None
    resolvers = tf.distribute.cluster_resolver
    if "TF_CONFIG" in os.environ:
        return resolvers.TFConfigClusterResolver()
    if shutil.which("nvidia-smi"):
        return resolvers.SlurmClusterResolver()
    # Without that program it cannot count GPUs; a core for each task takes their place.
    tasks = int(os.environ["SLURM_STEP_NUM_TASKS"])
    return resolvers.SlurmClusterResolver(gpus_per_node=tasks, gpus_per_task=1, auto_set_gpu=False)


def worker_of(strategy: tf.distribute.Strategy) -> int:
    """The number of this process among the workers; 0 is the chief, who alone writes."""
    resolver = strategy.cluster_resolver
    if resolver is None or is_tpu(strategy):
        return 0
    first = len(resolver.cluster_spec().as_dict().get("chief", []))
    return resolver.task_id + (first if resolver.task_type == "worker" else 0)


def is_multi_worker(strategy: tf.distribute.Strategy) -> bool:
    """Whether other processes take part."""
    return isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)


def is_tpu(strategy: tf.distribute.Strategy) -> bool:
    """Whether the devices are those of a TPU."""
    return isinstance(strategy, tf.distribute.TPUStrategy)


def check_batch_size(strategy: tf.distribute.Strategy, batch_size: int) -> None:
    """Raises a ValueError if a batch cannot be shared out evenly."""
    replicas = strategy.num_replicas_in_sync
    if batch_size % replicas:
        raise ValueError(f"--batch_size is {batch_size}, expected a multiple of {replicas}, the number of replicas")


def spread(strategy: tf.distribute.Strategy, batch_size: int, read):
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

    spread(strategy, batch_size, note)
    return found


def make_train_steps(strategy: tf.distribute.Strategy, model, optimizer, names=None, clip_norm: float = 0.0):
    """A function (batches, learning_rates, updates, count) -> the losses before each of `count` updates in place.

    batches int32 [steps, n, batch, seq + 1] of each replica, see `spread` and `training.make_train_step`;
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
        loss, gradients = tf.distribute.get_replica_context().all_reduce(MEAN, (loss, gradients))
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


def in_turn(value):
    """The value of every replica, float32 [replicas], in each of them: a sum of zeros and itself, which is exact."""
    context = tf.distribute.get_replica_context()
    own = tf.one_hot(context.replica_id_in_sync_group, context.num_replicas_in_sync) * tf.cast(value, tf.float32)
    return context.all_reduce(SUM, own)


def make_values_of_all(strategy: tf.distribute.Strategy):
    """A function of a number: that of every process, in each of them; all must ask together. Exact up to 2**24."""
    if not is_multi_worker(strategy):
        return lambda value: [value]

    @tf.function
    def share(value):
        return strategy.experimental_local_results(strategy.run(in_turn, (value,)))[0]

    return lambda value: [int(number) for number in share(tf.constant(value, tf.float32)).numpy()]


def check_same_step(steps: list[int], folder: str) -> None:
    """Lets all workers start anew if one found an older save than another, which was just being written."""
    if len(set(steps)) > 1:
        raise tf.errors.AbortedError(None, None, f"{folder}: the workers found saves of steps {steps}; do all see it?")


def make_copy_from_chief(strategy: tf.distribute.Strategy, weights):
    """A function that gives every process the weights that the chief has; all must call it together."""
    if not is_multi_worker(strategy):
        return lambda: None

    def copy():
        context = tf.distribute.get_replica_context()
        is_chief = context.replica_id_in_sync_group == 0
        for weight in weights.values():
            weight.assign(context.all_reduce(SUM, tf.where(is_chief, weight, tf.zeros_like(weight))))

    return tf.function(lambda: strategy.run(copy))
