"""Datasets of token ids: opened without being read into memory, and split."""

import contextlib
import dataclasses
import hashlib
import os
import zlib
from collections.abc import Sequence

import numpy as np

from encoder.dataset.about import read_about
from encoder.dataset.npz import REMEDY, json_path, read_arrays
from encoder.dataset.prefix_marks import unpack
from system import files
from system.errors import UserError

BLOCK = 1 << 22  # Ids looked at together.


@dataclasses.dataclass(frozen=True, eq=False)
class Tokens:
    """Spans of arrays of ids, read as if they were one array.

    Attributes:
      arrays: integer [n_tokens] each, memory-mapped where the file allows.
      spans: int64 [n_spans, 3]: of each document, which array, from where, up to where.
    """

    arrays: Sequence[np.ndarray]
    spans: np.ndarray
    ends: np.ndarray = dataclasses.field(init=False)

    def __post_init__(self):
        object.__setattr__(self, "ends", np.cumsum(self.spans[:, 2] - self.spans[:, 1]))

    def __len__(self) -> int:
        return int(self.ends[-1]) if len(self.ends) else 0

    def read(self, start: int, length: int) -> np.ndarray:
        """int32 [length] from `start` on."""
        parts, at = [], int(np.searchsorted(self.ends, start, side="right"))
        while length > 0:
            array, _, stop = self.spans[at]
            begin = stop - (self.ends[at] - start)
            part = self.arrays[array][begin : min(stop, begin + length)].astype(np.int32)
            parts.append(part)
            start, length, at = start + len(part), length - len(part), at + 1
        return np.concatenate(parts)


@dataclasses.dataclass(frozen=True)
class Dataset:
    """An .npz of ids and the .json beside it.

    Attributes:
      arrays: its ids by name, integer [n_tokens] each.
      training: the tokens to train on.
      held_out: the tokens of the documents kept for validation, possibly none.
      about: the .json; empty for a file of the original encode.py, which has none.
      marks: of the arrays with prefixes, by their numbers, which ids are prefix: bool [n_tokens].
    """

    arrays: dict[str, np.ndarray]
    training: Tokens
    held_out: Tokens
    about: dict
    marks: dict[int, np.ndarray]

    def is_prefix(self, tokens: Tokens) -> np.ndarray | None:
        """Which tokens are prefix, not verse: bool [len(tokens)]; None if none is marked."""
        if not self.marks:
            return None
        unmarked = np.zeros(0, bool)
        parts = [
            self.marks[array][begin:end] if array in self.marks else np.zeros(end - begin, bool)
            for array, begin, end in tokens.spans.tolist()
        ]
        return np.concatenate([unmarked, *parts])


def open_dataset(path: str, n_vocab: int, fingerprint: str | None = None, folder: str = "") -> Dataset:
    """Opens a dataset of `prepare_corpus.py`, or one of the original `encode.py`.

    Args:
      fingerprint: of the expected vocabulary; None skips the check.
      folder: the model with that vocabulary.
    Raises:
      FileNotFoundError: it is not there.
      ValueError: it is no .npz of ids below n_vocab, holds Python objects, is not the one its .json describes, or is
        of another vocabulary.
    """
    name, path = path, local_copy(path)
    about = read_about(path)
    if fingerprint is not None:
        check_vocabulary(about, fingerprint, name, folder)  # first: ids of another vocabulary may be too high
    arrays = read_arrays(path, is_known=bool(about))
    for name, ids in arrays.items():
        check_ids(ids, n_vocab, f"{path}: {name}")
    check_lengths(about, arrays, path)
    training, held_out = split(arrays, about, path)
    marks = read_marks(about, arrays, path)
    return Dataset(arrays, training, held_out, about, marks)


def check_vocabulary(about: dict, fingerprint: str, path: str, folder: str) -> None:
    """Raises a UserError if the dataset was made with another vocabulary than that of the folder."""
    if about and about["vocabulary"]["fingerprint"] != fingerprint:
        name = about.get("made_with", {}).get("model_name")
        raise UserError(
            f"{path}: made with another vocabulary ({about['vocabulary']['n_vocab']} tokens"
            f"{f', that of {name}' if name else ''}) than that of {folder}; name the model that it was made with, "
            "or make it again: python prepare_corpus.py SOURCE... OUT.npz --model_name NAME"
        )


