"""Reads and writes TensorFlow's bundles, in which checkpoints keep tensors, without TensorFlow.

`PREFIX.index` is a sorted table of LevelDB (leveldb/doc/table_format.md): blocks of keys with their common beginnings
left out, each with a checksum, and a block that says where they are. Its values are protocol buffers
(tensorflow/core/protobuf/tensor_bundle.proto), which say where in `PREFIX.data-00000-of-00001` a tensor lies.
"""

import collections
import functools
import os
import struct
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import google_crc32c
import ml_dtypes
import numpy as np

from gpt2.hparams import HParams, weight_shapes
from system import files
from system.errors import UserError

MAGIC = bytes.fromhex("57fb808b247547db")  # at the end of a table
TRAILER, FOOTER = 5, 48  # Bytes after a block, and at the end.
FLOATS = {1: np.float32, 2: np.float64, 14: ml_dtypes.bfloat16, 19: np.float16}
DTYPES = FLOATS | {3: np.int32, 9: np.int64, 4: np.uint8, 6: np.int8, 10: np.bool_}  # by their numbers in TensorFlow
MOST_DIMS = 8
HEADER = bytes.fromhex("08011a020801")  # of an index: one shard, version 1
KEYS_BEFORE_RESTART = 16  # After that many a key is written whole (leveldb/include/leveldb/options.h).
CHUNK = 1 << 20  # Bytes whose checksum is computed at once.
# Fields of the protocol buffers.
N_SHARDS = 1
DTYPE, SHAPE, SHARD, OFFSET, SIZE, CRC, SLICES = range(1, 8)
DIM, DIM_SIZE = 2, 1


class Entry(NamedTuple):
    """Where a tensor lies, of which dtype by its number in TensorFlow, and the checksum of its bytes."""

    dtype: int
    shape: tuple[int, ...]
    shard: int
    offset: int
    size: int
    crc: int


class Bundle(NamedTuple):
    """What the index of a bundle says."""

    prefix: str
    n_shards: int
    entries: dict[str, Entry]

    def read(self, name: str) -> np.ndarray:
        """One tensor, its checksum checked.

        Raises:
          FileNotFoundError: the data file is not there.
          UserError: its bytes do not match, or end too soon; a dtype that holds no numbers.
        """
        entry = self.entries[name]
        if entry.dtype not in DTYPES:
            raise UserError(f"{self.prefix}: tensor {name} is of dtype {entry.dtype}, expected numbers")
        with open_data(self, entry.shard) as file:
            file.seek(entry.offset)
            raw = file.read(entry.size)
        found = np.frombuffer(raw, DTYPES[entry.dtype]) if len(raw) == entry.size else None
        if found is None or found.size != int(np.prod(entry.shape)) or masked_crc(raw) != entry.crc:
            raise UserError(
                f"{self.prefix}: tensor {name} is damaged, its bytes do not match their checksum; fetch the file again"
            )
        return found.reshape(entry.shape)


def open_bundle(prefix: str) -> Bundle:
    """The bundle of a prefix.

    Raises:
      FileNotFoundError: there is no index.
      UserError: a damaged index.
    """
    with files.open_file(f"{prefix}.index") as file:
        content = file.read()
    try:
        n_shards, entries = _parse(content)
    except (ValueError, IndexError, KeyError, OverflowError, struct.error) as error:
        raise UserError(f"{prefix}.index: damaged, or not the index of a TensorFlow bundle; fetch it again") from error
    return Bundle(prefix, n_shards, entries)


def open_data(bundle: Bundle, shard: int):
    """The file of a shard, open; raises a FileNotFoundError that names it."""
    path = shard_path(bundle, shard)
    if not files.exists(path):
        raise FileNotFoundError(f"{path}: no such file, though {bundle.prefix}.index is there")
    return files.open_file(path)


def shard_path(bundle: Bundle, shard: int) -> str:
    """The path of a shard's data."""
    return f"{bundle.prefix}.data-{shard:05d}-of-{bundle.n_shards:05d}"


def read_tensor(prefix: str, name: str) -> np.ndarray:
    """One tensor of a bundle; raises as `open_bundle` and `Bundle.read`."""
    return open_bundle(prefix).read(name)


def read_weight(prefix: str, name: str) -> np.ndarray:
    """One weight as float32, whichever float it is stored in; raises as `read_tensor`."""
    return read_tensor(prefix, name).astype(np.float32, copy=False)


def read_shapes(prefix: str) -> dict[str, tuple[int, ...]]:
    """The names of the tensors of a bundle, and their shapes; raises as `open_bundle`."""
    return {name: entry.shape for name, entry in open_bundle(prefix).entries.items()}


