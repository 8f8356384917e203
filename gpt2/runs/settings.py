"""The settings of a run: what they are where nothing is said, what they may be, and what a run was begun with."""

import json
import os
import re
import types

from gpt2 import checkpoint_paths
from gpt2.distributed import workers
from gpt2.training.schedule import SCHEDULES
from system import files, model_folders
from system.errors import UserError

# What --dtype means: the activations, the weights.
DTYPES = {"float32": ("float32", "float32"), "bfloat16": ("bfloat16", "bfloat16"), "mixed": ("bfloat16", "float32")}
OPTIMIZERS = ("adam", "sgd", "adamw", "adafactor", "muon")
# Where the command line says nothing.
DEFAULTS = {
    "model_name": "124M",
    "run_name": "run1",
    "restore_from": "latest",
    "batch_size": 1,
    "learning_rate": 2e-5,
    "schedule": "constant",
    "warmup": 0,
    "sample_every": 100,
}
# The same for the model `demo`: six minutes on two cores, from nothing.
DEMO = {
    "dataset": "demo.npz",
    "model_name": "demo",
    "run_name": "demo",
    "restore_from": "scratch",
    "batch_size": 4,
    "learning_rate": 1e-3,
    "schedule": "cosine",
    "warmup": 100,
    "steps": 5000,
    "sample_every": 1000,
}
LEAST = {
    "batch_size": 1,
    "steps": 0,
    "sample_every": 0,
    "sample_num": 1,
    "sample_length": 1,
    "top_k": 0,
    "top_p": 0,
    "save_every": 1,
    "val_every": 0,
    "val_batch_size": 1,
    "val_batch_count": 1,
    "warmup": 0,
    "decay": 0,
    "accumulate_gradients": 1,
    "clip_norm": 0,
    "weight_decay": 0,
    "n_ctx": 1,
    "noise": 0,
    "keep": 1,
    "keep_hours": 0,
    "patience": 0,
    "loss_jump": 0,
    "steps_per_call": 1,
    "swarm_every": 1,
    "swarm_patience": 0,
}
CHOICES = {
    "optimizer": OPTIMIZERS,
    "schedule": SCHEDULES,
    "dtype": tuple(DTYPES),
    "on_bad_loss": ("stop", "roll_back"),
    "device": ("auto", "cpu", "gpu"),
    "strategy": workers.STRATEGIES,
    "swarm_outer": ("average", "nesterov"),
}


def settle(given: dict) -> types.SimpleNamespace:
    """The flags, None where not given, with their defaults; checked as far as they can be before anything is loaded.

    Raises:
      ValueError: naming the flag, what it is and what it may be.
    """
    demo = is_demo(given)
    defaults = DEFAULTS | DEMO if demo else DEFAULTS
    said = {name: value for name, value in given.items() if value is not None}
    flags = types.SimpleNamespace(**(given | defaults | said))
    if not re.fullmatch(r"[^/\\*?\[\]{}]+", flags.run_name) or flags.run_name in (".", ".."):
        raise UserError(f"--run_name is {flags.run_name!r}, expected a name without / \\ * ? [ ] {{ }}")
    checkpoint_paths.check_path(flags.checkpoint_dir)
    if flags.dataset is None and not flags.plan:
        raise UserError("--dataset is missing; give an .npz of prepare_corpus.py, or a file or folder of text")
    for name, number in LEAST.items():
        if getattr(flags, name) is not None and getattr(flags, name) < number:
            raise UserError(f"--{name} is {getattr(flags, name)}, expected at least {number}")
    for name in ("learning_rate", "save_minutes", "epochs"):
        if getattr(flags, name) is not None and not getattr(flags, name) > 0:
            raise UserError(f"--{name} is {getattr(flags, name)}, expected a positive number")
    for name in ("noise", "top_p", "decay"):
        if getattr(flags, name) > 1:
            raise UserError(f"--{name} is {getattr(flags, name)}, expected a share from 0 to 1")
    for name, known in CHOICES.items():
        if getattr(flags, name) not in known:
            raise UserError(f"--{name} is {getattr(flags, name)}, expected {' or '.join(known)}")
    if given["epochs"] is not None and given["steps"] is not None:
        raise UserError("--steps and --epochs are both given, expected one of them")
    if flags.tpu and flags.strategy == "auto":
        flags.strategy = "tpu"
    if flags.epochs is not None:
        flags.steps = None
    elif flags.schedule in ("linear", "cosine") and flags.steps is None:
        raise UserError(f"--schedule {flags.schedule} falls to 0 at --steps, which is missing; say how many")
    return flags


