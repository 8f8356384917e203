"""Which devices take part, and in which process: tf.distribute's strategies."""

import os
import shutil

import tensorflow as tf

from gpt2.distributed.workers import NOTHING_NAMED, names_workers
from system.errors import UserError


def find_strategy(kind: str = "auto", tpu: str | None = None) -> tf.distribute.Strategy:
    """The strategy for the devices that are there.

    Args:
      kind: `one` device; `mirrored` on all GPUs of this machine, or its logical CPUs if it has none; `multi_worker`,
        the machines that TF_CONFIG or Slurm names; `tpu`; or `auto`, the first of the last three that finds anything.
      tpu: the name or address of a TPU, or `local` for that of this machine.
    Raises:
      UserError: there is no TPU of that name, or nothing names other machines.
    """
    if kind == "auto":
        kind = guess(tpu)
    if kind == "tpu":
        return connect_tpu(tpu or "local")
    if kind == "multi_worker":
        cluster = find_cluster()
        if not cluster:
            raise UserError(NOTHING_NAMED)
        return tf.distribute.MultiWorkerMirroredStrategy(cluster_resolver=cluster)
    if kind == "mirrored":
        return tf.distribute.MirroredStrategy(find_devices(kind))
    return tf.distribute.get_strategy()


def find_devices(kind: str = "auto", tpu: str | None = None) -> list[str]:
    """The names of the devices of this process that take part, for work that each does by itself.

    See `find_strategy`; each of several workers takes all devices that it sees, as with `auto`.

    Raises:
      UserError: there is no TPU of that name.
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
    if names_workers():
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
        raise UserError(
            f"--tpu {tpu}: no such TPU ({str(error).splitlines()[0]}); name one, or take another --strategy"
        ) from error
    return tf.distribute.TPUStrategy(resolver)


def find_cluster() -> tf.distribute.cluster_resolver.ClusterResolver | None:
    """The addresses of the workers, and which of them this process is, by TF_CONFIG or Slurm; None without either."""
    if not names_workers():
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
    """The number of this process among the workers; 0 is the chief, which alone writes."""
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
