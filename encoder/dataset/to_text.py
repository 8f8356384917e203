"""The text of ids that were encoded before, as by the original encode.py, which wrote end of text as seven ids."""

import codecs
from collections.abc import Iterable, Iterator

import numpy as np

import encoder
from encoder.dataset import reader
from encoder.dataset.about import read_about
from encoder.reference import Encoder
from poems.long_texts import END_OF_TEXT
from poems.sources import gutenberg_corpus
from system import files
from system.errors import UserError

BLOCK = 1 << 18  # Ids decoded at once.
GUTENBERG = "gutenberg"


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
    dataset, enc = _opened(path, model_name, models_dir)
    if dataset.about.get("layout", {"name": "plain"})["name"] != "plain":
        raise UserError(f"{path}: has a prefix before its poems or lines already; prepare it from its own sources")
    return text_of(dataset.arrays.values(), enc)


def read_corpus(corpus: str, model_name: str | None, models_dir: str) -> Iterator[tuple[str, str]]:
    """The poems of a corpus, each under a name by which it can be found again.

    Args:
      corpus: an .npz, a text file, or GUTENBERG for the whole Gutenberg Poetry Corpus.
      model_name: the model whose vocabulary an .npz has; None for the one that the file beside it names.
    """
    if corpus == GUTENBERG:
        for poem in gutenberg_corpus.poems(lambda n_bytes: None, None):
            yield poem.title or f"the Gutenberg Poetry Corpus from line {poem.place.rpartition(':')[2]}", poem.text
        return
    if corpus.endswith(".npz"):
        text = "".join(_any_text_of_npz(corpus, model_name, models_dir))
    else:
        with files.open_file(corpus) as file:
            text = file.read().decode("utf-8", errors="replace")
    for number, part in enumerate(text.split(END_OF_TEXT), start=1):
        yield f"{corpus}, poem {number}", part


def _any_text_of_npz(path: str, model_name: str | None, models_dir: str) -> Iterator[str]:
    """The text of an .npz, with the prefixes of its poems."""
    made_with = read_about(reader.local_copy(path)).get("made_with", {})
    dataset, enc = _opened(path, model_name or made_with.get("model_name") or "124M", models_dir)
    return text_of(dataset.arrays.values(), enc)


def _opened(path: str, model_name: str, models_dir: str) -> tuple[reader.Dataset, Encoder]:
    """An .npz, and the encoder of the model whose vocabulary it has."""
    enc = encoder.get_encoder(model_name, models_dir)
    return reader.open_dataset(path, enc.n_vocab, enc.fingerprint, model_name), enc
