"""Datasets: token ids in an .npz, and beside it a .json that says where documents begin and which are held out."""

import contextlib
import errno
import hashlib
import json
import os
import shutil
import tempfile
from array import array
from collections.abc import Callable, Iterator, Sequence
from typing import IO, Any

import numpy as np

from encoder.npz import IDS, write_npz
from encoder.reference import Encoder
from poems import files
from poems.sources import Source

FORMAT = 1
BLOCK = 1 << 20  # Bytes read at once.


class Written:
    """What is known of the documents of one source that were written: three numbers each."""

    def __init__(self):
        self.n_tokens = array("Q")  # with its end of text
        self.n_characters = array("Q")
        self.hashes = array("Q")  # of its text, the first 64 bits


def write_dataset(
    out: str,
    sources: Sequence[Source],
    enc: Encoder,
    held_out: float = 0.05,
    made_with: dict[str, Any] | None = None,
    progress: Callable[[int], object] = lambda n_bytes: None,
) -> dict[str, Any]:
    """Writes OUT.npz, an array of ids for each source, each document followed by end of text; beside it OUT.json.

    The text passes through in pieces and the ids through a temporary file, so the memory does not grow with them.
    Held-out documents stand in the arrays with the others, and OUT.json lists them. Both files appear whole or not
    at all, and OUT.json names the hash of its OUT.npz. The same text gives the same bytes.

    Args:
      held_out: the share of documents to keep for validation.
      made_with: flags, to be noted in OUT.json.
      progress: called with the number of bytes that were encoded since the last call.
    Returns:
      What OUT.json holds.
    Raises:
      FileNotFoundError: there is no folder to write into.
      ValueError: as `check_out` and `check_share` say, a source of nothing but white space, text that cannot be read.
      OSError: the disk is full.
    """
    check_out(out, sources)
    check_share(held_out)
    folder = tempfile.gettempdir() if files.is_remote(out) else os.path.dirname(out) or "."
    with _full_disk_named(out), tempfile.TemporaryFile(dir=folder) as ids:
        written = [write_ids(source, enc, ids, progress) for source in sources]
        ids.seek(0)
        with tempfile.TemporaryDirectory(prefix=f".{os.path.basename(out)}-", dir=folder) as work:
            npz, about = os.path.join(work, "npz"), os.path.join(work, "json")
            write_npz(npz, ids, [sum(part.n_tokens) for part in written])
            summary = {
                "format": FORMAT,
                "npz_sha256": _sha256(npz),
                **summarize(sources, written, enc, held_out),
                "made_with": made_with or {},
            }
            with open(about, "w", encoding="utf-8") as file:
                file.write(json.dumps(summary, ensure_ascii=False) + "\n")
            # Should a crash come between the two, the .json names another hash than that of the .npz.
            _publish(about, json_path(out))
            _publish(npz, out)
    return summary


