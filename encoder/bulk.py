"""Text to token ids for whole corpora: the ids of `encoder.reference`, found for many words at once.

A corpus has few different words. So the pieces of a text are found by array operations over its bytes; most are then
known by one look into a table for all of them, and only those that were not met before are merged.
"""

import itertools
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from encoder import chunks, reference
from encoder.hash_table import ABSENT, Table
from encoder.merging import Merger
from encoder.pattern import END, MARGIN, find_starts
from encoder.reference import Encoder

# A table for pieces of up to 8 bytes, one of up to 16 and one of up to 32. Their bytes are their keys, so that no
# piece can be taken for another. 100 MB of English verse have 300,000 different pieces.
SIZES = (8, 16, 32)
ROWS = (1 << 20, 1 << 19, 1 << 17)  # 33 MB
FULL = 1 / 3  # The share of rows with keys at which everything is forgotten.
POOL = 1 << 22  # Ids to be remembered, 8 MB.
LONG_PIECES, LONG_SIZE = 1 << 12, 1 << 10  # Longer pieces to be remembered, and their bytes.
AT_ONCE = 1 << 16  # Unknown pieces for which to look again, so that a chunk of new ones needs little more memory.
COUNT_BITS = 6  # of a count of ids, at most 32 for a piece in a table
MOST = (1 << COUNT_BITS) - 1
ALL_ONES = 0xFFFFFFFFFFFFFFFF
PADDING = np.array([ALL_ONES << 8 * size & ALL_ONES for size in range(9)], np.uint64)  # after that many bytes of a word
# Bytes. Once so much was freed, glibc keeps memory for the arrays to come; else it would give it back to the system
# after some of them, and get it again page by page.
LARGE_ARRAY = (32 << 20) - (1 << 16)


class Window(NamedTuple):
    """The pieces of a part of a chunk.

    What a piece gives is a number, place << COUNT_BITS | count, of its ids in the pool.
    """

    numbers: np.ndarray  # int32 [n_pieces]
    unknown: np.ndarray  # Of which of them the number is still to be found, int64 [n_unknown],
    starts: np.ndarray  # where these begin,
    sizes: np.ndarray  # and their bytes.


