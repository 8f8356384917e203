"""The file of samples: one after another as they are written, gone on with after a stop, never written over.

`.jsonl` holds an object a line; `.txt` is in the form of 2019, with what it was asked for in FILE.txt.settings.json.
"""

import contextlib
import itertools
import json
import os
import re
from collections.abc import Callable
from typing import Any

from system import files
from system.errors import UserError
from system.lock import lock

FORMS = (".txt", ".jsonl")
HEADER = re.compile(rb"^={40} SAMPLE \d+ ={40}\n", re.MULTILINE)
SEED = re.compile(rb'\{"seed": (-?\d+)')  # The beginning of a .jsonl.
WHOLE, COUNT = "bytes", "samples"  # In the settings of a .txt: so many are whole samples, for certain; and how many.


def header(number: int) -> str:
    """The line above a sample, the original's."""
    return f"{'=' * 40} SAMPLE {number} {'=' * 40}\n"


def check_settings(path: str) -> None:
    """Raises a ValueError for a file of no known form, a FileNotFoundError for one in a folder that is not there."""
    if not path.endswith(FORMS):
        raise UserError(f"--out is {path}, expected a name that ends in .txt or .jsonl")
    folder = os.path.dirname(path) or "."
    if not files.is_remote(path) and not files.exists(folder):
        raise FileNotFoundError(f"{path}: there is no folder {folder}; make it, or name another file with --out")


def nothing(number: int) -> str:
    """What stands before the text of a sample in a .txt that is without prompts."""
    return ""


def held(path: str, settings: dict[str, Any], shown: Callable[[int], str]) -> tuple[bytes, int, int]:
    """What a file holds, in how many bytes of it samples are whole, and how many samples those are.

    Args:
      settings: what the samples depend on.
      shown: what stands before the text of a sample in a .txt, by its number.
    Raises:
      ValueError: it holds samples of other settings, or something else, which must not be lost.
    """
    content = read_samples(path)
    if path.endswith(".jsonl"):
        return content, *_held_jsonl(path, settings, content)
    return content, *_held_txt(path, settings, content, shown)


def seed_of(path: str) -> int | None:
    """The seed of the samples that a file holds; None if it holds none."""
    if path.endswith(".jsonl"):
        found = SEED.match(read_samples(path, 100))
        return int(found[1]) if found else None
    return _noted(path).get("seed") if read_samples(path, 1) else None


def read_samples(path: str, n_bytes: int = -1) -> bytes:
    """What a file holds, or the beginning of it; nothing if it is not there."""
    if not files.exists(path):
        return b""
    with files.open_file(path) as file:
        return file.read(n_bytes)


def open_alone(path: str):
    """A file opened to be added to, by one process at a time where it is a local one.

    Raises:
      OSError: another process writes it.
    """
    file = files.open_file(path, "ab")
    if not files.is_remote(path) and not lock(file):
        file.close()
        raise OSError(f"{path}: another process writes it; wait for its end, or name another file with --out")
    return file


def cut(file, path: str, content: bytes, n_bytes: int) -> None:
    """Leaves so many bytes of a file that is open to be added to; a local one stays the same, with its lock."""
    if n_bytes == len(content):
        return
    if files.is_remote(path):
        files.write_file(path, content[:n_bytes])
    else:
        file.truncate(n_bytes)


def add(file, path: str, written: bytes) -> None:
    """Adds to a file, at once."""
    with told_of(path):
        try:
            file.write(written)
            file.flush()
        except OSError:
            with contextlib.suppress(OSError):
                file.close()  # now, since Python would try again at its end, and tell of that
            raise


