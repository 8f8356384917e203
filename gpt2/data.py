"""Datasets of token ids: opened without being read into memory, split, and cut into windows to train on."""

import dataclasses
import hashlib
import json
import os
from collections.abc import Iterator, Sequence

import numpy as np

from encoder.npz import REMEDY, read_arrays
from gpt2.random_numbers import integers
from poems import files

BLOCK = 1 << 22  # Ids, or bytes, looked at together.


@dataclasses.dataclass(frozen=True)
class Tokens:
    """Spans of arrays of ids, read as if they were one array.

    Attributes:
      arrays: integer [n_tokens] each, memory-mapped where the file allows.
      spans: int64 [n_spans, 3]: which array, from where, up to where.
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
    """An .npz of ids and what the .json beside it says.

    Attributes:
      training: the tokens to train on.
      held_out: the tokens of the documents kept for validation, maybe none.
      about: what the .json holds; nothing for a file of the original encode.py, which has none.
    """

    training: Tokens
    held_out: Tokens
    about: dict


def open_dataset(path: str, n_vocab: int) -> Dataset:
    """Opens a dataset of `prepare_corpus.py`, or one of the original `encode.py`.

    Raises:
      FileNotFoundError: it is not there.
      ValueError: it is no .npz of ids below n_vocab, holds Python objects, or is not the one its .json describes.
    """
    path = local_copy(path)
    about = read_about(path)
    arrays = read_arrays(path)
    for name, ids in arrays.items():
        check_ids(ids, n_vocab, f"{path}: {name}")
    return Dataset(*split(arrays, about), about)


def check_vocabulary(dataset: Dataset, fingerprint: str, path: str, folder: str) -> None:
    """Raises a ValueError if the dataset says that it was made with another vocabulary than that of the folder."""
    if dataset.about and dataset.about["vocabulary"]["fingerprint"] != fingerprint:
        raise ValueError(
            f"{path}: made with another vocabulary ({dataset.about['vocabulary']['n_vocab']} tokens) than that of "
            f"{folder}; make it again with the vocabulary of the model: python prepare_corpus.py ... --model_name NAME"
        )


def training_batch(tokens: Tokens, batch: int, seq: int, step: int, seed: int) -> np.ndarray:
    """The windows of one training step, drawn by (seed, step) alone.

    Args:
      seq: tokens to predict in each window, fewer than there are tokens.
    Returns:
      int32 [batch, seq + 1]: [:, :-1] goes in, [:, 1:] is to be predicted.
    """
    starts = integers(seed, len(tokens) - seq, step, np.arange(batch))
    return np.stack([tokens.read(int(start), seq + 1) for start in starts])


def validation_batches(tokens: Tokens, batch: int, count: int, n_ctx: int) -> Iterator[np.ndarray]:
    """The same windows each time, int32 [batch, seq + 1], spread evenly over all the tokens; fewer if those are few."""
    seq = min(n_ctx, len(tokens) - 1)
    n_windows = min(batch * count, (len(tokens) - 1) // seq)
    batch = min(batch, n_windows)
    starts = np.linspace(0, len(tokens) - 1 - seq, n_windows).astype(int)
    for first in range(0, n_windows - batch + 1, batch):
        yield np.stack([tokens.read(start, seq + 1) for start in starts[first : first + batch]])


def split(arrays: dict[str, np.ndarray], about: dict) -> tuple[Tokens, Tokens]:
    """The tokens to train on and those held out."""
    training: list[np.ndarray] = []
    held_out: list[np.ndarray] = []
    for number, (name, ids) in enumerate(arrays.items()):
        starts = np.array(about["documents"][name] if about else [0], np.int64)
        kept_back = np.zeros(len(starts), bool)
        kept_back[about["held_out"][name] if about else []] = True
        for spans, chosen in ((training, ~kept_back), (held_out, kept_back)):
            spans.append(_runs(number, starts, len(ids), chosen))
    values = list(arrays.values())
    return Tokens(values, np.concatenate(training)), Tokens(values, np.concatenate(held_out))


def check_ids(ids: np.ndarray, n_vocab: int, what: str) -> None:
    """Raises a ValueError if an id is outside the vocabulary."""
    for first in range(0, len(ids), BLOCK):
        block = ids[first : first + BLOCK]
        for worst in (block.min(), block.max()):
            if not 0 <= worst < n_vocab:
                raise ValueError(f"{what}: token id {worst}, expected ids below {n_vocab} (n_vocab); {REMEDY}")


def read_about(path: str) -> dict:
    """What the .json beside a dataset holds, once it is sure to be of this .npz; nothing where there is none."""
    beside = path.removesuffix(".npz") + ".json"
    if not files.exists(beside):
        return {}
    with files.open_file(beside) as file:
        try:
            about = json.loads(file.read())
        except ValueError:
            return {}  # Some other file of that name.
    if not isinstance(about, dict) or "npz_sha256" not in about:
        return {}  # Some other file of that name.
    with open(path, "rb") as opened:
        found = hashlib.file_digest(opened, "sha256").hexdigest()
    if found != about["npz_sha256"]:
        raise ValueError(f"{path}: not the file that {beside} describes (its SHA-256 is {found}); {REMEDY}")
    return about


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
        beside = path.removesuffix(".npz") + ".json"
        if gfile.exists(beside):
            gfile.copy(beside, copy.removesuffix(".npz") + ".json", overwrite=True)
        gfile.copy(path, copy + ".part", overwrite=True)
        os.replace(copy + ".part", copy)
    return copy


def _runs(array: int, starts: np.ndarray, n_tokens: int, chosen: np.ndarray) -> np.ndarray:
    """The chosen documents of an array as spans, those that follow on one another as one."""
    edges = np.diff(np.concatenate([[False], chosen, [False]]).astype(np.int8))
    bounds = np.append(starts, n_tokens)
    begin, end = bounds[np.flatnonzero(edges == 1)], bounds[np.flatnonzero(edges == -1)]
    return np.stack([np.full(len(begin), array), begin, end], axis=1)
