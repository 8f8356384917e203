"""The mean of several checkpoints, the bad ones left out and named, and the outer step that a swarm takes with it."""

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from gpt2.bundle import check_index, read_weight
from gpt2.checkpoint_paths import find_prefix
from gpt2.hparams import HParams
from system.errors import UserError

# How far to go from the old average to the mean, and how much of the last step to add: learning rate and momentum.
# The method is that of Douillard et al., "DiLoCo: Distributed Low-Communication Training of Language Models", 2023,
# whose 0.7 and 0.9 want hundreds of rounds. Of ten, bench/swarm.py: less momentum comes nearer to one synchronous run.
OUTER = {"average": (1.0, 0.0), "nesterov": (1.0, 0.7)}


def read_weights(path: str, hparams: HParams) -> dict[str, np.ndarray]:
    """The weights of a model folder or prefix by their names, float32, all finite.

    Raises:
      FileNotFoundError: they are not there.
      ValueError: damaged, half-written, of another shape, NaN or infinite.
    """
    prefix = find_prefix(path)
    check_index(prefix, hparams)
    weights = {}
    for name in tensors_of(prefix):
        weights[name] = read_weight(prefix, name)
        if not np.isfinite(weights[name]).all():
            raise UserError(f"{prefix}: {name} is NaN or infinite, so it cannot be averaged")
    return weights


def tensors_of(prefix: str) -> list[str]:
    """The names of the weights in a bundle, without what an optimizer has left there."""
    shapes = tf.compat.v1.train.NewCheckpointReader(prefix).get_variable_to_shape_map()
    return sorted(name for name in shapes if name.startswith("model/") and name.rpartition("/")[0] not in shapes)


def mean_of(paths: Mapping[str, str], hparams: HParams) -> tuple[dict[str, np.ndarray], list[str], dict[str, str]]:
    """The mean weights of the checkpoints that are whole, read one after the other.

    Args:
      paths: model folders or prefixes, by the names of their members.
    Returns:
      The mean, float32 by the names of the weights, nothing if no checkpoint is good; the members that are in it; and
      why each other one is not.
    """
    total: dict[str, np.ndarray] = {}
    counted, left_out = [], {}
    for member in sorted(paths):
        try:
            weights = read_weights(paths[member], hparams)
        except (ValueError, OSError, tf.errors.OpError) as error:
            left_out[member] = " ".join(str(error).split())
            continue
        counted.append(member)
        for name, weight in weights.items():
            total[name] = total[name] + weight if name in total else weight
    return {name: weight / np.float32(len(counted)) for name, weight in total.items()}, counted, left_out


def outer_step(
    old: np.ndarray, mean: np.ndarray, momentum: np.ndarray, learning_rate: float, decay: float
) -> tuple[np.ndarray, np.ndarray]:
    """The new average and the new momentum of one weight, arrays of its shape: Nesterov's step along mean - old.

    With a learning rate of 1 and no momentum, the new average is the mean itself, to the last bit.
    """
    if learning_rate == 1 and decay == 0:
        return mean, momentum
    change = old - mean
    momentum = decay * momentum + change
    return old - learning_rate * (change + decay * momentum), momentum
