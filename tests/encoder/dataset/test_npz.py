"""Files of ids, also damaged ones."""

import base64
import contextlib
import io
import tracemalloc
import zipfile
import zlib

import numpy as np
import pytest

from encoder.dataset import npz, prefix_marks
from system.errors import UserError


@pytest.mark.parametrize("place", [0.2, 0.5, 0.8])
def test_a_damaged_packed_array_is_an_error_that_names_it(tmp_path, place):
    path = tmp_path / "old.npz"
    np.savez_compressed(path, np.random.default_rng(1).integers(0, 300, 5000))
    damaged = bytearray(path.read_bytes())
    at = int(place * len(damaged))
    damaged[at : at + 40] = bytes(byte ^ 0xFF for byte in damaged[at : at + 40])
    path.write_bytes(damaged)
    with pytest.raises(ValueError, match=r"old\.npz: arr_0: "):
        npz.read_arrays(str(path))


def packed(data, compression=zipfile.ZIP_STORED):
    """An .npz of one member, whatever its bytes are."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        archive.writestr("arr_0.npy", data)
    return bytearray(out.getvalue())


def array(n=4, shape=None, descr="<u2"):
    """An .npy of n ids whose header gives any shape."""
    out = io.BytesIO()
    header = {"descr": descr, "fortran_order": False, "shape": (n,) if shape is None else shape}
    np.lib.format.write_array_header_1_0(out, header)
    return out.getvalue() + bytes(2 * n)


def of_header(text):
    """An .npy with this text for its header."""
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + bytes(8)


def edited(at, *values):
    """A sound .npz with other bytes in the entry of its list."""
    data = packed(array())
    start = data.rfind(b"PK\1\2") + at
    data[start : start + len(values)] = bytes(values)
    return data


DAMAGED = {
    "no zip": b"PK\3\4" + bytes(100),
    "empty": b"",
    "cut short": packed(array())[:-10],
    "no entry": edited(0, 0),
    "an unknown packing": edited(10, 99),
    "a password": edited(8, 1),
    "a version of the future": edited(6, 255),
    "an offset outside": edited(42, 255, 255, 255, 0),
    "parentheses": packed(of_header(b"(" * 8999 + b"\n")),
    "brackets": packed(of_header(b"[" * 500 + b"]" * 500 + b"\n")),
    "no Python": packed(of_header(b"{'descr': <u2}\n")),
    "a set": packed(of_header(b"{1, 2}\n")),
    "no type": packed(of_header(b"{'descr': 'zzz', 'fortran_order': False, 'shape': (4,)}\n")),
    "a long type": packed(of_header(b"{'descr': " + b"9" * 5000 + b", 'fortran_order': False, 'shape': (4,)}\n")),
    "more ids than there are": packed(array(shape=(5,))),
    "fewer ids than there are": packed(array(shape=(3,))),
    "fewer packed ids": packed(array(5000, shape=(10,)), zipfile.ZIP_DEFLATED),
    "a huge shape": packed(array(shape=(10**30,))),
    "a negative shape": packed(array(shape=(-4,))),
    "two dimensions": packed(array(shape=(2, 2))),
    "numbers": packed(array(descr="<f2")),
    "no array": packed(b"poems"),
    "LZMA": packed(array(), zipfile.ZIP_LZMA),
    "bzip2": packed(array(), zipfile.ZIP_BZIP2),
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_a_damaged_file_is_one_line_that_names_it(tmp_path, kind):
    path = tmp_path / "bad.npz"
    path.write_bytes(DAMAGED[kind])
    with pytest.raises(UserError, match=r"bad\.npz: .*make it again") as error:
        npz.read_arrays(str(path))
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 600


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_no_bit_of_an_array_changes_in_silence(tmp_path, compression):
    path = tmp_path / "bad.npz"
    ids = np.random.default_rng(1).integers(0, 300, 500).astype("<u2")
    sound = packed(array(0, shape=(500,)) + ids.tobytes(), compression)
    path.write_bytes(sound)
    assert npz.read_arrays(str(path))["arr_0"].tolist() == ids.tolist()
    for at in range(40, len(sound) - 120, 17):
        path.write_bytes(sound[:at] + bytes([sound[at] ^ 1]) + sound[at + 1 :])
        with contextlib.suppress(UserError):
            assert npz.read_arrays(str(path))["arr_0"].tolist() == ids.tolist()


@pytest.fixture
def peak():
    """How many bytes were allocated at most since the test asked first."""

    def read():
        tracemalloc.start()
        return tracemalloc.get_traced_memory()[1]

    yield read
    tracemalloc.stop()


def test_kilobytes_that_say_they_are_gigabytes_are_refused_before_memory_is_taken(tmp_path, peak):
    path = tmp_path / "bomb.npz"
    path.write_bytes(packed(array(20 << 20), zipfile.ZIP_DEFLATED))
    peak()
    with pytest.raises(UserError, match="unpacks to 41943168 bytes, expected at most 16777216"):
        npz.read_arrays(str(path))
    assert peak() < 10 << 20


def test_a_second_array_of_a_name_is_refused(tmp_path):
    path = tmp_path / "twice.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("arr_0.npy", array())
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("arr_0.npy", array())
    with pytest.raises(UserError, match="second time"):
        npz.read_arrays(str(path))


@pytest.mark.parametrize("change", [lambda text: text[:-4], lambda text: text + "AAAA", lambda text: "!" + text[1:]])
def test_damaged_marks_are_refused(change):
    text = prefix_marks.pack([np.arange(1000) % 3 == 0])
    with pytest.raises((ValueError, zlib.error)):
        prefix_marks.unpack(change(text), 1000)


@pytest.mark.parametrize("n", [8, 992, 1001, 10**6])
def test_marks_of_another_number_of_ids_are_refused(n):
    with pytest.raises(ValueError, match=f"not the marks of {n} ids"):
        prefix_marks.unpack(prefix_marks.pack([np.zeros(1000, bool)]), n)


def test_marks_that_unpack_to_gigabytes_are_refused_before_memory_is_taken(peak):
    text = base64.b64encode(zlib.compress(bytes(1 << 26))).decode()
    peak()
    with pytest.raises(ValueError, match="not the marks of 1000 ids"):
        prefix_marks.unpack(text, 1000)
    assert peak() < 1 << 20