def check_lengths(about: dict, arrays: dict[str, np.ndarray], path: str) -> None:
    """Raises a UserError if the .json gives an array another length than it has, or one that is not there."""
    for source in about.get("sources", []):
        ids = arrays.get(source["array"], ())
        if len(ids) != source["n_tokens"]:
            found = f"{source['n_tokens']} tokens of {source['name'][:100]!r}, expected {len(ids)}"
            raise UserError(f"{json_path(path)}: {found}, the length of {source['array'][:20]}; {REMEDY}")


def split(arrays: dict[str, np.ndarray], about: dict, path: str) -> tuple[Tokens, Tokens]:
    """The tokens to train on and those held out.

    Raises:
      UserError: the .json has a document begin where none can.
    """
    training: list[np.ndarray] = []
    held_out: list[np.ndarray] = []
    for number, (name, ids) in enumerate(arrays.items()):
        try:
            starts = whole_numbers(about["documents"].get(name) if about else [0], len(ids))
            kept_back = np.zeros(len(starts), bool)
            kept_back[whole_numbers(about["held_out"].get(name) if about else [], len(starts))] = True
        except UserError as error:
            raise UserError(f"{json_path(path)}: the documents of {name}: {error}; {REMEDY}") from None
        documents = np.stack([np.full(len(starts), number), starts, np.append(starts[1:], len(ids))], axis=1)
        for spans, chosen in ((training, ~kept_back), (held_out, kept_back)):
            spans.append(documents[chosen])
    values = list(arrays.values())
    return Tokens(values, np.concatenate(training)), Tokens(values, np.concatenate(held_out))


def read_marks(about: dict, arrays: dict[str, np.ndarray], path: str) -> dict[int, np.ndarray]:
    """Which ids of an array are prefix, bool [n_tokens] each, by its number, as far as the .json has marks.

    Raises:
      UserError: the marks are damaged.
    """
    marks = about.get("prefix_marks", {})
    try:
        return {
            number: unpack(str(marks[name]), len(ids))
            for number, (name, ids) in enumerate(arrays.items())
            if name in marks
        }
    except (ValueError, zlib.error) as error:
        raise UserError(f"{path}: the prefix_marks in its .json are damaged ({error}); {REMEDY}") from None


def check_ids(ids: np.ndarray, n_vocab: int, what: str) -> None:
    """Raises a UserError if an id is outside the vocabulary."""
    for first in range(0, len(ids), BLOCK):
        block = ids[first : first + BLOCK]
        for worst in (block.min(), block.max()):
            if not 0 <= worst < n_vocab:
                raise UserError(f"{what}: token id {worst}, expected ids below {n_vocab} (n_vocab); {REMEDY}")


def whole_numbers(found: object, below: int) -> np.ndarray:
    """A list of JSON as int64 [n].

    Raises:
      UserError: it is no list of whole numbers from 0 on that grow and stay below a bound.
    """
    if found == []:
        return np.zeros(0, np.int64)
    with contextlib.suppress(ValueError):  # Lists of unequal lengths are no array.
        numbers = np.array(found)
        if numbers.dtype == np.int64 and numbers.ndim == 1 and (np.diff(numbers, prepend=-1, append=below) > 0).all():
            return numbers
    raise UserError(f"found something else than whole numbers that grow, from 0 on and below {below}")


def local_copy(path: str) -> str:
    """The path itself, or where a remote dataset lies in the local cache, copied there once with its .json.

    Raises:
      FileNotFoundError: it is not there.
    """
    if not files.exists(path):
        raise FileNotFoundError(f"{path}: no such dataset; {REMEDY}")
    if not files.is_remote(path):
        return path
    gfile = files.filesystem()
    stat = gfile.stat(path)
    key = hashlib.sha256(f"{path} {stat.length} {stat.mtime_nsec}".encode()).hexdigest()[:32]
    folder = os.path.join(files.cache_folder(), key)
    copy = os.path.join(folder, os.path.basename(path))
    if not os.path.exists(copy):
        os.makedirs(folder, exist_ok=True)
        if gfile.exists(json_path(path)):
            gfile.copy(json_path(path), json_path(copy), overwrite=True)
        gfile.copy(path, part := files.beside(copy), overwrite=True)
        os.replace(part, copy)
    return copy
