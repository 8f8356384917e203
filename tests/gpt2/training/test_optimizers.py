"""Each optimizer makes the library's steps, update for update."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from gpt2.training.adaptive import AdamW
from gpt2.training.optimizers import OPTIMIZERS
from gpt2.training.updates import SGD

SHAPES = {"model/wte": (7, 4), "model/h0/attn/c_attn/w": (1, 4, 12), "model/ln_f/b": (4,)}
LIBRARY = {
    "adam": lambda rate: keras.optimizers.Adam(rate, epsilon=1e-8),
    "sgd": keras.optimizers.SGD,
    "adamw": lambda rate: keras.optimizers.AdamW(rate, weight_decay=0.1, epsilon=1e-8),
    "adafactor": keras.optimizers.Adafactor,
}


def start():
    random = np.random.default_rng(0)
    return {name: random.normal(size=shape).astype(np.float32) for name, shape in SHAPES.items()}


def gradients(step):
    random = np.random.default_rng(step + 1)
    return {name: tf.constant(random.normal(size=shape) / (step + 1), tf.float32) for name, shape in SHAPES.items()}


@pytest.mark.parametrize("name", list(LIBRARY))
@pytest.mark.parametrize("rate", [1e-3, 0.3])
def test_fifty_steps_are_those_of_the_library(name, rate):
    weights = {key: tf.Variable(value) for key, value in start().items()}
    ours = AdamW(weights, weight_decay=0.1) if name == "adamw" else OPTIMIZERS[name](weights)
    apply = tf.function(ours.apply, jit_compile=True)
    variables = {key: keras.Variable(value, name=key.replace("/", "_")) for key, value in start().items()}
    theirs = LIBRARY[name](rate)
    if name == "adamw":
        theirs.exclude_from_weight_decay(var_names=["ln_f_b"])
    theirs.build(list(variables.values()))
    for step in range(50):
        apply(gradients(step), tf.constant(rate), tf.constant(step))
        theirs.apply(list(gradients(step).values()), list(variables.values()))
        for key, variable in variables.items():
            np.testing.assert_allclose(weights[key].numpy(), variable.numpy(), rtol=2e-5, atol=2e-6, err_msg=key)


def test_adafactor_keeps_the_edges_of_a_matrix_alone():
    slots = OPTIMIZERS["adafactor"]({name: tf.Variable(value) for name, value in start().items()}).slots
    shapes = {name: tuple(slot.shape) for name, slot in slots.items()}
    assert shapes == {
        "r/model/wte": (7,),
        "r/model/h0/attn/c_attn/w": (1, 4),
        "c/model/wte": (4,),
        "c/model/h0/attn/c_attn/w": (1, 12),
        "v/model/ln_f/b": (4,),
    }


def test_changes_below_half_a_unit_of_bfloat16_weights_add_up():
    weight = tf.Variable(tf.ones([4000], tf.bfloat16))
    apply = tf.function(SGD({"w": weight}, seed=3).apply, jit_compile=True)
    small = 2.0**-12  # A sixteenth of the distance between bfloat16 numbers below 1.
    for step in range(64):
        apply({"w": tf.ones([4000])}, tf.constant(small), tf.constant(step))
    moved = 1 - tf.cast(weight, tf.float32).numpy()
    assert abs(moved.mean() - 64 * small) < 2e-4  # 3 standard errors
    assert len(set(moved)) > 2


def test_rounding_is_a_function_of_seed_step_and_name():
    def after(seed, step, name):
        weight = tf.Variable(tf.ones([1000], tf.bfloat16))
        SGD({name: weight}, seed).apply({name: tf.ones([1000])}, tf.constant(1e-3), tf.constant(step))
        return weight.numpy().tobytes()

    assert after(1, 2, "a") == after(1, 2, "a")
    assert len({after(1, 2, "a"), after(2, 2, "a"), after(1, 3, "a"), after(1, 2, "b")}) == 4
