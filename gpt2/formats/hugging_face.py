"""A Hugging Face folder: `config.json`, a vocabulary, and weights in safetensors; read, and written for others.

transformers, CTranslate2, keras-hub and the hub's website read what is written here.
"""

import dataclasses
import json
import logging
import os

import numpy as np

from gpt2.formats import hugging_face_vocabulary, model_card, safetensors_file
from gpt2.formats.hugging_face_weights import HuggingFaceWeights, find_tensors, name_of, shape_of
from gpt2.formats.stored_model import StoredModel, read_extras
from gpt2.hparams import LAYER_NORM_EPSILON, WEIGHT_STDDEV, HParams, weight_shapes
from system import files
from system.errors import UserError

logger = logging.getLogger("gpt2")

PREFIX = "transformer."  # of a model with a head for the next token, which contains the bare model
SIZES = {"vocab_size": "n_vocab", "n_positions": "n_ctx", "n_embd": "n_embd", "n_head": "n_head", "n_layer": "n_layer"}
# What else the graph depends on, and the only value with which it is OpenAI's; each is also the default.
GRAPH = {
    "activation_function": "gelu_new",
    "layer_norm_epsilon": LAYER_NORM_EPSILON,
    "scale_attn_weights": True,
    "scale_attn_by_inverse_layer_idx": False,
    "add_cross_attention": False,
    "tie_word_embeddings": True,
}
DROPOUT = 0.1  # That of OpenAI's models in transformers, for those who train on there; training here has none.
TOP_K = 40  # As sample.py.
REMEDY = "convert a model of the architecture gpt2"


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
    sizes = read_config(config)
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
    write_configs(folder, model.hparams, dtype)
    hugging_face_vocabulary.write_folder(folder, model.vocabulary, model.hparams.n_ctx)
    for extra, content in model.extras.items():
        files.write_file(os.path.join(folder, extra), content)
    files.write_file(os.path.join(folder, "README.md"), model_card.write_card(model, name).encode())


def read_config(path: str) -> HParams:
    """The sizes that a `config.json` gives; `n_vocab` counts the rows of wte, which may be more than the tokens.

    A size that it lacks is that of 124M, as in transformers.

    Raises:
      FileNotFoundError: there is no such file.
      UserError: it is damaged, or that of a model whose graph is not OpenAI's GPT-2.
    """
    config = files.read_json(path, "the sizes of a GPT-2", REMEDY)
    if config.get("model_type") != "gpt2":
        raise UserError(f"{path}: model_type is {str(config.get('model_type'))[:40]}, expected gpt2; {REMEDY}")
    sizes = {ours: config.get(theirs, getattr(HParams(), ours)) for theirs, ours in SIZES.items()}
    for theirs, ours in SIZES.items():
        if type(sizes[ours]) is not int:
            raise UserError(f"{path}: {theirs} is {str(sizes[ours])[:40]}, expected a whole number; {REMEDY}")
    expected = GRAPH | {"n_inner": 4 * sizes["n_embd"]}
    for name, value in expected.items():
        found = config.get(name)
        if found is not None and found != value:
            raise UserError(f"{path}: {name} is {str(found)[:40]}, expected {value}, as in OpenAI's GPT-2; {REMEDY}")
    try:
        return HParams(**sizes)
    except UserError as error:
        raise UserError(f"{path}: {error}; {REMEDY}") from None


def write_configs(folder: str, hparams: HParams, dtype: str) -> None:
    """Writes the `config.json` and the `generation_config.json` of a GPT-2."""
    end = hparams.n_vocab - 1
    ends = {"bos_token_id": end, "eos_token_id": end}
    sizes = {theirs: getattr(hparams, ours) for theirs, ours in SIZES.items()}
    dropouts = dict.fromkeys(("attn_pdrop", "embd_pdrop", "resid_pdrop"), DROPOUT)
    contents = {
        "config": {
            "architectures": ["GPT2LMHeadModel"],
            "model_type": "gpt2",
            **sizes,
            "n_ctx": hparams.n_ctx,
            "n_inner": None,
            **GRAPH,
            **dropouts,
            "initializer_range": WEIGHT_STDDEV,
            "use_cache": True,
            "dtype": dtype,
            "torch_dtype": dtype,  # its name before transformers 5
            **ends,
        },
        "generation_config": {**ends, "pad_token_id": end, "do_sample": True, "top_k": TOP_K},
    }
    for name, content in contents.items():
        files.write_file(os.path.join(folder, f"{name}.json"), f"{json.dumps(content, indent=2)}\n".encode())
