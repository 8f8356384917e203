"""How much memory training takes, told before any is taken: part by part, whether it fits, and what makes it fit."""

import types
from collections.abc import Iterator

from gpt2.hparams import HParams

# Bytes of a number, as --dtype says: of activations, of weights.
SIZES = {"float32": (4, 4), "bfloat16": (2, 2), "mixed": (2, 4)}
# Numbers of n_embd that a block keeps of a position for its gradient: what goes into it, the two norms, q, k, v, what
# is attended, and the 4 before the gelu.
KEPT = 11
WTE = 2  # The gradient of wte stands twice: that of the logits, and the same with that of the tokens that went in.
LOGITS_AT_ONCE, FEWER_LOGITS = 2**26, 2**24  # gpt2/loss.py, LARGE_BLOCK and BLOCK
# TensorFlow 2.21 itself: measured on a CPU; of a GPU, where most of it lies elsewhere, a guess.
PROGRAM = {"cpu": 0.88e9, "gpu": 0.5e9}
# What makes it fit, in the order of what it costs: time, then precision, then what the model can see.
REMEDIES: tuple[dict[str, object], ...] = (
    {"memory_saving_gradients": True},
    {"batch_size": 1},
    {"dtype": "mixed"},
    {"optimizer": "adafactor"},
    {"dtype": "bfloat16"},
    {"n_ctx": 512},
    {"n_ctx": 256},
)


def plan(hparams: HParams, flags, device: str = "cpu") -> dict[str, int]:
    """The bytes that training takes at its peak, by what they are for.

    Args:
      flags: of train.py: batch_size, accumulate_gradients, memory_saving_gradients, only_train_transformer_layers,
        clip_norm, dtype, optimizer and n_ctx.
      device: cpu or gpu.
    """
    activation, weight = SIZES[flags.dtype]
    n_embd, n_layer = hparams.n_embd, hparams.n_layer
    positions = flags.batch_size * (flags.n_ctx or hparams.n_ctx)
    outside = (hparams.n_vocab + hparams.n_ctx + 2) * n_embd
    trained = hparams.n_params - (outside if flags.only_train_transformer_layers else 0)
    kept = n_layer + KEPT if flags.memory_saving_gradients else n_layer * KEPT
    at_once = FEWER_LOGITS if flags.memory_saving_gradients else LOGITS_AT_ONCE
    return {
        "weights": hparams.n_params * weight,
        "optimizer": slot_numbers(hparams, flags.optimizer, trained) * 4,
        "gradients": gradient_numbers(hparams, flags, trained) * weight,
        "activations": positions * n_embd * kept * activation,
        "logits": min(positions * hparams.n_vocab, at_once) * 4,
        "program": int(PROGRAM[device]),
    }


def gradient_numbers(hparams: HParams, flags, trained: int) -> int:
    """How many numbers of gradients exist at once.

    Those of a block are used as soon as they are there, unless they are summed up first, or clipped by their norm.
    """
    more = 0 if flags.only_train_transformer_layers else hparams.n_vocab * hparams.n_embd
    if flags.accumulate_gradients > 1:
        return 2 * trained + (WTE - 1) * more
    if flags.clip_norm:
        return trained + (WTE - 1) * more
    return WTE * more + 12 * hparams.n_embd**2


def slot_numbers(hparams: HParams, optimizer: str, trained: int) -> int:
    """How many numbers an optimizer keeps for so many weights."""
    if optimizer == "adafactor":  # Of each matrix the two edges, 16 n_embd a block; 13 n_embd of biases and gains.
        return hparams.n_vocab + hparams.n_ctx + (4 + 29 * hparams.n_layer) * hparams.n_embd
    if optimizer == "muon":  # One of each matrix of a block, 12 n_embd² in each, two of everything else.
        return 2 * trained - 12 * hparams.n_layer * hparams.n_embd**2
    return {"adam": 2, "adamw": 2, "sgd": 0}[optimizer] * trained


def fitting(hparams: HParams, flags, available: float, device: str = "cpu") -> dict[str, object] | None:
    """The changes of flags, the cheapest first and no more than it takes, by which training fits; None if none do."""
    changed = types.SimpleNamespace(**vars(flags))
    changes: dict[str, object] = {}
    for remedy in ({}, *REMEDIES):
        for name, value in remedy.items():
            before = getattr(changed, name)
            if name == "n_ctx" and (before or hparams.n_ctx) <= value:  # type: ignore[operator]
                continue
            if before == value or (name, before) in {("dtype", "bfloat16"), ("optimizer", "sgd")}:  # take less already
                continue
            if name == "batch_size":
                changes["accumulate_gradients"] = changed.accumulate_gradients * before
                changed.accumulate_gradients *= before
            setattr(changed, name, value)
            changes[name] = value
        if sum(plan(hparams, changed, device).values()) <= available:
            return changes
    return None


def spelt(changes: dict[str, object]) -> str:
    """Flags as one types them."""
    return " ".join(f"--{name}" if value is True else f"--{name} {value}" for name, value in changes.items())


def lines(hparams: HParams, flags, device: str, free: float | None) -> Iterator[str]:
    """What --plan prints."""
    parts = plan(hparams, flags, device)
    for part, n_bytes in (parts | {"in all": sum(parts.values())}).items():
        yield f"{part:12} {n_bytes / 1e9:7.2f} GB"
    if free is None:
        yield f"how much the {device.upper()} has free is not known here"
    else:
        yield shortage(hparams, flags, device, free) or f"it fits: the {device.upper()} has {free / 1e9:.2f} GB free"


def shortage(hparams: HParams, flags, device: str, free: float | None) -> str | None:
    """A line if training does not fit, that ends with the flags that make it fit; None if it does or nobody knows."""
    needed = sum(plan(hparams, flags, device).values())
    if free is None or needed <= free:
        return None
    return (
        f"this takes about {needed / 1e9:.2f} GB and the {device.upper()} has {free / 1e9:.2f} GB free; "
        f"{remedy(hparams, flags, device, free)}"
    )


def remedy(hparams: HParams, flags, device: str, free: float | None) -> str:
    """How to make it fit, in words that end with flags; where nobody knows how much is free, in two thirds of this."""
    changes = fitting(hparams, flags, free or sum(plan(hparams, flags, device).values()) * 2 / 3, device)
    if changes is None:
        return "no flags make it fit; take a smaller model, or a larger device"
    return f"it fits with {spelt(changes)}" if changes else "close what else uses the memory"
