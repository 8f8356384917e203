"""The weights of a Hugging Face folder: where each tensor is, and every check before anything is made of them.

They are read as strictly as OpenAI's layout: each tensor is there, has its shape, and none is left over.
"""

import dataclasses
import os
import re
from collections.abc import Mapping
from typing import Self

import numpy as np

from gpt2.formats import safetensors_file
from gpt2.formats.safetensors_file import TensorPlace
from gpt2.hparams import HParams, weight_shapes
from system import files
from system.errors import UserError

LEAVES = {"w": "weight", "g": "weight", "b": "bias"}
MASKS = re.compile(r"h\.\d+\.attn\.(?:bias|masked_bias)")  # stored by transformers before 4.31; they are constants
PICKLES = re.compile(r".*\.(?:bin|pt|pth|ckpt|pkl)")
TIED = ("lm_head.weight", "wte.weight")  # the matrix of the logits and that of the embeddings
LAYERS_MAX = 10_000  # more blocks than any model; each needs a dozen tensors
ROWS = 4096  # of the embeddings, compared together
REMEDY = "download the folder again"


def name_of(weight: str) -> str:
    """The name of a weight there: model/h0/attn/c_attn/w -> h.0.attn.c_attn.weight, model/wte -> wte.weight."""
    *path, leaf = re.sub(r"^h(\d)", r"h.\1", weight.removeprefix("model/")).split("/")
    return ".".join((*path, LEAVES[leaf]) if leaf in LEAVES else (leaf, "weight"))


def shape_of(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of a weight there: without the first axis of 1 that OpenAI's matrices have."""
    return shape[-2:]


def find_tensors(folder: str, names: list[str]) -> dict[str, TensorPlace]:
    """The place of each tensor by its name in the bare model: in the one file of weights, or in those of an index.

    The masks that old files hold are left out.

    Args:
      names: what the folder contains.
    Raises:
      FileNotFoundError: there are no weights, or a file that the index names is missing.
      UserError: the weights are pickled, a file is damaged, or files and index disagree.
    """
    path, index = (os.path.join(folder, name) for name in ("model.safetensors", "model.safetensors.index.json"))
    if os.path.basename(path) in names:
        return _without_prefix(safetensors_file.read_header(path), path)
    if os.path.basename(index) in names:
        return _without_prefix(_find_in_shards(folder, index), index)
    if pickles := sorted(filter(PICKLES.fullmatch, names)):
        raise UserError(
            f"{os.path.join(folder, pickles[0])}: a pickle, which can run any program when it is opened, and is not "
            "read; fetch model.safetensors of this model, or write one where you trust the file: "
            "AutoModelForCausalLM.from_pretrained(FOLDER).save_pretrained(NEW) of transformers"
        )
    raise FileNotFoundError(f"{path}: no such file; the folder has no weights in safetensors")


def _find_in_shards(folder: str, index: str) -> dict[str, TensorPlace]:
    weight_map = files.read_json(index, "the file of each tensor", REMEDY, {"weight_map": dict})["weight_map"]
    for name, shard in weight_map.items():
        if not isinstance(shard, str) or shard != os.path.basename(shard) or not shard.endswith(".safetensors"):
            raise UserError(f"{index}: {name[:80]} is in {str(shard)[:80]}, expected a .safetensors file beside it")
    places: dict[str, TensorPlace] = {}
    for shard in sorted(set(weight_map.values())):
        path = os.path.join(folder, shard)
        if not files.exists(path):
            raise FileNotFoundError(f"{path}: no such file, though {index} names it; {REMEDY}")
        found = safetensors_file.read_header(path)
        if twice := found.keys() & places.keys():
            raise UserError(f"{path}: tensor {min(twice)[:80]} is in another file too; {REMEDY}")
        places |= found
    for name, shard in weight_map.items():
        if name not in places or os.path.basename(places[name].path) != shard:
            raise UserError(f"{index}: tensor {name[:80]} is not in {shard}; {REMEDY}")
    return places


def _without_prefix(places: Mapping[str, TensorPlace], path: str) -> dict[str, TensorPlace]:
    """The tensors under the names of the bare model."""
    bare: dict[str, TensorPlace] = {}
    for full, place in places.items():
        name = full.removeprefix("transformer.")
        if name in bare:
            raise UserError(f"{path}: tensor {name[:80]} is there with and without transformer.; {REMEDY}")
        if not MASKS.fullmatch(name):
            bare[name] = place
    if "wte.weight" not in bare and "lm_head.weight" in bare:
        bare["wte.weight"] = bare.pop("lm_head.weight")  # one matrix, which some programs save under the other name
    return bare


@dataclasses.dataclass(frozen=True)
class HuggingFaceWeights:
    """The weights of a folder, checked.

    Attributes:
      places: where each tensor is, by its name in the bare model.
      ids: int64 [n_vocab], the rows of wte that belong to tokens, in the order of our ids.
    """

    places: Mapping[str, TensorPlace]
    ids: np.ndarray

    @classmethod
    def check(cls, folder: str, places: Mapping[str, TensorPlace], sizes: HParams, ids: np.ndarray) -> Self:
        """The weights of a GPT-2 of these sizes.

        Raises:
          UserError: a tensor is missing, left over, of another shape or not of floats; or the logits have a matrix
            of their own.
        """
        if sizes.n_layer > LAYERS_MAX:
            raise UserError(f"{folder}: n_layer is {sizes.n_layer} in its config.json, expected at most {LAYERS_MAX}")
        expected = {name_of(name): shape_of(shape) for name, shape in weight_shapes(sizes).items()}
        for name, shape in expected.items():
            if name not in places:
                raise UserError(f"{folder}: no tensor {name}, expected one of shape {list(shape)} by its config.json")
        expected["lm_head.weight"] = expected["wte.weight"]
        for name, place in places.items():
            _check_place(name, place, expected.get(name))
        _check_tied(places)
        return cls(places, ids)

    def read(self, weight: str) -> np.ndarray:
        """A weight by its name in OpenAI's checkpoints, float32, of its shape there."""
        name = name_of(weight)
        tensor = safetensors_file.read_tensor(self.places[name], name)
        if weight == "model/wte":
            is_whole = len(self.ids) == len(tensor) and np.array_equal(self.ids, np.arange(len(tensor)))
            return tensor if is_whole else tensor[self.ids]
        return tensor[None] if weight.endswith("/w") else tensor


def _check_place(name: str, place: TensorPlace, shape: tuple[int, ...] | None) -> None:
    if shape is None:
        raise UserError(f"{place.path}: tensor {name[:80]} has no place in a GPT-2 of its config.json")
    if place.shape != shape:
        raise UserError(
            f"{place.path}: tensor {name} has shape {list(place.shape)}, expected {list(shape)} by its config.json"
        )
    if place.kind not in safetensors_file.FLOATS:
        floats = ", ".join(safetensors_file.FLOATS)
        raise UserError(f"{place.path}: tensor {name} is of {place.kind}, expected {floats}; a quantised model?")


def _check_tied(places: Mapping[str, TensorPlace]) -> None:
    """Raises a UserError if the matrix of the logits differs from that of the embeddings."""
    head = places.get("lm_head.weight")
    if head is None:
        return
    for first in range(0, head.shape[0], ROWS):  # so that no second matrix is in memory
        parts = (safetensors_file.rows_of(places[name], first, first + ROWS) for name in TIED)
        ours, theirs = map(safetensors_file.read_tensor, parts, TIED)
        if not np.array_equal(ours, theirs):
            raise UserError(
                f"{head.path}: lm_head.weight differs from wte.weight; in OpenAI's GPT-2 they are one matrix"
            )
