"""Poems that stand in a corpus more than once: word for word, in another edition, or inside a book."""

import dataclasses
import hashlib
import tempfile
from array import array
from collections.abc import Callable, Iterator

import numpy as np

from poems.duplicates.signatures import BANDS, ROWS, SAMPLE, SIZE, Signer
from poems.poem import Poem

# The share of word triples in common from which on two poems are one. Editions of a poem have 0.58 and more, poems that
# merely share a title, lines or a formula 0.25 and less; the estimate is off by 0.044 or less in two cases of three.
ALIKE = 0.42
NEIGHBOURS = 8  # to compare with among texts that share a band, besides the first of them
BOOK = 3000  # triples; a longer text may have whole poems in it
# The share of a poem's sample that is in a book from which on the poem stands in it, as good as whole;
INSIDE = 0.8
SHARED = 0.5  # from which on it goes where the book goes.
LEAST_SAMPLE = 8  # triples; a poem with fewer is not looked for
COMMON = 64  # books; a triple that is in more of them says nothing
MOST_SAMPLES = 1 << 22  # triples of all books at once, so that the memory does not grow with them
LOOKED_UP = 1 << 18  # triples of texts looked up at once, which takes up to a hundred bytes each
ENOUGH = 1 << 18  # triples of one text to look up; of a larger one a part
AT_ONCE = 1 << 14  # rows compared at once


@dataclasses.dataclass(frozen=True)
class Found:
    """What is known of each text, in the order in which they were added.

    Attributes:
      repeats: whether it is much the same as another, which is kept: bool [n].
      inside: whether it has no title and stands in a longer one that is a book, and is no repeat itself; or is a book
        that stands in poems with titles: bool [n].
      other: the number of the text that it repeats or stands in, its own where there is none: int64 [n].
      alike: pairs of texts that are much the same: int64 [n_pairs, 2].
      within: pairs of a text and a book that has half of it or more: int64 [n_pairs, 2].
      keys: a hash of each: uint64 [n].
    """

    repeats: np.ndarray
    inside: np.ndarray
    other: np.ndarray
    alike: np.ndarray
    within: np.ndarray
    keys: np.ndarray


