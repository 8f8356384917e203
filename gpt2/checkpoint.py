"""Weights on disk, in OpenAI's layout: read with every check before a model is made of them, written atomically.

A model folder holds `checkpoint`, a TensorFlow bundle (`PREFIX.index`, `PREFIX.data-00000-of-00001`), `hparams.json`
and the vocabulary. `checkpoint` names the bundle that counts. What was saved by the fine-tuning tools of 2019 loads
as it is: their folders lack hparams and vocabulary, and some bundles also hold an optimizer's slots.
"""

import os
from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from gpt2.bundle import check_index, read_weight
from gpt2.checkpoint_paths import find_prefix, steps_in, write_pointer
from gpt2.hparams import find_hparams
from gpt2.model import GPT2
from system import files
from system.errors import UserError

gfile = tf.io.gfile


def load_model(
    path: str, model_folder: str | None = None, dtype: str = "float32", weight_dtype: str | None = None
) -> GPT2:
    """The model in a folder, or under a prefix such as `checkpoint/run1/model-500`.

    Args:
      path: the folder or the prefix.
      model_folder: whose `hparams.json` to use where the path has none, as the runs of 2019 do.
      dtype: of the activations, float32 or bfloat16.
      weight_dtype: of the weights, by default `dtype`.
    Raises:
      FileNotFoundError: no folder, no `checkpoint`, no weights, no `hparams.json`.
      ValueError: a tensor that is missing, left over, of another shape, or damaged; and what `read_hparams` raises.
    """
    prefix = find_prefix(path)
    hparams = find_hparams(prefix, model_folder)
    check_index(prefix, hparams)
    return GPT2(hparams, lambda name, shape: read_weight(prefix, name), dtype, weight_dtype)


def write_bundle(prefix: str, tensors: Mapping[str, tf.Tensor | tf.Variable | np.ndarray]) -> None:
    """Writes tensors under their names as a TensorFlow bundle, flushed to the disk.

    A bundle that is already there is replaced, so never write over the one that `checkpoint` names.
    """
    names = sorted(tensors)
    values = [tf.convert_to_tensor(tensors[name]) for name in names]
    tf.raw_ops.SaveV2(prefix=prefix, tensor_names=names, shape_and_slices=[""] * len(names), tensors=values)
    for path in gfile.glob(prefix + ".*"):
        files.sync(path)


def save_model(folder: str, model: GPT2, prefix: str = "model.ckpt") -> None:
    """Writes the weights into a folder under their names in OpenAI's checkpoints, in float32.

    A crash leaves the old checkpoint or the new one: the new bundle has another name than the one that counts.

    Raises:
      ValueError: the prefix is that of the checkpoint that counts now.
    """
    gfile.makedirs(folder)
    pointer = os.path.join(folder, "checkpoint")
    path = os.path.join(folder, prefix)
    if gfile.exists(pointer) and find_prefix(folder) == path:
        raise UserError(f"{path}: is the checkpoint that counts, a crash now would lose it; save under another prefix")
    write_bundle(path, in_float32(model.weights))
    write_pointer(folder, prefix)


def in_float32(weights: Mapping[str, tf.Variable]) -> dict[str, tf.Tensor]:
    """Weights of any dtype as they stand in a checkpoint."""
    return {name: tf.cast(weight, tf.float32) for name, weight in weights.items()}


def assign(weights: Mapping[str, tf.Variable], prefix: str) -> None:
    """Gives weights their values in a bundle, one at a time; raises as `read_tensor`."""
    for name, weight in weights.items():
        weight.assign(tf.cast(read_weight(prefix, name), weight.dtype))


def remove_old(folder: str, kind: str, kept: int, step: int) -> list[int]:
    """Removes the bundles of a kind before the newest few up to this step; gives the steps of those removed."""
    old = [found for found in steps_in(folder, kind) if found <= step][:-kept]
    for one in old:
        remove(os.path.join(folder, f"{kind}-{one}"))
    return old


def remove(prefix: str) -> None:
    """Removes a bundle, its index first, so that no half of it looks whole."""
    for path in sorted(gfile.glob(f"{prefix}.*"), reverse=True):
        gfile.remove(path)
