"""Datasets: token ids in an .npz, and beside it a .json with where documents begin and which are held out."""

import contextlib
import errno
import glob
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from encoder.dataset.about import FORMAT, to_bytes
from encoder.dataset.checks import check_out, check_share, check_weights
from encoder.dataset.npz import json_path, write_npz
from encoder.dataset.prefix_marks import pack
from encoder.dataset.spool import Spool
from encoder.reference import Encoder
from poems.corpus import Corpus
from poems.sources.sources import Source
from system import files
from system.errors import UserError

MIXING = np.uint64(0x9E3779B97F4A7C15)  # the golden ratio


def write_dataset(
    out: str,
    corpus: Corpus,
    enc: Encoder,
    *,
    held_out: float = 0.05,
    weights: Sequence[float] | None = None,
    made_with: Mapping[str, object] | None = None,
) -> dict:
    """Writes OUT.npz, an array of ids for each source, each document followed by end of text; beside it OUT.json.

    The text passes through in pieces and the ids through a temporary file, so the memory does not grow with them.
    Held-out documents are in the arrays with the others, and OUT.json lists them. Both files appear whole or not
    at all, and OUT.json names the hash of its OUT.npz. The same text gives the same bytes.

    Args:
      held_out: the share of documents to keep for validation.
      weights: how often the documents of each source are in its array, by default once; held-out ones are always there
        once, and of a fraction it is the same documents each time.
      made_with: flags, to be noted in OUT.json.
    Returns:
      What OUT.json holds.
    Raises:
      FileNotFoundError: there is no folder to write into.
      UserError: see `checks`; also a source of which no text is left, and text that cannot be read.
      OSError: the disk is full.
    """
    weights = weights or [1.0] * len(corpus.sources)
    check_out(out, corpus.sources)
    check_share(held_out)
    check_weights(weights, corpus.sources)
    folder = tempfile.gettempdir() if files.is_remote(out) else os.path.dirname(out) or "."
    with _full_disk_named(out), corpus, Spool(enc, folder) as spool:
        for number, source in enumerate(corpus.sources):
            spool.write(corpus.documents(number))
            _check_text(source, corpus, number)
        chosen, held = _choose(corpus, weights, held_out)
        if not sum(map(len, chosen)):
            raise UserError(f"{out}: not one poem would be in it; give a larger --weight")
        with tempfile.TemporaryDirectory(prefix=f".{os.path.basename(out)}-", dir=folder) as work:
            npz, about = os.path.join(work, "npz"), os.path.join(work, "json")
            n_tokens = np.array(spool.n_tokens, np.int64)
            write_npz(npz, ((int(n_tokens[these].sum()), spool.ids(these)) for these in chosen))
            summary = {
                "format": FORMAT,
                "npz_sha256": files.sha256(npz),
                "vocabulary": {"n_vocab": enc.n_vocab, "fingerprint": enc.fingerprint},
                "layout": corpus.described(np.unique(np.concatenate(chosen)).tolist()),
                "rules": list(corpus.rules),
                "sources": describe_sources(corpus, spool, chosen, weights),
                **describe_documents(spool, chosen, held),
                "made_with": dict(made_with or {}),
            }
            with open(about, "wb") as file:
                file.write(to_bytes(summary))
            # Should a crash come between the two, the .json names another hash than that of the .npz.
            _publish(about, json_path(out))
            _publish(npz, out)
    return summary


def _choose(corpus: Corpus, weights: Sequence[float], held_out: float) -> tuple[list[np.ndarray], np.ndarray]:
    """The documents of the array of each source, int64 [n] each, and which of all documents are held out, bool."""
    dropped, keys = corpus.judge(weights)
    held = np.zeros(len(keys), bool)
    held[~dropped] = choose_held_out(keys[~dropped], held_out)
    numbers = np.arange(len(keys))
    chosen = [
        repeat(numbers[these][~dropped[these]], held, keys, weight)
        for these, weight in zip(map(corpus.numbers, range(len(weights))), weights, strict=True)
    ]
    return chosen, held


