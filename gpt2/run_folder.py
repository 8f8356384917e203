"""A run's folder: a model folder in itself, with what is needed to go on from any save as if nothing had happened.

`model-STEP` holds the weights under OpenAI's names, `state-STEP` the rest; both count once `checkpoint` names them.
"""

import io
import json
import os
import re
import time
from collections.abc import Iterable, Mapping

import numpy as np
import tensorflow as tf

from gpt2.checkpoint import read_shapes, read_tensor, write_bundle, write_pointer
from gpt2.find import find_prefix, step_of
from gpt2.hparams import write_hparams
from gpt2.model import GPT2
from poems import files

KEPT_MODELS, KEPT_STATES = 5, 2  # TensorFlow 1's Saver keeps 5; a state is twice as large as its weights.

FLUSH_LOCAL, FLUSH_REMOTE = 1, 60  # Seconds; a remote file system may write the whole file again.

gfile = tf.io.gfile


def create(folder: str, model: GPT2, settings: Mapping) -> None:
    """Makes the folder, or finds it, and notes the sizes of the model and the settings of the run.

    `checkpoint` is empty until the first save counts: a folder with saves and no `checkpoint` was tampered with.

    Raises:
      OSError: it cannot be written.
    """
    try:
        gfile.makedirs(folder)
        write_hparams(folder, model.hparams)
        files.write_file(os.path.join(folder, "settings.json"), (json.dumps(dict(settings), indent=1) + "\n").encode())
        if not files.exists(pointer := os.path.join(folder, "checkpoint")):
            files.write_file(pointer, b"")
    except (tf.errors.OpError, OSError) as error:
        raise OSError(f"{folder}: cannot write there ({error}); name another folder") from error


def save(folder: str, step: int, model: GPT2, slots: Mapping[str, tf.Variable], updates: int) -> None:
    """Saves the weights and all that training needs to go on; then removes the oldest saves.

    Args:
      updates: how many updates the optimizer has made, fewer than `step` if its state was once lost.
    Raises:
      ValueError: a weight is no number; the save before it still counts.
      OSError: it cannot be written; the save before it still counts.
    """
    weights = {name: tf.cast(weight, tf.float32) for name, weight in model.weights.items()}
    for name, weight in weights.items():
        if not tf.reduce_all(tf.math.is_finite(weight)):
            raise ValueError(
                f"{name} is no number after step {step}, so it is not saved; the save before it still counts, "
                "go on from it with a lower --learning_rate"
            )
    try:
        write_bundle(os.path.join(folder, f"model-{step}"), weights)
        write_bundle(os.path.join(folder, f"state-{step}"), {**slots, "updates": np.int64(updates)})
        write_pointer(folder, f"model-{step}")
    except tf.errors.OpError as error:
        raise OSError(
            f"{folder}: step {step} was not saved ({error.message}); the save before it still counts"
        ) from error
    remove_old(folder, "model", KEPT_MODELS, step)
    remove_old(folder, "state", KEPT_STATES, step)


def restore_slots(folder: str, slots: Mapping[str, tf.Variable]) -> int | None:
    """Gives the optimizer's slots their values from the save that counts.

    Returns:
      How many updates the optimizer had made; None if there is no state, as in the run of another tool.
    Raises:
      ValueError: it is the state of another optimizer, or damaged.
    """
    prefix = find_prefix(folder)
    state = os.path.join(folder, f"state-{step_of(prefix)}")
    if not gfile.exists(state + ".index"):
        return None
    found = set(read_shapes(state)) - {"updates"}
    if found != set(slots):
        raise ValueError(f"{state}: the state of another optimizer, or of other weights; go on with what the run began")
    for name, slot in slots.items():
        slot.assign(read_tensor(state, name))
    return int(read_tensor(state, "updates"))


class Log:
    """`log.jsonl`: one object a line, one line a step, none twice however often the run was resumed."""

    def __init__(self, folder: str, step: int):
        """Opens the log to go on after `step`; lines of later steps, which were never saved, are dropped."""
        self.path = os.path.join(folder, "log.jsonl")
        self.records = [record for record in read_log(folder) if record["step"] <= step]
        files.write_file(self.path, "".join(json.dumps(record) + "\n" for record in self.records).encode())
        self.file = gfile.GFile(self.path, "a")
        self.flushed = time.monotonic()

    def append(self, record: dict) -> None:
        """Adds what is known of a step: `step`, `loss` and more. It is in the file within a few seconds."""
        self.records.append(record)
        self.file.write(json.dumps(record) + "\n")
        if time.monotonic() - self.flushed > (FLUSH_REMOTE if files.is_remote(self.path) else FLUSH_LOCAL):
            self.flush()

    def flush(self) -> None:
        """Waits until all of it is on the disk: before a save, so that what is saved is also in the log."""
        self.file.flush()
        files.sync(self.path)
        self.flushed = time.monotonic()


def read_log(folder: str) -> Iterable[dict]:
    """The objects of `log.jsonl`, without a last line that a crash has cut.

    Raises:
      ValueError: a line that is no object with a step.
    """
    path = os.path.join(folder, "log.jsonl")
    if not gfile.exists(path):
        return
    with gfile.GFile(path, "rb") as file:
        lines = file.read().split(b"\n")
    for number, line in enumerate(lines[:-1], start=1):
        try:
            record = json.loads(line)
            record["step"], record["loss"]
        except (ValueError, TypeError, KeyError):
            if number == len(lines) - 1:
                return  # A power cut can leave zeros, too.
            raise ValueError(f"{path}: line {number} is damaged, expected an object of a step; remove it") from None
        yield record


def draw_loss(folder: str, records: list[dict]) -> None:
    """Draws `loss.png`: the loss of each step, its mean over a hundredth of the run, and that on held-out verse."""
    from matplotlib.figure import Figure  # late, since it takes a second

    if not records:
        return
    steps, losses = np.array([(record["step"], record["loss"]) for record in records]).T
    width = max(1, len(steps) // 100)
    means = np.convolve(losses, np.ones(width) / width, mode="valid")
    axes = (figure := Figure(figsize=(8, 5), layout="constrained")).subplots()
    axes.plot(steps, losses, color="0.8", linewidth=0.8, label="training, each step")
    axes.plot(steps[width - 1 :], means, color="tab:blue", label=f"training, mean of {width}")
    if validated := [(record["step"], record["val_loss"]) for record in records if "val_loss" in record]:
        axes.plot(*np.array(validated).T, color="tab:red", marker="o", markersize=3, label="held-out verse")
    axes.set(xlabel="step", ylabel="loss, nats a token", title=os.path.basename(folder))
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(picture := io.BytesIO(), format="png", dpi=120)
    files.write_file(os.path.join(folder, "loss.png"), picture.getvalue())


def remove_old(folder: str, kind: str, kept: int, step: int) -> None:
    """Removes the saves before the newest few up to this step; never those of TensorFlow 1, which have a .meta."""
    names = [name for name in gfile.listdir(folder) if re.fullmatch(rf"{re.escape(kind)}-\d+\.index", name)]
    steps = sorted(step_of(name.removesuffix(".index")) for name in names)
    for old in [found for found in steps if found <= step][:-kept]:
        prefix = os.path.join(folder, f"{kind}-{old}")
        if not gfile.exists(f"{prefix}.meta"):
            for path in gfile.glob(f"{prefix}.*"):
                gfile.remove(path)
