"""Files of ids in NumPy's .npz; ours so laid out that each array can be memory-mapped: not compressed, and aligned."""

import struct
import zipfile
import zlib
from collections.abc import Iterable

import numpy as np

from system.errors import UserError

IDS = np.dtype("<u2")  # A vocabulary has at most 65536 tokens.
ALIGNMENT = 64  # Bytes; NumPy's own header is padded to as many, so the ids begin at a multiple of it too.
PADDING = 0xD935  # The field in which zip files keep bytes for alignment, as Android's zipalign does.
LOCAL_HEADER = 30  # Bytes before a member, besides its name and these fields.
ZIP64_FIELD = 20  # Bytes that zipfile adds for 64-bit sizes.
ZIP64_FROM = (1 << 31) - 1  # Bytes from which a member of a zip file needs 64-bit sizes.
BLOCK = 1 << 20  # Bytes, more than a header has.
EXTRA_LENGTHS = struct.Struct("<26xHH")  # A local header ends in the lengths of its name and of its extra field.
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


def read_arrays(path: str) -> dict[str, np.ndarray]:
    """The members of an .npz in their order, memory-mapped unless they are compressed.

    Raises:
      ValueError: no .npz, or a member that is not a 1-D array of integers; Python objects are never unpickled.
    """
    if not zipfile.is_zipfile(path):
        raise UserError(f"{path}: not an .npz file, expected a dataset; {REMEDY}")
    with zipfile.ZipFile(path) as archive, open(path, "rb") as file:
        arrays = {}
        for member in archive.infolist():
            name = member.filename.removesuffix(".npy")
            try:
                arrays[name] = _read_member(archive, member, file)
            except (ValueError, EOFError, zlib.error, zipfile.BadZipFile) as error:
                raise UserError(f"{path}: {name}: {error}; {REMEDY}") from None
    if sum(map(len, arrays.values())) < 2:
        raise UserError(f"{path}: no tokens in it, expected at least two; {REMEDY}")
    return arrays


def _read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, file) -> np.ndarray:
    with archive.open(member) as stream:
        version = np.lib.format.read_magic(stream)
        read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read_header(stream)
        if dtype.hasobject:
            raise UserError("holds Python objects, which are never unpickled; expected integers")
        if len(shape) != 1 or dtype.kind not in "iu":
            raise UserError(f"is {dtype} {list(shape)}, expected integers in one dimension")
        header = stream.tell()
        if member.compress_type != zipfile.ZIP_STORED:
            return np.frombuffer(stream.read(), dtype)
    file.seek(member.header_offset)
    offset = member.header_offset + LOCAL_HEADER + sum(EXTRA_LENGTHS.unpack(file.read(LOCAL_HEADER))) + header
    return np.asarray(np.memmap(file, dtype, "r", offset, shape)) if shape[0] else np.zeros(0, dtype)