def check_index(prefix: str, hparams: HParams) -> None:
    """Checks that a bundle holds the weights of a model of these sizes, by its index and the size of its data.

    Raises:
      FileNotFoundError: the data file is not there.
      UserError: a damaged index, a data file too short, a tensor that is missing, of another shape, of no float or
        left over.
    """
    bundle = open_bundle(prefix)
    expected = weight_shapes(hparams)
    for name, shape in expected.items():
        if name not in bundle.entries:
            raise UserError(f"{prefix}: no tensor {name}, expected one of shape {list(shape)} by its hparams.json")
        found = bundle.entries[name]
        if found.shape != shape:
            raise UserError(
                f"{prefix}: tensor {name} has shape {list(found.shape)}, expected {list(shape)} by its hparams.json"
            )
        if found.dtype not in FLOATS:
            dtype = np.dtype(DTYPES[found.dtype]).name if found.dtype in DTYPES else f"dtype {found.dtype}"
            raise UserError(f"{prefix}: tensor {name} is of {dtype}, expected float32 or another float")
    for name in bundle.entries:
        if name not in expected and not _is_left_by_training(name, expected):
            raise UserError(
                f"{prefix}: tensor {name} has no place in a model of its hparams.json; are they of one model?"
            )
    _check_sizes(bundle)


def check_weights(prefix: str, hparams: HParams) -> None:
    """Checks a bundle to the last byte: what `check_index` does, and the checksum of every tensor, one at a time.

    Raises:
      UserError: see `check_index`; also a tensor whose bytes do not match its checksum.
    """
    check_index(prefix, hparams)
    bundle = open_bundle(prefix)
    for name in bundle.entries:
        bundle.read(name)


def write_bundle(prefix: str, names: Iterable[str], read: Callable[[str], np.ndarray]) -> None:
    """Writes tensors under their names as TensorFlow does, one after the other, flushed to the disk.

    Args:
      read: gives a tensor of one of DTYPES by its name, when its turn comes.
    """
    numbers = {np.dtype(dtype): number for number, dtype in DTYPES.items()}
    pairs, offset = [(b"", HEADER)], 0
    with open(f"{prefix}.data-00000-of-00001", "wb") as file:
        for name in sorted(names):
            tensor = np.asarray(read(name), order="C")
            raw = tensor.reshape(-1).view(np.uint8).data
            file.write(raw)
            entry = Entry(numbers[tensor.dtype], tensor.shape, 0, offset, raw.nbytes, masked_crc(raw))
            pairs.append((name.encode(), _entry_bytes(entry)))
            offset += raw.nbytes
        file.flush()
        os.fsync(file.fileno())
    files.write_file(f"{prefix}.index", _table(pairs))


def masked_crc(raw: bytes | memoryview) -> int:
    """The checksum of some bytes as LevelDB and TensorFlow store it (leveldb/util/crc32c.h)."""
    crc = 0
    for start in range(0, len(raw), CHUNK):
        crc = google_crc32c.extend(crc, bytes(raw[start : start + CHUNK]))
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def _check_sizes(bundle: Bundle) -> None:
    ends: dict[int, int] = {}
    for entry in bundle.entries.values():
        ends[entry.shard] = max(ends.get(entry.shard, 0), entry.offset + entry.size)
    for shard, expected in sorted(ends.items()):
        with open_data(bundle, shard) as file:
            found = file.seek(0, os.SEEK_END) or file.tell()
        if found < expected:
            path = shard_path(bundle, shard)
            raise UserError(f"{path}: {found:,} bytes, expected {expected:,}; the file was cut short, fetch it again")


def _is_left_by_training(name: str, weights: dict[str, tuple[int, ...]]) -> bool:
    """Whether a tensor is an optimizer's: a slot of a weight (model/wte/Adam), or a counter outside the model."""
    return name.rpartition("/")[0] in weights or not name.startswith("model/")


@functools.lru_cache(4)
def _parse(content: bytes) -> tuple[int, dict[str, Entry]]:
    """The number of shards and the tensors of an index; raises some error for a damaged one."""
    if content[-len(MAGIC) :] != MAGIC or len(content) < FOOTER:
        raise ValueError("not a table")
    footer = memoryview(content)[-FOOTER:]
    _, place = _handle(footer, 0)
    (index, _) = _handle(footer, place)
    n_shards, entries = 0, {}
    for _, block in _block(content, *index):
        for key, value in _block(content, *_handle(block, 0)[0]):
            if key:
                entries[key.decode()] = _entry(value)
            else:
                n_shards = _message(value)[0][N_SHARDS]
    if not 0 < n_shards < 100_000:
        raise ValueError("no number of shards")
    return n_shards, entries


def _entry(value: memoryview) -> Entry:
    """A tensor of an index."""
    numbers, parts = _message(value)
    if SLICES in parts:
        raise ValueError("a tensor in slices")
    dims = [_message(dim)[0].get(DIM_SIZE, 0) for shape in parts.get(SHAPE, []) for dim in _message(shape)[1][DIM]]
    if len(dims) > MOST_DIMS:
        raise ValueError("too many dimensions")
    return Entry(numbers[DTYPE], tuple(dims), *(numbers.get(field, 0) for field in (SHARD, OFFSET, SIZE, CRC)))


