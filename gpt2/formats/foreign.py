"""Models of Hugging Face where a command names a model: a folder of theirs, or `hf://owner/name` on their hub.

The package huggingface_hub downloads into its own cache; it resumes, verifies, and honours HF_ENDPOINT, HF_HOME,
HF_TOKEN and HF_HUB_OFFLINE. Nothing here imports TensorFlow: a worker must meet the other workers before that.
"""

import hashlib
import logging
import os
import re
import shutil

from system import files
from system.errors import UserError

logger = logging.getLogger("gpt2")

WANTED = ["*.json", "*.safetensors", "merges.txt"]
UNWANTED = ["*/*"]  # other programs' files, and the saves of a training run
VERSION = b"1"  # To be raised when a conversion gives something else, so that none of before is used.


def is_on_hub(path: str) -> bool:
    """Whether a path names a model of the hub."""
    return path.startswith("hf://")


def is_hugging_face(path: str) -> bool:
    """Whether a path is a Hugging Face folder: one with `config.json` or weights of its kind, and none of OpenAI's."""
    names = files.list_folder(path) if files.is_folder(path) else []
    foreign = any(name.endswith(("config.json", ".safetensors", ".bin")) for name in names)
    return foreign and not any(name == "checkpoint" or name.endswith(".index") for name in names)


def download(path: str) -> str:
    """The folder in the cache that contains the model `hf://owner/name` or `hf://owner/name@revision`.

    Raises:
      UserError: there is no such name, huggingface_hub is not installed, or it cannot get the model.
    """
    found = re.fullmatch(r"hf://([\w-][\w.-]*(?:/[\w-][\w.-]*)?)(?:@([\w./-]+))?/?", path)
    if not found:
        raise UserError(f"{path}: not the name of a model, expected hf://owner/name or hf://owner/name@revision")
    try:
        import huggingface_hub
    except ImportError:
        raise UserError(
            f"{path}: models of the hub are downloaded by the package huggingface_hub, which is not installed; "
            "install it: pip install -e '.[convert]'"
        ) from None
    try:
        return huggingface_hub.snapshot_download(
            found[1], revision=found[2], allow_patterns=WANTED, ignore_patterns=UNWANTED
        )
    except (OSError, ValueError, RuntimeError) as error:  # those of the package and of its HTTP client
        reason = str(error).strip().split("\n")[0] or type(error).__name__
        raise UserError(
            f"{path}: cannot be downloaded ({reason}); check the name and the network, and set HF_TOKEN for a model "
            "that is not public"
        ) from None


def own_name(model_name: str, models_dir: str) -> str:
    """The name of a model as --model_name gives it; of one of Hugging Face's, the folder to which it was converted.

    A model is converted once, into the cache folder, and again when its files change.

    Raises:
      UserError: the model cannot be downloaded or converted.
    """
    if is_on_hub(model_name):
        return _converted(download(model_name), re.sub(r"\W+", "-", model_name.removeprefix("hf://")).strip("-"))
    for folder in (os.path.join(models_dir, model_name), model_name):
        if not files.is_remote(folder) and is_hugging_face(folder):
            return _converted(folder, os.path.basename(os.path.abspath(folder)))
    return model_name


def _converted(folder: str, name: str) -> str:
    """The folder in the cache with a model in OpenAI's layout; earlier states of the same model are removed."""
    cache = os.path.join(files.cache_folder(), "models")
    place = f"{name}-{hashlib.sha256(os.path.realpath(folder).encode()).hexdigest()[:8]}"
    target = os.path.join(cache, f"{place}-{_state(folder)}")
    if os.path.isdir(target):
        return target
    os.makedirs(cache, exist_ok=True)
    logger.info(f"the first time, {folder} is converted into {target}")
    from gpt2.formats import conversion  # here, because it imports this module

    try:
        conversion.convert(folder, target, "openai")
    except (UserError, OSError):
        if not os.path.isdir(target):  # else another process was faster
            raise
    for old in os.listdir(cache):
        if old.startswith(f"{place}-") and os.path.join(cache, old) != target:
            shutil.rmtree(os.path.join(cache, old), ignore_errors=True)
    return target


def _state(folder: str) -> str:
    """What changes with the files of a folder: the hash of their names, sizes and times."""
    digest = hashlib.sha256(VERSION)
    for name in sorted(os.listdir(folder)):
        if name.endswith((".json", ".safetensors", ".txt")):
            found = os.stat(os.path.join(folder, name))
            digest.update(f"{name} {found.st_size} {found.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:16]
