"""Text to token ids and back, as GPT-2 does it: byte-pair encoding over the bytes of UTF-8.

What is slow to import is imported when first used, so that a script can read its flags before.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from encoder.reference import Encoder

__all__ = ["Encoder", "get_encoder", "load_encoder"]


def get_encoder(model_name: str = "124M", models_dir: str = "models") -> "Encoder":
    """The encoder of a downloaded model, under whichever of its two names it lies there.

    Raises:
      FileNotFoundError: there is no such model, or its vocabulary is missing.
      UserError: its vocabulary is damaged.
    """
    from system import model_folders

    return load_encoder(model_folders.model_folder(model_name, models_dir))


def load_encoder(folder: str) -> "Encoder":
    """The encoder of a folder that holds `encoder.json` and `vocab.bpe`, such as that of a run.

    Raises:
      FileNotFoundError: one of the two is missing.
      UserError: one of the two is damaged, or they disagree.
    """
    from encoder import reference, vocabulary

    return reference.Encoder(vocabulary.read_vocabulary(folder))


def __getattr__(name: str) -> object:
    if name != "Encoder":
        raise AttributeError(f"module 'encoder' has no attribute {name!r}")
    from encoder.reference import Encoder

    return Encoder
