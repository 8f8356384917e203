"""Poems that stand in a corpus more than once: word for word, in another edition, or inside a book."""

import dataclasses
import hashlib
import tempfile
from array import array
from collections.abc import Iterator

import numpy as np

from poems.poem import Poem
from poems.signatures import BANDS, ROWS, SAMPLE, SIZE, Signer

# The share of word triples in common from which on two poems are one. Editions of a poem have 0.58 and more, poems that
# merely share a title, lines or a formula 0.25 and less; the estimate is off by 0.044 or less in two cases of three.
ALIKE = 0.42
NEIGHBOURS = 8  # to compare with among texts that share a band, besides the first of them
BOOK = 3000  # triples; a longer text may have whole poems in it
INSIDE = 0.5  # the share of a poem's sample that is in a book from which on the poem stands in it
LEAST_SAMPLE = 8  # triples; a poem with fewer is not looked for
COMMON = 64  # books; a triple that is in more of them says nothing
MOST_SAMPLES = 1 << 22  # of all books at once, so that the memory does not grow with them
AT_ONCE = 1 << 14  # rows compared at once


@dataclasses.dataclass(frozen=True)
class Found:
    """What is known of each text, in the order in which they were added.

    Attributes:
      repeats: whether it is much the same as another, which is kept: bool [n].
      inside: whether it stands in a longer one that is a book and no repeat itself: bool [n].
      cluster: the number of the first text that it has to do with, by repeats or by standing inside: int64 [n].
      keys: a hash of that first text. What is held out by it has nothing like it on the other side: uint64 [n].
    """

    repeats: np.ndarray
    inside: np.ndarray
    cluster: np.ndarray
    keys: np.ndarray


class Duplicates:
    """Takes all the texts of a corpus one by one, then tells which of them are there already.

    Only signatures are held, 252 bytes a text and 1 byte a word, in unnamed files that go away with it.
    """

    def __init__(self):
        self._signatures = tempfile.TemporaryFile()  # noqa: SIM115
        self._samples = tempfile.TemporaryFile()  # noqa: SIM115
        self._n_triples, self._n_samples = array("Q"), array("Q")
        self._begin()

    def __len__(self) -> int:
        return len(self._n_triples)

    def __enter__(self):
        return self

    def __exit__(self, *exception) -> None:
        self.close()

    def close(self) -> None:
        """Gives up what is held."""
        self._signatures.close()
        self._samples.close()

    def add(self, poem: Poem) -> None:
        """Takes the next text, or the next part of one."""
        sample = self._signer.add(poem.text)
        self._samples.write(sample.tobytes())
        self._n_sampled += len(sample)
        if not poem.more:
            self._signatures.write(self._signer.signature().tobytes())
            self._n_triples.append(self._signer.n_triples)
            self._n_samples.append(self._n_sampled)
            self._begin()

    def find(self, keep: str = "first") -> Found:
        """What there is more than once. Of texts that are much the same, the first is kept, or the longest.

        A text is a repeat only of one that is kept, so that a chain of likenesses does not take away its far end.

        Raises:
          ValueError: keep is neither.
        """
        if keep not in ("first", "longest"):
            raise ValueError(f"keep is {keep}, expected first or longest")
        n_triples = np.array(self._n_triples, np.int64)
        numbers = np.arange(len(self))
        order = numbers if keep == "first" else np.lexsort((numbers, -n_triples))
        rank = np.empty_like(order)
        rank[order] = numbers
        rows = self._mapped(self._signatures, np.uint16).reshape(-1, SIZE)
        alike = _alike(rows, rank)
        inside = self._inside(n_triples)
        cluster = _clusters(len(self), np.concatenate([alike, inside]))
        repeats = _repeats(len(self), alike, rank)
        return Found(
            repeats=repeats,
            inside=np.isin(numbers, inside[~repeats[inside[:, 1]], 0]),
            cluster=cluster,
            keys=_keys(rows, cluster),
        )

    def _begin(self) -> None:
        self._signer, self._n_sampled = Signer(), 0

    def _inside(self, n_triples: np.ndarray) -> np.ndarray:
        """Pairs of a text and a book of which it is a part: int64 [n, 2]."""
        samples = self._mapped(self._samples, np.uint32)
        sizes = np.array(self._n_samples, np.int64)
        starts = np.cumsum(sizes) - sizes
        books, others = np.flatnonzero(n_triples >= BOOK), np.flatnonzero(n_triples < BOOK)
        limit = _limit(int(sizes[books].sum()))
        index = _index(samples, starts[books], sizes[books], limit)
        found = [np.zeros((0, 2), np.int64)]
        for first in range(0, len(others) if len(books) else 0, AT_ONCE):
            some = others[first : first + AT_ONCE]
            values = [samples[start : start + size] for start, size in zip(starts[some], sizes[some], strict=True)]
            pairs = _contained(np.concatenate(values), np.repeat(np.arange(len(some)), sizes[some]), index, limit)
            found.append(np.stack([some[pairs[:, 0]], books[pairs[:, 1]]], axis=1))
        return np.concatenate(found)

    @staticmethod
    def _mapped(file, dtype) -> np.ndarray:
        file.flush()
        return np.memmap(file, dtype, "r") if file.tell() else np.zeros(0, dtype)


