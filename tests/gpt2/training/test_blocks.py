"""What is computed in blocks, or again for the gradient, is what the plain formula gives, and so is its gradient."""

import numpy as np
import pytest
import tensorflow as tf

from gpt2.attention import attend, attend_window
from gpt2.model import gelu
from gpt2.training import loss
from gpt2.training.loss import loss_and_gradients, summed_loss


def value_and_gradients(function, inputs, weight, jit_compile):
    """The value, and the gradients of its sum times a weight, so that no gradient is a plain sum."""

    def run(*inputs):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            value = function(*inputs)
            total = tf.reduce_sum(value * weight)
        return [value, *tape.gradient(total, inputs)]

    return [result.numpy() for result in tf.function(run, jit_compile=jit_compile)(*map(tf.constant, inputs))]


def normal(*shape):
    return np.random.default_rng(len(shape)).normal(size=shape).astype(np.float32)


def assert_same(ours, plain, inputs, weight=1.0, tolerance=2e-5):
    expected = value_and_gradients(plain, inputs, weight, jit_compile=False)
    for jit_compile in (False, True):
        for got, want in zip(value_and_gradients(ours, inputs, weight, jit_compile), expected, strict=True):
            np.testing.assert_allclose(got, want, atol=tolerance * max(1, abs(want).max()), rtol=0)


@pytest.mark.parametrize("seq", [1, 5, 256, 257, 600])
def test_a_window_attends_as_one_block_does(seq):
    inputs = [normal(2, 3, seq, 8) * scale for scale in (1, 2, 3)]
    inputs[1] = inputs[1][:, ::-1].copy()
    assert_same(attend_window, lambda q, k, v: attend(q, k, v, tf.range(seq)[None]), inputs, normal(2, 3, seq, 8))


@pytest.mark.parametrize("n", [1, 256, 257, 600])
def test_the_summed_loss_is_that_of_whole_logits(n, monkeypatch):
    monkeypatch.setattr(loss, "BLOCK", 50 * 256)
    labels = np.arange(n, dtype=np.int32) * 7 % 50

    def plain(hidden, wte):
        logits = tf.matmul(hidden, wte, transpose_b=True)
        return tf.reduce_sum(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits))

    assert_same(lambda hidden, wte: summed_loss(hidden, wte, labels), plain, [normal(n, 16), normal(50, 16)], 0.3)


@pytest.mark.parametrize("n", [1, 256, 257, 600])
def test_the_mean_loss_and_its_gradients_are_those_of_whole_logits(n, monkeypatch):
    monkeypatch.setattr(loss, "LARGE_BLOCK", 50 * 256)
    labels = np.arange(n, dtype=np.int32) * 7 % 50
    hidden, wte = normal(n, 16), normal(50, 16)

    def plain(hidden, wte):
        logits = tf.matmul(hidden, wte, transpose_b=True)
        return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits))

    expected = value_and_gradients(plain, [hidden, wte], 1.0, jit_compile=False)
    for got, want in zip(loss_and_gradients(hidden, wte, labels), expected, strict=True):
        np.testing.assert_allclose(got, want, atol=2e-5, rtol=0)
    *_, d_wte = loss_and_gradients(hidden, wte, labels, trains_wte=False)
    assert d_wte is None


def test_the_gelu_is_the_tanh_form():
    assert_same(gelu, lambda x: tf.nn.gelu(x, approximate=True), [normal(40, 16) * 3], normal(40, 16))
