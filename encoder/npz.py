"""Files of ids in NumPy's .npz, laid out so that each array can be memory-mapped: not compressed, and aligned."""

import struct
import zipfile
from collections.abc import Sequence
from typing import IO

import numpy as np

IDS = np.dtype("<u2")  # A vocabulary has at most 65536 tokens.
ALIGNMENT = 64  # Bytes; NumPy's own header is padded to as many, so the ids begin at a multiple of it too.
PADDING = 0xD935  # The field in which zip files keep bytes for alignment, as Android's zipalign does.
LOCAL_HEADER = 30  # Bytes before a member, besides its name and these fields.
ZIP64_FIELD = 20  # Bytes that zipfile adds for 64-bit sizes.
ZIP64_FROM = (1 << 31) - 1  # Bytes from which a member of a zip file needs 64-bit sizes.
BLOCK = 1 << 20  # Bytes copied at once, and more than a header has.


def write_npz(path: str, ids: IO[bytes], lengths: Sequence[int]) -> None:
    """Writes arrays of these lengths, `arr_0` and on, out of a file that holds their ids one array after the other."""
    with open(path, "wb") as file, zipfile.ZipFile(file, "w") as archive:
        for number, length in enumerate(lengths):
            large = length * IDS.itemsize + BLOCK > ZIP64_FROM
            member = zipfile.ZipInfo(f"arr_{number}.npy")  # stored, and dated 1980
            member.create_system = 3  # Unix; else it would tell on which system it was made
            start = file.tell() + LOCAL_HEADER + len(member.filename) + large * ZIP64_FIELD + struct.calcsize("<HHH")
            padding = -start % ALIGNMENT
            member.extra = struct.pack("<HHH", PADDING, 2 + padding, ALIGNMENT) + bytes(padding)
            with archive.open(member, "w", force_zip64=large) as array_file:
                header = {"descr": IDS.str, "fortran_order": False, "shape": (length,)}
                np.lib.format.write_array_header_1_0(array_file, header)
                _copy(ids, array_file, length * IDS.itemsize)


def _copy(source: IO[bytes], target: IO[bytes], n_bytes: int) -> None:
    while n_bytes:
        block = source.read(min(BLOCK, n_bytes))
        assert block, f"{n_bytes} bytes of ids are missing from the temporary file"
        target.write(block)
        n_bytes -= len(block)