def is_demo(given: dict) -> bool:
    """Whether the demo is trained: by its name, or where no model and no run is named and 124M is not there."""
    unnamed = given["model_name"] is None and given["run_name"] is None
    unnamed &= given["restore_from"] in (None, "latest", "fresh", "scratch")
    return given["model_name"] == "demo" or (unnamed and not model_folders.has_model("124M", given["models_dir"]))


def read_settings(folder: str) -> dict:
    """The settings of the run as they were noted last, none for a run of another tool."""
    path = os.path.join(folder, "settings.json")
    if not files.exists(path):
        return {}
    with files.open_file(path) as file:
        try:
            found = json.loads(file.read())
        except ValueError:
            found = None
    return found if isinstance(found, dict) else {}  # They tell what has changed, which no run should fail for.


def go_on(flags, given: dict, folder: str) -> tuple[types.SimpleNamespace, list[str]]:
    """The flags with which a run goes on, and a line for each that has changed.

    Where a run started from stays what it was, so that the command that began it also goes on with it.

    Raises:
      ValueError: a flag asks for another start, another model or another optimizer than the run has.
    """
    before = read_settings(folder)
    flags = types.SimpleNamespace(**vars(flags))
    start = before.get("restore_from")  # of a run of another tool nobody knows
    start = start if isinstance(start, str) else None
    if given["restore_from"] not in (None, "latest") and not (start and same_start(flags.restore_from, start)):
        raise UserError(
            f"{folder}: a run that has begun, which --restore_from {flags.restore_from} would overwrite; "
            "go on with --restore_from latest, or name another --run_name"
        )
    model_name = before.get("model_name", flags.model_name)
    if given["model_name"] and model_name not in (flags.model_name, model_folders.OTHER_NAMES.get(flags.model_name)):
        raise UserError(
            f"{folder}: a run of {model_name}, which --model_name {flags.model_name} cannot change; "
            "leave it out, or name another --run_name"
        )
    flags.restore_from, flags.model_name = start or "latest", model_name
    for name in ("optimizer", "only_train_transformer_layers"):
        if before.get(name, getattr(flags, name)) != getattr(flags, name):
            raise UserError(
                f"{folder}: a run with --{name} {before[name]}, whose state does not fit {getattr(flags, name)}; "
                f"start another from its weights: --restore_from {checkpoint_paths.find_prefix(folder)} --run_name NAME"
            )
    changed = [name for name, value in before.items() if vars(flags).get(name, value) != value]
    return flags, [f"--{name} was {before[name]}, and is {getattr(flags, name)} now" for name in changed]


def moved(folder: str, here: dict) -> list[str]:
    """A line if a run was computed elsewhere until now, so that its losses may differ in their last digits."""
    before = read_settings(folder).get("machine")
    if not isinstance(before, dict) or before == here:
        return []
    differ = [name for name in here if before.get(name) != here[name]]
    was = ", ".join(f"{name} {before.get(name)}" for name in differ)
    return [f"until now {was}; now {', '.join(f'{name} {here[name]}' for name in differ)}: the last digits may differ"]


def other_data(folder: str, data: dict) -> list[str]:
    """A line if a run was trained on another dataset until now, so that no window is where it was."""
    before = read_settings(folder).get("data")
    if not isinstance(before, dict) or before == data:
        return []
    was, now = (f"{about.get('tokens', 0):,} tokens" for about in (before, data))
    return [f"the dataset is not the one of before: it had {was} to train on, and has {now} now"]


def same_start(one: str, other: str) -> bool:
    """Whether two values of --restore_from mean one start for a run that has none yet."""
    one, other = (os.path.normpath("fresh" if start == "latest" else start) for start in (one, other))
    return one.removesuffix(".index") == other.removesuffix(".index")
