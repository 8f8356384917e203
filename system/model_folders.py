"""Where the folder of a model is, under either of its names."""

import os

from system import files

# OpenAI first released two sizes under miscounted names; both names stay good.
OTHER_NAMES = {"117M": "124M", "124M": "117M", "345M": "355M", "355M": "345M"}


def model_folder(model_name: str, models_dir: str = "models") -> str:
    """The folder of a model, under whichever of its two names it was downloaded.

    Raises:
      FileNotFoundError: neither is there.
    """
    folders = _folders(model_name, models_dir)
    for folder in folders:
        if files.exists(folder):
            return folder
    raise FileNotFoundError(
        f"{folders[0]}: no such model folder; download one (python models/download.py 124M) "
        f"or name one that is in {models_dir}"
    )


def has_model(model_name: str, models_dir: str = "models") -> bool:
    """Whether a model is there, under either of its names; what a stopped download leaves is none."""
    return any(files.exists(os.path.join(folder, "encoder.json")) for folder in _folders(model_name, models_dir))


def _folders(model_name: str, models_dir: str) -> list[str]:
    return [os.path.join(models_dir, name) for name in (model_name, OTHER_NAMES.get(model_name, model_name))]
