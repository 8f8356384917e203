"""The text of ids that were encoded before, as by the original encode.py, which wrote end of text as seven ids."""

import codecs
from collections.abc import Iterable, Iterator

import numpy as np

import encoder
from encoder.dataset import reader
from encoder.reference import Encoder
from poems.long_texts import END_OF_TEXT
from system.errors import UserError

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


def text_of_npz(path: str, model_name: str, models_dir: str) -> Iterator[str]:
    """The text of an .npz that was encoded with the vocabulary of a model.

    Raises:
      UserError: it was encoded with another one, or its poems have prefixes.
    """
    enc = encoder.get_encoder(model_name, models_dir)
    dataset = reader.open_dataset(path, enc.n_vocab, enc.fingerprint, model_name)
    if dataset.about.get("layout", {"name": "plain"})["name"] != "plain":
        raise UserError(f"{path}: has a prefix before its poems or lines already; prepare it from its own sources")
    return text_of(dataset.arrays.values(), enc)
