"""Products of bfloat16 are rounded once, after float32 sums, and mixed training needs a machine where they are fast."""

import logging

import numpy as np
import pytest
import tensorflow as tf

from gpt2 import precision
from gpt2.attention import attend, attend_window
from gpt2.runs.learner import dtype_here
from gpt2.runs.settings import Settings

ROUNDING = 2**-8  # of a bfloat16, which has 8 bits


def normal(*shape, seed=0, dtype="bfloat16"):
    return tf.cast(np.random.default_rng(seed).normal(size=shape), dtype)


def exact(*tensors):
    return [tf.cast(tensor, tf.float64).numpy() for tensor in tensors]


@pytest.fixture(params=[True, False], ids=["with_instructions", "without"])
def cpu(request, monkeypatch):
    """A CPU that has, or has not, instructions for bfloat16."""
    monkeypatch.setattr(precision, "cpu_multiplies_bfloat16", lambda: request.param)


@pytest.mark.parametrize("adj_x", [False, True])
@pytest.mark.parametrize("adj_y", [False, True])
def test_a_float32_product_of_bfloat16_is_not_rounded_to_it(adj_x, adj_y):
    a = normal(*((300, 20) if adj_x else (20, 300)))
    b = normal(*((30, 300) if adj_y else (300, 30)), seed=1)
    x, y = exact(a, b)
    wanted = (x.T if adj_x else x) @ (y.T if adj_y else y)
    np.testing.assert_allclose(precision.float32_product(a, b, adj_x, adj_y), wanted, atol=1e-4)


@pytest.mark.parametrize("shape", [(20, 300), (3, 20, 300), (2, 3, 20, 300)])
def test_a_product_of_bfloat16_is_rounded_once(cpu, shape):
    a, b = normal(*shape), normal(*shape, seed=1)
    x, y = exact(a, b)
    wanted = x @ np.swapaxes(y, -1, -2)
    np.testing.assert_allclose(tf.cast(precision.product(a, b, adj_y=True), tf.float32), wanted, rtol=ROUNDING)


def test_the_gradients_of_a_product_are_those_of_float32(cpu):
    x, w, d = normal(40, 64), normal(64, 32, seed=1), normal(40, 32, seed=2)
    with tf.GradientTape() as tape:
        tape.watch((x, w))
        result = precision.product_of("any", x, w)
    gradients = tape.gradient(result, (x, w), d)
    exact_x, exact_w, exact_d = exact(x, w, d)
    for found, wanted in zip(gradients, (exact_d @ exact_w.T, exact_x.T @ exact_d), strict=True):
        assert found.dtype == tf.bfloat16
        np.testing.assert_allclose(tf.cast(found, tf.float32), wanted, rtol=ROUNDING, atol=1e-3)


@pytest.mark.parametrize("seq", [5, 300])  # one block of queries, and two
def test_attention_in_bfloat16_is_that_of_float32(cpu, seq):
    q, k, v, d = (normal(2, 3, seq, 16, seed=i) for i in range(4))

    def gradients_of(attention, dtype):
        inputs = [tf.cast(tensor, dtype) for tensor in (q, k, v)]
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            attended = attention(*inputs)
        found = [attended, *tape.gradient(attended, inputs, tf.cast(d, dtype))]
        return [tf.cast(tensor, tf.float32).numpy() for tensor in found]

    wanted = gradients_of(lambda q, k, v: attend(q, k, v, tf.range(seq)[None]), "float32")
    for here, there in zip(gradients_of(tf.function(attend_window, jit_compile=True), "bfloat16"), wanted, strict=True):
        assert np.abs(here - there).max() < 4 * ROUNDING * np.abs(there).max()


def test_mixed_is_float32_where_bfloat16_is_no_faster(monkeypatch, caplog):
    monkeypatch.setattr(precision, "cpu_multiplies_bfloat16", lambda: False)
    caplog.set_level(logging.INFO, "gpt2")
    assert dtype_here(Settings(dataset="verse.npz", dtype="mixed")) == "float32"
    assert "this CPU has no instructions for bfloat16" in caplog.text


@pytest.mark.parametrize("dtype", ["mixed", "float32", "bfloat16"])
def test_each_dtype_is_as_asked_where_bfloat16_is_fast(monkeypatch, dtype):
    monkeypatch.setattr(precision, "cpu_multiplies_bfloat16", lambda: True)
    assert dtype_here(Settings(dataset="verse.npz", dtype=dtype)) == dtype


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_what_was_asked_stays_where_bfloat16_is_slow(monkeypatch, dtype):
    monkeypatch.setattr(precision, "cpu_multiplies_bfloat16", lambda: False)
    assert dtype_here(Settings(dataset="verse.npz", dtype=dtype)) == dtype
