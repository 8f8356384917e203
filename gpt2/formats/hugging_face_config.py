"""The `config.json` of a Hugging Face folder: the sizes of a GPT-2, and whether its graph is OpenAI's."""

import json
import os

from gpt2.hparams import HParams
from gpt2.model import LAYER_NORM_EPSILON, WEIGHT_STDDEV
from system import files
from system.errors import UserError

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
