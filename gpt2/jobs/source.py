"""Who writes: the weights, their vocabulary and the layout of the verse that they were trained on."""

import logging
import os
from typing import NamedTuple

from encoder.dataset import to_text
from gpt2 import checkpoint_paths
from gpt2.jobs.request import Request
from poems.layout import Layout
from poems.names import Names, read_described
from poetics.judging.copies import Index
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


def index_of(corpus: str | None, run_folder: str | None, model_name: str | None, models_dir: str) -> Index | None:
    """The corpus, to look for copies in: the one that is named, or the dataset of a run; None if there is none.

    Args:
      model_name, models_dir: whose vocabulary an .npz has, if no run is given.
    """
    if run_folder is None:
        return Index(to_text.read_corpus(corpus, model_name, models_dir)) if corpus else None
    folder, name = os.path.split(run_folder)
    corpus = corpus or dataset_of(run_folder)
    return Index(to_text.read_corpus(corpus, name, folder)) if corpus else None


def dataset_of(run_folder: str) -> str | None:
    """What a run was trained on, if it can still be found; logs whether."""
    path = os.path.join(run_folder, "settings.json")
    settings = files.read_json(path, "the settings of a run", "train it again") if files.exists(path) else {}
    dataset = settings.get("dataset")
    if isinstance(dataset, str) and files.exists(dataset) and not files.is_folder(dataset):
        logger.info(f"copies are looked for in {dataset}, the dataset of the run")
        return dataset
    logger.info(f"copies are not looked for, since {dataset or 'the dataset'} of the run is not here; name a --corpus")
    return None