class BulkEncoder:
    """An encoder for much text, with a memory for the pieces it has met, of some 60 MB at most."""

    def __init__(self, enc: Encoder):
        self._encoder = enc
        self._known = enc._pieces  # The merges, in dicts,
        self._merger = Merger(self._known)  # and in arrays.
        np.empty(LARGE_ARRAY, np.uint8)  # freed at once
        self._tables = [Table(size // 8, rows) for size, rows in zip(SIZES, ROWS, strict=True)]
        # Every id stands in the pool at its own place, for the many pieces that are one token.
        self._pool = np.arange(enc.n_vocab + POOL, dtype=np.uint16)
        self._forget()

    def encode(self, text: str) -> np.ndarray:
        """The ids of a text, uint16 [n_ids]; `<|endoftext|>` in it is text as any other.

        Raises:
          ValueError: the text holds half of a surrogate pair, which no UTF-8 can express.
        """
        return np.concatenate(list(self.encode_stream([text])))

    def encode_stream(self, texts: Iterable[str | None]) -> Iterator[np.ndarray]:
        """The ids of text of any length, some million at a time.

        Args:
          texts: parts of a text that follow on one another; None stands for its end, and gives the id end of text.
        Yields:
          uint16 [n_ids].
        Raises:
          ValueError: as `encode`.
        """
        return map(self.encode_chunk, chunks.cut(texts))

    def encode_chunk(self, chunk: chunks.Chunk) -> np.ndarray:
        """The ids of UTF-8 in parts, in which END stands for the end of a text, and gives the id end of text."""
        if self._is_full():
            self._forget()
        try:
            return self._encode(chunk)
        except BaseException:
            self._forget()  # The tables may know a piece without its ids.
            raise

    def _is_full(self):
        return self._n_pool > self._encoder.n_vocab + POOL or max(table.load for table in self._tables) > FULL

    def _forget(self):
        for table in self._tables:
            table.clear()
        self._n_pool = self._encoder.n_vocab
        end = np.array([self._encoder.end_of_text << COUNT_BITS | 1])
        self._tables[0].add(PADDING[[[1]]] | np.uint64(END), lambda keys: end)
        self._long: dict[bytes, np.ndarray] = {}

    def _encode(self, chunk):
        margin, size = bytes([END]) * MARGIN, sum(map(len, chunk))
        data = np.frombuffer(b"".join([margin, *chunk, margin, bytes(SIZES[-1] + -size % 8)]), np.uint8)
        words = data.view("<u8")
        ids, group, n_unknown = [np.empty(0, np.uint16)], [], 0
        for starts in find_starts(data[: size + 2 * MARGIN]):
            group.append(self._glance(words, starts))
            n_unknown += len(group[-1].unknown)
            if n_unknown >= AT_ONCE:
                ids += self._ids_of(group, words, data)
                group, n_unknown = [], 0
        if group:
            ids += self._ids_of(group, words, data)
        return np.concatenate(ids)

    def _ids_of(self, windows, words, data):
        """The ids of each window of some, the numbers that are unknown in them found all at once."""
        starts, sizes = (np.concatenate(found) for found in list(zip(*windows, strict=True))[2:])
        numbers = self._find(words, starts, sizes)
        ends = itertools.accumulate(len(window.unknown) for window in windows)
        for window, found in zip(windows, np.split(numbers, list(ends)), strict=False):
            window.numbers[window.unknown] = found
        return [self._collect(self._with_long(window, data)) for window in windows]

    def _glance(self, words, starts):
        """A window of pieces, most of their numbers found."""
        starts, sizes = starts[:-1], np.diff(starts)
        numbers, known = self._tables[0].glance(_keys(words, starts, sizes, SIZES[0]))
        known &= sizes <= SIZES[0]
        unknown = np.flatnonzero(~known)
        return Window(numbers.astype(np.int32), unknown, starts[unknown], sizes[unknown])

    def _find(self, words, starts, sizes):
        """The numbers of pieces, which are learnt if need be; 0 for those too long for the tables."""
        numbers = np.zeros(len(starts), np.int64)
        for table, least, most in zip(self._tables, (0, *SIZES), SIZES, strict=False):
            these = np.flatnonzero((sizes > least) & (sizes <= most))
            keys = _keys(words, starts[these], sizes[these], most)
            found = table.find(keys)
            absent = np.flatnonzero(found == ABSENT)
            if len(absent):
                found[absent] = table.add(keys[absent], self._merge)
            numbers[these] = found
        return numbers

    def _merge(self, keys):
        """The numbers of pieces that were not met before."""
        ids, counts = self._merger.merge(keys.view(np.uint8))
        ends = np.cumsum(counts)
        places = np.where(counts == 1, ids[ends - 1], self._keep(ids) + ends - counts)
        return places << COUNT_BITS | counts

    def _keep(self, ids):
        """The place of ids in the pool, into which they are put."""
        place = self._n_pool
        self._n_pool += len(ids)
        if self._n_pool > len(self._pool):
            self._pool = np.concatenate([self._pool[:place], np.empty(self._n_pool, np.uint16)])
        self._pool[place : self._n_pool] = ids
        return place

    def _with_long(self, window, data):
        """The numbers of a window, for each piece that is too long for the tables as many as it needs."""
        long = np.flatnonzero(window.sizes > SIZES[-1])
        if not len(long):
            return window.numbers
        parts, at = [], 0
        for i in long:
            start, place = window.starts[i], window.unknown[i]
            piece = data[start : start + window.sizes[i]].tobytes()
            parts += [window.numbers[at:place], self._find_long(piece)]
            at = place + 1
        return np.concatenate([*parts, window.numbers[at:]])

    def _find_long(self, piece):
        numbers = self._long.get(piece)
        if numbers is None:
            ids = [self._known.byte_ids[byte] for byte in piece]
            ids = reference.merge(ids, self._known.ranks, self._known.results)
            firsts = np.arange(0, len(ids), MOST)
            numbers = self._keep(ids) + firsts << COUNT_BITS | np.minimum(len(ids) - firsts, MOST)
            if len(self._long) < LONG_PIECES and len(piece) <= LONG_SIZE:
                self._long[piece] = numbers
        return numbers

    def _collect(self, numbers):
        """The ids that numbers stand for."""
        counts = numbers & MOST
        before = np.cumsum(counts, dtype=np.int64)
        each = np.arange(before[-1])
        before -= counts
        each += np.repeat((numbers >> COUNT_BITS) - before, counts)
        return self._pool.take(each)


def _keys(words, starts, sizes, most):
    """The bytes of pieces, PADDING after them, as 64-bit words, uint64 [n_pieces, most // 8].

    words: the text as 64-bit words. Each one of a key is put together out of two.
    """
    shift = (starts & 7).view(np.uint64)
    shift <<= np.uint64(3)
    other_shift = np.uint64(64) - shift  # A shift by 64 gives 0.
    at = starts >> 3
    keys = []
    for size in range(0, most, 8):
        low = words.take(at)
        low >>= shift
        at += 1
        high = words.take(at)
        high <<= other_shift
        low |= high
        low |= PADDING.take(sizes - size if size else sizes, mode="clip")
        keys.append(low)
    return np.stack(keys, axis=1) if len(keys) > 1 else keys[0][:, None]
