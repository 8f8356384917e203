"""How much memory training takes, printed before any is taken: part by part, whether it fits, and what makes it fit."""

import dataclasses
from collections.abc import Iterator
from typing import Literal

from gpt2.hparams import HParams

Optimizer = Literal["adam", "sgd", "adamw", "adafactor", "muon"]
Dtype = Literal["float32", "bfloat16", "mixed"]
# What --dtype means: of the activations, of the weights.
DTYPES: dict[Dtype, tuple[str, str]] = {
    "float32": ("float32", "float32"),
    "bfloat16": ("bfloat16", "bfloat16"),
    "mixed": ("bfloat16", "float32"),
}
BLOCK = 2**24  # Logits that exist at once, 64 MB: large enough for a matrix product to run at full speed.
LARGE_BLOCK = 2**26  # The same, where time counts more: the gradient of wte is a sum over blocks, and that is one less.
BYTES = {"float32": 4, "bfloat16": 2}
# Numbers of n_embd that a block keeps of a position for its gradient: what goes into it, the two norms, q, k, v, what
# is attended, and the 4 before the gelu.
KEPT = 11
WTE = 2  # Gradients of wte that exist at once: that of the logits, and its sum with that of the tokens that went in.
# TensorFlow 2.21 itself: measured on a CPU; of a GPU, where most of it lies elsewhere, a guess.
PROGRAM = {"cpu": 0.88e9, "gpu": 0.5e9}
# What makes it fit, in the order of what it costs: time, then precision, then what the model can see.
REMEDIES: tuple[tuple[str, int | str], ...] = (
    ("memory_saving_gradients", True),
    ("batch_size", 1),
    ("dtype", "mixed"),
    ("optimizer", "adafactor"),
    ("dtype", "bfloat16"),
    ("n_ctx", 512),
    ("n_ctx", 256),
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Demand:
    """What the memory of training depends on: the sizes of the model, and flags of train.py under their names."""

    hparams: HParams
    batch_size: int = 1
    accumulate_gradients: int = 1
    memory_saving_gradients: bool = False
    only_train_transformer_layers: bool = False
    clip_norm: float = 0.0
    dtype: Dtype = "float32"
    optimizer: Optimizer = "adam"
    n_ctx: int | None = None

    @property
    def n_trained(self) -> int:
        """How many numbers are trained."""
        outside = (self.hparams.n_vocab + self.hparams.n_ctx + 2) * self.hparams.n_embd
        return self.hparams.n_params - (outside if self.only_train_transformer_layers else 0)


def plan(demand: Demand, device: str = "cpu") -> dict[str, int]:
    """The bytes that training takes at its peak, by what they are for.

    Args:
      device: cpu or gpu.
    """
    hparams, again = demand.hparams, demand.memory_saving_gradients
    activation, weight = (BYTES[name] for name in DTYPES[demand.dtype])
    positions = demand.batch_size * (demand.n_ctx or hparams.n_ctx)
    kept = hparams.n_layer + KEPT if again else hparams.n_layer * KEPT
    return {
        "weights": hparams.n_params * weight,
        "optimizer": slot_numbers(demand) * 4,
        "gradients": gradient_numbers(demand) * weight,
        "activations": positions * hparams.n_embd * kept * activation,
        "logits": min(positions * hparams.n_vocab, BLOCK if again else LARGE_BLOCK) * 4,
        "program": int(PROGRAM[device]),
    }


def gradient_numbers(demand: Demand) -> int:
    """How many numbers of gradients exist at once.

    The gradients of a block are used as soon as they are there, unless they are summed up first, or clipped by their
    norm.
    """
    hparams, trained = demand.hparams, demand.n_trained
    of_wte = 0 if demand.only_train_transformer_layers else hparams.n_vocab * hparams.n_embd
    if demand.accumulate_gradients > 1:
        return 2 * trained + (WTE - 1) * of_wte
    if demand.clip_norm:
        return trained + (WTE - 1) * of_wte
    return WTE * of_wte + 12 * hparams.n_embd**2


def slot_numbers(demand: Demand) -> int:
    """How many numbers the optimizer keeps."""
    hparams, optimizer, trained = demand.hparams, demand.optimizer, demand.n_trained
    if optimizer == "adafactor":  # Of each matrix the two edges, 16 n_embd a block; 13 n_embd of biases and gains.
        return hparams.n_vocab + hparams.n_ctx + (4 + 29 * hparams.n_layer) * hparams.n_embd
    if optimizer == "muon":  # One of each matrix of a block, 12 n_embd² in each, two of everything else.
        return 2 * trained - 12 * hparams.n_layer * hparams.n_embd**2
    return {"adam": 2, "adamw": 2, "sgd": 0}[optimizer] * trained


def fitting(demand: Demand, available: float, device: str = "cpu") -> dict[str, int | str] | None:
    """The changes of flags by which training fits, the cheapest first and no more than needed; None if none do."""
    changes: dict[str, int | str] = {}
    remedies = iter(REMEDIES)
    while sum(plan(demand, device).values()) > available:
        name, value = next(remedies, ("", 0))
        if not name:
            return None
        if takes_less(demand, name, value):
            if name == "batch_size":
                changes["accumulate_gradients"] = demand.accumulate_gradients * demand.batch_size
            changes[name] = value
            demand = dataclasses.replace(demand, **changes)  # type: ignore[arg-type]
    return changes


def takes_less(demand: Demand, name: str, value: int | str) -> bool:
    """Whether this value of a flag takes less memory than the one that the demand has."""
    before = getattr(demand, name)
    if name == "n_ctx":
        return int(value) < (before or demand.hparams.n_ctx)
    return before != value and (name, before) not in {("dtype", "bfloat16"), ("optimizer", "sgd")}


def spelt(changes: dict[str, int | str]) -> str:
    """Flags as one types them."""
    return " ".join(f"--{name}" if value is True else f"--{name} {value}" for name, value in changes.items())


def lines(demand: Demand, device: str, free: float | None) -> Iterator[str]:
    """What --plan prints."""
    parts = plan(demand, device)
    for part, n_bytes in (parts | {"in all": sum(parts.values())}).items():
        yield f"{part:12} {n_bytes / 1e9:7.2f} GB"
    if free is None:
        yield f"how much the {device.upper()} has free is not known here"
    else:
        yield shortage(demand, device, free) or f"it fits: the {device.upper()} has {free / 1e9:.2f} GB free"


def shortage(demand: Demand, device: str, free: float | None) -> str | None:
    """A line if training does not fit, which ends with the flags that make it fit; None if it fits or nobody knows."""
    needed = sum(plan(demand, device).values())
    if free is None or needed <= free:
        return None
    return (
        f"this takes about {needed / 1e9:.2f} GB and the {device.upper()} has {free / 1e9:.2f} GB free; "
        f"{remedy(demand, device, free)}"
    )


def remedy(demand: Demand, device: str, free: float | None) -> str:
    """How to make it fit, in words that end with flags; if nobody knows how much is free, in two thirds of this."""
    changes = fitting(demand, free or sum(plan(demand, device).values()) * 2 / 3, device)
    if changes is None:
        return "no flags make it fit; take a smaller model, or a larger device"
    return f"it fits with {spelt(changes)}" if changes else "close what else uses the memory"
