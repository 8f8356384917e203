"""The datasets of a run: what it trains on and what is held out."""

import logging
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from encoder.dataset import reader
from encoder.dataset.reader import Tokens
from gpt2.hparams import HParams
from gpt2.runs.settings import Settings
from gpt2.training import windows
from system.errors import UserError

if TYPE_CHECKING:
    from encoder.reference import Encoder
    from gpt2.runs.saves import State
    from gpt2.runs.start import Start

logger = logging.getLogger("gpt2")

MANY = 10  # Epochs, after which verse is learnt by heart: a rule of thumb of 2019.


class Data(NamedTuple):
    """The tokens of a run.

    Attributes:
      training: what it trains on.
      held_out: what it validates on, possibly empty.
      is_prefix: bool [len(held_out)], which of those belong to a prefix and not to verse; None if none is marked.
      characters: int64 [n_vocab], how many characters begin in each token.
      seq: tokens to predict in a window.
      about: what the .json beside the dataset holds.
    """

    training: Tokens
    held_out: Tokens
    is_prefix: np.ndarray | None
    characters: np.ndarray
    seq: int
    about: dict

    def noted(self) -> dict:
        """What settings.json holds of the dataset, so that another one is noticed."""
        return {"tokens": len(self.training), "sha256": self.about.get("npz_sha256")}


def find_dataset(path: str, encoding: str, enc: "Encoder", held_out: float = 0.05) -> str:
    """The path of an .npz: the one given, or that of the text given, which is encoded when it is first used."""
    if path.endswith(".npz"):
        return reader.local_copy(path)
    from encoder.dataset import summary, writer
    from poems.sources import sources

    source = sources.find_source(path, encoding)
    with sources.reading([source], f"encoding {path}") as read:
        made = writer.cached_dataset(read, enc, held_out)
    for note in summary.left_out(source):
        logger.info(note)
    return made


def open_data(settings: Settings, start: "Start", hparams: HParams) -> Data:
    """The tokens to train and to validate on.

    Raises:
      UserError: a dataset of another vocabulary, damaged or too short; --patience without anything to validate on.
    """

    def opened(path: str) -> reader.Dataset:
        return reader.open_dataset(path, hparams.n_vocab, start.enc.fingerprint, start.model_folder)

    dataset = opened(start.dataset)
    training, held_out = dataset.training, dataset.held_out
    if len(training) < 2:
        raise UserError(f"{start.dataset}: {len(training)} tokens to train on, expected at least 2; prepare more text")
    is_prefix = dataset.is_prefix(held_out)
    if settings.val_dataset:
        other = opened(find_dataset(settings.val_dataset, settings.encoding, start.enc, held_out=0.0))
        held_out = other.held_out or other.training
        is_prefix = other.is_prefix(held_out)
    if settings.patience and not (held_out and settings.val_every):
        raise UserError(
            f"--patience {settings.patience} counts validations, and there are none; give --val_every, or a dataset "
            "with text held out, or --val_dataset"
        )
    seq = min(settings.n_ctx or hparams.n_ctx, len(training) - 1)
    return Data(training, held_out, is_prefix, characters_of(start.enc), seq, dataset.about)


def characters_of(enc: "Encoder") -> np.ndarray:
    """How many characters begin in each token, int64 [n_vocab]; bytes of UTF-8 that continue one do not count."""
    counts = np.array([sum(byte & 0xC0 != 0x80 for byte in token) for token in enc.vocabulary.token_bytes])
    counts[enc.end_of_text] = 0
    return counts


def find_end(settings: Settings, state: "State", data: Data) -> int | None:
    """The step at which the run ends, None for never: --steps, or the steps that --epochs make."""
    if settings.epochs is None:
        return settings.steps
    tokens_per_step = settings.windows_per_step * data.seq
    used = state.windows_used * data.seq
    return state.step + windows.steps_of_epochs(settings.epochs, len(data.training), tokens_per_step, used)


def about_corpus(settings: Settings, state: "State", data: Data, end: int | None) -> str:
    """One line on the model, and on how often it will have seen the dataset when the run ends at this step."""
    n_tokens, tokens_per_step = len(data.training), settings.windows_per_step * data.seq
    about = f"{len(data.held_out):,} held out" if data.held_out else "none held out, so no validation"
    named = settings.restore_from in ("latest", "fresh", "scratch")
    name = settings.model_name if named else settings.restore_from
    line = f"{name}, {state.model.hparams.n_params:,} parameters; {n_tokens:,} tokens to train on, {about}"
    if end is None:
        return f"{line}; an epoch is {n_tokens / tokens_per_step:,.1f} steps"
    epochs = (state.windows_used * data.seq + (end - state.step) * tokens_per_step) / n_tokens
    warning = ", so it will learn them by heart: stop earlier (--patience), or bring more" if epochs > MANY else ""
    return f"{line}; {end:,} steps are {epochs:,.1f} epochs{warning}"
