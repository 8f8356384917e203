"""OpenAI's layout as a model: a model folder, a run or the prefix of one save; written as a model folder."""

import functools
import os

from encoder.vocabulary import read_vocabulary, write_vocabulary
from gpt2 import bundle
from gpt2.checkpoint_paths import find_prefix, step_of, write_pointer
from gpt2.formats.safetensors_file import in_dtype
from gpt2.formats.stored_model import StoredModel, read_extras, read_training
from gpt2.hparams import read_hparams, weight_shapes, write_hparams
from system import files
from system.errors import UserError

PREFIX = "model.ckpt"  # OpenAI's


def read_prefix(path: str) -> StoredModel:
    """The model in a folder, or under a prefix such as `checkpoint/run1/model-500`; weights are read when asked for.

    Raises:
      FileNotFoundError: weights, sizes or vocabulary are missing.
      UserError: they are damaged, or not of one model.
    """
    prefix = find_prefix(path)
    folder = os.path.dirname(prefix) or "."
    for name in ("hparams.json", "encoder.json", "vocab.bpe"):
        if not files.exists(os.path.join(folder, name)):
            raise FileNotFoundError(
                f"{os.path.join(folder, name)}: no such file; copy it from the model that the weights were trained from"
            )
    hparams, vocabulary = read_hparams(folder), read_vocabulary(folder)
    bundle.check_index(prefix, hparams)
    if len(vocabulary.tokens) != hparams.n_vocab:
        raise UserError(
            f"{folder}: encoder.json has {len(vocabulary.tokens)} tokens, expected {hparams.n_vocab} (n_vocab of "
            "hparams.json); copy the files of one model"
        )
    read = functools.partial(bundle.read_weight, prefix)
    return StoredModel(prefix, hparams, vocabulary, read, read_extras(folder), read_training(folder, step_of(prefix)))


def write_folder(model: StoredModel, folder: str, dtype: str) -> None:
    """Writes a model into a new folder, a weight at a time.

    Args:
      dtype: of the weights there, float32 or float16.
    Raises:
      UserError: a weight is too large for float16, or the model cannot be read.
      OSError: the folder cannot be written to.
    """
    os.mkdir(folder)
    write_hparams(folder, model.hparams)
    write_vocabulary(folder, model.vocabulary)
    for name, content in model.extras.items():
        files.write_file(os.path.join(folder, name), content)
    names = weight_shapes(model.hparams)
    bundle.write_bundle(os.path.join(folder, PREFIX), names, lambda name: in_dtype(model.read(name), dtype, name))
    write_pointer(folder, PREFIX)
