"""Muon follows a version written with NumPy, in double precision and without any shortcut."""

import numpy as np
import pytest
import tensorflow as tf

import gpt2
from gpt2.training.muon import Muon, orthogonalised, some_layers
from gpt2.training.step import make_halves, make_train_step

RATE, DECAY = 0.01, 0.1


@pytest.fixture(scope="module")
def batches(reference_folder):
    with np.load(f"{reference_folder}/reference.npz", allow_pickle=False) as figures:
        return figures["batches"]


def newton_schulz(x):
    """The iteration as Jordan et al. give it."""
    x = x / np.linalg.norm(x)
    for _ in range(5):
        gram = x @ x.T
        x = 3.4445 * x + (-4.7750 * gram + 2.0315 * gram @ gram) @ x
    return x


class SlowMuon:
    """The updates of Jordan et al. for matrices of a block, scaled as in Liu et al.; Kingma and Ba's for the rest."""

    def __init__(self, weights):
        self.weights = {name: weight.numpy().astype(np.float64) for name, weight in weights.items()}
        self.momenta = {name: np.zeros_like(w) for name, w in self.weights.items()}
        self.squares = {name: np.zeros_like(w) for name, w in self.weights.items()}

    def apply(self, gradients, t):
        for name, gradient in gradients.items():
            w, g = self.weights[name], gradient.astype(np.float64)
            if w.ndim == 3:
                self.momenta[name] = 0.95 * self.momenta[name] + g
                ahead = (g + 0.95 * self.momenta[name])[0]
                parts = np.split(ahead, 3, axis=1) if name.endswith("c_attn/w") else [ahead]
                moved = np.concatenate([0.2 * max(p.shape) ** 0.5 * newton_schulz(p) for p in parts], axis=1)[None]
            else:
                self.momenta[name] = 0.9 * self.momenta[name] + 0.1 * g
                self.squares[name] = 0.999 * self.squares[name] + 0.001 * g**2
                unbiased = (1 - 0.999**t) ** 0.5 / (1 - 0.9**t)
                moved = unbiased * self.momenta[name] / (self.squares[name] ** 0.5 + 1e-8)
            self.weights[name] = w - RATE * (moved + DECAY * w * (w.ndim > 1))


def test_the_losses_are_those_of_the_version_in_numpy(reference_folder, batches):
    """The loss on each batch before its update, and on the first batch after all of them."""
    ours, theirs = gpt2.load_model(reference_folder), gpt2.load_model(reference_folder)
    step = make_train_step(ours, Muon(ours.weights, weight_decay=DECAY))
    loss_and_gradients = tf.function(make_halves(theirs, None)[0])
    slow = SlowMuon(theirs.weights)
    losses = []
    for number, batch in enumerate([*batches, batches[0]]):
        loss, gradients = loss_and_gradients(tf.constant(batch[None]))
        losses.append((float(step(tf.constant(batch[None]), tf.constant(RATE), tf.constant(number))), float(loss)))
        slow.apply(dict(zip(theirs.weights, (g.numpy() for g in gradients), strict=True)), number + 1)
        for name, weight in theirs.weights.items():
            weight.assign(slow.weights[name].astype(np.float32))
    fast, expected = np.transpose(losses)
    assert expected[-1] < expected[0] - 3
    np.testing.assert_allclose(fast, expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("shape", [(3, 24, 24), (2, 16, 64)])
@pytest.mark.parametrize("dtype", [tf.float32, tf.bfloat16])
def test_singular_values_come_near_to_one(shape, dtype):
    """0.7 to 1.2 in exact numbers (Jordan et al.), of matrices whose own values are within a factor of ten."""
    u, _, v = np.linalg.svd(np.random.default_rng(0).normal(size=shape), full_matrices=False)
    values = np.linspace(0.1, 1, shape[1])
    x = u * (values / np.linalg.norm(values)) @ v
    found = orthogonalised(tf.constant(x, tf.float32), dtype).numpy()
    assert 0.6 < np.linalg.svd(found, compute_uv=False).min() <= np.linalg.svd(found, compute_uv=False).max() < 1.3
    expected = np.stack([newton_schulz(matrix) for matrix in x])
    difference = np.linalg.norm(found - expected) / np.linalg.norm(expected)
    assert difference < (1e-4 if dtype == tf.float32 else 0.05)


@pytest.mark.parametrize("shape", [(2, 64, 64), (2, 64, 256), (2, 256, 1024)])
@pytest.mark.parametrize("dtype", [tf.float32, tf.bfloat16])
def test_no_singular_value_of_a_momentum_of_low_rank_grows_beyond_the_others(shape, dtype):
    """Most of a real momentum's singular values are tiny, and p p p... multiplies what rounding adds to them."""
    u, _, v = np.linalg.svd(np.random.default_rng(0).normal(size=shape), full_matrices=False)
    values = np.exp(-np.linspace(0, 25, shape[1]))
    x = u * (values / np.linalg.norm(values)) @ v
    found = orthogonalised(tf.constant(x, tf.float32), dtype).numpy()
    assert np.linalg.svd(found, compute_uv=False).max() < 1.3
    expected = np.stack([newton_schulz(matrix) for matrix in x])
    difference = np.linalg.norm(found - expected) / np.linalg.norm(expected)
    assert difference < (1e-3 if dtype == tf.float32 else 0.2)


def test_layers_go_together_while_they_are_small(monkeypatch):
    gradients = {f"model/h{layer}/mlp/c_fc/w": tf.zeros([1, 2, 8]) for layer in range(5)}
    names = list(gradients)
    assert list(some_layers(gradients)) == [names]
    monkeypatch.setattr("gpt2.training.muon.AT_ONCE", 32)
    assert list(some_layers(gradients)) == [names[:2], names[2:4], names[4:]]
    monkeypatch.setattr("gpt2.training.muon.AT_ONCE", 1)
    assert list(some_layers(gradients)) == [[name] for name in names]