def cached_dataset(sources: Sequence[Source], enc: Encoder, held_out: float = 0.05) -> str:
    """The path of a dataset of these sources as they are, plain and not cleaned.

    It is written the first time, and looked up while their bytes, and our code that reads them, are the same.
    """
    contents = [
        [source.name, source.encoding, source.divide, [files.sha256(path) for path in source.files]]
        for source in sources
    ]
    key = json.dumps([_sha256_of_code(), enc.fingerprint, held_out, contents])
    folder = files.cache_folder()
    path = os.path.join(folder, f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.npz")
    if not os.path.exists(path):
        os.makedirs(folder, exist_ok=True)
        write_dataset(path, Corpus(sources), enc, held_out=held_out)
    return path


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


def repeat(numbers: np.ndarray, held: np.ndarray, keys: np.ndarray, weight: float) -> np.ndarray:
    """The numbers of documents as often as they are to be in an array, held-out ones once: int64 [n].

    Args:
      numbers: of the documents of one source.
      held: which of all documents are held out.
      keys: the hash of each of all documents, which decides whether it is in a fraction.
    """
    training = numbers[~held[numbers]]
    copies, share = divmod(weight, 1.0)
    part = training[keys[training] * MIXING < np.uint64(share * 2.0**64)]
    first = numbers if copies else np.sort(np.concatenate([part, numbers[held[numbers]]]))
    return np.concatenate([first, *[training] * (int(copies) - 1), part if copies else part[:0]])


def describe_sources(
    corpus: Corpus, spool: Spool, chosen: Sequence[np.ndarray], weights: Sequence[float]
) -> list[dict]:
    """What OUT.json has on each source, and on what was done to it."""
    n_tokens, n_characters = (np.array(counted, np.int64) for counted in (spool.n_tokens, spool.n_characters))
    return [
        {
            "name": source.name,
            "array": f"arr_{number}",
            "weight": weights[number],
            "n_documents": len(these),
            "n_tokens": int(n_tokens[these].sum()),
            "n_characters": int(n_characters[these].sum()),
            "report": corpus.counts[number].as_dict(),
        }
        for number, (source, these) in enumerate(zip(corpus.sources, chosen, strict=True))
    ]


def describe_documents(spool: Spool, chosen: Sequence[np.ndarray], held: np.ndarray) -> dict:
    """What OUT.json has on the documents in each array: where they begin, which are held out, what is prefix."""
    arrays = {f"arr_{number}": these for number, these in enumerate(chosen)}
    kept_back = np.concatenate([these[held[these]] for these in chosen])
    counts = spool.n_tokens, spool.n_characters, spool.n_prefix_tokens, spool.n_prefix_characters
    n_tokens, n_characters, n_prefix_tokens, n_prefix_characters = (np.array(count, np.int64) for count in counts)

    def of_held_out(counted: np.ndarray) -> int:
        return int(counted[kept_back].sum())

    return {
        "documents": {
            name: np.append(0, np.cumsum(n_tokens[these]))[: len(these)].tolist() for name, these in arrays.items()
        },
        "held_out": {name: np.flatnonzero(held[these]).tolist() for name, these in arrays.items()},
        "held_out_tokens": of_held_out(n_tokens),
        "held_out_characters": of_held_out(n_characters),
        "held_out_prefix_tokens": of_held_out(n_prefix_tokens),
        "held_out_prefix_characters": of_held_out(n_prefix_characters),
        "prefix_marks": {
            name: pack(spool.marks(these)) for name, these in arrays.items() if n_prefix_tokens[these].any()
        },
    }


def _check_text(source: Source, corpus: Corpus, number: int) -> None:
    """Raises a ValueError if a source has given no document."""
    counts = corpus.counts[number]
    if not counts.n_characters:
        raise UserError(f"{source.name}: nothing but white space, expected text")
    if not counts.kept["characters"]:
        took = ",".join(rule for rule, verb in counts.poems if verb == "dropped" and rule in corpus.rules)
        raise UserError(f"{source.name}: no verse is left of it; switch off what dropped it: --off {took}")


def _sha256_of_code() -> str:
    """A hash of the code that reads poems and encodes them."""
    project = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    everywhere = (os.path.join(project, folder, "**", "*.py") for folder in ("encoder", "poems"))
    paths = (path for pattern in everywhere for path in glob.glob(pattern, recursive=True))
    return hashlib.sha256("".join(map(files.sha256, sorted(paths))).encode()).hexdigest()


def _publish(made: str, path: str) -> None:
    """Gives a finished file its name: locally by one rename, far away by a copy, which appears there as a whole."""
    if files.is_remote(path):
        with open(made, "rb") as source, files.open_file(path, "wb") as target:
            shutil.copyfileobj(source, target)
    else:
        files.sync(made)
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
            f"{out}: the disk is full, there or in {tempfile.gettempdir()}; a dataset takes 5 bytes a token there "
            "while it is made, and a byte a word in the other place; free some, or set TMPDIR to a larger folder"
        ) from None