@contextlib.contextmanager
def told_of(path: str):
    """Names a file that cannot be written, for a full disk does not."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or error
        raise OSError(f"{path}: cannot be written ({reason}); once it can, the same command goes on") from error


class Out:
    """A file of samples, opened to go on after those that it holds.

    Attributes:
      n_written: how many it held.
    """

    def __init__(self, path: str, settings: dict[str, Any], shown: Callable[[int], str] = nothing):
        """Opens the file, or begins it; see `held` for what is refused."""
        self.path, self.settings, self.shown = path, settings, shown
        self.is_jsonl = path.endswith(".jsonl")
        self.file = open_alone(path)
        try:
            content, self.n_bytes, self.n_written = held(path, settings, shown)
            self.n_samples = self.n_written
            cut(self.file, path, content, self.n_bytes)  # without the last one, if a stop has cut it
            files.sync(path)  # before the note, which must not know of more than is there
            self._note()
        except BaseException:
            self.file.close()
            raise

    def write(self, sample: dict[str, Any]) -> None:
        """Adds one sample, an object that begins with `seed` and `number` and has `text`."""
        if self.is_jsonl:
            written = line(sample, self.settings)
        else:
            written = _begin(sample["number"], self.shown) + f"{sample['text']}\n".encode()
        add(self.file, self.path, written)
        self.n_bytes += len(written)
        self.n_samples += 1

    def show_life(self) -> None:
        """Nothing: nobody waits for this file."""

    def close(self) -> None:
        """Ends writing."""
        self.file.close()
        files.sync(self.path)
        self._note()

    def _note(self):
        """Beside a .txt, its settings, the bytes that are known to be whole samples, and how many these are."""
        if not self.is_jsonl:
            noted = json.dumps(self.settings | {WHOLE: self.n_bytes, COUNT: self.n_samples}, ensure_ascii=False) + "\n"
            with told_of(_beside(self.path)):
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
        raise UserError(f"{path}: {otherwise}") from None


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
        raise UserError(f"{path}: there already, and no samples of ours; name another file with --out")
    with contextlib.suppress(ValueError):
        noted = json.loads(read_samples(_beside(path)))
        if isinstance(noted, dict) and type(noted.get(WHOLE)) is int:
            return noted
    raise UserError(f"{_beside(path)}: no settings of samples, expected those of {path}; remove both to begin anew")


def _begin(number, shown):
    """A sample in a .txt up to its text."""
    return f"{header(number)}{shown(number)}".encode()


def _held_jsonl(path, settings, content):
    end = content.rfind(b"\n") + 1
    lines = content[:end].splitlines()
    for expected, text in enumerate(lines, start=1):
        number = read_number(text, path, settings, f"line {expected} is no sample; name another file with --out")
        if number != expected:
            raise UserError(
                f"{path}: line {expected} is sample {number}, expected {expected}; name another file with --out"
            )
    rest = content[end:]
    begin = json.dumps({"seed": settings.get("seed"), "number": len(lines) + 1}).removesuffix("}").encode()
    if not (rest.startswith(begin) or begin.startswith(rest)):
        raise UserError(f"{path}: line {len(lines) + 1} is no sample; name another file with --out")
    return end, len(lines)


def _held_txt(path, settings, content, shown):
    if not content:
        return 0, 0
    found = _noted(path)
    known, count = found.pop(WHOLE), found.pop(COUNT, None)
    compare(path, found, settings)
    # Looked for one by one, since a prompt or a text may hold a line that looks like the header of another sample.
    starts, texts = [], []
    begins = (_begin(number, shown) for number in itertools.count(1))
    begin = next(begins)
    place = 0 if content.startswith(begin) else -1
    while place >= 0:
        starts.append(place)
        texts.append(place + len(begin))
        begin = next(begins)
        end = content.find(b"\n" + begin, texts[-1])
        place = end + 1 if end >= 0 else -1
    # Whether the last one is whole, only that note tells; else it is written again, letter for letter the same.
    if not starts or starts[-1] < known:
        n_whole, end = len(starts), known
        is_ours = begin.startswith(content[known:]) and bool(starts or not known)
    else:
        n_whole, end = len(starts) - 1, starts[-1]
        other = HEADER.search(content, texts[-1])
        is_ours = other is None or begin.startswith(content[other.start() :])
    n_known = sum(start < known for start in starts)
    if known > len(content):
        wrong = f"holds {len(content)} bytes, expected at least {known}"
    elif count not in (None, n_known):
        wrong = f"holds {n_known} samples with their numbers, expected {count}"
    elif not is_ours:
        wrong = f"sample {len(starts) + 1} does not come after sample {len(starts)}"
    else:
        return end, n_whole
    raise UserError(f"{path}: {wrong}, so it was changed by hand; name another file with --out")


class OtherSettings(UserError):
    """A file holds samples of other settings than those asked for."""