def cached_dataset(
    sources: Sequence[Source],
    enc: Encoder,
    held_out: float = 0.05,
    progress: Callable[[int], object] = lambda n_bytes: None,
) -> str:
    """The path of a dataset of these sources, written the first time and looked up while their bytes are the same."""
    contents = [[source.name, source.encoding, [_sha256(path) for path in source.files]] for source in sources]
    key = json.dumps([FORMAT, enc.fingerprint, held_out, contents])
    folder = files.cache_folder()
    path = os.path.join(folder, f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.npz")
    if not os.path.exists(path):
        os.makedirs(folder, exist_ok=True)
        write_dataset(path, sources, enc, held_out, progress=progress)
    return path


def json_path(out: str) -> str:
    """What lies beside a dataset: poetry.json for poetry.npz."""
    return f"{out.removesuffix('.npz')}.json"


def check_out(out: str, sources: Sequence[Source]) -> None:
    """Refuses a place for a dataset before any work is done for it.

    Raises:
      FileNotFoundError: there is no such folder.
      ValueError: the name does not end in .npz, or one of the two files is a source.
    """
    if not out.endswith(".npz"):
        raise ValueError(f"{out}: expected a name that ends in .npz, to write the dataset to")
    folder = os.path.dirname(out) or "."
    if not files.is_remote(out) and not os.path.isdir(folder):
        raise FileNotFoundError(f"{folder}: no such folder to write {os.path.basename(out)} into; make it first")
    taken = {os.path.realpath(path) for source in sources for path in source.files}
    for path in (out, json_path(out)):
        if os.path.realpath(path) in taken:
            raise ValueError(f"{path}: a source, and writing {out} would overwrite it; give the dataset another name")


def check_share(held_out: float) -> None:
    """Refuses a share of held-out documents that is none."""
    if not 0 <= held_out < 1:
        raise ValueError(f"held_out is {held_out}, expected a share from 0 up to, not including, 1")


def choose_held_out(hashes: np.ndarray, share: float) -> np.ndarray:
    """Which documents to hold out, each by the hash of its text alone, so that it stays there as a corpus grows.

    At least one is held out and one is not, wherever there are two different ones: those of the lowest and of the
    highest hash. Of one document alone, none is held out.

    Args:
      hashes: uint64 [n_documents].
    Returns:
      bool [n_documents].
    """
    distinct = np.unique(hashes)
    if not share or len(distinct) < 2:
        return np.zeros(len(hashes), bool)
    low = hashes < np.uint64(share * 2.0**64)
    return (low | (hashes == distinct[0])) & (hashes != distinct[-1])


def write_ids(source: Source, enc: Encoder, file: IO[bytes], progress: Callable[[int], object]) -> Written:
    """Appends the ids of a source to a file, 2 bytes each.

    Raises:
      ValueError: the source has no text.
    """
    written = Written()
    for document in source.documents():
        digest, n_tokens, n_characters = hashlib.sha256(), 0, 0
        for piece in document:
            n_tokens += _append(enc.encode(piece), file)
            n_characters += len(piece)
            text = piece.encode()
            digest.update(text)
            progress(len(text))
        n_tokens += _append([enc.end_of_text], file)
        written.n_tokens.append(n_tokens)
        written.n_characters.append(n_characters)
        written.hashes.append(int.from_bytes(digest.digest()[:8], "big"))
    if not written.hashes:
        raise ValueError(f"{source.name}: nothing but white space, expected text")
    return written


def summarize(sources: Sequence[Source], written: Sequence[Written], enc: Encoder, held_out: float) -> dict[str, Any]:
    """What OUT.json says of the sources, their documents and the held-out ones."""
    names = [f"arr_{number}" for number in range(len(sources))]
    held = choose_held_out(np.concatenate([np.array(part.hashes) for part in written]), held_out)
    of_source = np.split(held, np.cumsum([len(part.hashes) for part in written])[:-1])
    return {
        "vocabulary": {"n_vocab": enc.n_vocab, "fingerprint": enc.fingerprint},
        "sources": [
            {
                "name": source.name,
                "array": name,
                "n_tokens": sum(part.n_tokens),
                "n_documents": len(part.hashes),
                "n_characters": sum(part.n_characters),
            }
            for source, name, part in zip(sources, names, written, strict=True)
        ],
        "documents": {
            name: [0, *np.cumsum(part.n_tokens).tolist()[:-1]] for name, part in zip(names, written, strict=True)
        },
        "held_out": {name: np.flatnonzero(part).tolist() for name, part in zip(names, of_source, strict=True)},
        "held_out_tokens": int(np.concatenate([part.n_tokens for part in written])[held].sum()),
        "held_out_characters": int(np.concatenate([part.n_characters for part in written])[held].sum()),
    }


def _append(ids: list[int], file: IO[bytes]) -> int:
    file.write(np.array(ids, IDS).tobytes())
    return len(ids)


def _sha256(path: str) -> str:
    digest = hashlib.sha256()
    with files.open_file(path) as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _publish(made: str, path: str) -> None:
    """Gives a finished file its name: locally by one rename, far away by a copy, which appears there as a whole."""
    if files.is_remote(path):
        with open(made, "rb") as source, files.open_file(path, "wb") as target:
            shutil.copyfileobj(source, target)
    else:
        os.replace(made, path)


@contextlib.contextmanager
def _full_disk_named(out: str) -> Iterator[None]:
    """Says of a full disk what it was full for."""
    try:
        yield
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise OSError(
            f"{out}: the disk is full; the dataset needs 4 bytes a token there while it is made, and 2 when it is"
        ) from None
