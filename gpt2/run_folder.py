"""A run's folder: a model folder in itself, with the settings of the run, its log and its loss as a picture."""

import contextlib
import io
import json
import os
import time
from collections.abc import Iterable, Mapping

import numpy as np
import tensorflow as tf

from gpt2.hparams import write_hparams
from gpt2.model import GPT2
from poems import files

FLUSH_LOCAL, FLUSH_REMOTE = 1, 60  # Seconds; a remote file system may write the whole file again.

gfile = tf.io.gfile


def create(folder: str, model: GPT2, settings: Mapping, layout: Mapping | None = None) -> None:
    """Makes the folder, or finds it; notes the sizes of the model, the settings of the run and its dataset's layout.

    `checkpoint` is empty until the first save counts: a folder with saves and no `checkpoint` was tampered with.

    Raises:
      OSError: it cannot be written.
    """
    try:
        gfile.makedirs(folder)
        write_hparams(folder, model.hparams)
        for name, content in (("settings", settings), ("layout", layout or {"name": "plain"})):
            files.write_file(os.path.join(folder, f"{name}.json"), f"{json.dumps(dict(content), indent=1)}\n".encode())
        if not files.exists(pointer := os.path.join(folder, "checkpoint")):
            files.write_file(pointer, b"")
    except (tf.errors.OpError, OSError) as error:
        raise OSError(f"{folder}: cannot write there ({error}); name another folder") from error


class Log:
    """`log.jsonl`: one object a line, one line a step, none twice however often the run was resumed.

    Attributes:
      records: what it holds.
    """

    def __init__(self, folder: str, step: int, name: str = "log.jsonl"):
        """Opens the log to go on after `step`; lines of later steps, which were never saved, are dropped."""
        self.path = os.path.join(folder, name)
        self.records = [record for record in read_log(folder, name) if record["step"] <= step]
        self.flushed, self.is_whole = 0.0, False
        self._open()

    def append(self, record: dict) -> None:
        """Adds what is known of a step: `step`, `loss` and more. It is in the file within a few seconds.

        What a full disk refuses is written by the next `flush`, which tells of it.
        """
        self.records.append(record)
        with contextlib.suppress(OSError, tf.errors.OpError):
            self.file.write(json.dumps(record) + "\n")
            if time.monotonic() - self.flushed > (FLUSH_REMOTE if files.is_remote(self.path) else FLUSH_LOCAL):
                self.flush()
            return
        self.is_whole = False

    def flush(self) -> None:
        """Waits until all of it is on the disk: before a save, so that what is saved is also in the log.

        Raises:
          OSError: it cannot be written.
        """
        if not self.is_whole:
            self._open()
        self.flushed = time.monotonic()
        self.file.flush()
        files.sync(self.path)

    def cut(self, step: int) -> None:
        """Forgets what came after a step, which is trained again."""
        self.records = [record for record in self.records if record["step"] <= step]
        self._open()

    def _open(self) -> None:
        files.write_file(self.path, "".join(json.dumps(record) + "\n" for record in self.records).encode())
        self.file = files.open_file(self.path, "a")
        self.flushed = time.monotonic()
        self.is_whole = True


def read_log(folder: str, name: str = "log.jsonl") -> Iterable[dict]:
    """The objects of `log.jsonl`, without a last line that a crash has cut.

    Raises:
      ValueError: a line that is no object with a step.
    """
    path = os.path.join(folder, name)
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
            raise ValueError(
                f"{path}: line {number} is damaged, expected an object of a step; remove that line"
            ) from None
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
