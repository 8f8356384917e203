"""Values that all workers exchange, and must ask for together."""

import tensorflow as tf

from gpt2.distributed.strategy import is_multi_worker

MEAN, SUM = tf.distribute.ReduceOp.MEAN, tf.distribute.ReduceOp.SUM


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
