"""The devices that train one model together, the workers that have them, and the values that workers exchange.

A replica is a device that holds all weights and takes its share of each batch.
"""

import functools
from collections.abc import Callable, Mapping

import numpy as np
import tensorflow as tf

from gpt2.distributed.strategy import find_strategy, is_multi_worker, is_tpu, worker_of
from system.errors import UserError

MEAN, SUM = tf.distribute.ReduceOp.MEAN, tf.distribute.ReduceOp.SUM


class Replicas:
    """All replicas of a model, and the place of this process among the workers.

    What `gather`, `any`, `wait` and a function of `make_copy_from_chief` do, all workers must ask for together.

    Attributes:
      strategy: TensorFlow's, in whose scope the weights are made.
      worker: the number of this process, from 0.
      is_chief: whether this process writes the run: it is worker 0, or there are no other workers.
    """

    def __init__(self, strategy: tf.distribute.Strategy):
        self.strategy = strategy
        self.worker = worker_of(strategy)
        self.is_chief = self.worker == 0
        self.has_others = is_multi_worker(strategy)
        self.is_tpu = is_tpu(strategy)

    @classmethod
    def find(cls, kind: str = "auto", tpu: str | None = None) -> "Replicas":
        """The replicas of the devices that are there; see `strategy.find_strategy`."""
        return cls(find_strategy(kind, tpu))

    def check_batch_size(self, batch_size: int) -> None:
        """Raises a UserError if a batch cannot be shared out evenly."""
        n = self.strategy.num_replicas_in_sync
        if batch_size % n:
            raise UserError(f"--batch_size is {batch_size}, expected a multiple of {n}, the number of replicas")

    def share_out(self, batch_size: int, read: Callable[[np.ndarray], np.ndarray]) -> tf.distribute.DistributedValues:
        """What each replica of this worker gets: `read(rows)` of its own rows of a batch.

        Args:
          read: a function of an array of row numbers, giving an array.
        """
        share = batch_size // self.strategy.num_replicas_in_sync

        def of_replica(context: tf.distribute.ReplicaContext) -> tf.Tensor:
            first = context.replica_id_in_sync_group * share
            return tf.constant(read(np.arange(first, first + share)))

        return self.strategy.experimental_distribute_values_from_function(of_replica)

    def rows_here(self, batch_size: int) -> list[int]:
        """The rows of a batch that the replicas of this process take."""
        found: list[int] = []

        def note(rows: np.ndarray) -> np.ndarray:
            found.extend(rows.tolist())
            return rows

        self.share_out(batch_size, note)
        return found

    def gather(self, value: int) -> list[int]:
        """The value of every worker, in each of them. Exact up to 2**24."""
        if not self.has_others:
            return [value]
        return [int(number) for number in self._gathered(tf.constant(value, tf.float32)).numpy()]

    def any(self, value: bool) -> bool:
        """Whether the value of any worker is true."""
        return any(self.gather(int(value)))

    def wait(self) -> None:
        """Returns when all workers have come this far."""
        self.gather(0)

    def check_same_step(self, step: int, folder: str) -> None:
        """Raises an AbortedError, so that all workers restart, if one found an older save than another.

        Args:
          step: of the save that this worker has found in the run's folder.
        """
        steps = self.gather(step)
        if len(set(steps)) > 1:
            raise tf.errors.AbortedError(
                None, None, f"{folder}: the workers found saves of steps {steps}; do all see it?"
            )

    def make_copy_from_chief(self, weights: Mapping[str, tf.Variable]) -> Callable[[], None]:
        """A function that gives these weights the values that they have in the chief's process."""
        if not self.has_others:
            return lambda: None

        def copy() -> None:
            context = tf.distribute.get_replica_context()
            is_chief = context.replica_id_in_sync_group == 0
            for weight in weights.values():
                weight.assign(context.all_reduce(SUM, tf.where(is_chief, weight, tf.zeros_like(weight))))

        return tf.function(lambda: self.strategy.run(copy))

    @functools.cached_property
    def _gathered(self) -> Callable[[tf.Tensor], tf.Tensor]:
        return tf.function(
            lambda value: self.strategy.experimental_local_results(self.strategy.run(in_turn, (value,)))[0]
        )


def in_turn(value: tf.Tensor) -> tf.Tensor:
    """The value of every replica, float32 [replicas], in each of them: a sum of zeros and itself, which is exact."""
    context = tf.distribute.get_replica_context()
    own = tf.one_hot(context.replica_id_in_sync_group, context.num_replicas_in_sync) * tf.cast(value, tf.float32)
    return context.all_reduce(SUM, own)
