"""Averages checkpoints: python -m gpt2.swarm average checkpoint/run1 checkpoint/run2 --out models/mean"""

import dataclasses
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

from system import command_line, tensorflow_start
from system.errors import UserError
from system.flags import AtLeast, check_flags

if TYPE_CHECKING:
    from gpt2.model import GPT2


@dataclasses.dataclass(frozen=True, kw_only=True)
class Request:
    """Averages the weights of checkpoints, and prints the loss of the mean and of each.

    A FOLDER is a model folder, a run, a swarm's member, or a prefix such as checkpoint/run1/model-500. One that is
    damaged, of another shape, NaN or infinite is left out and named.

    Attributes:
      What to average
        arguments: the word average, then the checkpoints.
        model_name: the model whose hparams.json and vocabulary to use where the first FOLDER has none.
        models_dir: the folder of the model folders.
      What to do with the mean
        out: a new model folder for the mean, which sample.py takes as --restore_from.
        dataset: an .npz of prepare_corpus.py, whose held-out verse, or all of it if none is held out, gives the losses.
        val_batch_size: windows in a batch of the validation.
        val_batch_count: batches of it, at most.
    """

    arguments: Annotated[tuple[str, ...], "average FOLDER FOLDER..."] = ()
    model_name: Annotated[str | None, "NAME"] = None
    models_dir: Annotated[str, "FOLDER"] = "models"
    out: Annotated[str | None, "FOLDER"] = None
    dataset: Annotated[str | None, "FILE.npz"] = None
    val_batch_size: Annotated[int, AtLeast(1)] = 2
    val_batch_count: Annotated[int, AtLeast(1)] = 40

    def __post_init__(self) -> None:
        check_flags(self)
        if not self.folders or self.arguments[0] != "average":
            raise UserError(f"found {' '.join(self.arguments) or 'nothing'}, expected: average FOLDER FOLDER...")
        if self.out is None and self.dataset is None:
            raise UserError("no use for the mean; give --out FOLDER to save it, --dataset POETRY.npz to validate it")
        places = {path.rstrip("/") if "://" in path else os.path.realpath(path) for path in self.folders}
        if len(places) < len(self.folders):
            raise UserError("a folder is given twice, and would count twice; give each once")

    @property
    def folders(self) -> tuple[str, ...]:
        """The checkpoints to average."""
        return self.arguments[1:]


def main(request: Request) -> None:
    """Averages, saves and validates."""
    tensorflow_start.start_tensorflow()
    from gpt2 import checkpoint_paths
    from gpt2.hparams import find_hparams
    from gpt2.model import GPT2
    from gpt2.swarm import averaging
    from system import files, model_folders

    if request.out and files.exists(os.path.join(request.out, "checkpoint")):
        raise UserError(f"{request.out}: contains weights already; name a new folder")
    home = os.path.dirname(checkpoint_paths.find_prefix(request.folders[0]))
    named = request.model_name
    model_folder = model_folders.model_folder(named, request.models_dir) if named else home
    hparams = find_hparams(checkpoint_paths.find_prefix(request.folders[0]), model_folder)
    mean, counted, left_out = averaging.mean_of({folder: folder for folder in request.folders}, hparams)
    for folder, reason in left_out.items():
        print(f"swarm: left out {folder}: {reason}", file=sys.stderr)
    if not counted:
        raise UserError("none of them is good, so there is nothing to average")
    model = GPT2(hparams, lambda name, shape: mean[name])
    if request.out:
        save(model, request.out, home, model_folder)
        print(f"swarm: saved the mean of {len(counted)} in {request.out}", file=sys.stderr)
    if request.dataset:
        sizes = {"batch": request.val_batch_size, "count": request.val_batch_count}
        validate = make_validate(model, request.dataset, model_folder, **sizes)
        show_losses(model, counted, validate)


def save(model: "GPT2", out: str, home: str, model_folder: str) -> None:
    """Saves the mean as a model folder, with the layout of the first checkpoint and the vocabulary of the model."""
    import encoder
    from encoder import vocabulary
    from gpt2 import checkpoint
    from gpt2.hparams import write_hparams
    from system import files

    checkpoint.save_model(out, model)
    write_hparams(out, model.hparams)
    if files.exists(os.path.join(model_folder, "encoder.json")):
        vocabulary.write_vocabulary(out, encoder.load_encoder(model_folder).vocabulary)
    files.copy(os.path.join(home, "layout.json"), os.path.join(out, "layout.json"))


def make_validate(
    model: "GPT2", dataset: str, model_folder: str, *, batch: int, count: int
) -> Callable[[], dict[str, float]]:
    """A function that returns the losses on a dataset's held-out verse, or on all of it if none is held out.

    Raises:
      UserError: the dataset was made with another vocabulary than that of the model's folder.
    """
    import encoder
    from encoder.dataset import reader
    from gpt2.training import validation
    from system import files

    has_vocabulary = files.exists(os.path.join(model_folder, "encoder.json"))
    fingerprint = encoder.load_encoder(model_folder).fingerprint if has_vocabulary else None
    opened = reader.open_dataset(dataset, model.hparams.n_vocab, fingerprint, model_folder)
    tokens = opened.held_out or opened.training
    return validation.make_validate(model, tokens, batch=batch, count=count, seq=model.hparams.n_ctx)


def show_losses(model: "GPT2", folders: list[str], validate: Callable[[], dict[str, float]]) -> None:
    """Prints the loss of the model, in nats a token, and then that of each checkpoint, put into it."""
    from gpt2 import checkpoint
    from gpt2.checkpoint_paths import find_prefix

    print(f"{validate()['val_loss']:.4f}  mean of {len(folders)}")
    for folder in folders:
        checkpoint.assign(model.weights, find_prefix(folder))
        print(f"{validate()['val_loss']:.4f}  {folder}")


if __name__ == "__main__":
    command_line.run(main)
