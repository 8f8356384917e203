"""Who writes: the weights, their vocabulary and the layout of the verse that they were trained on."""

import logging
import os
from typing import NamedTuple

from gpt2 import checkpoint_paths
from gpt2.jobs.request import Request
from poems.layout import Layout
from poems.names import Names, read_described
from system import files, model_folders

logger = logging.getLogger("gpt2")


class Source(NamedTuple):
    """The model that writes.

    Attributes:
      prefix: the prefix of the checkpoint.
      model_folder: the folder of the vocabulary, and of `hparams.json` if there is none beside the weights.
      layout: how the poems that the model was trained on were laid out.
      names: their authors, subjects and books.
    """

    prefix: str
    model_folder: str
    layout: Layout
    names: Names


def find_source(request: Request) -> Source:
    """The model that a request names, or the default one.

    Raises:
      FileNotFoundError: there is no such model or run.
      UserError: a file in it is damaged.
    """
    prefix = checkpoint_paths.find_prefix(weights_of(request))
    model_folder = checkpoint_paths.vocabulary_of(prefix, request.model_name or "124M", request.models_dir)
    return Source(prefix, model_folder, *read_described(os.path.join(os.path.dirname(prefix), "layout.json")))


def weights_of(request: Request) -> str:
    """The folder of the weights, or the prefix in it.

    Raises:
      FileNotFoundError: there is no such run.
      UserError: nothing is named, and there is no model that could write.
    """
    if request.restore_from is not None:
        return request.restore_from
    if request.run_name is not None:
        checkpoint_paths.check_name(request.run_name, "--run_name")
        folder = os.path.join(request.checkpoint_dir, request.run_name)
        if not files.exists(folder):
            raise FileNotFoundError(f"{folder}: no such run; train one: python train.py --run_name {request.run_name}")
        return folder
    if request.model_name is not None:
        return model_folders.model_folder(request.model_name, request.models_dir)
    choice = model_folders.choose_model("sample.py", request.models_dir, request.checkpoint_dir)
    if choice.message:
        logger.info(choice.message)
    return choice.run or model_folders.model_folder(choice.model_name, request.models_dir)
