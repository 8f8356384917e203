"""Weights on disk, in OpenAI's layout: read with every check before a model is made of them, written atomically.

A model folder holds `checkpoint`, a TensorFlow bundle (`PREFIX.index`, `PREFIX.data-00000-of-00001`), `hparams.json`
and the vocabulary. `checkpoint` names the bundle that counts. What was saved by the fine-tuning tools of 2019 loads
as it is: their folders lack hparams and vocabulary, and some bundles also hold an optimizer's slots.
"""

import os
from collections.abc import Iterable, Mapping

import numpy as np
import tensorflow as tf

from gpt2.checkpoint_paths import find_prefix, steps_in
from gpt2.hparams import HParams, find_hparams
from gpt2.model import GPT2, weight_shapes
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


def check_index(prefix: str, hparams: HParams) -> None:
    """Checks that a bundle holds the weights of a model of these sizes, by its index and the size of its data.

    Raises:
      FileNotFoundError: the data file is not there.
      ValueError: a damaged index, a data file too short, a tensor that is missing, of another shape, of no float or
        left over.
    """
    found, dtypes, size = _read_index(prefix)
    expected = weight_shapes(hparams)
    for name, shape in expected.items():
        if name not in found:
            raise UserError(f"{prefix}: no tensor {name}, expected one of shape {list(shape)} by its hparams.json")
        if found[name] != shape:
            raise UserError(
                f"{prefix}: tensor {name} has shape {list(found[name])}, expected {list(shape)} by its hparams.json"
            )
        if not dtypes[name].is_floating:
            raise UserError(f"{prefix}: tensor {name} is of {dtypes[name].name}, expected float32 or another float")
    for name in found:
        if name not in expected and not _is_left_by_training(name, expected):
            raise UserError(
                f"{prefix}: tensor {name} has no place in a model of its hparams.json; are they of one model?"
            )
    data = gfile.glob(prefix + ".data-*")
    if not data:
        raise FileNotFoundError(f"{prefix}.data-00000-of-00001: no such file, though {prefix}.index is there")
    bytes_found = sum(gfile.stat(path).length for path in data)
    if bytes_found < size:
        raise UserError(f"{data[0]}: {bytes_found:,} bytes, expected {size:,}; the file was cut short, fetch it again")


def check_weights(prefix: str, hparams: HParams) -> None:
    """Checks a bundle to the last byte: what `check_index` does, and the checksum of every tensor, one at a time.

    Raises:
      ValueError: see `check_index`; also a tensor whose bytes do not match its checksum.
    """
    check_index(prefix, hparams)
    for name in read_shapes(prefix):
        read_tensor(prefix, name)


def read_tensor(prefix: str, name: str) -> tf.Tensor:
    """One tensor of a bundle, its checksum checked.

    Raises:
      FileNotFoundError: the data file is not there.
      ValueError: its bytes do not match, or end too soon; a damaged index.
    """
    dtype = _reader(prefix).get_variable_to_dtype_map()[name]
    try:
        with tf.device("CPU:0"):  # No other device reads files.
            return tf.raw_ops.RestoreV2(prefix=prefix, tensor_names=[name], shape_and_slices=[""], dtypes=[dtype])[0]
    except tf.errors.NotFoundError:
        raise FileNotFoundError(f"{prefix}.data-00000-of-00001: no such file, though {prefix}.index is there") from None
    except (tf.errors.DataLossError, tf.errors.OutOfRangeError) as error:
        raise UserError(
            f"{prefix}: tensor {name} is damaged, its bytes do not match their checksum; fetch the file again"
        ) from error


def read_weight(prefix: str, name: str) -> np.ndarray:
    """One weight as float32, whichever float it is stored in; raises as `read_tensor`."""
    return read_tensor(prefix, name).numpy().astype(np.float32, copy=False)


def write_bundle(prefix: str, tensors: Mapping[str, tf.Tensor | tf.Variable | np.ndarray]) -> None:
    """Writes tensors under their names as a TensorFlow bundle, flushed to the disk.

    A bundle that is already there is replaced, so never write over the one that `checkpoint` names.
    """
    names = sorted(tensors)
    values = [tf.convert_to_tensor(tensors[name]) for name in names]
    tf.raw_ops.SaveV2(prefix=prefix, tensor_names=names, shape_and_slices=[""] * len(names), tensors=values)
    for path in gfile.glob(prefix + ".*"):
        files.sync(path)


def write_pointer(
    folder: str, prefix: str, pointer: str = "checkpoint", others: Iterable[str] = (), note: str = ""
) -> None:
    """Makes the bundle of this name the one that counts in the folder, by one rename.

    Args:
      others: the names of older bundles that are listed, as TensorFlow does it.
      note: a line for readers of the file.
    """
    listed = "".join(f'all_model_checkpoint_paths: "{name}"\n' for name in (*others, prefix))
    text = f'model_checkpoint_path: "{prefix}"\n{listed}' + (f"# {note}\n" if note else "")
    files.write_file(os.path.join(folder, pointer), text.encode())


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


def read_shapes(prefix: str) -> dict[str, tuple[int, ...]]:
    """The names of the tensors of a bundle, and their shapes.

    Raises:
      ValueError: a damaged index.
    """
    return {name: tuple(shape) for name, shape in _reader(prefix).get_variable_to_shape_map().items()}


def _reader(prefix: str):
    try:
        return tf.compat.v1.train.NewCheckpointReader(prefix)
    except (tf.errors.OpError, RuntimeError) as error:
        raise UserError(f"{prefix}.index: damaged, or not the index of a TensorFlow bundle; fetch it again") from error


def _read_index(prefix: str) -> tuple[dict[str, tuple[int, ...]], dict[str, tf.DType], int]:
    """The shape and the dtype of every tensor, and the bytes that they take in all."""
    dtypes = _reader(prefix).get_variable_to_dtype_map()
    shapes = read_shapes(prefix)
    return shapes, dtypes, sum(int(np.prod(shape)) * dtypes[name].size for name, shape in shapes.items())


def _is_left_by_training(name: str, weights) -> bool:
    """Whether a tensor is an optimizer's: a slot of a weight (model/wte/Adam), or a counter outside the model."""
    return name.rpartition("/")[0] in weights or not name.startswith("model/")


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
