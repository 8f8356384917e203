"""Checkpoints are OpenAI's, to the bit and both ways, and a damaged one never becomes a model."""

import json
import os
import pathlib
import shutil
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

import gpt2
from gpt2 import bundle, checkpoint
from gpt2.hparams import HParams, read_hparams, weight_shapes
from gpt2.model import GPT2, fresh_weights
from system.errors import UserError

SMALL = HParams(n_vocab=30, n_ctx=6, n_embd=8, n_head=2, n_layer=2)
DATA = "model.ckpt.data-00000-of-00001"


@pytest.fixture
def small():
    return GPT2(SMALL, initial=fresh_weights(seed=5))


@pytest.fixture
def folder(tmp_path, small):
    """A model folder of a small model."""
    checkpoint.save_model(str(tmp_path / "small"), small)
    write_hparams(tmp_path / "small")
    return tmp_path / "small"


def write_hparams(folder, **changes):
    sizes = vars(SMALL) | changes
    (folder / "hparams.json").write_text(str(sizes).replace("'", '"'))


def assert_same_weights(model, other):
    for name, weight in model.weights.items():
        np.testing.assert_array_equal(weight.numpy(), other.weights[name].numpy(), err_msg=name)


def test_what_is_written_is_read_back_to_the_bit(folder, small):
    assert_same_weights(gpt2.load_model(str(folder)), small)


def test_the_reference_checkpoint_is_written_again_byte_for_byte(reference_folder, tmp_path):
    checkpoint.save_model(str(tmp_path), gpt2.load_model(reference_folder))
    original = pathlib.Path(reference_folder)
    for name in (DATA, "model.ckpt.index"):
        assert (tmp_path / name).stat().st_size == (original / name).stat().st_size
    assert (tmp_path / DATA).read_bytes() == (original / DATA).read_bytes()


def test_a_saver_of_tensorflow_1_restores_it_into_the_original_names(folder, small):
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        with tf.compat.v1.variable_scope("model"):
            for name, shape in weight_shapes(SMALL).items():
                tf.compat.v1.get_variable(name.removeprefix("model/"), shape)
        tf.compat.v1.train.Saver().restore(session, str(folder / "model.ckpt"))
        restored = {v.op.name: session.run(v) for v in tf.compat.v1.global_variables()}
    assert restored.keys() == small.weights.keys()
    for name, value in restored.items():
        np.testing.assert_array_equal(value, small.weights[name].numpy())


def test_a_folder_in_another_file_system_serves_as_well(small):
    checkpoint.save_model("ram://models/small", small)
    with tf.io.gfile.GFile("ram://models/small/hparams.json", "w") as file:
        file.write(str(vars(SMALL)).replace("'", '"'))
    assert_same_weights(gpt2.load_model("ram://models/small"), small)


def save_with_tensorflow_1(prefix, optimizer=None, global_step=False):
    """What nshepperd's train.py left: variables by their names, maybe an optimizer's slots, no hparams.json."""
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        loss = tf.constant(0.0)
        for name, shape in weight_shapes(SMALL).items():
            loss += tf.reduce_sum(tf.compat.v1.get_variable(name, shape, use_resource=False))
        if optimizer:
            optimizer.minimize(loss)
        if global_step:
            tf.compat.v1.train.get_or_create_global_step()
        session.run(tf.compat.v1.global_variables_initializer())
        pathlib.Path(prefix).parent.mkdir(parents=True, exist_ok=True)
        tf.compat.v1.train.Saver().save(session, prefix, write_meta_graph=True)
        return {v.op.name: session.run(v) for v in tf.compat.v1.trainable_variables()}


@pytest.mark.parametrize(
    "optimizer",
    [
        None,
        lambda: tf.compat.v1.train.AdamOptimizer(1e-3),
        lambda: tf.compat.v1.train.MomentumOptimizer(1e-3, 0.9),
    ],
    ids=["without slots", "with Adam's", "with Momentum's"],
)
@pytest.mark.parametrize("path", ["run1", "run1/model-500522"])
def test_a_run_of_2019_loads_as_it_is(tmp_path, folder, optimizer, path):
    saved = save_with_tensorflow_1(str(tmp_path / "run1/model-500522"), optimizer and optimizer(), global_step=True)
    model = gpt2.load_model(str(tmp_path / path), model_folder=str(folder))
    for name, value in saved.items():
        np.testing.assert_array_equal(model.weights[name].numpy(), value)


