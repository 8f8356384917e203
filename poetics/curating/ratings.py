"""What a reader answered when texts were shown, one or two at a time; kept in a file from which rating goes on."""

import json
import zlib
from collections.abc import Collection, Sequence
from typing import Literal, NamedTuple

from poetics.curating.candidates import Measured
from system import files
from system.errors import UserError

Answer = Literal["keep", "drop", "left", "right", "both", "neither"]
KEPT: dict[str, tuple[int, ...]] = {
    "keep": (0,),
    "drop": (),
    "left": (0,),
    "right": (1,),
    "both": (0, 1),
    "neither": (),
}
TEXTS = {"keep": 1, "drop": 1}  # shown with an answer; two with the others
BEST = {"left": 0, "right": 1}
Key = tuple[str, str]  # prompt and text: the same, whatever file they stand in


class Rating(NamedTuple):
    """One or two texts of the same prompt, and what the reader answered."""

    query: str
    samples: tuple[str, ...]
    answer: str

    @property
    def keys(self) -> list[Key]:
        """The texts that were shown."""
        return [(self.query, text) for text in self.samples]


class Ratings:
    """All answers so far, in a file that is written after each.

    Attributes:
      rows: in the order in which they were given.
    """

    def __init__(self, path: str):
        """Reads the file, if it is there.

        Raises:
          UserError: it holds something else.
        """
        self.path = path
        self.rows: list[Rating] = []
        if files.exists(path):
            lines = files.read_text(path).split("\n")
            self.rows = [_read(path, number, line) for number, line in enumerate(lines, start=1) if line]

    def add(self, shown: Sequence[Measured], answer: str) -> None:
        """Adds an answer."""
        texts = tuple(text.candidate.text for text in shown)
        self._save([*self.rows, Rating(shown[0].candidate.prompt, texts, answer)])

    def undo(self) -> bool:
        """Takes the last answer back; False if there is none."""
        if not self.rows:
            return False
        self._save(self.rows[:-1])
        return True

    def verdicts(self) -> dict[Key, bool]:
        """Whether each text that was shown is kept."""
        return {key: place in KEPT[row.answer] for row in self.rows for place, key in enumerate(row.keys)}

    def pairs(self) -> list[dict[str, str | int]]:
        """The preferences, as tuning on preferences takes them: `best` is 0 or 1, the better of the samples."""
        return [
            {"query": row.query, "sample0": row.samples[0], "sample1": row.samples[1], "best": BEST[row.answer]}
            for row in self.rows
            if row.answer in BEST
        ]

    def write_pairs(self, path: str) -> None:
        """Writes the preferences, an object a line."""
        files.write_file(path, "".join(json.dumps(pair, ensure_ascii=False) + "\n" for pair in self.pairs()).encode())

    def _save(self, rows: list[Rating]) -> None:
        content = "".join(json.dumps(row._asdict(), ensure_ascii=False) + "\n" for row in rows)
        files.write_file(self.path, content.encode())
        self.rows = rows


def key_of(text: Measured) -> Key:
    """By what a text is known again."""
    return text.candidate.prompt, text.candidate.text


def next_shown(texts: Sequence[Measured], done: Collection[Key], at_once: int) -> tuple[Measured, ...]:
    """What to show next: the best that are not done, two if two of one prompt are left; () after the last.

    The left one of two is drawn by their words, so that the better ranked is on either side.
    """
    left = [text for text in texts if key_of(text) not in done]
    if at_once == 1:
        return tuple(left[:1])
    for place, text in enumerate(left):
        for other in left[place + 1 :]:
            if other.candidate.prompt == text.candidate.prompt:
                turned = zlib.crc32((text.candidate.text + other.candidate.text).encode()) % 2
                return (other, text) if turned else (text, other)
    return tuple(left[:1])


def _read(path: str, number: int, line: str) -> Rating:
    try:
        found = files.parse_json(line, "an answer", {"query": str, "samples": list, "answer": str})
        texts, answer = found["samples"], found["answer"]
        is_right = (
            answer in KEPT and len(texts) == TEXTS.get(answer, 2) and all(isinstance(text, str) for text in texts)
        )
    except UserError:
        is_right = False
    if not is_right:
        raise UserError(
            f"{path}, line {number}: {line[:40]!r}, expected an answer of curate.py --rate; remove that line, or name "
            "another file with --out"
        )
    return Rating(found["query"], tuple(texts), answer)
