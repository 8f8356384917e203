"""The .tflite file of a checkpoint: made once, found again by a hash, never stale.

The file is beside the checkpoint as PREFIX.HASH.DTYPE.tflite, so that a run which removes an old save removes it too;
or in the user's cache folder if the model's folder is remote or cannot be written. The file ends with the CRCs of its
weights, and a hash of these and of its head, so that one which was cut short or damaged counts as missing. A head that
this program would not write counts as missing too, whatever its hash: LiteRT crashes on some.
"""

import contextlib
import glob
import hashlib
import logging
import os
import time
import zlib
from collections.abc import Callable, Iterable
from typing import BinaryIO

import numpy as np

from gpt2 import bundle
from gpt2.hparams import HParams
from gpt2.lite.products import ProductsGraph, products_graph
from gpt2.lite.tflite_graph import UNKNOWN, Slot
from system import files

logger = logging.getLogger("gpt2")

BLOCK = 1 << 20  # Bytes of weights with a CRC of their own.
SAMPLED = 8  # Of these are checked each time a file is opened: 3 ms, where all of 124M take a quarter of a second.
DIGEST = 32  # Bytes of a SHA-256.
ABANDONED = 3600  # Seconds after which a file that is not finished is one that never will be.


def find_file(prefix: str, hparams: HParams, dtype: str, verify: bool = False) -> str | None:
    """The path of the file of these weights; None if it has not been made, or is damaged.

    verify: whether to read all of it, even if it was found to be whole before.
    """
    graph = products_graph(hparams, dtype)
    name = _name(prefix, graph)
    paths = (os.path.join(folder, name) for folder in _folders(prefix))
    for path in filter(os.path.exists, paths):
        if _is_whole(path, graph, verify):
            return path
        logger.info(f"{path}: damaged, so it is made again")
    return None


def make_file(prefix: str, hparams: HParams, dtype: str) -> str:
    """Makes the file of these weights, a tensor at a time, and gives its path.

    Raises:
      ValueError: the checkpoint is damaged, or not that of a model of these sizes.
      OSError: neither the model's folder nor the cache folder can be written.
    """
    bundle.check_index(prefix, hparams)
    graph = products_graph(hparams, dtype)
    name = _name(prefix, graph)
    for folder in _folders(prefix):
        path = os.path.join(folder, name)
        new = files.beside(path)
        try:
            os.makedirs(folder, exist_ok=True)
            _write(new, graph, lambda name: bundle.read_weight(prefix, name))
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
        digest = hashlib.sha256(file.read() + graph.blank_head).hexdigest()
    return f"{os.path.basename(prefix)}.{digest[:16]}.{graph.dtype}.tflite"


def _is_whole(path: str, graph: ProductsGraph, verify: bool = False) -> bool:
    """Whether a file is there, has the head that this graph writes, and sound weights.

    All of them are read if the file is not the one that was found to be whole before, or if `verify`; else a few.
    """
    starts = _starts(graph)
    if not os.path.exists(path) or os.path.getsize(path) != graph.n_bytes + 4 * len(starts) + DIGEST:
        return False
    with open(path, "rb") as file:
        head = file.read(graph.slots[0].offset)
        file.seek(graph.n_bytes)
        crcs, digest = np.frombuffer(file.read(4 * len(starts)), "<u4"), file.read()
        if digest != hashlib.sha256(head + crcs.tobytes()).digest() or not _is_ours(head, graph):
            return False
        sampled = np.linspace(0, len(starts) - 1, SAMPLED).astype(int)
        if _crcs(file, [starts[i] for i in sampled], graph) != crcs[sampled].tolist():
            return False

        def check_all() -> str:
            return "whole" if _crcs(file, starts, graph) == crcs.tolist() else "damaged"

        return (check_all() if verify else files.remembered(path, "CRCs", check_all)) == "whole"


def _is_ours(head: bytes, graph: ProductsGraph) -> bool:
    """Whether a head is what the graph writes: each byte, but for the scales, of which each is a number above 0."""
    if len(head) != graph.slots[0].offset:
        return False
    found, ours = np.frombuffer(head, "<u4"), np.frombuffer(_padded(graph.blank_head, graph), "<u4")
    is_scale = ours == UNKNOWN
    scales = found[is_scale].view("<f4")
    return bool((found == ours)[~is_scale].all() and (np.isfinite(scales) & (scales > 0)).all())


def _padded(head: bytes, graph: ProductsGraph) -> bytes:
    """The head, and zeros up to the first weight."""
    return head.ljust(graph.slots[0].offset, b"\0")


def _starts(graph: ProductsGraph) -> range:
    """Where the blocks of the weights begin."""
    return range(graph.slots[0].offset, graph.n_bytes, BLOCK)


def _crcs(file: BinaryIO, starts: Iterable[int], graph: ProductsGraph) -> list[int]:
    """The CRCs of the blocks of weights that begin there."""
    crcs = []
    for start in starts:
        file.seek(start)
        crcs.append(zlib.crc32(file.read(min(BLOCK, graph.n_bytes - start))))
    return crcs


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

    At its end stands what `_is_whole` compares; LiteRT looks nowhere but where the head points to.
    """
    scales: dict[str, np.ndarray] = {}
    with open(path, "w+b") as file:
        for slot in graph.slots:
            if slot.name == "wte/scales":
                weight = scales["wte"]
            elif slot.dtype == "int8":
                weight, scales[slot.name] = quantize(_read(slot, read))
            else:
                weight = _read(slot, read)
            file.seek(slot.offset)
            file.write(np.ascontiguousarray(weight).data)
        head = _padded(graph.head(scales), graph)
        file.seek(0)
        file.write(head)
        crcs = np.array(_crcs(file, _starts(graph), graph), "<u4").tobytes()
        file.seek(graph.n_bytes)
        file.write(crcs + hashlib.sha256(head + crcs).digest())
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