def test_a_run_that_was_moved_from_another_machine_loads(tmp_path, folder):
    saved = save_with_tensorflow_1(str(tmp_path / "run1/model-7"))
    (tmp_path / "run1/checkpoint").write_text('model_checkpoint_path: "/content/gpt-2/checkpoint/run1/model-7"\n')
    model = gpt2.load_model(str(tmp_path / "run1"), model_folder=str(folder))
    for name, value in saved.items():
        np.testing.assert_array_equal(model.weights[name].numpy(), value)


def test_a_run_without_hparams_asks_for_the_model(tmp_path):
    save_with_tensorflow_1(str(tmp_path / "run1/model-7"))
    with pytest.raises(FileNotFoundError, match=r"run1/hparams\.json.*--model_name"):
        gpt2.load_model(str(tmp_path / "run1"))


def test_a_folder_without_checkpoint_is_answered_by_the_prefixes_in_it(folder):
    (folder / "checkpoint").unlink()
    with pytest.raises(FileNotFoundError, match=r"small/checkpoint.*small/model\.ckpt"):
        gpt2.load_model(str(folder))


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere: no such model folder"):
        gpt2.load_model(str(tmp_path / "nowhere"))


def test_a_checkpoint_file_that_names_missing_weights_is_an_error(folder):
    (folder / "model.ckpt.index").unlink()
    with pytest.raises(FileNotFoundError, match=r"model\.ckpt\.index: no such file, though .*checkpoint names it"):
        gpt2.load_model(str(folder))


def test_a_missing_data_file_is_named(folder):
    (folder / DATA).unlink()
    with pytest.raises(FileNotFoundError, match="data-00000-of-00001"):
        gpt2.load_model(str(folder))


def test_a_truncated_data_file_is_answered_by_both_sizes(folder):
    whole = (folder / DATA).read_bytes()
    (folder / DATA).write_bytes(whole[:-100])
    with pytest.raises(ValueError, match=f"data-00000-of-00001: {len(whole) - 100:,} bytes, expected {len(whole):,}"):
        gpt2.load_model(str(folder))


def test_a_flipped_bit_is_found_and_its_tensor_named(folder):
    data = bytearray((folder / DATA).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / DATA).write_bytes(data)
    with pytest.raises(ValueError, match=r"tensor model/\S+ is damaged"):
        gpt2.load_model(str(folder))


def test_a_damaged_index_is_named(folder):
    (folder / "model.ckpt.index").write_bytes(b"<html>404</html>" * 20)
    with pytest.raises(ValueError, match=r"model\.ckpt\.index: damaged"):
        gpt2.load_model(str(folder))


def test_a_tensor_of_another_shape_is_named_with_both_shapes(folder):
    write_hparams(folder, n_ctx=7)
    with pytest.raises(ValueError, match=r"model/wpe has shape \[6, 8\], expected \[7, 8\]"):
        gpt2.load_model(str(folder))


def test_a_missing_tensor_is_named(folder):
    write_hparams(folder, n_layer=3)
    with pytest.raises(ValueError, match=r"no tensor model/h2/ln_1/g"):
        gpt2.load_model(str(folder))


def test_a_tensor_left_over_is_named(folder):
    write_hparams(folder, n_layer=1)
    with pytest.raises(ValueError, match=r"tensor model/h1/\S+ has no place"):
        gpt2.load_model(str(folder))


def rewrite_in(folder, dtype, model):
    """Writes the weights of a model again in another dtype; gives their values there, in float32."""
    tensors = {name: tf.cast(weight, dtype) for name, weight in model.weights.items()}
    checkpoint.write_bundle(str(folder / "model.ckpt"), tensors)
    return {name: tf.cast(tensor, tf.float32).numpy() for name, tensor in tensors.items()}


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_weights_of_any_float_load_as_float32(folder, small, dtype):
    values = rewrite_in(folder, dtype, small)
    loaded = gpt2.load_model(str(folder))
    for name, weight in loaded.weights.items():
        assert weight.dtype == tf.float32
        np.testing.assert_array_equal(weight.numpy(), values[name], err_msg=name)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_a_flipped_bit_is_found_in_weights_of_any_float(folder, small, dtype):
    rewrite_in(folder, dtype, small)
    test_a_flipped_bit_is_found_and_its_tensor_named(folder)


