"""A model on disk, whatever its format: what every reader of this room returns and every writer takes."""

import dataclasses
import os
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from encoder.vocabulary import Vocabulary
from gpt2.hparams import HParams
from gpt2.runs.log import read_log
from gpt2.runs.resume import read_settings
from system import files

EXTRAS = ("layout.json",)  # how the poems of a run were laid out: sample.py lays prompts out in the same way


@dataclasses.dataclass(frozen=True)
class Training:
    """How a model was trained.

    Attributes:
      settings: the flags of the run and its dataset, as its `settings.json` holds them.
      records: the lines of its `log.jsonl`, up to the step of the weights.
    """

    settings: Mapping[str, object]
    records: Sequence[dict]


@dataclasses.dataclass(frozen=True)
class StoredModel:
    """The sizes and the vocabulary of a model, and its weights, read one at a time.

    Attributes:
      path: where it is, for messages.
      hparams: its sizes; n_vocab is that of the vocabulary.
      vocabulary: what its ids mean.
      read: gives a weight by its name in OpenAI's checkpoints, float32, of its shape in `gpt2.hparams.weight_shapes`.
      extras: the content of the small files that travel along, by their names.
      training: how it was trained, if it is a run.
    """

    path: str
    hparams: HParams
    vocabulary: Vocabulary
    read: Callable[[str], np.ndarray]
    extras: Mapping[str, bytes]
    training: Training | None = None


def read_extras(folder: str) -> dict[str, bytes]:
    """The small files of a folder that travel along with its model."""
    found = {}
    for name in EXTRAS:
        if files.exists(path := os.path.join(folder, name)):
            with files.open_file(path) as file:
                found[name] = file.read()
    return found


def read_training(folder: str, step: int) -> Training | None:
    """How the model in the folder of a run was trained; None for a folder without the settings of a run.

    Args:
      step: that of the weights; 0 if it is unknown.
    Raises:
      UserError: a damaged line of the log.
    """
    settings = read_settings(folder)
    if not settings:
        return None
    return Training(settings, [record for record in read_log(folder) if not step or record["step"] <= step])