class Duplicates:
    """Takes all the texts of a corpus one by one, then tells which of them are there already.

    Only signatures are held, 252 bytes a text and 1 byte a word, in unnamed files that go away with it.
    """

    def __init__(self):
        self._signatures = tempfile.TemporaryFile()  # noqa: SIM115
        self._samples = tempfile.TemporaryFile()  # noqa: SIM115
        self._n_triples, self._n_samples, self._is_titled = array("Q"), array("Q"), array("B")
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
            self._is_titled.append(bool(poem.title))
            self._begin()

    def find(self, weights: np.ndarray | None = None) -> Found:
        """What there is more than once. Of texts that are much the same, the first is kept of those of most weight, one
        with a title before others.

        A text is a repeat only of one that is kept, so that a chain of likenesses does not take away its far end.

        Args:
          weights: how often each text is to be trained on, float [n], by default once. Only a book that is trained on
            whole takes the place of the poems in it.
        """
        weights = np.ones(len(self)) if weights is None else weights
        numbers, is_titled = np.arange(len(self)), np.array(self._is_titled, bool)
        order = np.lexsort((numbers, ~is_titled, -weights))
        rank = np.empty_like(order)
        rank[order] = numbers
        rows = self._mapped(self._signatures, np.uint16).reshape(-1, SIZE)
        alike = _alike(rows, rank)
        other = _kept_instead(len(self), alike, rank)
        repeats = other != numbers
        pairs, shares = self._shared()
        texts, books = pairs.T
        is_inside = (shares >= INSIDE) & ~repeats[books] & ~repeats[texts]
        is_inside &= np.array(self._n_triples, np.int64)[texts] < BOOK
        # A poem with a title says more than a long text in which nobody can tell where the poem begins.
        covered = self._covered(pairs[is_inside & is_titled[texts] & (weights[texts] >= 1)])
        is_inside &= ~is_titled[texts] & (weights[books] >= 1) & ~np.isin(books, list(covered))
        other[texts[is_inside]] = books[is_inside]
        other[list(covered)] = list(covered.values())
        return Found(
            repeats=repeats,
            inside=np.isin(numbers, [*texts[is_inside], *covered]),
            other=other,
            alike=alike,
            within=pairs,
            keys=np.array([_hash(row) for row in rows], np.uint64),
        )

    def _begin(self) -> None:
        self._signer, self._n_sampled = Signer(), 0

    def _shared(self) -> tuple[np.ndarray, np.ndarray]:
        """Pairs of a text and a book that has half of it or more, int64 [n, 2], and the share that it has."""
        sizes = np.array(self._n_samples, np.int64)
        starts = np.cumsum(sizes) - sizes
        books = np.flatnonzero(np.array(self._n_triples, np.int64) >= BOOK)
        limit = _limit(int(sizes[books].sum()), MOST_SAMPLES)
        index = _index(self._read_below(limit), starts[books], sizes[books])
        found, shares = [np.zeros((0, 2), np.int64)], [np.zeros(0)]
        for some in np.split(np.arange(len(self)), _cuts(sizes, LOOKED_UP)) if len(books) else []:
            pairs, share = _contained(*self._looked_up(starts[some], sizes[some], limit), index)
            texts, others = some[pairs[:, 0]], books[pairs[:, 1]]
            is_enough = (share >= SHARED) & (texts != others)
            found.append(np.stack([texts, others], axis=1)[is_enough])
            shares.append(share[is_enough])
        return np.concatenate(found), np.concatenate(shares)

    def _looked_up(self, starts: np.ndarray, sizes: np.ndarray, limit: int) -> tuple[np.ndarray, np.ndarray]:
        """The triples below a limit of texts that follow on one another, uint32, and the number of the text of each."""
        if sizes.max() <= ENOUGH:
            values = self._read(int(starts[0]), int(starts[-1] + sizes[-1]))
            owners = np.repeat(np.arange(len(sizes)), sizes)
            return values[values < limit], owners[values < limit]
        # Of a text that is larger by itself fewer triples tell enough.
        limits = [min(limit, _limit(int(size), ENOUGH)) for size in sizes]
        parts = [
            np.concatenate([np.zeros(0, np.uint32), *self._read_below(most)(start, start + size)])
            for start, size, most in zip(starts.tolist(), sizes.tolist(), limits, strict=True)
        ]
        return np.concatenate(parts), np.repeat(np.arange(len(sizes)), list(map(len, parts)))

    def _read(self, start: int, end: int) -> np.ndarray:
        """Triples of the samples, uint32: read, and not mapped, since mapped ones would stay in memory."""
        self._samples.seek(4 * start)
        return np.frombuffer(self._samples.read(4 * (end - start)), np.uint32)

    def _read_below(self, limit: int) -> Callable[[int, int], Iterator[np.ndarray]]:
        """What reads the triples from one place to another that are below a limit, in parts."""

        def read(start: int, end: int) -> Iterator[np.ndarray]:
            for i in range(start, end, LOOKED_UP):
                part = self._read(i, min(i + LOOKED_UP, end))
                yield part[part < limit]

        return read

    def _covered(self, pairs: np.ndarray) -> dict[int, int]:
        """The books that stand in poems, as good as whole, each with one of the poems.

        Args:
          pairs: of a poem and the book that it stands in, int64 [n, 2].
        """
        ends = np.cumsum(np.array(self._n_samples, np.int64))
        starts = ends - np.array(self._n_samples, np.int64)
        found = {}
        for book in np.unique(pairs[:, 1]).tolist():
            poems = pairs[pairs[:, 1] == book, 0].tolist()
            theirs = np.concatenate([self._read(starts[poem], ends[poem]) for poem in poems])
            if np.isin(np.unique(self._read(starts[book], ends[book])), theirs).mean() >= INSIDE:
                found[book] = poems[0]
        return found

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


def _kept_instead(n: int, pairs: np.ndarray, rank: np.ndarray) -> np.ndarray:
    """For each text the one of lower rank that it is like and that is kept, or else its own number: int64 [n]."""
    other = np.arange(n)
    for kept, repeat in pairs[np.lexsort((rank[pairs[:, 1]], rank[pairs[:, 0]]))].tolist():
        if other[kept] == kept and other[repeat] == repeat:
            other[repeat] = kept
    return other


