"""The graph computes what the original TensorFlow 1 graph computed."""

import numpy as np
import pytest
import tensorflow as tf

import gpt2
from gpt2.hparams import HParams
from gpt2.model import GPT2, fresh_weights

# What another order of summation makes of float32, the logits being of the order of 1.
TOLERANCE = 2e-5


@pytest.fixture(scope="module")
def reference(reference_folder):
    with np.load(f"{reference_folder}/reference.npz", allow_pickle=False) as figures:
        return dict(figures)


@pytest.fixture(scope="module")
def tiny(reference_folder):
    return gpt2.load_model(reference_folder)


def whole(model):
    return model


def compiled(model):
    return tf.function(model, jit_compile=True)


def token_by_token(model):
    """The logits of each position given only the keys and values of those before it."""

    @tf.function(jit_compile=True)
    def step(ids, past, position):
        hidden, past = model.transform(ids, past, position)
        return model.logits(hidden), past

    def logits(tokens):
        batch, seq = tokens.shape
        past = model.empty_past(batch, seq)
        columns = []
        for i in range(seq):
            column, past = step(tokens[:, i : i + 1], past, tf.fill([batch], i))
            columns.append(column)
        return tf.concat(columns, axis=1)

    return logits


@pytest.fixture(params=[whole, compiled, token_by_token], ids=lambda way: way.__name__)
def logits(request, tiny, reference):
    return request.param(tiny)(tf.constant(reference["tokens"])).numpy()


def test_logits_are_those_of_the_original_graph(logits, reference):
    np.testing.assert_allclose(logits[:, :8], reference["logits_first"], atol=TOLERANCE, rtol=0)
    np.testing.assert_allclose(logits[:, -4:], reference["logits_last"], atol=TOLERANCE, rtol=0)


def test_logits_of_every_position_have_the_mean_and_deviation_of_the_original(logits, reference):
    np.testing.assert_allclose(logits.mean(-1), reference["logits_mean"], atol=TOLERANCE, rtol=0)
    np.testing.assert_allclose(logits.std(-1), reference["logits_std"], atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_present_is_that_of_the_original_graph(tiny, reference, jit_compile):
    transform = tf.function(tiny.transform, jit_compile=jit_compile)
    _, present = transform(tf.constant(reference["tokens"]))
    stacked = tf.stack([tf.stack(key_value, axis=1) for key_value in present], axis=1)[..., :8, :]
    np.testing.assert_allclose(stacked, reference["present"], atol=TOLERANCE, rtol=0)


def test_rows_of_a_batch_may_stand_at_different_positions(tiny, reference):
    tokens = tf.constant(reference["tokens"])
    expected = tiny(tokens)
    past = tiny.empty_past(batch=2, src=16)
    _, past = tiny.transform(tokens[:, :4], past, tf.constant([0, 0]))
    _, ahead = tiny.transform(tokens[:, 4:7], past, tf.constant([4, 4]))
    mixed = [
        tuple(tf.stack([a[0], b[1]]) for a, b in zip(*pairs, strict=True)) for pairs in zip(past, ahead, strict=True)
    ]
    ids = tf.stack([tokens[0, 4:6], tokens[1, 7:9]])
    hidden, _ = tiny.transform(ids, mixed, tf.constant([4, 7]))
    np.testing.assert_allclose(tiny.logits(hidden)[0], expected[0, 4:6], atol=TOLERANCE, rtol=0)
    np.testing.assert_allclose(tiny.logits(hidden)[1], expected[1, 7:9], atol=TOLERANCE, rtol=0)


def test_no_position_sees_a_later_one(tiny):
    ids = tf.zeros([1, 6], tf.int32)
    wpe = tiny.weights["model/wpe"]
    for i in range(6):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tiny(ids)[0, i])
        seen = tf.reduce_max(tf.abs(tf.convert_to_tensor(tape.gradient(loss, wpe))), axis=-1).numpy() > 0
        assert seen[: i + 1].all()
        assert not seen[i + 1 :].any()


def test_bfloat16_gives_float32_logits_near_those_of_float32(reference_folder, reference):
    model = gpt2.load_model(reference_folder, dtype="bfloat16")
    logits = tf.function(model, jit_compile=True)(tf.constant(reference["tokens"]))
    assert logits.dtype == tf.float32
    # bfloat16 has 8 bits: 2^-8 of logits of the order of 1, over a few additions.
    np.testing.assert_allclose(logits[:, :8], reference["logits_first"], atol=0.05, rtol=0)


def test_more_ids_than_the_window_are_an_error_that_names_both(tiny):
    with pytest.raises(ValueError, match=r"65 ids, expected at most 64 \(n_ctx\)"):
        tiny(tf.zeros([1, 65], tf.int32))


def test_a_fresh_model_is_initialised_as_the_original():
    model = GPT2(HParams(n_vocab=2000, n_ctx=500, n_embd=64, n_head=4, n_layer=2), initial=fresh_weights(seed=1))
    for name, weight in model.weights.items():
        if name.endswith("/g"):
            assert (weight.numpy() == 1).all()
        elif name.endswith("/b"):
            assert (weight.numpy() == 0).all()
        else:
            stddev = 0.01 if name == "model/wpe" else 0.02
            assert weight.numpy().std() == pytest.approx(stddev, rel=0.05)
            assert abs(weight.numpy().mean()) < stddev / 10


def test_a_fresh_model_is_a_function_of_its_seed():
    sizes = HParams(n_vocab=20, n_ctx=5, n_embd=8, n_head=2, n_layer=2)
    first, same, other = (GPT2(sizes, initial=fresh_weights(seed)).weights for seed in (1, 1, 2))
    assert all((first[name].numpy() == same[name].numpy()).all() for name in first)
    assert (first["model/wte"].numpy() != other["model/wte"].numpy()).all()
    h0, h1 = (first[f"model/h{layer}/mlp/c_fc/w"].numpy() for layer in (0, 1))
    assert (h0 != h1).all()


def test_the_number_of_ids_may_be_unknown_when_the_graph_is_made(tiny, reference):
    logits = tf.function(tiny, input_signature=[tf.TensorSpec([None, None], tf.int32)])
    tokens = tf.constant(reference["tokens"])
    np.testing.assert_allclose(logits(tokens), tiny(tokens), atol=TOLERANCE, rtol=0)


def test_logits_of_a_bfloat16_model_are_not_rounded_to_bfloat16(tiny, reference_folder, reference):
    half = gpt2.load_model(reference_folder, None, "bfloat16")
    hidden = tf.cast(tiny.transform(tf.constant(reference["tokens"]))[0], tf.bfloat16)
    wte = tf.cast(half.weights["model/wte"], tf.float32)
    expected = tf.matmul(tf.cast(hidden, tf.float32), wte, transpose_b=True)
    for logits in (half.logits, tf.function(half.logits, jit_compile=True)):
        np.testing.assert_allclose(logits(hidden), expected, atol=TOLERANCE, rtol=0)
