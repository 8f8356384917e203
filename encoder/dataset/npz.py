"""Files of ids in NumPy's .npz; ours so laid out that each array can be memory-mapped: not compressed, and aligned."""

import os
import struct
import tokenize
import zipfile
from collections.abc import Iterable
from typing import IO, BinaryIO

import numpy as np

from system import files
from system.errors import UserError

IDS = np.dtype("<u2")  # A vocabulary has at most 65536 tokens.
ALIGNMENT = 64  # Bytes; NumPy's own header is padded to as many, so the ids begin at a multiple of it too.
PADDING = 0xD935  # The field in which zip files keep bytes for alignment, as Android's zipalign does.
LOCAL_HEADER = 30  # Bytes before a member, besides its name and these fields.
ZIP64_FIELD = 20  # Bytes that zipfile adds for 64-bit sizes.
ZIP64_FROM = (1 << 31) - 1  # Bytes from which a member of a zip file needs 64-bit sizes.
BLOCK = 1 << 20  # Bytes, more than a header has.
EXTRA_LENGTHS = struct.Struct("<26xHH")  # A local header ends in the lengths of its name and of its extra field.
DAMAGE = (*files.ZIP_DAMAGE, SyntaxError, TypeError, tokenize.TokenError)  # Also what NumPy raises.
REMEDY = "make it again: python prepare_corpus.py SOURCE... OUT.npz"


def json_path(path: str) -> str:
    """What lies beside a dataset: poetry.json for poetry.npz."""
    return f"{path.removesuffix('.npz')}.json"


def write_npz(path: str, arrays: Iterable[tuple[int, Iterable[np.ndarray]]]) -> None:
    """Writes arrays, `arr_0` and on, of ids that come in blocks, uint16, each with its length given first."""
    with open(path, "wb") as file, zipfile.ZipFile(file, "w") as archive:
        for number, (length, blocks) in enumerate(arrays):
            large = length * IDS.itemsize + BLOCK > ZIP64_FROM
            member = zipfile.ZipInfo(f"arr_{number}.npy")  # stored, and dated 1980
            member.create_system = 3  # Unix on every system, so that the same text gives the same bytes
            start = file.tell() + LOCAL_HEADER + len(member.filename) + large * ZIP64_FIELD + struct.calcsize("<HHH")
            padding = -start % ALIGNMENT
            member.extra = struct.pack("<HHH", PADDING, 2 + padding, ALIGNMENT) + bytes(padding)
            with archive.open(member, "w", force_zip64=large) as array_file:
                header = {"descr": IDS.str, "fortran_order": False, "shape": (length,)}
                np.lib.format.write_array_header_1_0(array_file, header)
                for ids in blocks:
                    array_file.write(ids.astype(IDS).tobytes())
                    length -= len(ids)
            assert length == 0, f"arr_{number} has {-length} ids more than announced"


def read_arrays(path: str, is_known: bool = False) -> dict[str, np.ndarray]:
    """The members of an .npz in their order, memory-mapped unless they are compressed.

    Args:
      is_known: the whole file has been checked by its hash, so that stored arrays need no check by their CRC.
    Raises:
      UserError: no .npz; a member that is not a 1-D array of integers, has another length than its header says, is
        damaged, or would unpack to more than `files.most_unpacked`. Python objects are never unpickled.
    """
    if not zipfile.is_zipfile(path):
        raise UserError(f"{path}: not an .npz file, expected a dataset; {REMEDY}")
    arrays: dict[str, np.ndarray] = {}
    name = "the list of arrays"
    try:
        with zipfile.ZipFile(path) as archive, open(path, "rb") as file:
            members = archive.infolist()
            files.check_members(archive, os.path.getsize(path))
            for member in members:
                name = member.filename.removesuffix(".npy")
                if name in arrays:
                    raise UserError("there for the second time, expected it once")
                arrays[name] = _read_member(archive, member, file, is_known)
    except DAMAGE as error:
        found = str(error).replace("\n", " ")[:200] or type(error).__name__
        raise UserError(f"{path}: {name if name.isprintable() else repr(name)}: {found}; {REMEDY}") from None
    if sum(map(len, arrays.values())) < 2:
        raise UserError(f"{path}: no tokens in it, expected at least two; {REMEDY}")
    return arrays


def _read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, file: BinaryIO, is_known: bool) -> np.ndarray:
    """An array, its size compared with its header and the file before anything of that size is allocated."""
    files.check_member(member)
    with archive.open(member) as stream:
        length, dtype = _read_header(stream)
        header = stream.tell()
        if member.file_size != header + length * dtype.itemsize:
            raise UserError(f"{member.file_size - header} bytes, expected {length} times {dtype.itemsize}")
        if member.compress_type != zipfile.ZIP_STORED:
            array = np.empty(length, dtype)
            _fill(stream, array.view(np.uint8))
            return array
    if not is_known:
        files.remembered(file.name, f"CRC of {member.filename}", lambda: _check_crc(archive, member))
    file.seek(member.header_offset)
    offset = member.header_offset + LOCAL_HEADER + sum(EXTRA_LENGTHS.unpack(file.read(LOCAL_HEADER))) + header
    return np.asarray(np.memmap(file, dtype, "r", offset, length)) if length else np.zeros(0, dtype)


def _read_header(stream: IO[bytes]) -> tuple[int, np.dtype]:
    version = np.lib.format.read_magic(stream)
    read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read_header(stream)
    if dtype.hasobject:
        raise UserError("holds Python objects, which are never unpickled; expected integers")
    if len(shape) != 1 or dtype.kind not in "iu" or shape[0] < 0:
        raise UserError(f"is {dtype} {str(list(shape))[:100]}, expected integers in one dimension")
    return shape[0], dtype


def _fill(stream: IO[bytes], room: np.ndarray) -> None:
    """Fills uint8 [n] with what is unpacked; the CRC is compared when the end has been read."""
    filled = 0
    while block := stream.read(BLOCK):
        room[filled : filled + len(block)] = np.frombuffer(block, np.uint8)
        filled += len(block)
    if filled < len(room):
        raise UserError(f"{filled} bytes, expected {len(room)}")


def _check_crc(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> str:
    """Reads a member to its end, where its CRC is compared."""
    with archive.open(member) as stream:
        while stream.read(BLOCK):
            pass
    return "sound"