def keys_of_sides(found: Found, kept: np.ndarray) -> np.ndarray:
    """A key for each text, by which it is held out or not, so that it goes with what has the same verse: uint64 [n].

    A text that stands in books has the highest of their keys, texts that are much the same the highest of theirs; so
    nothing added later holds out what was trained on, but for a text that stands in what is added.

    Args:
      kept: whether each text is in the corpus, bool [n]; the others join nothing.
    """
    texts, books = found.within[kept[found.within].all(axis=1)].T
    of_books = np.zeros(len(found.keys), np.uint64)
    np.maximum.at(of_books, texts, found.keys[books])
    keys = np.where(np.isin(np.arange(len(found.keys)), texts), of_books, found.keys)
    return highest(keys, found.alike[kept[found.alike].all(axis=1)])


def highest(keys: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """The highest key among all that each text is joined to by pairs, over any number of them: uint64 [n]."""
    first = np.arange(len(keys))

    def root(i: int) -> int:
        while first[i] != i:
            first[i] = first[first[i]]
            i = int(first[i])
        return i

    for a, b in pairs.tolist():
        low, high = sorted((root(a), root(b)))
        first[high] = low
    roots = np.array([root(i) for i in range(len(keys))], np.int64)
    most = np.zeros(len(keys), np.uint64)
    np.maximum.at(most, roots, keys)
    return most[roots]


def _hash(row: np.ndarray) -> int:
    return int.from_bytes(hashlib.sha256(row.tobytes()).digest()[:8], "big")


def _cuts(sizes: np.ndarray, most: int) -> np.ndarray:
    """Where to cut a row of sizes so that the parts have about so much together."""
    return np.flatnonzero(np.diff(np.cumsum(sizes) // most)) + 1


def _limit(n_samples: int, most: int) -> int:
    """The number below which triples of a sample are looked at, so that there are not too many."""
    limit = 2**32 // SAMPLE
    while n_samples > most:
        limit, n_samples = limit // 2, n_samples // 2
    return limit


def _index(
    read: Callable[[int, int], Iterator[np.ndarray]], starts: np.ndarray, sizes: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The triples of books in order, uint32, and the number of the book that has each, uint32, from 0.

    Args:
      read: gives the triples from one place to another, in parts.
    """
    parts = [np.zeros(0, np.uint64)]
    for book, (start, end) in enumerate(zip(starts.tolist(), (starts + sizes).tolist(), strict=True)):
        triples = np.unique(np.concatenate([np.zeros(0, np.uint32), *read(start, end)]))
        parts.append(triples.astype(np.uint64) << np.uint64(32) | np.uint64(book))
    both = np.concatenate(parts)  # in one number each, since they are sorted together in half the memory
    del parts
    both.sort()
    values, owners = (both >> np.uint64(32)).astype(np.uint32), both.astype(np.uint32)
    del both
    begins = np.flatnonzero(np.append(True, values[1:] != values[:-1])) if len(values) else np.zeros(0, np.int64)
    counts = np.diff(begins, append=len(values))
    is_telling = np.repeat(counts <= COMMON, counts)
    return values[is_telling], owners[is_telling]


def _contained(
    values: np.ndarray, owners: np.ndarray, index: tuple[np.ndarray, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of a text and a book that has some of its triples, int64 [n, 2], and the share that these are."""
    n_texts, n_books = int(owners.max(initial=0)) + 1, int(index[1].max(initial=0)) + 1
    first, last = np.searchsorted(index[0], values, "left"), np.searchsorted(index[0], values, "right")
    n_found = last - first
    places = np.arange(n_found.sum()) - np.repeat(np.cumsum(n_found) - n_found, n_found) + np.repeat(first, n_found)
    pairs, counts = np.unique(np.repeat(owners, n_found) * n_books + index[1][places], return_counts=True)
    texts, books = np.divmod(pairs, n_books)
    sizes = np.bincount(owners, minlength=n_texts)[texts]
    is_telling = sizes >= LEAST_SAMPLE
    return np.stack([texts, books], axis=1)[is_telling], (counts / np.maximum(sizes, 1))[is_telling]
