"""The .tflite file of a checkpoint: made once, found again by a hash, never stale.

The file is beside the checkpoint as PREFIX.HASH.DTYPE.tflite, so that a run which removes an old save removes it too;
or in the user's cache folder if the model's folder is remote or cannot be written. The file ends with a hash of its
head, so that one which was cut short or damaged there counts as missing.
"""

import contextlib
import glob
import hashlib
import os
import time
from collections.abc import Callable

import numpy as np

from gpt2.hparams import HParams
from gpt2.lite.products import ProductsGraph
from gpt2.lite.tflite_graph import Slot
from system import files

ABANDONED = 3600  # Seconds after which a file that is not finished is one that never will be.


def find_file(prefix: str, hparams: HParams, dtype: str) -> str | None:
    """The path of the file of these weights; None if it has not been made."""
    graph = ProductsGraph(hparams, dtype)
    name = _name(prefix, graph)
    paths = (os.path.join(folder, name) for folder in _folders(prefix))
    return next((path for path in paths if _is_whole(path, graph)), None)


def make_file(prefix: str, hparams: HParams, dtype: str) -> str:
    """Makes the file of these weights, a tensor at a time, and gives its path.

    Raises:
      ValueError: the checkpoint is damaged, or not that of a model of these sizes.
      OSError: neither the model's folder nor the cache folder can be written.
    """
    from gpt2 import checkpoint

    checkpoint.check_index(prefix, hparams)
    graph = ProductsGraph(hparams, dtype)
    name = _name(prefix, graph)
    for folder in _folders(prefix):
        path = os.path.join(folder, name)
        new = files.beside(path)
        try:
            os.makedirs(folder, exist_ok=True)
            _write(new, graph, lambda name: checkpoint.read_weight(prefix, name))
            if not _is_whole(path, graph):  # else another worker was faster, and reads it already
                os.replace(new, path)
        except OSError as error:
            failure = error
            continue
        finally:
            with contextlib.suppress(OSError):
                os.remove(new)
        _remove_stale(path)
        return path
    raise OSError(f"{path}: cannot be written ({failure}); free room there, or sample with --engine xla") from failure


def _name(prefix: str, graph: ProductsGraph) -> str:
    """The index holds a checksum of every tensor, so its hash is that of the weights; the head is that of our graph."""
    with files.open_file(f"{prefix}.index") as file:
        digest = hashlib.sha256(file.read() + graph.head()).hexdigest()
    return f"{os.path.basename(prefix)}.{digest[:16]}.{graph.dtype}.tflite"


def _is_whole(path: str, graph: ProductsGraph) -> bool:
    """Whether a file is there, as long as it should be, and has the head that was written."""
    if not os.path.exists(path):
        return False
    with open(path, "rb") as file:
        head = file.read(graph.slots[0].offset)
        file.seek(graph.n_bytes)
        return file.read() == hashlib.sha256(head).digest()


def _folders(prefix: str) -> list[str]:
    beside = os.path.dirname(prefix) or "."
    place = beside if files.is_remote(prefix) else os.path.abspath(beside)  # All models have a prefix model.ckpt.
    cache = os.path.join(files.cache_folder(), "tflite", hashlib.sha256(place.encode()).hexdigest()[:16])
    return [cache] if files.is_remote(prefix) else [beside, cache]


def _remove_stale(path: str) -> None:
    """Removes the files of weights that had the same name earlier."""
    stem, _, dtype, _ = path.rsplit(".", 3)
    for old in glob.glob(f"{glob.escape(stem)}.*.{dtype}.tflite*"):
        with contextlib.suppress(OSError):
            abandoned = old.endswith(".new") and time.time() - os.path.getmtime(old) > ABANDONED
            if abandoned or (old.endswith(".tflite") and old != path):
                os.remove(old)


def _write(path: str, graph: ProductsGraph, read: Callable[[str], np.ndarray]) -> None:
    """Writes the weights one after the other, then the head, which holds the scales that were found on the way.

    At its end stands a hash of the head, for `_is_whole`; LiteRT looks nowhere but where the head points to.
    """
    scales: dict[str, np.ndarray] = {}
    with open(path, "wb") as file:
        for slot in graph.slots:
            if slot.name == "wte/scales":
                weight = scales["wte"]
            elif slot.dtype == "int8":
                weight, scales[slot.name] = quantize(_read(slot, read))
            else:
                weight = _read(slot, read)
            file.seek(slot.offset)
            file.write(np.ascontiguousarray(weight).data)
        head = graph.head(scales).ljust(graph.slots[0].offset, b"\0")
        file.seek(0)
        file.write(head)
        file.seek(graph.n_bytes)
        file.write(hashlib.sha256(head).digest())
        file.flush()
        os.fsync(file.fileno())


def _read(slot: Slot, read: Callable[[str], np.ndarray]) -> np.ndarray:
    """A weight as the file has it: a matrix [out, in] float32."""
    weight = read(f"model/{slot.name}")
    if slot.name in ("wte", "wpe"):
        return weight
    return weight[0].T if weight.ndim == 3 else weight


def quantize(weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A matrix as whole numbers from -127 to 127, int8, times a scale for each row, float32."""
    scales = np.maximum(weight.max(axis=1), -weight.min(axis=1)) / np.float32(127)
    scales[scales == 0] = 1
    whole = np.empty(weight.shape, np.int8)
    for start in range(0, len(weight), 1024):  # so that no second matrix of floats is needed
        part = slice(start, start + 1024)
        whole[part] = np.rint(weight[part] / scales[part, None])
    return whole, scales
