"""The file of samples: one after another as they are written, gone on with after a stop, never written over.

`.jsonl` holds an object a line; `.txt` is in the form of 2019, with what it was asked for in FILE.txt.settings.json.
"""

import json
import os
import re
from typing import Any

from poems import files

FORMS = (".txt", ".jsonl")
SEED = re.compile(rb'\{"seed": (-?\d+)')  # The beginning of a .jsonl.
WHOLE = "bytes"  # In the settings of a .txt: so many are whole samples, for certain.


def header(number: int) -> str:
    """The line above a sample, the original's."""
    return f"{'=' * 40} SAMPLE {number} {'=' * 40}\n"


def check(path: str) -> None:
    """Raises a ValueError for a file of no known form, a FileNotFoundError for one in a folder that is not there."""
    if not path.endswith(FORMS):
        raise ValueError(f"--out is {path}, expected a name that ends in .txt or .jsonl")
    folder = os.path.dirname(path) or "."
    if not files.is_remote(path) and not files.exists(folder):
        raise FileNotFoundError(f"{path}: there is no folder {folder}; make it, or name another file with --out")


def held(path: str, settings: dict[str, Any]) -> tuple[bytes, int, int]:
    """What a file holds, in how many bytes of it samples are whole, and how many samples those are.

    Args:
      settings: what the samples depend on.
    Raises:
      ValueError: it holds samples of other settings, or something else.
    """
    content = read(path)
    return content, *(_held_jsonl if path.endswith(".jsonl") else _held_txt)(path, settings, content)


def seed_of(path: str) -> int | None:
    """The seed of the samples that a file holds; None if it holds none."""
    if path.endswith(".jsonl"):
        found = SEED.match(read(path, 100))
        return int(found[1]) if found else None
    return _noted(path).get("seed") if read(path, 1) else None


def read(path: str, n_bytes: int = -1) -> bytes:
    """What a file holds, or the beginning of it; nothing if it is not there."""
    if not files.exists(path):
        return b""
    with files.open_file(path) as file:
        return file.read(n_bytes)


class Out:
    """A file of samples, opened to go on after those that it holds.

    Attributes:
      n_written: how many it held.
    """

    def __init__(self, path: str, settings: dict[str, Any]):
        """Opens the file, or begins it; see `held` for what is refused."""
        self.path, self.settings = path, settings
        self.is_jsonl = path.endswith(".jsonl")
        content, self.n_bytes, self.n_written = held(path, settings)
        if self.n_bytes < len(content):
            files.write_file(path, content[: self.n_bytes])  # without the last one, which a stop has cut
        self._note()
        self.file = files.open_file(path, "ab")

    def write(self, sample: dict[str, Any], shown: str) -> None:
        """Adds one sample, an object with `number` and `text` at least; `shown` stands before the text of a .txt."""
        if self.is_jsonl:
            written = line(sample, self.settings)
        else:
            written = f"{header(sample['number'])}{shown}{sample['text']}\n".encode()
        self.file.write(written)
        self.file.flush()
        self.n_bytes += len(written)

    def show_life(self) -> None:
        """Nothing: nobody waits for this file."""

    def close(self) -> None:
        """Ends writing."""
        self.file.close()
        files.sync(self.path)
        self._note()

    def _note(self):
        """Beside a .txt, its settings and the bytes that are known to be whole samples."""
        if not self.is_jsonl:
            noted = json.dumps(self.settings | {WHOLE: self.n_bytes}, ensure_ascii=False) + "\n"
            files.write_file(_beside(self.path), noted.encode())


def line(sample: dict[str, Any], settings: dict[str, Any]) -> bytes:
    """A sample as a line of a .jsonl."""
    return (json.dumps(sample | {"settings": settings}, ensure_ascii=False) + "\n").encode()


def read_number(line: bytes, path: str, settings: dict[str, Any], otherwise: str) -> int:
    """The number of the sample in a line of a .jsonl.

    Raises:
      OtherSettings: it was written with others.
      ValueError: it is no sample, which `otherwise` says.
    """
    try:
        sample = json.loads(line)
        compare(path, sample["settings"], settings)
        return int(sample["number"])
    except OtherSettings:
        raise
    except (ValueError, KeyError, TypeError):
        raise ValueError(f"{path}: {otherwise}") from None


def compare(path: str, found: dict[str, Any], settings: dict[str, Any]) -> None:
    """Raises an `OtherSettings` if the settings that a file was written with are not these.

    Where its `checkpoint` lies does not matter; what that holds, `weights` tells.
    """
    for name in {**found, **settings}:
        if name != "checkpoint" and found.get(name) != settings.get(name):
            raise OtherSettings(f"{path}: {_difference(name, found, settings)}name another file with --out")


def _difference(name, found, settings):
    """What is not as it was, and what to do about it."""
    if name == "prompts":
        return "holds samples of other prompts, or with --prompts of another number of each; give the same, or "
    was, now = found.get("checkpoint"), settings.get("checkpoint")
    if name == "weights" and was == now:
        return f"holds samples of weights that are no longer those of {was}; "
    if name == "weights":
        return f"holds samples of {was}, not {now}; go on with --restore_from {was}, or "
    return f"holds samples whose {name} is {found.get(name)!r}, not {settings.get(name)!r}; "


def _beside(path):
    return f"{path}.settings.json"


def _noted(path):
    """What a .txt was asked for."""
    if not files.exists(_beside(path)):
        raise ValueError(f"{path}: there already, and no samples of ours; name another file with --out")
    return json.loads(read(_beside(path)))


def _held_jsonl(path, settings, content):
    end = content.rfind(b"\n") + 1
    lines = content[:end].splitlines()
    for expected, text in enumerate(lines, start=1):
        number = read_number(text, path, settings, f"line {expected} is no sample; name another file with --out")
        if number != expected:
            raise ValueError(
                f"{path}: line {expected} is sample {number}, expected {expected}; name another file with --out"
            )
    return end, len(lines)


def _held_txt(path, settings, content):
    if not content:
        return 0, 0
    found = _noted(path)
    known = found.pop(WHOLE, 0)
    compare(path, found, settings)
    starts = [match.start() for match in re.finditer(rb"^={40} SAMPLE \d+ ={40}\n", content, re.MULTILINE)]
    if not starts:
        return 0, 0
    # Whether the last one is whole, only that note tells; else it is written again, letter for letter the same.
    end = known if starts[-1] < known <= len(content) else starts[-1]
    return end, sum(start < end for start in starts)


class OtherSettings(ValueError):
    """A file holds samples of other settings than those asked for."""
