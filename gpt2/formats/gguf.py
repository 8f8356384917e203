"""A model as a GGUF file, which llama.cpp and what is built on it read; written by the package gguf.

llama.cpp's own converter knows OpenAI's vocabulary alone, by a hash; here any vocabulary of the project is written.
The names of tensors and keys are those of llama.cpp's architecture `gpt2`.
"""

import re
from typing import TYPE_CHECKING

import numpy as np

from encoder.vocabulary import Vocabulary
from gpt2.formats.safetensors_file import in_dtype
from gpt2.formats.stored_model import StoredModel
from gpt2.hparams import LAYER_NORM_EPSILON, HParams, weight_shapes
from system import files
from system.errors import UserError

if TYPE_CHECKING:
    from gguf import GGUFWriter

EXTRA = "pip install -e '.[convert]'"
BLOCK = 32  # numbers that share a scale in q8_0, ggml-common.h: QK8_0
BLOCK_BYTES = 34  # those numbers in 8 bits and a scale of 16
NAMES = {
    "wte": "token_embd.weight",
    "wpe": "position_embd.weight",
    "ln_f/g": "output_norm.weight",
    "ln_f/b": "output_norm.bias",
    "ln_1/g": "attn_norm.weight",
    "ln_1/b": "attn_norm.bias",
    "attn/c_attn/w": "attn_qkv.weight",
    "attn/c_attn/b": "attn_qkv.bias",
    "attn/c_proj/w": "attn_output.weight",
    "attn/c_proj/b": "attn_output.bias",
    "ln_2/g": "ffn_norm.weight",
    "ln_2/b": "ffn_norm.bias",
    "mlp/c_fc/w": "ffn_up.weight",
    "mlp/c_fc/b": "ffn_up.bias",
    "mlp/c_proj/w": "ffn_down.weight",
    "mlp/c_proj/b": "ffn_down.bias",
}


def name_of(weight: str) -> str:
    """The name of a weight in GGUF: model/h0/attn/c_attn/w -> blk.0.attn_qkv.weight."""
    found = re.fullmatch(r"model/(?:h(\d+)/)?(.+)", weight)
    assert found, weight
    return (f"blk.{found[1]}." if found[1] else "") + NAMES[found[2]]


def write_file(model: StoredModel, path: str, dtype: str, name: str) -> None:
    """Writes a model, one tensor after the other.

    Args:
      dtype: float32, float16 or q8_0, in which matrices are stored; vectors and positions are float32 in any case.
      name: what the model is called.
    Raises:
      UserError: the package gguf is not installed, a weight is too large for float16, or a width is none for q8_0.
      OSError: it cannot be written.
    """
    try:
        import gguf
    except ImportError:
        raise UserError(f"{path}: GGUF is written by the package gguf, which is missing; install it: {EXTRA}") from None
    if dtype == "q8_0" and model.hparams.n_embd % BLOCK:
        raise UserError(f"--dtype is q8_0, and n_embd {model.hparams.n_embd} is no multiple of {BLOCK}; use float16")
    writer = gguf.GGUFWriter(path, "gpt2")
    try:
        _describe(writer, model.hparams, dtype, name)
        _add_vocabulary(writer, model.vocabulary)
        for weight, shape in weight_shapes(model.hparams).items():
            stored = _stored_dtype(weight, dtype)
            _announce(writer, weight, _shape_of(shape), stored)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_ti_data_to_file()
        for weight in weight_shapes(model.hparams):
            writer.write_tensor_data(_stored(model.read(weight), _stored_dtype(weight, dtype), weight))
    finally:
        writer.close()
    files.sync(path)


def _describe(writer: "GGUFWriter", hparams: HParams, dtype: str, name: str) -> None:
    import gguf

    kinds = {"float32": "ALL_F32", "float16": "MOSTLY_F16", "q8_0": "MOSTLY_Q8_0"}
    writer.add_name(name)
    writer.add_block_count(hparams.n_layer)
    writer.add_context_length(hparams.n_ctx)
    writer.add_embedding_length(hparams.n_embd)
    writer.add_feed_forward_length(4 * hparams.n_embd)
    writer.add_head_count(hparams.n_head)
    writer.add_layer_norm_eps(LAYER_NORM_EPSILON)
    writer.add_file_type(gguf.LlamaFileType[kinds[dtype]])
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)


def _add_vocabulary(writer: "GGUFWriter", vocabulary: Vocabulary) -> None:
    import gguf

    end = len(vocabulary.tokens) - 1
    kinds = [gguf.TokenType.NORMAL] * end + [gguf.TokenType.CONTROL]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")  # the pattern that cuts text into pieces
    writer.add_token_list(list(vocabulary.tokens))
    writer.add_token_types(kinds)
    writer.add_token_merges([" ".join(merge) for merge in vocabulary.merges])
    writer.add_bos_token_id(end)
    writer.add_eos_token_id(end)
    writer.add_add_bos_token(False)


def _shape_of(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape there: matrices are transposed, [out, in]."""
    return (shape[2], shape[1]) if len(shape) == 3 else shape


def _stored_dtype(weight: str, dtype: str) -> str:
    """The dtype in which a weight is stored: positions and vectors are small, and read as float32."""
    return dtype if weight == "model/wte" or weight.endswith("/w") else "float32"


def _announce(writer: "GGUFWriter", weight: str, shape: tuple[int, ...], stored: str) -> None:
    import gguf

    if stored == "q8_0":
        n_bytes = int(np.prod(shape)) // BLOCK * BLOCK_BYTES
        packed = (*shape[:-1], shape[-1] // BLOCK * BLOCK_BYTES)
        kind = gguf.GGMLQuantizationType.Q8_0
        writer.add_tensor_info(name_of(weight), packed, np.dtype(np.uint8), n_bytes, raw_dtype=kind)
    else:
        dtype = np.dtype(stored)
        writer.add_tensor_info(name_of(weight), shape, dtype, int(np.prod(shape)) * dtype.itemsize)


def _stored(tensor: np.ndarray, stored: str, weight: str) -> np.ndarray:
    import gguf

    matrix = np.ascontiguousarray(tensor[0].T) if tensor.ndim == 3 else tensor
    if stored == "q8_0":
        return gguf.quants.quantize(matrix, gguf.GGMLQuantizationType.Q8_0)
    return in_dtype(matrix, stored, weight)
