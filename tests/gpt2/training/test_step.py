"""Training lowers the original's loss by the original's rules."""

import numpy as np
import pytest
import tensorflow as tf

import gpt2
from gpt2.attention import attend_window
from gpt2.hparams import HParams
from gpt2.model import GPT2, Graph, below, gelu, merge_heads, split_heads
from gpt2.precision import product_of
from gpt2.training.optimizers import OPTIMIZERS
from gpt2.training.step import make_halves, make_train_step, mean_loss


@pytest.fixture(scope="module")
def reference(reference_folder):
    with np.load(f"{reference_folder}/reference.npz", allow_pickle=False) as figures:
        return dict(figures)


@pytest.mark.parametrize(("name", "rate"), [("adam", 1e-3), ("sgd", 0.5)])
def test_the_losses_are_those_of_tensorflow_1_s_optimizer(reference_folder, reference, name, rate):
    """The loss on each batch before its update, and on the first batch after all of them."""
    model = gpt2.load_model(reference_folder)
    train_step = make_train_step(model, OPTIMIZERS[name](model.weights))
    losses = [
        float(train_step(tf.constant(batch[None]), tf.constant(rate), tf.constant(number)))
        for number, batch in enumerate(reference["batches"])
    ]
    losses.append(float(mean_loss(model, tf.constant(reference["batches"][0]))))
    np.testing.assert_allclose(losses, reference[f"{name}_losses"], atol=1e-4, rtol=0)


def test_the_loss_and_its_gradient_are_the_original_ones(reference_folder, reference):
    model = gpt2.load_model(reference_folder)
    tokens = tf.constant(reference["tokens"])
    with tf.GradientTape() as tape:
        loss = mean_loss(model, tokens)
    gradients = {name: tf.convert_to_tensor(g) for name, g in tape.gradient(loss, model.weights).items()}
    # The recorded norm counts the positions' gradient row by row of the batch, as TensorFlow 1 kept it.
    del gradients["model/wpe"]
    rows = []
    for row in tokens:
        with tf.GradientTape() as tape:
            loss_of_row = mean_loss(model, row[None]) / len(tokens)
        rows.append(tf.convert_to_tensor(tape.gradient(loss_of_row, model.weights["model/wpe"])))
    assert float(loss) == pytest.approx(float(reference["loss"]), abs=1e-5)
    assert float(tf.linalg.global_norm([*gradients.values(), *rows])) == pytest.approx(
        float(reference["grad_norm"]), rel=1e-5
    )


def test_the_gradient_is_the_slope_of_the_loss(reference_folder, reference):
    """Of each weight, along its own gradient, by a difference; wide steps, since the loss has seven digits."""
    model = gpt2.load_model(reference_folder)
    tokens = tf.constant(reference["tokens"])
    loss = tf.function(lambda: mean_loss(model, tokens), jit_compile=True)
    with tf.GradientTape() as tape:
        before = mean_loss(model, tokens)
    for name, gradient in tape.gradient(before, model.weights).items():
        slope = float(tf.norm(tf.convert_to_tensor(gradient)))
        weight, direction = model.weights[name], tf.convert_to_tensor(gradient) / slope
        start = tf.identity(weight)
        sides = []
        for step in (0.02, -0.02):
            weight.assign(start + step * direction)
            sides.append(float(loss()))
        weight.assign(start)
        assert (sides[0] - sides[1]) / 0.04 == pytest.approx(slope, rel=0.02, abs=2e-4), name


def trained(folder, batches, rate=0.5, recompute=False, dtype="float32", weight_dtype=None, **settings):
    """The losses of gradient descent, and the weights after it."""
    model = gpt2.load_model(folder, None, dtype, weight_dtype)
    model.recompute = recompute
    train_step = make_train_step(model, OPTIMIZERS["sgd"](model.weights), **settings)
    losses = [float(train_step(tf.constant(batch), tf.constant(rate), tf.constant(0))) for batch in batches]
    return losses, {name: weight.numpy() for name, weight in model.weights.items()}


def test_half_batches_accumulated_are_the_whole_batch(reference_folder, reference):
    whole, _ = trained(reference_folder, reference["batches"][:, None])
    halves, _ = trained(reference_folder, reference["batches"][:, :, None])
    np.testing.assert_allclose(halves, whole, atol=1e-4, rtol=0)


def test_blocks_computed_again_give_the_same_curve(reference_folder, reference):
    kept, _ = trained(reference_folder, reference["batches"][:, None])
    for batches in (reference["batches"][:, None], reference["batches"][:, :, None]):
        again, _ = trained(reference_folder, batches, recompute=True)
        np.testing.assert_allclose(again, kept, atol=1e-4, rtol=0)


