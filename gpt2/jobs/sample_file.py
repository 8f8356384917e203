"""The file of samples: one after another as they are written, continued after a stop, never overwritten.

`.jsonl` contains an object a line. `.txt`, the form of 2019, is rendered line by line from such a file beside it,
FILE.txt.jsonl: each sample is written there first, so that after a kill the text can be completed from it.
"""

import contextlib
import dataclasses
import io
import json
import os
import re
from typing import IO

from system import files
from system.errors import UserError
from system.lock import lock

SEED = re.compile(rb'\{"seed": (-?\d+)')  # The beginning of a .jsonl.

Fields = dict[str, object]  # A sample, or the settings that it depends on, as an object of JSON.


def header(number: int) -> str:
    """The line above a sample, the original's."""
    return f"{'=' * 40} SAMPLE {number} {'=' * 40}\n"


def check_path(path: str) -> None:
    """Raises a UserError for a file of no known form, a FileNotFoundError for one in a folder that is missing."""
    if not path.endswith((".txt", ".jsonl")):
        raise UserError(f"--out is {path}, expected a name that ends in .txt or .jsonl")
    folder = os.path.dirname(path) or "."
    if not files.is_remote(path) and not files.exists(folder):
        raise FileNotFoundError(f"{path}: there is no folder {folder}; make it, or name another file with --out")


@dataclasses.dataclass(frozen=True)
class SampleFile:
    """A file of samples, and what they depend on.

    Attributes:
      path: its name, which ends in .txt or .jsonl.
      settings: what every sample in it depends on; of a .txt also `include_prompt`.
    """

    path: str
    settings: Fields

    @property
    def record(self) -> str:
        """The .jsonl that samples are written to first."""
        return record_of(self.path)

    @property
    def is_rendered(self) -> bool:
        """Whether the file is a .txt, rendered from the record."""
        return self.record != self.path

    def line(self, sample: Fields) -> bytes:
        """A sample as a line of the record."""
        return (json.dumps(sample | {"settings": self.settings}, ensure_ascii=False) + "\n").encode()

    def text(self, sample: Fields) -> bytes:
        """A sample as a .txt has it."""
        shown = sample["prompt"] if self.settings.get("include_prompt") else ""
        return f"{header(int(str(sample['number'])))}{shown}{sample['text']}\n".encode()

    def number(self, line: bytes, path: str, otherwise: str) -> int:
        """The number of the sample in a line of a .jsonl of this path.

        Raises:
          OtherSettings: the sample was written with others.
          UserError: the line is no sample, which `otherwise` says.
        """
        try:
            sample = files.parse_json(line.decode(), "a sample", {"number": int, "settings": dict})
        except ValueError:
            raise UserError(f"{path}: {otherwise}") from None
        self._compare(path, sample["settings"])
        return sample["number"]

    def count(self) -> tuple[int, int]:
        """How many bytes of the record are whole samples, and how many samples these are.

        Raises:
          OtherSettings: they were written with others.
          UserError: the file contains something else, which must not be lost.
        """
        self.check_text()
        n_bytes = n_samples = 0
        with opened_or_empty(self.record) as file:
            for line in file:
                found, expected = f"line {n_samples + 1}", n_samples + 1
                if not line.endswith(b"\n"):  # A kill has cut it: a new one replaces it, if it began like that.
                    begin = json.dumps({"seed": self.settings.get("seed"), "number": expected})[:-1].encode()
                    if line.startswith(begin) or begin.startswith(line):
                        break
                    raise UserError(f"{self.record}: {found} is no sample; name another file with --out")
                number = self.number(line, self.record, f"{found} is no sample; name another file with --out")
                if number != expected:
                    raise UserError(
                        f"{self.record}: {found} is sample {number}, expected {expected}; name another file with --out"
                    )
                n_bytes, n_samples = n_bytes + len(line), expected
        return n_bytes, n_samples

    def check_text(self) -> None:
        """Raises a UserError for a .txt without a record, which must not be lost."""
        if self.is_rendered and read(self.path, 1) and not files.exists(self.record):
            raise UserError(f"{self.path}: there already, and no samples of ours; name another file with --out")

    def _compare(self, path: str, found: Fields) -> None:
        """Raises an `OtherSettings` if a file of this path was written with other settings.

        The path of its `checkpoint` does not matter; `weights` is a hash of the contents.
        """
        for name in {**found, **self.settings}:
            if name != "checkpoint" and found.get(name) != self.settings.get(name):
                raise OtherSettings(f"{path}: {_difference(name, found, self.settings)}name another file with --out")


