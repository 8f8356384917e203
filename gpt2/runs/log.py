"""The log of a run: written, read, and judged: what went wrong, which step was best, whether it still improves."""

import contextlib
import json
import os
import time
from collections.abc import Iterable, Sequence

import numpy as np

from system import files
from system.errors import UserError

SMOOTHED = (
    100  # Steps whose mean represents the loss, and the fewest after which a jump can be distinguished from chance.
)

FLUSH_LOCAL, FLUSH_REMOTE = 1, 60  # Seconds; a remote file system may write the whole file again.


def smoothed(records: Sequence[dict]) -> float:
    """The mean loss of the last steps, nats a token."""
    return float(np.mean([record["loss"] for record in records[-SMOOTHED:]]))


def trouble(loss: float, records: Sequence[dict], jump: float) -> str | None:
    """What is wrong with the loss of a step, if anything.

    Args:
      records: of the steps before.
      jump: how many nats it may lie above the mean of the last hundred, 0 for any finite loss.
    """
    if not np.isfinite(loss):
        return f"is {loss}"
    if jump and len(records) >= SMOOTHED and loss > smoothed(records) + jump:
        return f"is {loss:.3f}, more than --loss_jump {jump} above {smoothed(records):.3f}, the mean before it"
    return None


def best(records: Sequence[dict]) -> dict | None:
    """The record of the lowest loss on held-out text, the first of them."""
    validated = [record for record in records if "val_loss" in record]
    return min(validated, key=lambda record: record["val_loss"]) if validated else None


def held_out_loss(record: dict) -> str:
    """What a record says of the loss on held-out text, in words."""
    if "val_bits" in record:
        return f"{record['val_bits']:.3f} bits a character of held-out verse"
    return f"a loss of {record['val_loss']:.3f} on held-out verse"


def is_stale(records: Sequence[dict], patience: int) -> bool:
    """Whether `patience` validations have brought nothing better; 0 is never."""
    found = best(records)
    if not patience or found is None:
        return False
    return sum("val_loss" in record and record["step"] > found["step"] for record in records) >= patience


class Log:
    """`log.jsonl`: one object a line, one line a step, however often the run was resumed.

    Attributes:
      records: what it holds.
    """

    def __init__(self, folder: str, step: int, name: str = "log.jsonl"):
        """Opens the log to continue after `step`; lines of later steps, which were never saved, are dropped."""
        self.path = os.path.join(folder, name)
        self.records = [record for record in read_log(folder, name) if record["step"] <= step]
        self.flushed, self.is_whole = 0.0, False
        self._open()

    def append(self, record: dict) -> None:
        """Adds what is known of a step: `step`, `loss` and more. It is in the file within a few seconds.

        What a full disk refuses is written by the next `flush`, which raises an error if it cannot.
        """
        self.records.append(record)
        with contextlib.suppress(*files.failures()):
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
        """Removes the steps after this one, which are trained again."""
        self.records = [record for record in self.records if record["step"] <= step]
        self._open()

    def _open(self) -> None:
        files.write_file(self.path, "".join(json.dumps(record) + "\n" for record in self.records).encode())
        self.file = files.open_file(self.path, "a")
        self.flushed = time.monotonic()
        self.is_whole = True


def read_log(folder: str, name: str = "log.jsonl") -> Iterable[dict]:
    """The records of a log, without a last line that a crash has cut.

    Raises:
      UserError: a line that is no object with a step and a loss.
    """
    path = os.path.join(folder, name)
    if not files.exists(path):
        return
    with files.open_file(path) as file:
        lines = file.read().split(b"\n")
    for number, line in enumerate(lines[:-1], start=1):
        try:
            record = json.loads(line)
            record["step"], record["loss"]
        except (ValueError, TypeError, KeyError, RecursionError):
            if number == len(lines) - 1:
                return  # A power cut can leave zeros, too.
            raise UserError(
                f"{path}: line {number} is damaged, expected an object of a step; remove that line"
            ) from None
        yield record