def test_weights_that_are_no_floats_are_refused_by_name(folder, small):
    rewrite_in(folder, "int32", small)
    with pytest.raises(ValueError, match=r"tensor model/wpe is of int32, expected float32 or another float"):
        gpt2.load_model(str(folder))


@pytest.mark.parametrize("name", ["n_ctx", "n_embd", "n_head", "n_layer"])
def test_sizes_that_no_model_has_are_refused_before_anything_is_made_of_them(folder, name):
    sizes = {"n_vocab": 30, "n_ctx": 6, "n_embd": 8, "n_head": 2, "n_layer": 2} | {name: 10**9}
    (folder / "hparams.json").write_text(json.dumps(sizes))
    with pytest.raises(UserError, match=f"hparams.json: hparams: {name} is 1000000000, expected at most "):
        read_hparams(str(folder))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "hparams.json: found no JSON at line 1, column 2"),
        ("[]", "found a list, expected the sizes n_vocab"),
        ('{"n_vocab": 3}', "found no n_ctx, expected the sizes n_vocab, n_ctx"),
        (
            '{"n_vocab": 30, "n_ctx": 6, "n_embd": 8, "n_head": 3, "n_layer": 2}',
            "n_embd 8 is not a multiple of n_head 3",
        ),
        (
            '{"n_vocab": 30, "n_ctx": 6.5, "n_embd": 8, "n_head": 2, "n_layer": 2}',
            "n_ctx is a number, expected",
        ),
        (
            '{"n_vocab": 70000, "n_ctx": 6, "n_embd": 8, "n_head": 2, "n_layer": 2}',
            "n_vocab is 70000, expected at most",
        ),
        (
            '{"n_vocab": 30, "n_ctx": 6, "n_embd": 8, "n_head": 2, "n_layer": 2, "": 8, "n": 1}',
            "found '', 'n', expected only n_vocab",
        ),
    ],
)
def test_wrong_hparams_are_an_error_in_one_line(folder, text, message):
    (folder / "hparams.json").write_text(text)
    with pytest.raises(ValueError, match=message) as error:
        gpt2.load_model(str(folder))
    assert "\n" not in str(error.value)


def test_check_weights_reads_every_tensor(folder):
    bundle.check_weights(str(folder / "model.ckpt"), SMALL)
    data = bytearray((folder / DATA).read_bytes())
    data[-1] ^= 1
    (folder / DATA).write_bytes(data)
    with pytest.raises(ValueError, match="is damaged"):
        bundle.check_weights(str(folder / "model.ckpt"), SMALL)


def test_a_crash_while_saving_leaves_the_old_checkpoint(folder, small, monkeypatch):
    def crash(*arguments, **kwargs):
        raise KeyboardInterrupt

    changed = GPT2(SMALL, initial=fresh_weights(seed=6))
    for name in ("write_bundle", "write_pointer"):
        with monkeypatch.context() as patch:
            patch.setattr(checkpoint, name, crash)
            with pytest.raises(KeyboardInterrupt):
                checkpoint.save_model(str(folder), changed, "model-1")
        assert_same_weights(gpt2.load_model(str(folder)), small)
    checkpoint.save_model(str(folder), changed, "model-1")
    assert_same_weights(gpt2.load_model(str(folder)), changed)


def test_the_checkpoint_that_counts_is_never_written_over(folder, small):
    with pytest.raises(ValueError, match="would lose it"):
        checkpoint.save_model(str(folder), small)


LOAD_AND_MEASURE = """
import resource, sys
import gpt2, tensorflow as tf
tf.constant(0)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
model = gpt2.load_model(sys.argv[1])
print(before, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.slow
def test_loading_takes_at_most_1_3_times_the_file_in_memory(tmp_path):
    sizes = HParams(n_vocab=20000, n_ctx=512, n_embd=768, n_head=12, n_layer=12)
    checkpoint.save_model(str(tmp_path), GPT2(sizes, initial=lambda name, shape: tf.zeros(shape)))
    (tmp_path / "hparams.json").write_text(str(vars(sizes)).replace("'", '"'))
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, "-c", LOAD_AND_MEASURE, str(tmp_path)]
    output = subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout
    before, peak = map(int, output.split())
    assert (peak - before) * 1024 <= 1.3 * (tmp_path / DATA).stat().st_size
    shutil.rmtree(tmp_path)
