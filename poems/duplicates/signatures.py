"""Signatures: a few numbers by which texts are compared without being kept.

A text is the set of its word triples: letters only, lower case, no accents. Two texts are as alike as the share of
triples they have in common. That share is, nearly, the share of equal numbers in their MinHash signatures: 126 hash
functions, of each the least value that any triple has (Broder, On the resemblance and containment of documents, 1997).

Ours, and not a package's, because signatures decide what is held out and so must never change, and because word hashes
and one multiplication per function in NumPy are quicker than packages, which hash every triple as a string.
"""

import hashlib
import re
import unicodedata
import zlib

import numpy as np

BANDS, ROWS = 42, 3  # Texts that are alike by 0.58 share a band with a chance of 0.9999, texts alike by 0.1 of 0.04.
SIZE = BANDS * ROWS
SAMPLE = 4  # One triple in that many, always the same ones, tells whether a text stands in a book.
AT_ONCE = 4096  # triples, so that a book needs no more memory than a long poem

# Out of a hash, because NumPy may change what its generators give.
_RANDOM = np.frombuffer(hashlib.shake_128(b"MinHash").digest(8 * SIZE + 24), "<u4")
FACTORS, SHIFTS = _RANDOM[:SIZE, None] | np.uint32(1), _RANDOM[SIZE : 2 * SIZE, None]
PLACES = _RANDOM[2 * SIZE :].view("<u8") | np.uint64(1)

ASCII_LETTERS = bytes(code if chr(code).islower() and code < 128 else 32 for code in range(256))
ACCENTS = re.compile("[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]+")
NOT_LETTERS = re.compile(r"[\W\d_]+")


class Signer:
    """Signs one text, which may come in parts."""

    def __init__(self):
        self._least = np.full(SIZE, 2**32 - 1, np.uint32)
        self._last = np.zeros(0, np.uint64)  # words, of which the triples continue in the next part
        self._rest = 0  # a number for what has no triples
        self.n_triples = 0

    def add(self, text: str) -> np.ndarray:
        """Takes a part, and gives the sample of its triples: uint32 [n], each once."""
        hashes = np.concatenate([self._last, word_hashes(text)])
        self._last = hashes[-2:]
        if len(hashes) < 3:
            self._rest = zlib.crc32(text.strip().encode(), self._rest) if not len(hashes) else self._rest
            return np.zeros(0, np.uint32)
        triples = _mixed(hashes[:-2] * PLACES[0] + hashes[1:-1] * PLACES[1] + hashes[2:] * PLACES[2])
        self._take(triples)
        self.n_triples += len(triples)
        return np.unique(triples[triples < 2**32 // SAMPLE])

    def signature(self) -> np.ndarray:
        """The signature, uint16 [SIZE]: the lower half of each least value, as good as all of it and half as long."""
        if not self.n_triples:  # one or two words, or none: they are all there is to compare
            number = (self._last * PLACES[: len(self._last)]).sum(dtype=np.uint64) + np.uint64(self._rest)
            self._take(_mixed(np.array([number])))
        return self._least.astype(np.uint16)

    def _take(self, triples: np.ndarray) -> None:
        for start in range(0, len(triples), AT_ONCE):
            values = FACTORS * triples[start : start + AT_ONCE] + SHIFTS  # [SIZE, triples]
            np.minimum(self._least, values.min(axis=1), out=self._least)


def word_hashes(text: str) -> np.ndarray:
    """The hashes of the words of a text, in order: uint64 [n_words]."""
    words = words_of(text)
    return np.fromiter(map(zlib.crc32, words), np.uint64, len(words))


def words_of(text: str) -> list[bytes]:
    """The words of a text: letters only, lower case, no accents."""
    text = text.lower()
    if text.isascii():
        return text.encode().translate(ASCII_LETTERS).split()
    return NOT_LETTERS.sub(" ", ACCENTS.sub("", unicodedata.normalize("NFKD", text))).encode().split()


def _mixed(numbers: np.ndarray) -> np.ndarray:
    """Numbers of 64 bits mixed into 32, as the last steps of MurmurHash do it."""
    numbers = (numbers ^ (numbers >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
    numbers = (numbers ^ (numbers >> np.uint64(33))) * np.uint64(0xC4CEB9FE1A85EC53)
    return (numbers >> np.uint64(32)).astype(np.uint32)
