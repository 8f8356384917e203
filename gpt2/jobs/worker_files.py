"""Samples of several workers: each writes a file of its own beside OUT, and the first joins these parts into OUT.

The workers share nothing but the folder. Sample n is written by worker (n - 1) % workers. A part, OUT.worker-N.jsonl,
is changed by its worker alone: a sample a line, and an empty line as a sign of life if no sample has ended for a while.
A worker that starts, or starts again, first reads all parts, so that no sample is written twice, however many workers
there were before. The parts are removed when OUT is complete.
"""

import contextlib
import dataclasses
import json
import os
import re
import time

from gpt2.distributed import workers
from gpt2.distributed.workers import PATIENCE
from gpt2.jobs import sample_file
from gpt2.jobs.request import Request
from gpt2.jobs.sample_file import Fields, SampleFile, Writer
from system import files

LIFE = PATIENCE / 10  # Seconds after which a worker shows that it is alive.
PAUSE = 1  # Second, between two looks at the parts of others.


@dataclasses.dataclass(frozen=True)
class Workers:
    """How many processes write a file, and which of them this one is, from 0."""

    index: int = 0
    count: int = 1

    @classmethod
    def find(cls, request: Request) -> "Workers":
        """The workers of a request, as TF_CONFIG or Slurm tells of them."""
        return cls(*workers.find_worker()) if request.is_multi_worker else cls()

    def is_mine(self, number: int) -> bool:
        """Whether this worker writes the sample of this number."""
        return self.of(number) == self.index

    def of(self, number: int) -> int:
        """The worker that writes the sample of this number."""
        return (number - 1) % self.count


def part_of(path: str, worker: int) -> str:
    """The part of a file of samples that a worker writes."""
    return f"{path}.worker-{worker}.jsonl"


def find_parts(path: str) -> list[str]:
    """The existing parts of a file of samples."""
    folder, name = os.path.split(path)
    if not files.exists(folder or "."):
        return []  # A remote one, which is made with the first file in it.
    pattern = re.compile(re.escape(name) + r"\.worker-\d+\.jsonl")
    return sorted(os.path.join(folder, found) for found in files.list_folder(folder or ".") if pattern.fullmatch(found))


def seed_of(path: str) -> int | None:
    """The seed of the samples of a file or of one of its parts; None if there are none."""
    found = map(sample_file.seed_of, (path, *find_parts(path)))
    return next((seed for seed in found if seed is not None), None)


class Parts:
    """The samples in a file and in its parts.

    Attributes:
      n_written: how many samples the file itself contains.
      places: by the number of a sample, the part that contains it and the byte where it begins there.
    """

    def __init__(self, file: SampleFile):
        """Reads the parts for the first time; raises a UserError for samples of other settings, or something else."""
        self.file = file
        self.places: dict[int, tuple[str, int]] = {}
        self.sizes: dict[str, int] = {}
        self.look()
        _, self.n_written = file.count()  # after the parts, which are removed when it is complete

    def missing(self, total: int) -> list[int]:
        """The numbers, up to `total`, of the samples that are neither in the file nor in a part."""
        return [number for number in range(self.n_written + 1, total + 1) if number not in self.places]

    def look(self) -> bool:
        """Reads what was added to the parts since, and returns whether anything was."""
        before = dict(self.sizes)
        for part in find_parts(self.file.path):
            with contextlib.suppress(FileNotFoundError):  # just removed, since OUT is complete
                self._read(part)
        return self.sizes != before

    def wait(self, total: int, workers: Workers) -> None:
        """Waits until no sample up to number `total` is missing.

        Raises:
          TimeoutError: nothing has been added for `PATIENCE` seconds; names the workers whose samples are missing.
        """
        heard = time.monotonic()
        while missing := self.missing(total):
            if self.look():
                heard = time.monotonic()
            elif time.monotonic() - heard > PATIENCE:
                silent = ", ".join(map(str, sorted(set(map(workers.of, missing)))))
                raise TimeoutError(
                    f"{self.file.path}: waited {PATIENCE} s for {len(missing)} samples, those of worker {silent} of 0 "
                    f"to {workers.count - 1}; start all workers again with the same command"
                )
            else:
                time.sleep(PAUSE)

    def join(self, total: int) -> None:
        """Adds the samples up to number `total` to the file, and removes the parts if they contain no more."""
        writer = Writer(self.file)
        with contextlib.ExitStack() as stack:
            opened = {part: stack.enter_context(files.open_file(part)) for part in self.sizes}
            for number in range(writer.n_written + 1, total + 1):
                part, start = self.places[number]
                opened[part].seek(start)
                writer.write(json.loads(opened[part].readline()))
        writer.close()
        if max(self.places, default=0) <= max(total, writer.n_written):
            for part in self.sizes:
                with contextlib.suppress(FileNotFoundError):
                    files.remove(part)

    def _read(self, part: str) -> None:
        start = self.sizes.get(part, 0)
        with files.open_file(part) as file:
            file.seek(start)
            content = file.read()
        for line in content[: content.rfind(b"\n") + 1].splitlines(keepends=True):  # the last one may be half written
            if line.strip():
                otherwise = f"a line is no sample ({line[:20]!r}); remove it, or name another file with --out"
                self.places[self.file.number(line, part, otherwise)] = part, start
            start += len(line)
        self.sizes[part] = start


class Part:
    """The part of one worker, opened to be continued after what it contains.

    Attributes:
      n_written: how many samples it contained.
    """

    def __init__(self, file: SampleFile, worker: int):
        """Opens the part, or begins it; its samples have been read by `Parts`."""
        self.file, self.path = file, part_of(file.path, worker)
        self.opened = sample_file.open_alone(self.path)
        content = sample_file.read(self.path)
        whole = content[: content.rfind(b"\n") + 1]
        sample_file.cut(self.opened, self.path, len(whole))  # without the last line, if a stop has cut it
        self.n_written = sum(bool(line.strip()) for line in whole.splitlines())
        self.written_at = time.monotonic()

    def write(self, sample: Fields) -> None:
        """Adds one sample."""
        self._add(self.file.line(sample))

    def show_life(self) -> None:
        """Lets the first worker know that this one is at work."""
        if time.monotonic() - self.written_at > LIFE:
            self._add(b"\n")

    def close(self) -> None:
        """Ends writing; the first worker may have removed the part by now."""
        self.opened.close()

    def _add(self, line: bytes) -> None:
        sample_file.add(self.opened, self.path, line)
        self.written_at = time.monotonic()
