"""Samples of several workers: each writes a file of its own beside OUT, and the first joins these parts into OUT.

The workers share nothing but the folder. Sample n is that of worker (n - 1) % workers. A part, OUT.worker-N.jsonl, is
changed by its worker alone: a sample a line, and an empty line as a sign of life where none has ended for a while.
Whoever begins, or begins again, first looks what all parts hold, so that no sample is written twice, however many
workers there were before. The parts go when OUT is whole.
"""

import contextlib
import json
import os
import re
import time
from collections.abc import Callable
from typing import Any

from gpt2.distributed.workers import PATIENCE
from gpt2.jobs import sample_file
from system import files

LIFE = PATIENCE / 10  # Seconds after which a worker shows that it lives.
PAUSE = 1  # Second, between two looks at the parts of others.


def part_of(path: str, worker: int) -> str:
    """The part that a worker writes of a file of samples."""
    return f"{path}.worker-{worker}.jsonl"


def find_parts(path: str) -> list[str]:
    """The parts of a file of samples that are there."""
    folder, name = os.path.split(path)
    if not files.exists(folder or "."):
        return []  # A remote one, which is made with the first file in it.
    pattern = re.compile(re.escape(name) + r"\.worker-\d+\.jsonl")
    return sorted(os.path.join(folder, found) for found in files.list_folder(folder or ".") if pattern.fullmatch(found))


def seed_of(path: str) -> int | None:
    """The seed of the samples that a file or one of its parts holds; None if none does."""
    found = map(sample_file.seed_of, (path, *find_parts(path)))
    return next((seed for seed in found if seed is not None), None)


class Parts:
    """What a file of samples and its parts hold.

    Attributes:
      n_written: how many samples the file itself holds.
      places: the part that holds a sample and the byte where it begins there, by the sample's number.
    """

    def __init__(self, path: str, settings: dict[str, Any], shown: Callable[[int], str] = sample_file.nothing):
        """Looks for the first time; raises a ValueError for samples of other settings, or something else."""
        self.path, self.settings, self.shown = path, settings, shown
        self.places: dict[int, tuple[str, int]] = {}
        self.sizes: dict[str, int] = {}
        self.look()
        _, _, self.n_written = sample_file.held(path, settings, shown)  # after the parts, which go when it is whole

    def missing(self, total: int) -> list[int]:
        """The numbers, up to `total`, of the samples that neither the file nor a part holds."""
        return [number for number in range(self.n_written + 1, total + 1) if number not in self.places]

    def look(self) -> bool:
        """Reads what has come to the parts since, and says whether anything has."""
        before = dict(self.sizes)
        for part in find_parts(self.path):
            with contextlib.suppress(FileNotFoundError):  # just removed, for OUT is whole
                self._read(part)
        return self.sizes != before

    def wait(self, total: int, n_workers: int) -> None:
        """Waits until no sample up to number `total` is missing.

        Raises:
          TimeoutError: nothing has come for `PATIENCE` seconds; names the workers whose samples are missing.
        """
        heard = time.monotonic()
        while missing := self.missing(total):
            if self.look():
                heard = time.monotonic()
            elif time.monotonic() - heard > PATIENCE:
                who = ", ".join(map(str, sorted({(number - 1) % n_workers for number in missing})))
                raise TimeoutError(
                    f"{self.path}: waited {PATIENCE} s for {len(missing)} samples, those of worker {who} of 0 to "
                    f"{n_workers - 1}; start all workers again with the same command"
                )
            else:
                time.sleep(PAUSE)

    def join(self, total: int) -> None:
        """Adds the samples up to number `total` to the file, and removes the parts if they hold no more."""
        file = sample_file.Out(self.path, self.settings, self.shown)
        with contextlib.ExitStack() as stack:
            opened = {part: stack.enter_context(files.open_file(part)) for part in self.sizes}
            for number in range(file.n_written + 1, total + 1):
                part, start = self.places[number]
                opened[part].seek(start)
                file.write(json.loads(opened[part].readline()))
        file.close()
        if max(self.places, default=0) <= max(total, file.n_written):
            for part in self.sizes:
                with contextlib.suppress(FileNotFoundError):
                    files.remove(part)

    def _read(self, part):
        start = self.sizes.get(part, 0)
        with files.open_file(part) as file:
            file.seek(start)
            content = file.read()
        for line in content[: content.rfind(b"\n") + 1].splitlines(keepends=True):  # a last one may be half written
            if line.strip():
                otherwise = f"a line is no sample ({line[:20]!r}); remove it, or name another file with --out"
                self.places[sample_file.read_number(line, part, self.settings, otherwise)] = part, start
            start += len(line)
        self.sizes[part] = start


class Part:
    """The part of one worker, opened to go on after what it holds.

    Attributes:
      n_written: how many samples it held.
    """

    def __init__(self, path: str, settings: dict[str, Any]):
        """Opens the part, or begins it; what it holds has been looked at, see `Parts`."""
        self.path, self.settings = path, settings
        self.file = sample_file.open_alone(path)
        content = sample_file.read_samples(path)
        whole = content[: content.rfind(b"\n") + 1]
        sample_file.cut(self.file, path, content, len(whole))  # without the last line, if a stop has cut it
        self.n_written = sum(bool(line.strip()) for line in whole.splitlines())
        self.written_at = time.monotonic()

    def write(self, sample: dict[str, Any]) -> None:
        """Adds one sample."""
        self._add(sample_file.line(sample, self.settings))

    def show_life(self) -> None:
        """Lets the first worker know that this one is at work."""
        if time.monotonic() - self.written_at > LIFE:
            self._add(b"\n")

    def close(self) -> None:
        """Ends writing; the first worker may have removed the part by now."""
        self.file.close()

    def _add(self, line):
        sample_file.add(self.file, self.path, line)
        self.written_at = time.monotonic()
