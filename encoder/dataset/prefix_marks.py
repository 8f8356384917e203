"""Marks on ids, such as which are prefix, as a text that JSON can hold."""

import base64
import zlib
from collections.abc import Iterable

import numpy as np


def pack(blocks: Iterable[np.ndarray]) -> str:
    """Marks, bool [n] in blocks, as text: a bit each, the first one the highest of its byte, zlib, base64."""
    packer = zlib.compressobj()
    packed, rest = [], np.zeros(0, bool)
    for block in blocks:
        rest = np.concatenate([rest, block])
        whole = len(rest) // 8 * 8
        packed.append(packer.compress(np.packbits(rest[:whole]).tobytes()))
        rest = rest[whole:]
    packed += [packer.compress(np.packbits(rest).tobytes()), packer.flush()]
    return base64.b64encode(b"".join(packed)).decode()


def unpack(text: str, n: int) -> np.ndarray:
    """The n marks that `pack` made into a text: bool [n].

    Raises:
      ValueError: they are damaged, or more or fewer than n.
    """
    size = -(-n // 8)
    unpacker = zlib.decompressobj()
    packed = np.frombuffer(unpacker.decompress(base64.b64decode(text, validate=True), size + 1), np.uint8)
    if len(packed) != size or not unpacker.eof:
        raise ValueError(f"not the marks of {n} ids")
    return np.unpackbits(packed, count=n).astype(bool)