def _difference(name: str, found: Fields, settings: Fields) -> str:
    """A setting that has changed, and the remedy."""
    if name == "prompts":
        return "holds samples of other prompts, or with --prompts of another number of each; give the same, or "
    was, now = found.get("checkpoint"), settings.get("checkpoint")
    if name == "weights" and was == now:
        return f"holds samples of weights that are no longer those of {was}; "
    if name == "weights":
        return f"holds samples of {was}, not {now}; give --restore_from {was}, or "
    return f"holds samples whose {name} is {found.get(name)!r}, not {settings.get(name)!r}; "


class Writer:
    """A file of samples, opened to be continued after those that it contains.

    Attributes:
      n_written: how many it contained.
    """

    def __init__(self, file: SampleFile):
        """Opens the file, or begins it; raises what `SampleFile.count` raises, and a UserError for an edited .txt."""
        self.file, self.path = file, file.path
        file.check_text()  # before an empty record is made
        with contextlib.ExitStack() as opened:
            self.record = opened.enter_context(open_alone(file.record))
            n_bytes, self.n_written = file.count()
            cut(self.record, file.record, n_bytes)  # without the last sample, if a stop has cut it
            self.text = opened.enter_context(files.open_file(file.path, "ab")) if file.is_rendered else None
            self._complete_text()
            self.opened = opened.pop_all()

    def write(self, sample: Fields) -> None:
        """Adds one sample, an object that begins with `seed` and `number` and has `prompt` and `text`."""
        add(self.record, self.file.record, self.file.line(sample))
        if self.text:
            add(self.text, self.path, self.file.text(sample))

    def show_life(self) -> None:
        """Does nothing: nobody waits for this file."""

    def close(self) -> None:
        """Ends writing."""
        self.opened.close()
        files.sync(self.file.record)
        files.sync(self.path)

    def _complete_text(self) -> None:
        """Adds the samples of the record that a .txt lacks.

        Raises:
          UserError: the file does not begin the text of the record.
        """
        if not self.text:
            return
        with opened_or_empty(self.path) as content, opened_or_empty(self.file.record) as record:
            is_whole = True
            for line in record:
                expected = self.file.text(json.loads(line))
                found = content.read(len(expected)) if is_whole else b""
                is_whole = found == expected
                if not expected.startswith(found):
                    raise self._edited()
                add(self.text, self.path, expected[len(found) :])
            if is_whole and content.read(1):
                raise self._edited()

    def _edited(self) -> UserError:
        return UserError(
            f"{self.path}: does not contain the samples of {self.file.record}, so it was changed by hand; move it "
            "away, and it is written again, or name another file with --out"
        )


def record_of(path: str) -> str:
    """The .jsonl that holds the samples of a file."""
    return path if path.endswith(".jsonl") else f"{path}.jsonl"


def seed_of(path: str) -> int | None:
    """The seed of the samples of a file; None if it has none."""
    found = SEED.match(read(record_of(path), 100))
    return int(found[1]) if found else None


def read(path: str, n_bytes: int = -1) -> bytes:
    """A file, or its first bytes; nothing if it is missing."""
    with opened_or_empty(path) as file:
        return file.read(n_bytes)


def opened_or_empty(path: str) -> IO[bytes]:
    """An open file, or an empty one if it is missing, as a remote file is until something was written to it."""
    return files.open_file(path) if files.exists(path) else io.BytesIO()


def open_alone(path: str) -> IO[bytes]:
    """A file opened to be added to, by one process at a time if it is a local one.

    Raises:
      OSError: another process writes it.
    """
    file = files.open_file(path, "ab")
    if not files.is_remote(path) and not lock(file):
        file.close()
        raise OSError(f"{path}: another process writes it; wait for its end, or name another file with --out")
    return file


def cut(file: IO[bytes], path: str, n_bytes: int) -> None:
    """Keeps the first bytes of a file that is open to be added to; a local one keeps its lock."""
    if not files.is_remote(path):
        file.truncate(n_bytes)
    elif len(content := read(path)) > n_bytes:
        files.write_file(path, content[:n_bytes])


def add(file: IO[bytes], path: str, written: bytes) -> None:
    """Adds to a file, at once; an error names the file, which that of a full disk does not."""
    try:
        file.write(written)
        file.flush()
    except OSError as error:
        with contextlib.suppress(OSError):
            file.close()  # now, since Python would try again when it ends, and print that error
        reason = error.strerror or error
        raise OSError(f"{path}: cannot be written ({reason}); once it can, the same command continues") from error


class OtherSettings(UserError):
    """A file holds samples of other settings than those asked for."""
