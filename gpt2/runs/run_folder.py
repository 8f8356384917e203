"""A run's folder: a model folder in itself, with the settings of the run, its log and its loss as a picture."""

import json
import os
from collections.abc import Mapping

import tensorflow as tf

from gpt2.hparams import write_hparams
from gpt2.model import GPT2
from system import files

gfile = tf.io.gfile


def create(folder: str, model: GPT2, settings: Mapping, layout: Mapping | None = None) -> None:
    """Makes the folder, or finds it; writes the sizes of the model, the settings of the run and its dataset's layout.

    `checkpoint` is empty until the first save counts: a folder with saves and no `checkpoint` was tampered with.

    Raises:
      OSError: it cannot be written.
    """
    try:
        gfile.makedirs(folder)
        write_hparams(folder, model.hparams)
        for name, content in (("settings", settings), ("layout", layout or {"name": "plain"})):
            files.write_file(os.path.join(folder, f"{name}.json"), f"{json.dumps(dict(content), indent=1)}\n".encode())
        if not files.exists(pointer := os.path.join(folder, "checkpoint")):
            files.write_file(pointer, b"")
    except (tf.errors.OpError, OSError) as error:
        raise OSError(f"{folder}: cannot write there ({error}); name another folder") from error
