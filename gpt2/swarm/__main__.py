"""Averages checkpoints: python -m gpt2.swarm average checkpoint/run1 checkpoint/run2 --out models/mean"""

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from system import command_line, tensorflow_start
from system.errors import UserError

if TYPE_CHECKING:
    from gpt2.model import GPT2


def main(
    *arguments: str,
    out: str | None = None,
    model_name: str | None = None,
    models_dir: str = "models",
    dataset: str | None = None,
    val_batch_size: int = 2,
    val_batch_count: int = 40,
) -> None:
    """Averages the weights of checkpoints, and prints the loss of the mean and of each: average FOLDER FOLDER...

    A FOLDER is a model folder, a run, a swarm's member, or a prefix such as checkpoint/run1/model-500. One that is
    damaged, of another shape, NaN or infinite is left out and named.

    Args:
      arguments: the word average, then model folders, runs, members of a swarm or prefixes.
      out: a new model folder for the mean, which sample.py takes as --restore_from.
      model_name: the model whose hparams.json and vocabulary to use where the first FOLDER has none.
      models_dir: the folder of the model folders.
      dataset: an .npz of prepare_corpus.py, whose held-out verse, or all of it if none is held out, gives the losses.
      val_batch_size: windows in a batch of the validation.
      val_batch_count: batches of it, at most.
    """
    folders = arguments[1:]
    if not folders or arguments[0] != "average":
        raise UserError(f"found {' '.join(arguments) or 'nothing'}, expected: average FOLDER FOLDER...")
    if out is None and dataset is None:
        raise UserError("nothing to do with the mean; give --out FOLDER to save it, --dataset POETRY.npz to validate")
    if len({folder.rstrip("/") if "://" in folder else os.path.realpath(folder) for folder in folders}) < len(folders):
        raise UserError("a folder is given twice, and would count twice; give each once")
    for name, number in (("val_batch_size", val_batch_size), ("val_batch_count", val_batch_count)):
        if number < 1:
            raise UserError(f"--{name} is {number}, expected at least 1")
    tensorflow_start.start_tensorflow()
    from gpt2 import checkpoint_paths
    from gpt2.hparams import find_hparams
    from gpt2.model import GPT2
    from gpt2.swarm import averaging
    from system import files, model_folders

    if out and files.exists(os.path.join(out, "checkpoint")):
        raise UserError(f"{out}: holds weights already; name a new folder")
    home = os.path.dirname(checkpoint_paths.find_prefix(folders[0]))
    model_folder = model_folders.model_folder(model_name, models_dir) if model_name else home
    hparams = find_hparams(checkpoint_paths.find_prefix(folders[0]), model_folder)
    mean, counted, left_out = averaging.mean_of({folder: folder for folder in folders}, hparams)
    for folder, reason in left_out.items():
        print(f"swarm: left out {folder}: {reason}", file=sys.stderr)
    if not counted:
        raise UserError("none of them is good, so there is nothing to average")
    model = GPT2(hparams, lambda name, shape: mean[name])
    if out:
        save(model, out, home, model_folder)
        print(f"swarm: saved the mean of {len(counted)} in {out}", file=sys.stderr)
    if dataset:
        validate = make_validate(model, dataset, model_folder, batch=val_batch_size, count=val_batch_count)
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
