"""The sizes of a GPT-2, the four that OpenAI released, and the folders they lie in."""

import dataclasses
import json
import math
import os

from encoder.vocabulary import MAX_VOCAB
from system import files
from system.errors import UserError

# What OpenAI's src/model.py computes and begins with.
LAYER_NORM_EPSILON = 1e-5
WEIGHT_STDDEV, POSITION_STDDEV = 0.02, 0.01
GELU_SCALE, GELU_CUBE = math.sqrt(2 / math.pi), 0.044715

# Far above every GPT-2 (the largest has 1024, 1600 and 48), and low enough that listing the weights costs no memory.
MOST = {"n_vocab": MAX_VOCAB, "n_ctx": 1 << 20, "n_embd": 1 << 16, "n_head": 1 << 16, "n_layer": 1 << 10}


@dataclasses.dataclass(frozen=True)
class HParams:
    """What `hparams.json` holds; the defaults are those of the 124M model.

    Raises:
      UserError: a size that is no positive integer or above its bound in MOST, or heads that do not divide the width.
    """

    n_vocab: int = 50257
    n_ctx: int = 1024
    n_embd: int = 768
    n_head: int = 12
    n_layer: int = 12

    def __post_init__(self):
        for name, value in dataclasses.asdict(self).items():
            if type(value) is not int or value < 1:
                raise UserError(f"hparams: {name} is {value!r}, expected a positive integer")
            if value > MOST[name]:
                why = ", since datasets hold ids in 16 bits" if name == "n_vocab" else ""
                raise UserError(f"hparams: {name} is {value}, expected at most {MOST[name]}{why}")
        if self.n_embd % self.n_head:
            raise UserError(f"hparams: n_embd {self.n_embd} is not a multiple of n_head {self.n_head}")

    @property
    def n_params(self) -> int:
        """How many numbers the weights are."""
        block = 12 * self.n_embd**2 + 13 * self.n_embd
        return (self.n_vocab + self.n_ctx + 2) * self.n_embd + self.n_layer * block


MODELS = {
    "124M": HParams(),
    "355M": HParams(n_embd=1024, n_head=16, n_layer=24),
    "774M": HParams(n_embd=1280, n_head=20, n_layer=36),
    "1558M": HParams(n_embd=1600, n_head=25, n_layer=48),
}


def read_hparams(folder: str) -> HParams:
    """The sizes that the `hparams.json` of a model folder gives.

    Raises:
      FileNotFoundError: there is none.
      ValueError: it is not JSON, or a size is missing, unknown or impossible.
    """
    path = os.path.join(folder, "hparams.json")
    names = [field.name for field in dataclasses.fields(HParams)]
    remedy = "copy the file of the model that the weights are of"
    sizes = files.read_json(path, f"the sizes {', '.join(names)}", remedy, dict.fromkeys(names, int))
    if unknown := sizes.keys() - names:
        found = ", ".join(map(repr, sorted(unknown)))[:200]
        raise UserError(f"{path}: found {found}, expected only {', '.join(names)}; {remedy}")
    try:
        return HParams(**sizes)
    except UserError as error:
        raise UserError(f"{path}: {error}; {remedy}") from None


def write_hparams(folder: str, hparams: HParams) -> None:
    """Writes the `hparams.json` of a model folder."""
    text = json.dumps(dataclasses.asdict(hparams), indent=1) + "\n"
    files.write_file(os.path.join(folder, "hparams.json"), text.encode())


def find_hparams(prefix: str, model_folder: str | None = None) -> HParams:
    """The sizes given beside the weights of this prefix, else those of the model folder.

    Raises:
      FileNotFoundError: neither has an `hparams.json`.
    """
    beside = os.path.dirname(prefix)
    for folder in filter(None, (beside, model_folder)):
        if files.exists(os.path.join(folder, "hparams.json")):
            return read_hparams(folder)
    raise FileNotFoundError(
        f"{os.path.join(beside, 'hparams.json')}: no such file; name the model it was trained from: --model_name"
    )


def weight_shapes(hparams: HParams) -> dict[str, tuple[int, ...]]:
    """The name that each weight has in a checkpoint, and its shape."""
    n_embd = hparams.n_embd
    block = {
        "ln_1/g": (n_embd,),
        "ln_1/b": (n_embd,),
        "attn/c_attn/w": (1, n_embd, 3 * n_embd),
        "attn/c_attn/b": (3 * n_embd,),
        "attn/c_proj/w": (1, n_embd, n_embd),
        "attn/c_proj/b": (n_embd,),
        "ln_2/g": (n_embd,),
        "ln_2/b": (n_embd,),
        "mlp/c_fc/w": (1, n_embd, 4 * n_embd),
        "mlp/c_fc/b": (4 * n_embd,),
        "mlp/c_proj/w": (1, 4 * n_embd, n_embd),
        "mlp/c_proj/b": (n_embd,),
    }
    blocks = {f"h{layer}/{name}": shape for layer in range(hparams.n_layer) for name, shape in block.items()}
    embeddings = {"wpe": (hparams.n_ctx, n_embd), "wte": (hparams.n_vocab, n_embd)}
    final = {"ln_f/g": (n_embd,), "ln_f/b": (n_embd,)}
    return {f"model/{name}": shape for name, shape in (embeddings | blocks | final).items()}
