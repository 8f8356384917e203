"""What a run starts from, found by names and paths before TensorFlow is started."""

import contextlib
import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from gpt2 import checkpoint_paths
from gpt2.hparams import MODELS, HParams, find_hparams, read_hparams
from gpt2.runs import datasets
from gpt2.runs.resume import resume
from gpt2.runs.settings import DEMO, Settings
from gpt2.training import memory_plan
from system import files, model_folders
from system.errors import UserError

if TYPE_CHECKING:
    from encoder.reference import Encoder


class Start(NamedTuple):
    """What a run starts from.

    Attributes:
      save: the prefix of its last save, None for a run that begins.
      weights: the prefix of the weights, None for random ones.
      model_folder: the folder of the vocabulary, and of hparams.json where the weights have none.
      enc: the encoder of that vocabulary.
      prompts: the texts to sample from.
      dataset: the path of the .npz to train on.
      changes: a line for each setting that a resumed run has changed.
    """

    save: str | None
    weights: str | None
    model_folder: str
    enc: "Encoder"
    prompts: list[str]
    dataset: str
    changes: list[str]


def find_start(settings: Settings) -> tuple[Settings, Start]:
    """The settings, of which a resumed run keeps some, and what it starts from; a dataset that is text is encoded.

    Raises:
      FileNotFoundError: the weights, their vocabulary, the prompts or the dataset are not there.
      UserError: a flag does not fit the run that is to be resumed.
    """
    import encoder

    changes: list[str] = []
    if save := checkpoint_paths.last_save(settings.folder):
        settings, changes = resume(settings)
    weights, model_folder = find_weights(settings, save)
    enc = encoder.load_encoder(model_folder)
    prompts = read_prompts(settings.sample_prompts)
    assert settings.dataset is not None, "settle refuses a run without a dataset"
    if settings.dataset.endswith(".npz") and not files.exists(settings.dataset):
        raise FileNotFoundError(f"{settings.dataset}: no such dataset; {how_to_make(settings)}")
    dataset = datasets.find_dataset(settings.dataset, settings.encoding, enc)
    return settings, Start(save, weights, model_folder, enc, prompts, dataset, changes)


def how_to_make(settings: Settings) -> str:
    """The command that makes the dataset of a run, which is missing."""
    if settings.dataset == DEMO["dataset"]:
        return "make it: python prepare_corpus.py"
    flag = f" --model_name {settings.model_name}" if "model_name" in settings.given else ""
    return f"make it of your poems: python prepare_corpus.py YOUR_POEMS {settings.dataset}{flag}"


def find_weights(settings: Settings, save: str | None) -> tuple[str | None, str]:
    """The prefix of the weights, None for random ones; and the folder of their vocabulary.

    Raises:
      FileNotFoundError: the weights, or their vocabulary, are not there.
    """
    name, models_dir = settings.model_name, settings.models_dir
    if save is None and settings.restore_from == "scratch":
        return None, model_folders.model_folder(name, models_dir)
    if save:
        prefix = save
    elif settings.restore_from in ("latest", "fresh"):
        prefix = checkpoint_paths.find_prefix(model_folders.model_folder(name, models_dir))
    else:
        prefix = checkpoint_paths.find_prefix(settings.restore_from)
    return prefix, checkpoint_paths.vocabulary_of(prefix, name, models_dir)


def read_prompts(path: str | None) -> list[str]:
    """The prompts to sample from: nothing, then the lines of the file."""
    if path is None:
        return [""]
    return ["", *filter(None, files.read_text(path).splitlines())]


def why_over(settings: Settings, step: int, end: int | None) -> str | None:
    """Why there is nothing to train, if so.

    Args:
      step: how many steps the run has made.
      end: the step at which it ends, None for never.
    """
    from gpt2.runs import log

    folder = settings.folder
    records = [record for record in log.read_log(folder) if record["step"] <= step]
    if end is not None and step >= end:
        more = "steps" if settings.epochs is None else "epochs"
        return f"{folder} is at step {step} already; to train on, give more --{more}"
    if log.is_stale(records, settings.patience):
        return f"{folder} has not got better for {settings.patience} validations; to train on, give more --patience"
    return None


def sizes_of(settings: Settings) -> HParams:
    """The sizes of the model that the flags name, or of the run in their folder; OpenAI's need not be here.

    Raises:
      UserError: the model has no positions for windows of --n_ctx.
    """
    name = settings.model_name
    if "model_name" not in settings.given and (save := checkpoint_paths.last_save(settings.folder)):
        hparams = find_hparams(save, checkpoint_paths.vocabulary_of(save, name, settings.models_dir))
    elif settings.restore_from not in ("latest", "fresh", "scratch"):
        hparams = find_hparams(checkpoint_paths.find_prefix(settings.restore_from))
    else:
        known = MODELS.get(name) or MODELS.get(model_folders.OTHER_NAMES.get(name, name))
        hparams = known or read_hparams(model_folders.model_folder(name, settings.models_dir))
    check_n_ctx(settings, hparams)
    return hparams


def check_n_ctx(settings: Settings, hparams: HParams) -> None:
    """Raises a UserError for windows that the model has no positions for."""
    if settings.n_ctx and settings.n_ctx > hparams.n_ctx:
        raise UserError(f"--n_ctx is {settings.n_ctx}, expected at most {hparams.n_ctx}, that of the model")


def demand_of(settings: Settings, hparams: HParams) -> memory_plan.Demand:
    """What the memory of this run depends on."""
    names = {field.name for field in dataclasses.fields(memory_plan.Demand)} - {"hparams"}
    return memory_plan.Demand(hparams=hparams, **{name: getattr(settings, name) for name in names})


@contextlib.contextmanager
def naming_flags_that_fit(settings: Settings, device: str, free: float | None) -> Iterator[None]:
    """Turns a full memory into an OSError that ends with the flags by which training fits.

    Args:
      device, free: see `machine.available`.
    """
    import tensorflow as tf

    try:
        yield
    except tf.errors.ResourceExhaustedError as error:
        if "No space left" in error.message:  # of a disk
            raise
        remedy = memory_plan.remedy(demand_of(settings, sizes_of(settings)), device, free)
        raise OSError(f"out of memory; what {settings.folder} holds is untouched; {remedy}") from None
