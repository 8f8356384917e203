"""The file of samples: one after another as they are written, gone on with after a stop, never written over.

`.jsonl` holds an object a line; `.txt` is in the form of 2019, with what it was asked for in FILE.txt.settings.json.
"""

import json
import os
import re
from typing import Any

from poems import files

FORMS = (".txt", ".jsonl")


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


class Out:
    """A file of samples, opened to go on after those that it holds.

    Attributes:
      n_written: how many it held.
    """

    def __init__(self, path: str, settings: dict[str, Any]):
        """Opens the file, or begins it.

        Args:
          settings: what the samples depend on.
        Raises:
          ValueError: it holds samples of other settings, or something else.
        """
        self.path, self.settings = path, settings
        self.is_jsonl = path.endswith(".jsonl")
        content = b""
        if files.exists(path):
            with files.open_file(path) as file:
                content = file.read()
        whole, self.n_written = (self._read_jsonl if self.is_jsonl else self._read_txt)(content)
        if whole != content:
            files.write_file(path, whole)  # without the last one, which a stop has cut
        if not self.is_jsonl:
            files.write_file(self._beside, (json.dumps(settings, ensure_ascii=False) + "\n").encode())
        self.file = files.open_file(path, "a")

    def write(self, sample: dict[str, Any], shown: str) -> None:
        """Adds one sample, an object with `number` and `text` at least; `shown` stands before the text of a .txt."""
        if self.is_jsonl:
            self.file.write(json.dumps(sample | {"settings": self.settings}, ensure_ascii=False) + "\n")
        else:
            self.file.write(f"{header(sample['number'])}{shown}{sample['text']}\n")
        self.file.flush()

    def close(self) -> None:
        """Ends writing."""
        self.file.close()

    @property
    def _beside(self):
        return f"{self.path}.settings.json"

    def _read_jsonl(self, content):
        whole = content[: content.rfind(b"\n") + 1]
        lines = whole.splitlines()
        for number, line in enumerate(lines, start=1):
            try:
                sample = json.loads(line)
                self._compare(sample["settings"])
                found = sample["number"]
            except (ValueError, KeyError, TypeError) as error:
                if isinstance(error, OtherSettings):
                    raise
                raise ValueError(f"{self.path}: line {number} is no sample; name another file with --out") from None
            if found != number:
                raise ValueError(
                    f"{self.path}: line {number} is sample {found}, expected {number}; name another file with --out"
                )
        return whole, len(lines)

    def _read_txt(self, content):
        if not content:
            return content, 0
        if not files.exists(self._beside):
            raise ValueError(f"{self.path}: there already, and no samples of ours; name another file with --out")
        with files.open_file(self._beside) as file:
            self._compare(json.loads(file.read()))
        starts = [match.start() for match in re.finditer(rb"^={40} SAMPLE \d+ ={40}\n", content, re.MULTILINE)]
        if not starts:
            return b"", 0
        # Whether the last one is whole, nothing tells; it is written again, letter for letter the same.
        return content[: starts[-1]], len(starts) - 1

    def _compare(self, found):
        for name in {**found, **self.settings}:
            if found.get(name) != self.settings.get(name):
                raise OtherSettings(
                    f"{self.path}: holds samples whose {name} is {found.get(name)!r}, not {self.settings.get(name)!r}; "
                    "name another file with --out"
                )


class OtherSettings(ValueError):
    """A file holds samples of other settings than those asked for."""
