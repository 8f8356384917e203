"""A .tflite with a small window gives, in LiteRT's interpreter, the logits of the model."""

import dataclasses
import os

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

import encoder
from gpt2.checkpoint import load_model
from gpt2.formats import conversion, tflite
from gpt2.formats.conversion import Dtype
from gpt2.hparams import MODELS
from system.errors import UserError

WINDOW = 24
# Of a logit; those of the poet are of the order of 10. int8 rounds weights to 127 steps.
ERRORS: dict[Dtype, float] = {"float32": 1e-4, "float16": 2e-2, "int8": 1.0}
BYTES: dict[Dtype, int] = {"float32": 4, "float16": 2, "int8": 1}


def open_file(path):
    """A function that gives the logits float32 [n_vocab] after ids, of which at most a window."""
    runner = Interpreter(str(path)).get_signature_runner()

    def logits(ids, rest=0):
        padded = np.full([1, WINDOW], rest, np.int32)
        padded[0, : len(ids)] = ids
        return runner(ids=padded, position=np.array([len(ids) - 1], np.int32))["logits"][0]

    return logits


@pytest.mark.parametrize("dtype", ERRORS)
def test_the_likeliest_ids_in_litert_are_those_of_the_model(tmp_path, short_poet, dtype):
    conversion.convert(str(short_poet), str(tmp_path / "poet.tflite"), dtype=dtype, window=WINDOW)
    n_params = conversion.open_model(str(short_poet)).hparams.n_params
    assert (
        1 <= os.path.getsize(tmp_path / "poet.tflite") / (BYTES[dtype] * n_params) < 1.5
    )  # int8 has the embeddings twice
    theirs, ours = open_file(tmp_path / "poet.tflite"), load_model(str(short_poet))
    ids = encoder.load_encoder(str(short_poet)).encode("O rose,")
    while len(ids) <= WINDOW:
        expected = ours(np.array([ids]))[0, -1].numpy()
        found = theirs(ids)
        np.testing.assert_allclose(found, expected, rtol=0, atol=ERRORS[dtype])
        if dtype == "float32":
            assert found.argmax() == expected.argmax()
        ids.append(int(expected.argmax()))


def test_ids_after_the_position_are_not_seen(tmp_path, small_folder):
    conversion.convert(str(small_folder), str(tmp_path / "small.tflite"), window=WINDOW)
    logits = open_file(tmp_path / "small.tflite")
    for n in (1, 7, WINDOW):
        np.testing.assert_array_equal(logits([5] * n), logits([5] * n, rest=9))


def test_a_window_larger_than_the_models_is_refused(tmp_path, small_folder):
    with pytest.raises(UserError, match="--window is 64, expected at most 32"):
        conversion.convert(str(small_folder), str(tmp_path / "small.tflite"))
    assert list(tmp_path.iterdir()) == []


def test_a_model_too_large_for_the_format_is_refused(tmp_path, small_folder):
    large = dataclasses.replace(conversion.open_model(str(small_folder)), hparams=MODELS["774M"])
    with pytest.raises(UserError, match="774,030,080 parameters, expected at most"):
        tflite.write_file(large, str(tmp_path / "large.tflite"), "float32", 64)
