"""Lines that have a run of words in common with other lines: reprints, quotations, the same poem in an anthology.

Five words in a row say nothing, eight are a copy: of Phillis Wheatley's book, which nobody reprinted, not one run of
eight words stands elsewhere among the 22 million words of the Gutenberg Poetry Corpus.
"""

import zlib
from array import array
from collections.abc import Iterable

import numpy as np

from poems.duplicates.signatures import words_of

RUN = 8  # words
FACTOR = np.uint64(0x9E3779B97F4A7C15)  # 2^64 divided by the golden ratio, as in Fibonacci hashing
SHIFT = np.uint64(29)


class Runs:
    """All runs of eight words of some lines, of which each may go over line ends.

    Attributes:
      hashes: of each run, by its first word: uint64 [n_words - 7].
      first_word: of each line, with the number of all words at the end: int64 [n_lines + 1].
    """

    def __init__(self, lines: Iterable[str]):
        words, counts = array("I"), array("I")
        for line in lines:
            found = words_of(line)
            words.extend(map(zlib.crc32, found))
            counts.append(len(found))
        self.first_word = np.append(0, np.cumsum(np.array(counts, np.int64)))
        self.hashes = _hashes(np.array(words, np.uint64))

    def shared_with(self, ranges: Iterable[tuple[int, int]]) -> np.ndarray:
        """Which lines have a run, or a part of one, that stands in one of these ranges of other lines: bool [n_lines].

        Args:
          ranges: the first line of each range, and the one after its last.
        """
        inside = np.zeros(len(self.hashes), bool)
        for first, end in ranges:
            inside[self._runs_of(first, end)] = True
        return self._lines_of(np.isin(self.hashes, np.unique(self.hashes[inside])) & ~inside)

    def share_elsewhere(self, first: int, end: int) -> float:
        """The share of words, in the lines from `first` up to `end`, that are in runs which stand elsewhere too."""
        own = self._runs_of(first, end)
        elsewhere = np.ones(len(self.hashes), bool)
        elsewhere[own] = False
        shared = np.isin(self.hashes[own], self.hashes[elsewhere])
        n_words = self.first_word[end] - self.first_word[first]
        return float(_spread(shared, n_words).mean()) if n_words else 0.0

    def _runs_of(self, first: int, end: int) -> slice:
        """The runs that are wholly in a range of lines."""
        return slice(self.first_word[first], max(self.first_word[first], self.first_word[end] - RUN + 1))

    def _lines_of(self, runs: np.ndarray) -> np.ndarray:
        words = np.append(0, np.cumsum(_spread(runs, int(self.first_word[-1]))))
        return np.diff(words[self.first_word]) > 0


def _hashes(words: np.ndarray) -> np.ndarray:
    n = max(0, len(words) - RUN + 1)
    hashes = np.zeros(n, np.uint64)
    for k in range(RUN):
        hashes = hashes * FACTOR + words[k : n + k]
        hashes ^= hashes >> SHIFT
    return hashes


def _spread(runs: np.ndarray, n_words: int) -> np.ndarray:
    """Which words are in one of the runs: bool [n_words]."""
    starts = np.zeros(n_words + 1, np.int8)
    starts[: len(runs)] = runs
    ends = np.zeros(n_words + 1, np.int8)
    ends[RUN : RUN + len(runs)] = runs[: max(0, n_words + 1 - RUN)]
    return np.cumsum(starts[:n_words].astype(np.int64) - ends[:n_words]) > 0
