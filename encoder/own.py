"""Vocabularies of one's own: trained for a model folder and kept there, never written over another."""

import os
from collections.abc import Iterable

import encoder
from encoder import trainer, vocabulary
from poems import files


def has_vocabulary(folder: str) -> bool:
    """Whether a model folder has a vocabulary, or a part of one."""
    return any(files.exists(os.path.join(folder, name)) for name in ("encoder.json", "vocab.bpe"))


def train_encoder(folder: str, texts: Iterable[str], n_vocab: int) -> encoder.Encoder:
    """The encoder of a vocabulary trained on these texts, which is written into the folder.

    Raises:
      ValueError: the folder has another vocabulary, or the texts do not give so many tokens.
    """
    trained = trainer.train_vocabulary(texts, n_vocab)
    if not has_vocabulary(folder):
        vocabulary.write(folder, trained)
    enc = encoder.load_encoder(folder)
    if enc.fingerprint != trained.fingerprint:
        raise ValueError(
            f"{folder}: there is another vocabulary already, of {enc.n_vocab} tokens, which datasets and models may "
            "depend on; choose another --model_name, or remove encoder.json and vocab.bpe"
        )
    return enc


def keep_encoder(folder: str, texts: Iterable[str], n_vocab: int) -> encoder.Encoder:
    """The encoder of a folder as it stands there; only where there is none, one trained on these texts.

    Raises:
      ValueError: the folder has a vocabulary of another size.
    """
    if not has_vocabulary(folder):
        return train_encoder(folder, texts, n_vocab)
    enc = encoder.load_encoder(folder)
    if enc.n_vocab != n_vocab:
        raise ValueError(
            f"{folder}: encoder.json has {enc.n_vocab} tokens, expected {n_vocab} (n_vocab of hparams.json); "
            "remove encoder.json and vocab.bpe, and they are made anew"
        )
    return enc
