"""Byte-pair merges of many short pieces at once, by array operations."""

import itertools

import numpy as np

from encoder.reference import PieceCache

NO_RANK = 1 << 16  # of a pair that does not merge: above all ranks
GONE = 1 << 16  # Stands where no token is: after a piece, and where one was merged into the one before it.
PADDING = 0xFF  # Stands after the bytes of a piece; no UTF-8 holds it.
AT_ONCE = 1 << 14  # Pieces, so that the memory does not grow with their number.
TABLE_BITS = 20  # Some 20 places for each of GPT-2's merges.


class Merger:
    """The merges of a vocabulary, in tables."""

    def __init__(self, known: PieceCache):
        left, right = np.fromiter(itertools.chain.from_iterable(known.ranks), np.int64).reshape(-1, 2).T
        self._fill_table(_pair(left, right))
        self._results = np.array(known.results, np.int64)
        self._byte_ids = np.array([known.byte_ids[byte] for byte in range(256)])
        self._byte_ids[PADDING] = GONE
        self._byte_ranks = self._ranks(_pair(self._byte_ids[:, None], self._byte_ids).ravel())

    def merge(self, pieces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The ids of pieces, one after the other, and how many each has.

        Args:
          pieces: uint8 [n_pieces, size], PADDING after the bytes of each; size at most 32.
        Returns:
          uint16 [n_ids], int64 [n_pieces].
        """
        merged = [self._merge(pieces[at : at + AT_ONCE]) for at in range(0, len(pieces), AT_ONCE)]
        ids, counts = zip(*merged, strict=True)
        return np.concatenate(ids), np.concatenate(counts)

    def _merge(self, pieces):
        """In each piece the pair of the lowest rank, and of equals the leftmost, again and again while there is one.

        A token stands in the place of its first byte. Positions count all pieces' first places, then all second ones
        and so on; after the last ones come as many where no token ever stands.
        """
        n, size = pieces.shape
        end = n * size
        tokens = np.full(end + n, GONE)
        tokens[:end] = self._byte_ids.take(pieces.T).ravel()
        before = np.concatenate([np.arange(end, end + n), np.arange(end)])
        after = np.arange(n, end + 2 * n)
        # Of each token with the one after it: rank * size + place, so that the lowest is the one to merge.
        order = np.full((size, n), NO_RANK * size, np.int32)
        for place in range(size - 1):
            order[place] = self._byte_ranks.take(_two_bytes(pieces, place)) * size + place
        while True:
            lowest = order.min(axis=0)
            active = np.flatnonzero(lowest < NO_RANK * size)
            if not len(active):
                break
            rank, place = np.divmod(lowest.take(active).astype(np.int64), size)
            i = place * n + active
            j = after.take(i)
            k = after.take(j)
            tokens[i], tokens[j] = self._results.take(rank), GONE
            after[i], before[k] = k, i
            h = before.take(i)
            changed = np.concatenate([h[h < end], i])
            ranks = self._ranks(_pair(tokens.take(changed), tokens.take(after.take(changed))))
            order.ravel()[j] = NO_RANK * size
            order.ravel()[changed] = ranks * size + changed // n
        tokens = tokens[:end].reshape(size, n).T
        there = tokens != GONE
        return tokens[there].astype(np.uint16), there.sum(axis=1)

    def _fill_table(self, pairs):
        """A pair and its rank in the place of the pair; the few that find theirs taken stand in a sorted list."""
        packed = pairs << 16 | np.arange(len(pairs))
        places = _hash(pairs)
        self._table = np.full(1 << TABLE_BITS, -1)
        self._table[places] = packed
        others = np.sort(packed[self._table[places] != packed])
        self._others = np.append(others >> 16, -1), np.append(others & 0xFFFF, NO_RANK)

    def _ranks(self, pairs):
        """The rank of each pair or NO_RANK, int64 [n]."""
        packed = self._table.take(_hash(pairs))
        ranks = packed & 0xFFFF
        packed >>= 16
        wrong = np.flatnonzero(packed != pairs)
        ranks[wrong] = NO_RANK
        taken = wrong[packed.take(wrong) >= 0]
        if len(taken):
            others, other_ranks = self._others
            pairs = pairs.take(taken)
            found = np.searchsorted(others[:-1], pairs)
            ranks[taken] = np.where(others.take(found) == pairs, other_ranks.take(found), NO_RANK)
        return ranks


def _pair(left, right):
    return left << 17 | right


def _two_bytes(pieces, place):
    return pieces[:, place].astype(np.int64) << 8 | pieces[:, place + 1]


def _hash(pairs):
    mixed = pairs.view(np.uint64) * np.uint64(0x9E3779B97F4A7C15)  # the golden ratio
    mixed >>= np.uint64(64 - TABLE_BITS)
    return mixed.view(np.int64)