def _block(content: bytes, offset: int, size: int) -> Iterator[tuple[bytes, memoryview]]:
    """The keys and values of a block, its checksum checked."""
    block = memoryview(content)[offset : offset + size]
    kind, crc = struct.unpack_from("<BI", content, offset + size)
    if kind or masked_crc(content[offset : offset + size + 1]) != crc:
        raise ValueError("a damaged block")
    (n_restarts,) = struct.unpack_from("<I", block, size - 4)
    end = size - 4 * n_restarts - 4
    place, key = 0, b""
    while place < end:
        shared, place = _varint(block, place)
        own, place = _varint(block, place)
        length, place = _varint(block, place)
        key = key[:shared] + bytes(block[place : place + own])
        place += own
        yield key, block[place : place + length]
        place += length


def _handle(raw: memoryview, place: int) -> tuple[tuple[int, int], int]:
    """The offset and the size of a block that a value tells, and the place after them."""
    offset, place = _varint(raw, place)
    size, place = _varint(raw, place)
    return (offset, size), place


def _message(raw: memoryview) -> tuple[dict[int, int], dict[int, list[memoryview]]]:
    """The fields of a protocol buffer by their numbers: those that are numbers, and those that are bytes."""
    numbers: dict[int, int] = {}
    parts: dict[int, list[memoryview]] = collections.defaultdict(list)
    place = 0
    while place < len(raw):
        tag, place = _varint(raw, place)
        field, kind = tag >> 3, tag & 7
        if kind == 0:
            numbers[field], place = _varint(raw, place)
        elif kind == 2:
            length, place = _varint(raw, place)
            parts[field].append(raw[place : place + length])
            place += length
        elif kind == 5:
            (numbers[field],) = struct.unpack_from("<I", raw, place)
            place += 4
        else:
            raise ValueError("an unknown kind of field")
    return numbers, parts


def _varint(raw: memoryview, place: int) -> tuple[int, int]:
    """A whole number of seven bits a byte, the lowest first, and the place after it."""
    number = shift = 0
    while True:
        byte = raw[place]
        number |= (byte & 127) << shift
        place, shift = place + 1, shift + 7
        if byte < 128:
            return number, place
        if shift > 63:
            raise ValueError("a number that is too long")


def _table(pairs: list[tuple[bytes, bytes]]) -> bytes:
    """A table of keys, ascending, and values: a block of them, one of nothing, and one of where the first ends."""
    first, nothing = _block_bytes(pairs), _block_bytes([])
    last = pairs[-1][0]
    after = bytes([last[0] + 1]) if last else b""  # the shortest key not below the last, of one without 255 in front
    where = _varints(0, len(first) - TRAILER)
    places = _block_bytes([(after, where)])
    handles = _varints(len(first), len(nothing) - TRAILER, len(first) + len(nothing), len(places) - TRAILER)
    return first + nothing + places + handles.ljust(FOOTER - len(MAGIC), b"\0") + MAGIC


def _block_bytes(pairs: list[tuple[bytes, bytes]]) -> bytes:
    """A block with its trailer: that it is not compressed, and its checksum."""
    block, restarts, before = bytearray(), [0], b""
    for number, (key, value) in enumerate(pairs):
        if number and number % KEYS_BEFORE_RESTART == 0:
            restarts.append(len(block))
            before = b""
        shared = next((i for i, pair in enumerate(zip(before, key, strict=False)) if len(set(pair)) > 1), len(before))
        block += _varints(shared, len(key) - shared, len(value)) + key[shared:] + value
        before = key
    block += struct.pack(f"<{len(restarts) + 1}IB", *restarts, len(restarts), 0)
    return bytes(block) + struct.pack("<I", masked_crc(bytes(block)))


def _entry_bytes(entry: Entry) -> bytes:
    """An entry as a protocol buffer, which leaves out numbers that are 0."""
    dims = [_varints(DIM_SIZE << 3, size) if size else b"" for size in entry.shape]
    shape = b"".join(_varints(DIM << 3 | 2, len(dim)) + dim for dim in dims)
    message = _varints(DTYPE << 3, entry.dtype, SHAPE << 3 | 2, len(shape)) + shape
    for field, number in ((SHARD, entry.shard), (OFFSET, entry.offset), (SIZE, entry.size)):
        message += _varints(field << 3, number) if number else b""
    return message + _varints(CRC << 3 | 5) + struct.pack("<I", entry.crc)


def _varints(*numbers: int) -> bytes:
    """Whole numbers of seven bits a byte, the lowest first."""
    written = bytearray()
    for number in numbers:
        while number > 127:
            written.append(number & 127 | 128)
            number >>= 7
        written.append(number)
    return bytes(written)
