"""Files of the `safetensors` format, read and written one tensor at a time.

Such a file has the length of its header (8 bytes, little endian), the header in JSON, then the bytes of each tensor,
without gaps. The package `safetensors` is not used: its writer needs all tensors in memory at once, its reader gives
NumPy no bfloat16, and without it a conversion needs nothing more to be installed.
"""

import json
import math
import struct
from collections.abc import Callable, Mapping
from typing import NamedTuple

import ml_dtypes
import numpy as np

from system import files
from system.errors import UserError

MAX_HEADER = 100_000_000  # bytes; the bound of the package safetensors
FLOATS = {"F64": np.float64, "F32": np.float32, "F16": np.float16, "BF16": ml_dtypes.bfloat16}
BYTES = {"BOOL": 1, "U8": 1, "I8": 1, "U16": 2, "I16": 2, "U32": 4, "I32": 4, "U64": 8, "I64": 8}
BYTES |= {name: np.dtype(kind).itemsize for name, kind in FLOATS.items()}
STORED = {"float32": ("F32", "<f4"), "float16": ("F16", "<f2")}  # what is written: its names there and in NumPy
REMEDY = "download the file again"


class TensorPlace(NamedTuple):
    """Where a tensor is: the file, what its numbers are (F32, ...), its shape, its first byte and how many."""

    path: str
    kind: str
    shape: tuple[int, ...]
    start: int
    n_bytes: int


def read_header(path: str) -> dict[str, TensorPlace]:
    """The place of each tensor of a file, by its name.

    Raises:
      FileNotFoundError: naming the path.
      UserError: the header is not one, or does not fit the length of the file.
    """
    with files.open_file(path) as file:
        file.seek(0, 2)
        size = file.tell()
        file.seek(0)
        first = file.read(8)
        length = struct.unpack("<Q", first)[0] if len(first) == 8 else 0
        if not 2 <= length <= min(MAX_HEADER, size - 8):
            raise UserError(
                f"{path}: a header of {length:,} bytes in a file of {size:,}, expected one that the file holds and "
                f"at most {MAX_HEADER:,}; {REMEDY}"
            )
        header = files.decode(file.read(length), path, REMEDY)
    try:
        entries = files.parse_json(header, "the tensors of a safetensors file")
    except UserError as error:
        raise UserError(f"{path}: {error}; {REMEDY}") from None
    entries.pop("__metadata__", None)
    places = {name: _place(path, name, entry, 8 + length) for name, entry in entries.items()}
    _check_gapless(path, places, 8 + length, size)
    return places


def _place(path: str, name: str, entry: object, first: int) -> TensorPlace:
    match entry:
        case {"dtype": str(kind), "shape": [*shape], "data_offsets": [int(start), int(end)]}:
            if kind not in BYTES:
                raise UserError(f"{path}: tensor {name} is of {kind[:20]}, expected {', '.join(FLOATS)}")
            if all(type(n) is int and n >= 0 for n in shape) and end - start == math.prod(shape) * BYTES[kind]:
                return TensorPlace(path, kind, tuple(shape), first + start, end - start)
    raise UserError(f"{path}: tensor {name[:80]} has no dtype, shape and data_offsets that agree; {REMEDY}")


def _check_gapless(path: str, places: Mapping[str, TensorPlace], first: int, size: int) -> None:
    """The tensors fill the file from the header to its end: a cut file has fewer bytes than its header says."""
    for place in sorted(places.values(), key=lambda place: (place.start, place.n_bytes)):
        if place.start != first:
            raise UserError(f"{path}: a tensor begins at byte {place.start:,}, expected {first:,}; {REMEDY}")
        first += place.n_bytes
    if first != size:
        raise UserError(f"{path}: {size:,} bytes, expected {first:,} by its header; {REMEDY}")


def read_tensor(place: TensorPlace, name: str) -> np.ndarray:
    """A tensor as float32, of whichever float it is stored in.

    Raises:
      UserError: it holds something else than floats.
    """
    if place.kind not in FLOATS:
        raise UserError(f"{place.path}: tensor {name} is of {place.kind}, expected {', '.join(FLOATS)}")
    with files.open_file(place.path) as file:
        file.seek(place.start)
        raw = file.read(place.n_bytes)
    stored = np.frombuffer(raw, np.dtype(FLOATS[place.kind]).newbyteorder("<")).reshape(place.shape)
    return stored.astype(np.float32, copy=False)


def rows_of(place: TensorPlace, first: int, end: int) -> TensorPlace:
    """The place of some rows of a matrix."""
    first, end = min(first, place.shape[0]), min(end, place.shape[0])
    row = place.n_bytes // place.shape[0]
    shape = (end - first, *place.shape[1:])
    return place._replace(shape=shape, start=place.start + first * row, n_bytes=(end - first) * row)


def write_file(
    path: str, shapes: Mapping[str, tuple[int, ...]], read: Callable[[str], np.ndarray], dtype: str = "float32"
) -> None:
    """Writes tensors in the order of their names here, each read when its turn comes.

    Args:
      shapes: of each tensor, by its name.
      read: gives a tensor by its name, float32, of that shape.
      dtype: float32 or float16, in which they are stored.
    Raises:
      UserError: a number is too large for float16.
    """
    kind, stored = STORED[dtype]
    entries: dict[str, object] = {"__metadata__": {"format": "pt"}}  # transformers refuses a file without it
    end = 0
    for name, shape in shapes.items():
        start, end = end, end + math.prod(shape) * BYTES[kind]
        entries[name] = {"dtype": kind, "shape": list(shape), "data_offsets": [start, end]}
    header = json.dumps(entries, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)  # Readers that map the file want numbers to begin at a multiple of 8.
    with files.open_file(path, "wb") as file:
        file.write(struct.pack("<Q", len(header)) + header)
        for name, shape in shapes.items():
            tensor = in_dtype(read(name), dtype, name).astype(stored, copy=False).reshape(shape)
            file.write(np.ascontiguousarray(tensor).data)
    files.sync(path)


def in_dtype(tensor: np.ndarray, dtype: str, name: str) -> np.ndarray:
    """A tensor as float32 or float16.

    Raises:
      UserError: a number is too large for float16.
    """
    with np.errstate(over="ignore"):
        converted = tensor.astype(dtype, copy=False)
    if dtype == "float16" and not np.array_equal(np.isfinite(converted), np.isfinite(tensor)):
        raise UserError(f"{name}: a number is beyond {np.finfo(np.float16).max}, the end of float16; use float32")
    return converted
