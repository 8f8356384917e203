"""Text to token ids and back, as GPT-2 does it: byte-pair encoding over the bytes of UTF-8."""

from encoder import vocabulary
from encoder.reference import Encoder
from system import model_folders

__all__ = ["Encoder", "get_encoder", "load_encoder"]


def get_encoder(model_name: str = "124M", models_dir: str = "models") -> Encoder:
    """The encoder of a downloaded model, under whichever of its two names it lies there.

    Raises:
      FileNotFoundError: there is no such model, or its vocabulary is missing.
      ValueError: its vocabulary is damaged.
    """
    return load_encoder(model_folders.model_folder(model_name, models_dir))


def load_encoder(folder: str) -> Encoder:
    """The encoder of a folder that holds `encoder.json` and `vocab.bpe`, such as that of a run.

    Raises:
      FileNotFoundError: one of the two is missing.
      ValueError: one of the two is damaged, or they disagree.
    """
    return Encoder(vocabulary.read_vocabulary(folder))
