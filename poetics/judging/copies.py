"""What a text has in common with a corpus: the longest runs of words that stand in both, and where they stand.

Words are compared by their letters alone: case, apostrophes, punctuation and line breaks make no difference. Every five
words of the corpus are kept as one number, the upper bits a hash, the lower bits the place, sorted; a run is looked up
by its first five words and then followed word by word. 22 million words take 360 MB.
"""

import bisect
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

GRAM = 5  # words; shorter runs are not looked for
COPY = 8  # words; real verse has no such run in common with books that do not reprint it
BLOCK = 64  # words that are compared at once
AT_ONCE = 1 << 22  # bytes

_RNG = np.random.default_rng(20)  # any seed will do: these numbers only spread words over hashes
LONGEST_WORD = 64  # letters; what a word has beyond counts as its last letter
LETTER_CODES = _RNG.integers(1 << 63, size=(LONGEST_WORD, 256), dtype=np.uint64) * np.uint64(2) + np.uint64(1)
GRAM_FACTORS = _RNG.integers(1 << 63, size=GRAM, dtype=np.uint64) * np.uint64(2) + np.uint64(1)


class Run(NamedTuple):
    """Words of a text that stand in the corpus, one after another.

    Attributes:
      first: the first word, counted in the text from 0.
      n_words: how many there are, at least GRAM.
      start, end: where they are in the text, in characters.
      source: the name of the text of the corpus.
      line: the line there on which they begin, counted from 1.
    """

    first: int
    n_words: int
    start: int
    end: int
    source: str
    line: int


class Copies(NamedTuple):
    """What a text has in common with a corpus.

    Attributes:
      n_words: how many words the text has.
      runs: the longest runs that do not lie in longer ones, in order; they may overlap.
    """

    n_words: int
    runs: tuple[Run, ...]

    @property
    def longest(self) -> Run | None:
        """The longest run."""
        return max(self.runs, key=lambda run: run.n_words, default=None)

    def share(self, least: int = COPY) -> float:
        """The share of words in runs of at least n words."""
        copied = np.zeros(self.n_words, bool)
        for run in self.runs:
            if run.n_words >= least:
                copied[run.first : run.first + run.n_words] = True
        return float(copied.mean()) if self.n_words else 0.0


class Index:
    """The words of a corpus, to be searched."""

    def __init__(self, texts: Iterable[tuple[str, str]]):
        """Reads the texts of a corpus, each with the name of its source; one source may come in several parts."""
        words: list[np.ndarray] = []
        lines: list[np.ndarray] = []
        self._sources: list[str] = []
        self._firsts: list[int] = []  # the first word of each text
        n_words = n_lines = 0
        for source, text in texts:
            if not self._sources or self._sources[-1] != source:
                n_lines = 0
                self._sources.append(source)
                self._firsts.append(n_words)
            for part in _parts(_bytes(text)):
                hashes, starts, _ = _words(part)
                words.append(hashes)
                breaks = np.flatnonzero(part == ord("\n"))
                lines.append((np.searchsorted(breaks, starts) + n_lines + 1).astype(np.uint32))
                n_words += len(hashes)
                n_lines += len(breaks)
        hashes = _joined(words, np.uint64)
        words.clear()
        self._lines = _joined(lines, np.uint32)
        lines.clear()
        place_bits = np.uint64(max(len(hashes).bit_length(), 1))
        self._places = (np.uint64(1) << place_bits) - np.uint64(1)  # the bits of a number that hold a place
        self._grams = self._numbered(hashes)
        self._grams.sort()
        np.right_shift(hashes, np.uint64(32), out=hashes)
        # Words that are none stand at the end, so that a run may be followed past it.
        self._words = np.append(hashes.astype(np.uint32), np.zeros(BLOCK, np.uint32))

    def __len__(self) -> int:
        """How many words the corpus has."""
        return len(self._lines)

    def find(self, text: str, without: str = "") -> Copies:
        """The runs of words of a text that stand in the corpus too; a source can be left out."""
        hashes, starts, ends = _words(_bytes(text))
        grams = _grams(hashes) & ~self._places
        firsts = np.searchsorted(self._grams, grams)
        lasts = np.searchsorted(self._grams, grams | self._places, side="right")
        words = (hashes >> np.uint64(32)).astype(np.uint32)
        runs: list[Run] = []
        encoded = text.encode() if not text.isascii() else None
        for i in np.flatnonzero(lasts > firsts).tolist():
            places = (self._grams[firsts[i] : lasts[i]] & self._places).astype(np.int64)
            place, length = self._longest(words[i:], self._not_of(places, without))
            if length >= GRAM and (not runs or i + length > runs[-1].first + runs[-1].n_words):
                start, end = int(starts[i]), int(ends[i + length - 1])
                if encoded is not None:  # from bytes to characters
                    start, end = len(encoded[:start].decode()), len(encoded[:end].decode())
                runs.append(Run(i, length, start, end, self._source(place), int(self._lines[place])))
        return Copies(len(words), tuple(runs))

    def _numbered(self, hashes: np.ndarray) -> np.ndarray:
        """For each five words a number of hash and place; made part by part, which saves memory."""
        numbers = np.empty(max(len(hashes) - GRAM + 1, 0), np.uint64)
        for first in range(0, len(numbers), AT_ONCE):
            grams = _grams(hashes[first : first + AT_ONCE + GRAM - 1]) & ~self._places
            grams |= np.arange(first, first + len(grams), dtype=np.uint64)
            numbers[first : first + len(grams)] = grams
        return numbers

    def _longest(self, words: np.ndarray, places: np.ndarray) -> tuple[int, int]:
        """Where in the corpus most of these words follow each other, and how many."""
        length, place = 0, -1
        while len(places) and length < len(words):
            block = words[length : length + BLOCK]
            equal = self._words[places[:, None] + np.arange(length, length + len(block))] == block
            lengths = np.where(equal.all(1), len(block), equal.argmin(1))
            best = int(lengths.argmax())
            if lengths[best]:
                place = int(places[best])
                length += int(lengths[best])
            places = places[lengths == BLOCK]
        return place, length

    def _source(self, place: int) -> str:
        return self._sources[bisect.bisect_right(self._firsts, place) - 1]

    def _not_of(self, places: np.ndarray, source: str) -> np.ndarray:
        """The places that are not in a source."""
        if not source:
            return places
        texts = np.searchsorted(self._firsts, places, side="right") - 1
        return places[[self._sources[text] != source for text in texts.tolist()]]


