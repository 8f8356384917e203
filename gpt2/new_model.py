"""The folder of a model that nobody has trained yet: a vocabulary learnt from verse, and the sizes of a small model."""

import dataclasses
import logging
import os
from collections.abc import Collection, Sequence

import encoder
from encoder import trainer
from gpt2 import checkpoint_paths
from gpt2.hparams import MODELS, HParams, read_hparams, write_hparams
from poems import corpus
from poems.layout import Layout
from poems.sources.sources import Source
from system import files
from system.errors import UserError
from system.model_folders import OTHER_NAMES

logger = logging.getLogger("gpt2")

SMALL = HParams(n_vocab=8192, n_ctx=256, n_embd=256, n_head=4, n_layer=4)  # learns in hours on a laptop


def check_name(model_name: str | None, models_dir: str, n_vocab: int) -> str:
    """The folder of a new model, before its vocabulary is trained.

    Raises:
      UserError: the model has no name, or one of OpenAI's, or another size of vocabulary.
    """
    if model_name is None or model_name in MODELS or model_name in OTHER_NAMES:
        wrong = "not given" if model_name is None else f"{model_name}, a model of OpenAI with its own vocabulary"
        raise UserError(f"--model_name is {wrong}; --train_vocab makes a new model, give it a new name")
    checkpoint_paths.check_name(model_name, "--model_name")
    folder = os.path.join(models_dir, model_name)
    path = os.path.join(folder, "hparams.json")
    if files.exists(path) and read_hparams(folder).n_vocab != n_vocab:
        raise UserError(f"{path}: n_vocab is {read_hparams(folder).n_vocab}, expected {n_vocab}, from --train_vocab")
    return folder


def new_encoder(
    folder: str, sources: Sequence[Source], layout: Layout, rules: Collection[str], n_vocab: int
) -> encoder.Encoder:
    """The encoder of a new model, its vocabulary trained on the sources as they are to be encoded.

    Raises:
      UserError: the folder has another vocabulary.
    """
    enc = trainer.train_encoder(folder, corpus.texts(sources, layout, rules), n_vocab)
    give_sizes(folder, n_vocab=n_vocab)  # last, so that a failure leaves no sizes without their vocabulary
    return enc


def give_sizes(folder: str, **sizes: int) -> None:
    """Writes an hparams.json into a model folder without one: the sizes of a small model, except for those given."""
    if files.exists(os.path.join(folder, "hparams.json")):
        return
    hparams = dataclasses.replace(SMALL, **sizes)
    files.make_folder(folder)
    write_hparams(folder, hparams)
    logger.info(f"{folder}: a new model of {hparams.n_params:,} parameters, its sizes in hparams.json")