def _alike(rows: np.ndarray, rank: np.ndarray) -> np.ndarray:
    """All pairs of texts that are much the same, the lower rank first: int64 [n, 2]."""
    found = np.zeros(0, np.int64)
    for band in range(BANDS):
        keys = np.zeros(len(rows), np.uint64)
        for row in range(band * ROWS, (band + 1) * ROWS):
            keys = keys << np.uint64(16) | rows[:, row]
        order = np.lexsort((rank, keys))
        keys = keys[order]
        pairs = (_confirmed(rows, order[a], order[b]) for a, b in _neighbours(keys))
        found = np.unique(np.concatenate([found, *(a * len(rows) + b for a, b in pairs)]))
    return np.stack(np.divmod(found, max(len(rows), 1)), axis=1)


def _neighbours(keys: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Places in sorted keys that have the same: each with the first of its kind and with the few before it."""
    is_new = np.append(True, keys[1:] != keys[:-1]) if len(keys) else np.zeros(0, bool)
    first = np.maximum.accumulate(np.where(is_new, np.arange(len(keys)), 0))
    places = np.flatnonzero(first < np.arange(len(keys)))
    yield first[places], places
    for distance in range(1, NEIGHBOURS):
        near = places[places - first[places] > distance]
        yield near - distance, near


def _confirmed(rows: np.ndarray, a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Those of the pairs whose signatures are alike enough."""
    alike = np.zeros(len(a), bool)
    for start in range(0, len(a), AT_ONCE):
        some = slice(start, start + AT_ONCE)
        alike[some] = (rows[a[some]] == rows[b[some]]).mean(axis=1) >= ALIKE
    return a[alike], b[alike]


def _repeats(n: int, pairs: np.ndarray, rank: np.ndarray) -> np.ndarray:
    """Which texts are like one of lower rank that is kept itself: bool [n]."""
    repeats = np.zeros(n, bool)
    for kept, other in pairs[np.lexsort((rank[pairs[:, 1]], rank[pairs[:, 0]]))].tolist():
        if not repeats[kept]:
            repeats[other] = True
    return repeats


def _clusters(n: int, pairs: np.ndarray) -> np.ndarray:
    """The lowest number that each is joined to by pairs, over any number of them: int64 [n]."""
    first = list(range(n))

    def root(i: int) -> int:
        while first[i] != i:
            first[i] = first[first[i]]
            i = first[i]
        return i

    for a, b in pairs.tolist():
        low, high = sorted((root(a), root(b)))
        first[high] = low
    return np.array([root(i) for i in range(n)], np.int64)


def _keys(rows: np.ndarray, cluster: np.ndarray) -> np.ndarray:
    """A hash of the signature of the first text of each cluster: uint64 [n]."""
    firsts, places = np.unique(cluster, return_inverse=True)
    hashes = [int.from_bytes(hashlib.sha256(rows[first].tobytes()).digest()[:8], "big") for first in firsts.tolist()]
    return np.array(hashes, np.uint64)[places]


def _limit(n_samples: int) -> int:
    """The number below which triples of a sample are looked at, so that there are not too many."""
    limit = 2**32 // SAMPLE
    while n_samples > MOST_SAMPLES:
        limit, n_samples = limit // 2, n_samples // 2
    return limit


def _index(samples: np.ndarray, starts: np.ndarray, sizes: np.ndarray, limit: int) -> tuple[np.ndarray, np.ndarray]:
    """The triples of books in order, uint32, and the number of the book that has each, int64, from 0."""
    parts = [np.zeros(0, np.uint32)]
    for start, end in zip(starts.tolist(), (starts + sizes).tolist(), strict=True):
        some = [samples[i : min(i + MOST_SAMPLES, end)] for i in range(start, end, MOST_SAMPLES)]
        parts.append(np.unique(np.concatenate([parts[0], *(part[part < limit] for part in some)])))
    values, owners = np.concatenate(parts), np.repeat(np.arange(len(starts)), [len(part) for part in parts[1:]])
    order = np.argsort(values, kind="stable")
    values, owners = values[order], owners[order]
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    is_telling = counts[places] <= COMMON
    return values[is_telling], owners[is_telling]


def _contained(values: np.ndarray, owners: np.ndarray, index: tuple[np.ndarray, np.ndarray], limit: int) -> np.ndarray:
    """Pairs of a poem and a book that has enough of its triples: int64 [n, 2]."""
    values, owners = values[values < limit], owners[values < limit]
    n_poems, n_books = int(owners.max(initial=0)) + 1, int(index[1].max(initial=0)) + 1
    first, last = np.searchsorted(index[0], values, "left"), np.searchsorted(index[0], values, "right")
    n_found = last - first
    places = np.arange(n_found.sum()) - np.repeat(np.cumsum(n_found) - n_found, n_found) + np.repeat(first, n_found)
    pairs, counts = np.unique(np.repeat(owners, n_found) * n_books + index[1][places], return_counts=True)
    poems, books = np.divmod(pairs, n_books)
    sizes = np.bincount(owners, minlength=n_poems)[poems]
    is_inside = (sizes >= LEAST_SAMPLE) & (counts >= INSIDE * sizes)
    return np.stack([poems[is_inside], books[is_inside]], axis=1)
