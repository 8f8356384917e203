"""A file of safetensors as the format is described: length, header in JSON, bytes; and the package reads ours."""

import json
import struct

import numpy as np
import pytest
from tensors import read_tensors, write_tensors

from gpt2.formats import safetensors_file

TENSORS = {
    "a": np.arange(6, dtype=np.float32).reshape(2, 3),
    "b": np.array([np.pi], "f4"),
    "none": np.empty([0, 4], "f4"),
}


def write(path, dtype="float32"):
    shapes = {name: tensor.shape for name, tensor in TENSORS.items()}
    safetensors_file.write_file(str(path), shapes, TENSORS.__getitem__, dtype)


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_tensors_are_written_as_the_format_says(tmp_path, dtype):
    write(tmp_path / "x.safetensors", dtype)
    found = read_tensors(tmp_path / "x.safetensors")
    assert list(found) == list(TENSORS)
    for name, tensor in TENSORS.items():
        np.testing.assert_array_equal(found[name], tensor.astype(dtype))


def test_numbers_begin_at_a_multiple_of_8_and_transformers_finds_its_mark(tmp_path):
    write(tmp_path / "x.safetensors")
    content = (tmp_path / "x.safetensors").read_bytes()
    length = struct.unpack("<Q", content[:8])[0]
    assert length % 8 == 0
    assert json.loads(content[8 : 8 + length])["__metadata__"] == {"format": "pt"}


def test_rows_of_a_matrix_are_read_alone(tmp_path):
    matrix = np.arange(20, dtype=np.float16).reshape(5, 4)
    write_tensors(tmp_path / "x.safetensors", {"first": np.ones(3, np.float32), "matrix": matrix})
    place = safetensors_file.read_header(str(tmp_path / "x.safetensors"))["matrix"]
    for first, end in ((0, 2), (3, 9), (5, 7)):
        rows = safetensors_file.read_tensor(safetensors_file.rows_of(place, first, end), "matrix")
        np.testing.assert_array_equal(rows, matrix[first:end])
