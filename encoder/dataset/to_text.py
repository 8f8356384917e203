"""The text of ids that were encoded before, as by the original encode.py, which wrote end of text as seven ids."""

import codecs
from collections.abc import Iterable, Iterator

import numpy as np

from encoder.reference import Encoder
from poems.long_texts import END_OF_TEXT

BLOCK = 1 << 18  # Ids decoded at once.


def text_of(arrays: Iterable[np.ndarray], enc: Encoder) -> Iterator[str]:
    """The text of arrays of ids, in blocks, with `<|endoftext|>` wherever one ends, be it one id or seven.

    Raises:
      ValueError: an id outside the vocabulary.
    """
    for ids in arrays:
        decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        for first in range(0, len(ids), BLOCK):
            yield decoder.decode(enc.decode_bytes(ids[first : first + BLOCK].tolist()))
        yield decoder.decode(b"", final=True) + END_OF_TEXT
