"""Ids in temporary files, until it is known which documents of a corpus are wanted, how often and where."""

import functools
import tempfile
from array import array
from collections.abc import Iterable, Iterator

import numpy as np

from encoder.bulk import BulkEncoder
from encoder.dataset.npz import IDS
from encoder.reference import Encoder
from poems.layout import LaidOut

BLOCK = 1 << 20  # Ids copied at once.


class Spool:
    """The ids of documents one after the other, each with end of text after it, and which of them are prefix.

    Attributes:
      n_tokens: of each document, with its end of text.
      n_characters: of its text.
      n_prefix_tokens, n_prefix_characters: of those, the ones in prefixes.
    """

    def __init__(self, enc: Encoder, folder: str):
        self.n_tokens, self.n_characters = array("Q"), array("Q")
        self.n_prefix_tokens, self.n_prefix_characters = array("Q"), array("Q")
        self._bulk, self._end_of_text = BulkEncoder(enc), enc.end_of_text
        self._prefix_size = functools.lru_cache(1 << 16)(lambda prefix: len(enc.encode(prefix)))
        self._ids = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115
        self._marks = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  # a byte for each id: 1 in a prefix
        self._n_ids = self._n_ended = 0
        # Of each cut in what is being encoded: the ids of the prefix before it, 0 where a text ends.
        self._cuts = array("Q")

    def __enter__(self):
        return self

    def __exit__(self, *exception) -> None:
        self._ids.close()
        self._marks.close()

    def write(self, documents: Iterable[Iterable[LaidOut]]) -> None:
        """Appends documents; the parts of one follow on one another."""
        for ids in self._bulk.encode_stream(self._texts(documents)):
            self._take(ids)

    def ids(self, chosen: np.ndarray) -> Iterator[np.ndarray]:
        """The ids of the chosen documents, int64 [n_chosen], one after the other: uint16 [n_ids], block by block."""
        for first, last in self._runs(chosen):
            yield from _blocks(self._ids, IDS, first, last)

    def marks(self, chosen: np.ndarray) -> Iterator[np.ndarray]:
        """Which ids of the chosen documents are prefix, bool [n_ids], block by block."""
        for first, last in self._runs(chosen):
            yield from _blocks(self._marks, np.dtype(bool), first, last)

    def _texts(self, documents):
        """What the encoder takes: parts of text, and None at a cut."""
        for document in documents:
            n_characters = n_prefix_characters = n_prefix_tokens = 0
            for part in document:
                *headed, rest = part.pieces()
                for piece, (start, end) in zip(headed, part.prefixes, strict=True):
                    size = self._prefix_size(part.text[start:end])
                    self._cuts.append(size)
                    yield piece
                    yield None
                    n_prefix_characters += end - start
                    n_prefix_tokens += size
                yield rest
                n_characters += len(part.text)
            self.n_characters.append(n_characters)
            self.n_prefix_characters.append(n_prefix_characters)
            self.n_prefix_tokens.append(n_prefix_tokens)
            self._cuts.append(0)
            yield None

    def _take(self, ids):
        """Writes ids in which end of text is at every cut; keeps those at which a text ends."""
        is_cut = ids == self._end_of_text  # No text gives this id.
        places = np.flatnonzero(is_cut)
        sizes = np.array(self._cuts[: len(places)], np.int64)
        del self._cuts[: len(places)]
        is_cut[places[sizes == 0]] = False
        ids = ids[~is_cut]
        places -= np.cumsum(sizes > 0) - (sizes > 0)  # the cuts before that are gone
        ends = self._n_ids + places[sizes == 0] + 1
        self.n_tokens.extend(np.diff(ends, prepend=self._n_ended).astype(np.uint64).tolist())
        self._n_ended = int(ends[-1]) if len(ends) else self._n_ended
        self._ids.write(ids.astype(IDS).tobytes())
        self._mark(len(ids), places[sizes > 0], sizes[sizes > 0])
        self._n_ids += len(ids)

    def _mark(self, n_ids, ends, sizes):
        """Writes a mark for each of n_ids; prefixes of these sizes end before these places."""
        steps = np.zeros(n_ids + 1, np.int8)
        np.add.at(steps, np.maximum(ends - sizes, 0), 1)
        np.add.at(steps, ends, -1)
        self._marks.write(np.cumsum(steps[:-1], dtype=np.int8).tobytes())
        for missing in (sizes - ends)[sizes > ends].tolist():  # a prefix that began among the ids before
            self._marks.seek(-n_ids - missing, 2)
            self._marks.write(b"\1" * missing)
            self._marks.seek(0, 2)

    def _runs(self, chosen):
        """The first id of each run of chosen documents that follow on one another, and the one after its last."""
        ends = np.cumsum(np.array(self.n_tokens, np.int64))
        starts = ends - np.array(self.n_tokens, np.int64)
        breaks = np.flatnonzero(np.diff(chosen) != 1) + 1
        for run in np.split(chosen, breaks) if len(chosen) else []:
            yield int(starts[run[0]]), int(ends[run[-1]])


def _blocks(file, dtype, first, last):
    file.seek(first * dtype.itemsize)
    while first < last:
        n = min(BLOCK, last - first)
        yield np.frombuffer(file.read(n * dtype.itemsize), dtype)
        first += n
