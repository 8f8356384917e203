"""A Hugging Face folder: `config.json`, a vocabulary, and weights in safetensors; read, and written for others.

transformers, CTranslate2, keras-hub and the hub's website read what is written here.
"""

import dataclasses
import logging
import os

import numpy as np

from gpt2.formats import hugging_face_config, hugging_face_vocabulary, model_card, safetensors_file
from gpt2.formats.hugging_face_weights import HuggingFaceWeights, find_tensors, name_of, shape_of
from gpt2.formats.stored_model import StoredModel, read_extras
from gpt2.model import weight_shapes
from system import files
from system.errors import UserError

logger = logging.getLogger("gpt2")

PREFIX = "transformer."  # of a model with a head for the next token, which contains the bare model


def read_folder(folder: str) -> StoredModel:
    """The model in a Hugging Face folder; its weights are read when asked for.

    Raises:
      FileNotFoundError: a file is missing.
      UserError: a file is damaged or refused, or is not of a GPT-2 of OpenAI's architecture.
    """
    names = files.list_folder(folder)
    if "adapter_config.json" in names and "config.json" not in names:
        raise UserError(
            f"{folder}: an adapter (LoRA), which is no model by itself; merge it first: "
            "PeftModel.from_pretrained(...).merge_and_unload().save_pretrained(FOLDER)"
        )
    config = os.path.join(folder, "config.json")
    sizes = hugging_face_config.read_config(config)
    places = find_tensors(folder, names)
    vocabulary, ids = hugging_face_vocabulary.read_folder(folder)
    if ids.max() >= sizes.n_vocab:
        raise UserError(
            f"{config}: vocab_size is {sizes.n_vocab}, and the vocabulary beside it has ids up to {ids.max()}; "
            "are they of one model?"
        )
    weights = HuggingFaceWeights.check(folder, places, sizes, ids)
    if unused := sizes.n_vocab - len(ids):
        logger.info(f"{folder}: left out {unused} rows of the embeddings, of tokens that no text gives")
    hparams = dataclasses.replace(sizes, n_vocab=len(ids))
    return StoredModel(folder, hparams, vocabulary, weights.read, read_extras(folder))


def write_folder(model: StoredModel, folder: str, dtype: str, name: str) -> None:
    """Writes a model into a new folder.

    Args:
      dtype: of the weights there, float32 or float16.
      name: what the model card calls the model.
    Raises:
      UserError: a weight is too large for float16, or the model cannot be read.
      OSError: the folder cannot be written to.
    """
    os.mkdir(folder)
    expected = weight_shapes(model.hparams)
    weights = {PREFIX + name_of(weight): weight for weight in expected}
    shapes = {tensor: shape_of(expected[weight]) for tensor, weight in weights.items()}

    def read(tensor: str) -> np.ndarray:
        return model.read(weights[tensor])

    safetensors_file.write_file(os.path.join(folder, "model.safetensors"), shapes, read, dtype)
    hugging_face_config.write_configs(folder, model.hparams, dtype)
    hugging_face_vocabulary.write_folder(folder, model.vocabulary, model.hparams.n_ctx)
    for extra, content in model.extras.items():
        files.write_file(os.path.join(folder, extra), content)
    files.write_file(os.path.join(folder, "README.md"), model_card.write_card(model, name).encode())