@pytest.mark.parametrize("recompute", [False, True])
def test_an_update_made_as_soon_as_its_gradient_is_there_changes_no_bit(reference_folder, reference, recompute):
    soon, late = gpt2.load_model(reference_folder), gpt2.load_model(reference_folder)
    soon.recompute = late.recompute = recompute
    step = make_train_step(soon, OPTIMIZERS["adam"](soon.weights))
    loss_and_gradients, update = make_halves(late, OPTIMIZERS["adam"](late.weights))
    loss_and_gradients = tf.function(loss_and_gradients)
    for number, batch in enumerate(reference["batches"][:3, None]):
        rate, number = tf.constant(1e-2), tf.constant(number)
        loss, gradients = loss_and_gradients(tf.constant(batch))
        update(gradients, rate, number)
        assert float(step(tf.constant(batch), rate, number)) == float(loss)
    for name, weight in soon.weights.items():
        np.testing.assert_array_equal(weight, late.weights[name], err_msg=name)


def test_the_products_of_a_block_may_be_reordered(monkeypatch):
    """As one edits the model: here the MLP reads what the attention reads, and its first product comes first."""

    def block(self, x, weights, positions=None, past=None, product=product_of, attention=attend_window):
        def conv1d(name, x):
            return self._conv1d(name, x, weights, product)

        c_fc = conv1d("mlp/c_fc", self.norm(x, below("ln_2", weights)))
        c_attn = conv1d("attn/c_attn", self.norm(x, below("ln_1", weights)))
        attended = attention(*(split_heads(part, self.hparams.n_head) for part in tf.split(c_attn, 3, axis=-1)))
        x += conv1d("attn/c_proj", merge_heads(attended))
        return x + conv1d("mlp/c_proj", gelu(c_fc)), None

    monkeypatch.setattr(Graph, "block", block)
    model = GPT2(HParams(n_vocab=13, n_ctx=5, n_embd=6, n_head=2, n_layer=2))
    batch = tf.constant([[1, 7, 3, 12, 0, 5]])
    with tf.GradientTape() as tape:
        expected_loss = mean_loss(model, batch)
    expected = tape.gradient(expected_loss, model.weights)
    loss, gradients = make_halves(model, OPTIMIZERS["sgd"](model.weights))[0](batch[None])
    assert float(loss) == pytest.approx(float(expected_loss), abs=1e-6)
    for name, gradient in zip(model.weights, gradients, strict=True):
        np.testing.assert_allclose(gradient, tf.convert_to_tensor(expected[name]), atol=1e-6, err_msg=name)


def test_a_block_is_compiled_once_for_all_layers(monkeypatch):
    traces, block = [], Graph.block

    def traced_block(*args, **kwargs):
        traces.append(args)
        return block(*args, **kwargs)

    monkeypatch.setattr(Graph, "block", traced_block)

    def traces_of(n_layer):
        model = GPT2(HParams(n_vocab=11, n_ctx=4, n_embd=4, n_head=1, n_layer=n_layer))
        before = len(traces)
        step = make_train_step(model, OPTIMIZERS["adam"](model.weights))
        step(tf.zeros([1, 1, 5], tf.int32), tf.constant(1e-3), tf.constant(0))
        return len(traces) - before

    assert traces_of(n_layer=6) == traces_of(n_layer=2)


def test_only_the_named_weights_are_trained(reference_folder, reference):
    names = [name for name in gpt2.load_model(reference_folder).weights if "/h" in name]
    _, after = trained(reference_folder, reference["batches"][:1, None], names=names)
    before = gpt2.load_model(reference_folder).weights
    changed = {name for name, weight in before.items() if (weight.numpy() != after[name]).any()}
    assert changed == set(names)


def test_a_gradient_is_clipped_to_its_norm(reference_folder, reference):
    _, after = trained(reference_folder, reference["batches"][:1, None], rate=1.0, clip_norm=0.1)
    before = gpt2.load_model(reference_folder).weights
    moved = np.sqrt(sum(((weight.numpy() - after[name]) ** 2).sum() for name, weight in before.items()))
    assert moved == pytest.approx(0.1, rel=1e-3)


@pytest.mark.parametrize("weight_dtype", ["float32", "bfloat16"])
def test_bfloat16_follows_the_curve_of_float32(reference_folder, reference, weight_dtype):
    batches = reference["batches"][:10, None]
    exact, _ = trained(reference_folder, batches, rate=0.1)
    half, after = trained(reference_folder, batches, rate=0.1, dtype="bfloat16", weight_dtype=weight_dtype)
    assert after["model/wte"].dtype == tf.as_dtype(weight_dtype).as_numpy_dtype
    # 8 bits of a loss of 11, and of weights of their own where those have no more.
    np.testing.assert_allclose(half, exact, atol=0.05, rtol=0)
