"""Bundles are read as TensorFlow reads them, without it, and a damaged one is refused whatever is damaged."""

import pathlib
import random
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from conftest import REFERENCE, ROOT

from gpt2 import bundle
from system.errors import UserError

rng = np.random.default_rng(0)
TENSORS: dict[str, np.ndarray | np.generic] = {
    "a": rng.normal(size=[3, 4]).astype(np.float32),
    "a/b": rng.normal(size=[2]).astype(np.float16),
    "a/b/c": rng.normal(size=[1, 5, 2]),
    "half": rng.normal(size=[7]).astype(tf.bfloat16.as_numpy_dtype),
    "number": np.int64(7),
    "none": np.zeros([0, 3], np.float32),
    "numbers": np.arange(5, dtype=np.int32),
}


def write(prefix, tensors):
    names = sorted(tensors)
    tf.raw_ops.SaveV2(
        prefix=prefix,
        tensor_names=names,
        shape_and_slices=[""] * len(names),
        tensors=[tf.convert_to_tensor(tensors[name]) for name in names],
    )


def fault_of(read):
    """What is wrong with a file, or nothing."""
    try:
        read()
    except UserError as error:
        return str(error)
    return ""


@pytest.fixture
def prefix(tmp_path):
    write(str(tmp_path / "model"), TENSORS)
    return str(tmp_path / "model")


def test_every_tensor_is_that_which_tensorflow_wrote(prefix):
    found = bundle.open_bundle(prefix)
    assert found.entries.keys() == TENSORS.keys()
    for name, expected in TENSORS.items():
        tensor = found.read(name)
        assert (tensor.dtype, tensor.shape) == (expected.dtype, expected.shape)
        np.testing.assert_array_equal(tensor, expected)


def test_what_is_written_is_what_tensorflow_writes_to_the_last_byte(prefix, tmp_path):
    bundle.write_bundle(str(tmp_path / "ours"), TENSORS, lambda name: np.asarray(TENSORS[name]))
    for end in ("index", "data-00000-of-00001"):
        assert (tmp_path / f"ours.{end}").read_bytes() == pathlib.Path(f"{prefix}.{end}").read_bytes()


@pytest.mark.parametrize("n", [0, 1, 15, 16, 17, 2000])
def test_tensorflow_reads_any_number_of_tensors(tmp_path, n):
    names = [f"model/h{number}/{'x' * (number % 40)}" for number in range(n)]
    bundle.write_bundle(str(tmp_path / "ours"), names, lambda name: np.full([2, 3], len(name), np.float32))
    reader = tf.train.load_checkpoint(str(tmp_path / "ours"))
    assert sorted(reader.get_variable_to_shape_map()) == sorted(names)
    assert all((reader.get_tensor(name) == len(name)).all() for name in names)
    assert bundle.read_shapes(str(tmp_path / "ours")) == dict.fromkeys(sorted(names), (2, 3))


def test_a_matrix_whose_columns_lie_side_by_side_is_written_by_rows(tmp_path):
    matrix = np.arange(12, dtype=np.float32).reshape(3, 4).T
    bundle.write_bundle(str(tmp_path / "ours"), ["a"], lambda name: matrix)
    assert (tf.train.load_checkpoint(str(tmp_path / "ours")).get_tensor("a") == matrix).all()


def test_an_index_of_many_blocks_is_read_whole(tmp_path):
    """Names of the same beginnings, which the table leaves out, over many blocks of it."""
    tensors = {f"model/h{layer}/{name}/{'x' * (layer % 9)}": np.float32(layer) for layer in range(700) for name in "ab"}
    write(str(tmp_path / "model"), tensors)
    found = bundle.open_bundle(str(tmp_path / "model"))
    assert {name: float(found.read(name)) for name in found.entries} == {k: float(v) for k, v in tensors.items()}


def test_several_shards_are_one_bundle(tmp_path):
    parts = [str(tmp_path / f"part{i}") for i in range(2)]
    for part, names in zip(parts, (("a", "half"), ("number", "a/b/c")), strict=True):
        write(part, {name: TENSORS[name] for name in names})
    tf.raw_ops.MergeV2Checkpoints(checkpoint_prefixes=parts, destination_prefix=str(tmp_path / "model"))
    found = bundle.open_bundle(str(tmp_path / "model"))
    assert found.n_shards == 2
    for name in ("a", "half", "number", "a/b/c"):
        np.testing.assert_array_equal(found.read(name), TENSORS[name])


def test_text_in_a_bundle_is_no_tensor_of_ours(tmp_path):
    write(str(tmp_path / "model"), {"note": np.array(b"O rose"), "a": TENSORS["a"]})
    found = bundle.open_bundle(str(tmp_path / "model"))
    np.testing.assert_array_equal(found.read("a"), TENSORS["a"])
    with pytest.raises(UserError, match="tensor note is of dtype 7, expected numbers"):
        found.read("note")


def test_any_byte_of_an_index_that_changes_is_found_out(prefix, tmp_path):
    path = tmp_path / "model.index"
    whole, told = path.read_bytes(), set()
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << place % 8]) + whole[place + 1 :])
        told.add(fault_of(lambda: bundle.open_bundle(prefix)))
    # Of the footer some bytes say nothing.
    message = "model.index: damaged, or not the index of a TensorFlow bundle; fetch it again"
    assert told == {"", f"{prefix.removesuffix('model')}{message}"}


def test_an_index_that_was_cut_or_is_another_file_is_refused(prefix, tmp_path):
    path = tmp_path / "model.index"
    whole = path.read_bytes()
    rand = random.Random(1)
    for content in (b"", whole[:-1], whole[40:], b"x" * 1000, *(rand.randbytes(300) + whole[-48:] for _ in range(200))):
        path.write_bytes(content)
        with pytest.raises(UserError, match="damaged, or not the index"):
            bundle.open_bundle(prefix)


@pytest.mark.parametrize("place", [0, 20, -1])
def test_a_byte_of_a_tensor_that_changes_is_found_out(prefix, tmp_path, place):
    path = tmp_path / "model.data-00000-of-00001"
    content = bytearray(path.read_bytes())
    content[place] ^= 4
    path.write_bytes(content)
    found = bundle.open_bundle(prefix)
    (fault,) = filter(None, (fault_of(lambda name=name: found.read(name)) for name in TENSORS))
    assert "is damaged, its bytes do not match their checksum" in fault


def test_it_takes_no_tensorflow(tmp_path):
    code = "import sys; sys.modules['tensorflow'] = None; from gpt2 import bundle;"
    code += f"print(bundle.read_weight({str(REFERENCE / 'tiny' / 'model.ckpt')!r}, 'model/wte').sum())"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    expected = tf.train.load_variable(str(REFERENCE / "tiny" / "model.ckpt"), "model/wte").sum()
    assert float(done.stdout) == pytest.approx(float(expected))
