"""From one format to another: what FROM is, what TO is to be, and TO appears only when it is whole.

TensorFlow is imported for what contains one of its graphs, a SavedModel or a .tflite; nothing else needs it.
"""

import contextlib
import os
import shutil
from collections.abc import Iterator
from typing import Literal

from gpt2.formats import foreign, gguf, hugging_face, openai
from gpt2.formats.stored_model import StoredModel
from system import files, model_folders, tensorflow_start
from system.errors import UserError

Format = Literal["huggingface", "openai", "gguf", "savedmodel", "tflite"]
Dtype = Literal["float32", "float16", "int8", "q8_0"]
# In which each format stores weights, and the bytes of a number then.
BYTES: dict[Format, dict[Dtype, float]] = {
    "huggingface": {"float32": 4, "float16": 2},
    "openai": {"float32": 4, "float16": 2},
    "gguf": {"float32": 4, "float16": 2, "q8_0": gguf.BLOCK_BYTES / gguf.BLOCK},
    "savedmodel": {"float32": 4},
    "tflite": {"float32": 4, "float16": 2, "int8": 2},  # int8 has the embeddings twice
}


def convert(
    source: str, target: str, kind: Format | None = None, dtype: Dtype = "float32", window: int = 64
) -> StoredModel:
    """Writes a model in another format, and returns the model that it read.

    Args:
      source: see `open_model`.
      target: a folder that is made, or a file.
      kind: the format of the target; by default `format_of`.
      window: the tokens that a model for tflite sees.
    Raises:
      FileNotFoundError: there is no such model, or no folder for the target.
      UserError: the model or the target is refused; see `open_model` and `check_target`.
      OSError: the target cannot be written; nothing is left of it.
    """
    target = target.rstrip("/" + os.sep) or target
    kind = kind or format_of(source, target)
    check_target(target, kind, dtype)
    model = open_model(source)
    check_space(target, model.hparams.n_params * BYTES[kind][dtype])
    name = os.path.basename(os.path.abspath(target))
    with written_beside(target) as new:
        match kind:
            case "huggingface":
                hugging_face.write_folder(model, new, dtype, name)
            case "openai":
                openai.write_folder(model, new, dtype)
            case "gguf":
                gguf.write_file(model, new, dtype, name.removesuffix(".gguf"))
            case "savedmodel" | "tflite":
                _write_graph(model, target, new, dtype, window if kind == "tflite" else None)
    return model


def _write_graph(model: StoredModel, target: str, new: str, dtype: Dtype, window: int | None) -> None:
    """Writes a .tflite that sees a window of that many tokens, or without a window a SavedModel."""
    tensorflow_start.start_tensorflow()
    with tensorflow_start.tensorflow_start_up_held():
        if window is not None:
            from gpt2.formats import tflite

            tflite.write_file(model, new, dtype, window)
            return
        try:
            from gpt2.formats import saved_model
        except ImportError:
            raise UserError(
                f"{target}: a SavedModel contains the encoder of tensorflow_text, which is not installed; convert on "
                "Linux or macOS"
            ) from None
        saved_model.write_folder(model, new)


def format_of(source: str, target: str) -> Format:
    """The format that the ending of the target asks for; without one, the format that the source is not in."""
    endings: dict[str, Format] = {".gguf": "gguf", ".tflite": "tflite"}
    if kind := endings.get(os.path.splitext(target)[1]):
        return kind
    return "openai" if foreign.is_on_hub(source) or foreign.is_hugging_face(source) else "huggingface"


def open_model(path: str) -> StoredModel:
    """The model of a run, a model folder, the prefix of a save, a Hugging Face folder, `hf://owner/name` or a name.

    Raises:
      FileNotFoundError: there is no such model.
      UserError: it is damaged, or another model than a GPT-2.
    """
    if foreign.is_on_hub(path):
        return hugging_face.read_folder(foreign.download(path))
    if path.endswith((".safetensors", ".gguf", ".tflite")):
        raise UserError(
            f"{path}: a file, expected a run, a model folder, a Hugging Face folder or hf://owner/name; name the folder"
        )
    if not files.exists(path) and model_folders.has_model(path):
        path = model_folders.model_folder(path)
    return hugging_face.read_folder(path) if foreign.is_hugging_face(path) else openai.read_prefix(path)


def check_target(target: str, kind: Format, dtype: Dtype) -> None:
    """Checks the place of the target before anything is read.

    Raises:
      FileNotFoundError, PermissionError: the folder above it does not exist or cannot be written to.
      UserError: it is remote, exists already, or cannot hold weights of that dtype.
    """
    if dtype not in BYTES[kind]:
        raise UserError(f"--dtype is {dtype}, expected {' or '.join(BYTES[kind])} for {kind}")
    if files.is_remote(target):
        raise UserError(f"{target}: expected a place on this computer; convert here, then copy the result there")
    if not target or os.path.lexists(target):
        raise UserError(f"{target}: exists already, and nothing is overwritten; remove it, or give another name")
    files.check_place(target, {})


def check_space(target: str, n_bytes: float) -> None:
    """Raises an OSError if the disk cannot hold that many bytes more."""
    above = os.path.dirname(os.path.abspath(target))
    free = shutil.disk_usage(above).free
    if free < n_bytes:
        raise OSError(f"{above}: {free / 1e9:.1f} GB free, expected {n_bytes / 1e9:.1f} GB for {target}; free some")


@contextlib.contextmanager
def written_beside(target: str) -> Iterator[str]:
    """Gives another name to write under, which becomes the target's at the end; an error or Ctrl-C leaves nothing."""
    new = files.beside(target)
    try:
        yield new
        os.rename(new, target)  # which a folder that came in the meantime refuses
        files.sync(os.path.dirname(os.path.abspath(target)))
    finally:
        if os.path.isdir(new):
            shutil.rmtree(new, ignore_errors=True)
        elif os.path.exists(new):
            os.remove(new)
