"""A hash table in arrays: many keys are looked up, or added, by a few array operations."""

from collections.abc import Callable

import numpy as np

FREE = np.uint64(0xFFFFFFFFFFFFFFFF)  # the first word of a row without a key
ABSENT = -1  # what such a row has for a number
PROBES = 32  # Rows where a key may stand. Many keys made to collide are not kept, rather than searched for long.
# Odd numbers without a pattern: the golden ratio, and three words of SHA-512.
MULTIPLIERS = np.array([0x9E3779B97F4A7C15, 0xBB67AE8584CAA73B, 0x3C6EF372FE94F82B, 0xA54FF53A5F1D36F1], np.uint64)


class Table:
    """Keys of one or more 64-bit words, the first of which is not FREE, and for each a number that is not ABSENT."""

    def __init__(self, n_words: int, n_rows: int):
        self._rows = np.empty((n_rows, n_words + 1), np.uint64)  # the words of a key and its number
        self.clear()

    def clear(self) -> None:
        """Forgets all keys."""
        self._n_keys = 0
        self._rows.fill(FREE)

    @property
    def load(self) -> float:
        """The share of rows that have a key, at most a half, so that keys are found quickly."""
        return self._n_keys / len(self._rows)

    def glance(self, words: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The number of most keys, int64 [n], and whether it is theirs, bool [n]; the others may be there as well."""
        rows = self._rows.take(self._hash(words), axis=0)
        return rows[:, -1].view(np.int64), _same(rows, words)

    def find(self, words: np.ndarray) -> np.ndarray:
        """The number of each key, or ABSENT.

        Args:
          words: uint64 [n, n_words].
        Returns:
          int64 [n].
        """
        numbers, same = self.glance(words)
        left = np.flatnonzero(~same)
        numbers[left] = ABSENT
        words, places = words[left], self._hash(words[left])
        for _ in range(PROBES):
            rows = self._rows.take(places, axis=0)
            same = _same(rows, words)
            numbers[left[same]] = rows[same, -1].view(np.int64)
            on = np.flatnonzero(~same & (rows[:, 0] != FREE))
            if not len(on):
                break
            places, left, words = self._next(places[on]), left[on], words[on]
        return numbers

    def add(self, words: np.ndarray, make: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """The numbers of keys that are absent and may repeat; they are kept while there is room.

        Args:
          make: gives the numbers, int64 [n], of keys, uint64 [n, n_words]. Should it fail, the table is spoilt.
        Returns:
          int64 [n].
        """
        first, places = self._place(words)
        homeless = np.flatnonzero(places < 0)
        made = make(words[np.concatenate([first, homeless])]).view(np.uint64)
        self._rows[places[first], -1] = made[: len(first)]
        numbers = self._rows[places, -1]
        numbers[homeless] = made[len(first) :]
        return numbers.view(np.int64)

    def _place(self, words):
        """Which keys are the first of their kind, and the place of each one, -1 if it has none."""
        found = np.full(len(words), -1)
        first = [np.empty(0, np.int64)]
        places, left = self._hash(words), np.arange(len(words))
        for _ in range(PROBES if self._n_keys + len(words) <= len(self._rows) // 2 else 0):
            free = np.flatnonzero(self._rows[places, 0] == FREE)
            new, at = left[free], places[free]
            self._rows[at, -1] = new
            won = self._rows[at, -1] == new.view(np.uint64)  # of those that want the same place, one
            self._rows[at[won], :-1] = words[new[won]]
            first.append(new[won])
            same = _same(self._rows.take(places, axis=0), words[left])
            found[left[same]] = places[same]
            if same.all():
                break
            places, left = self._next(places[~same]), left[~same]
        self._n_keys += sum(map(len, first))
        return np.concatenate(first), found

    def _hash(self, words):
        mixed = words[:, 0] * MULTIPLIERS[0]
        for word in range(1, words.shape[1]):
            mixed += words[:, word] * MULTIPLIERS[word]
        mixed >>= np.uint64(65 - len(self._rows).bit_length())
        return mixed.view(np.int64)

    def _next(self, places):
        return (places + 1) & (len(self._rows) - 1)


def _same(rows, words):
    """Whether each row is that of its key, bool [n]."""
    same = rows[:, 0] == words[:, 0]
    for word in range(1, words.shape[1]):
        same &= rows[:, word] == words[:, word]
    return same