def _bytes(text: str) -> np.ndarray:
    """The bytes of a text in lower case."""
    lower = text.lower()
    if len(lower) != len(text):  # İ alone: places must stay as they are
        lower = "".join(letter.lower() if len(letter.lower()) == 1 else letter for letter in text)
    return np.frombuffer(lower.encode(), np.uint8)


def _parts(text: np.ndarray) -> Iterable[np.ndarray]:
    """A text in parts that end with a line."""
    first = 0
    while first < len(text):
        last = min(first + AT_ONCE, len(text))
        if last < len(text):
            breaks = np.flatnonzero(text[first:last] == ord("\n"))
            last = first + int(breaks[-1]) + 1 if len(breaks) else last
        yield text[first:last]
        first = last


def _words(text: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The hashes of the words of a text, uint64, and the bytes where they start and end.

    A word is letters, and all bytes that are not ASCII; an apostrophe within it is passed over, a curly one too.
    """
    letters = LETTERS[text]
    apostrophes = text == ord("'")
    curly = np.flatnonzero(text == 0xE2)  # E2 80 98 and E2 80 99
    curly = curly[curly + 2 < len(text)]
    curly = curly[(text[curly + 1] == 0x80) & ((text[curly + 2] == 0x98) | (text[curly + 2] == 0x99))]
    for byte in range(3):
        letters[curly + byte], apostrophes[curly + byte] = False, True
    at = np.flatnonzero(letters)
    if not len(at):
        return np.zeros(0, np.uint64), at, at
    others = np.cumsum(~(letters | apostrophes))[at]  # what parts words, so far
    firsts = np.flatnonzero(np.diff(others, prepend=-1))
    lengths = np.diff(firsts, append=len(at))
    places = np.minimum(np.arange(len(at)) - np.repeat(firsts, lengths), LONGEST_WORD - 1)
    hashes = np.add.reduceat(LETTER_CODES[places, text[at]], firsts)
    hashes ^= hashes >> np.uint64(31)
    return hashes * GRAM_FACTORS[0], at[firsts], at[firsts + lengths - 1] + 1


LETTERS = np.array([chr(byte).isalpha() or byte >= 128 for byte in range(256)])


def _grams(words: np.ndarray) -> np.ndarray:
    """A hash of each five words that follow each other: uint64 [n_words - 4]."""
    n_grams = max(len(words) - GRAM + 1, 0)
    grams = np.zeros(n_grams, np.uint64)
    for i, factor in enumerate(GRAM_FACTORS):
        mixed = words[i : i + n_grams] >> np.uint64(i)
        mixed *= factor
        grams += mixed
    return grams


def _joined(parts: Sequence[np.ndarray], dtype: type) -> np.ndarray:
    return np.concatenate(parts) if parts else np.zeros(0, dtype)
