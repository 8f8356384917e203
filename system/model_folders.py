"""Where the folder of a model is, under either of its names, and which model a command means that names none."""

import dataclasses
import os
from typing import Literal

from system import files
from system.errors import UserError

# OpenAI first released two sizes under miscounted names; both names stay good.
OTHER_NAMES = {"117M": "124M", "124M": "117M", "345M": "355M", "355M": "345M"}
SHIPPED = "poet"  # the small model that comes with the project
DOWNLOAD = "python models/download.py 124M"

INSTALLED = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "models")

Command = Literal[
    "prepare_corpus.py", "prepare_corpus.py SOURCE OUT.npz", "train.py", "train.py --dataset", "sample.py"
]


@dataclasses.dataclass(frozen=True)
class Choice:
    """The model that a command means.

    Attributes:
      model_name: the model, of the folder of models.
      run: the folder of a run that takes its place: to be resumed by train.py, to write with sample.py; or None.
      message: what to tell the user first, or nothing.
    """

    model_name: str
    run: str | None = None
    message: str = ""


def choose_model(command: Command, models_dir: str = "models", checkpoint_dir: str = "checkpoint") -> Choice:
    """The model that a command means whose flags name no model, no run and no weights.

    Args:
      command: the script; with SOURCE OUT.npz or --dataset, if it is to work on verse of the user's own.
    Raises:
      UserError: 124M is not there, and nothing else can take its place; says how to get it, and what to do without.
    """
    missing = f"{os.path.join(models_dir, '124M')} is not here"
    if command in ("prepare_corpus.py", "train.py"):
        return Choice(SHIPPED, message=f"nothing is named, so this is the demo: {SHIPPED} retrained on Emily Dickinson")
    if has_model("124M", models_dir):
        return Choice("124M")
    if command == "prepare_corpus.py SOURCE OUT.npz":
        raise UserError(
            f"{missing}, and the dataset is to be made for it; download it: {DOWNLOAD}, "
            f"or make the dataset for the small model that is here: --model_name {SHIPPED}"
        )
    if command == "train.py --dataset":
        run = os.path.join(checkpoint_dir, "run1")
        if has_save(run):
            return Choice("124M", run)
        raise UserError(
            f"{missing}, and {run} is to be trained from it; download it: {DOWNLOAD}, "
            f"or train the small model that is here, on a dataset that was made for it: --model_name {SHIPPED}"
        )
    return Choice(SHIPPED, message=f"{missing}, so {model_folder(SHIPPED, models_dir)} writes")


def has_save(folder: str) -> bool:
    """Whether a run has saved anything yet: its `checkpoint` is empty before its first save."""
    path = os.path.join(folder, "checkpoint")
    if not files.exists(path):
        return False
    with files.open_file(path) as file:
        return bool(file.read(1))


def model_folder(model_name: str, models_dir: str = "models") -> str:
    """The folder of a model, under whichever of its two names it was downloaded; the shipped one may be the package's.

    Raises:
      FileNotFoundError: neither is there.
    """
    folders = _folders(model_name, models_dir)
    for folder in folders:
        if files.exists(folder):
            return folder
    raise FileNotFoundError(
        f"{folders[0]}: no such model folder; download one ({DOWNLOAD}) or name one that is in {models_dir}"
    )


def has_model(model_name: str, models_dir: str = "models") -> bool:
    """Whether a model is there, under either of its names; a folder that a stopped download left is none."""
    return any(files.exists(os.path.join(folder, "encoder.json")) for folder in _folders(model_name, models_dir))


def _folders(model_name: str, models_dir: str) -> list[str]:
    if model_name == SHIPPED:
        return [os.path.join(models_dir, SHIPPED), os.path.join(INSTALLED, SHIPPED)]
    return [os.path.join(models_dir, name) for name in (model_name, OTHER_NAMES.get(model_name, model_name))]
