"""An engine that spans devices gives each row what one device gives it; here the devices are one CPU, several times."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from gpt2.distributed import strategy
from gpt2.hparams import HParams
from gpt2.model import GPT2, fresh_weights
from gpt2.sampling.batch import Rules, Task, in_order, write_samples
from gpt2.sampling.multi_device import MultiDeviceEngine
from gpt2.sampling.xla_engine import XlaEngine

HPARAMS = HParams(n_vocab=50, n_ctx=16, n_embd=8, n_head=2, n_layer=1)


@pytest.fixture(scope="module")
def model():
    return GPT2(HPARAMS, fresh_weights(seed=1))


def written(engine):
    work = (Task(number, (4, number % 2), 20) for number in range(1, 10))
    return list(in_order(write_samples(engine, work, Rules(seed=7, logprobs=True)), itertools.count(1)))


@pytest.fixture(scope="module")
def expected(model):
    return written(XlaEngine(model, 1))


@pytest.mark.parametrize(("rows", "n_devices"), [(3, 2), (2, 3)])
def test_samples_do_not_depend_on_the_number_of_devices(model, expected, rows, n_devices):
    found = written(MultiDeviceEngine(lambda: model, ["CPU:0"] * n_devices, rows))
    assert [(sample.ids, sample.why) for sample in found] == [(sample.ids, sample.why) for sample in expected]
    for sample, other in zip(found, expected, strict=True):
        # float32, in products of other sizes.
        np.testing.assert_allclose(sample.logprobs, other.logprobs, atol=1e-4)


@pytest.mark.parametrize("make", [XlaEngine, lambda model, rows: MultiDeviceEngine(lambda: model, ["CPU:0"] * 2, rows)])
def test_a_row_may_wait_while_others_step(model, make):
    expected = model(tf.constant([[4, 6, 7, 8]])).numpy()[0, 1:]
    engine = make(model, 3)
    found = [engine.start([0, 1, 2], (4, 6))]
    for token in (1, 2, 3):
        engine.step([0, 1], [token, token])
    found += [engine.step([2], [7])[0]]
    engine.step([0], [9])
    found += [engine.step([1, 2], [5, 8])[-1]]
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_rows_are_shared_out_evenly_and_a_device_without_one_is_not_used(model):
    engine = MultiDeviceEngine(lambda: model, ["CPU:0"] * 3, 5)
    assert [one.rows for one in engine.engines] == [2, 2, 1]
    assert len(MultiDeviceEngine(lambda: model, ["CPU:0"] * 3, 1).engines) == 1


def test_the_checkpoint_is_read_once(model):
    loads = iter([model])
    engine = MultiDeviceEngine(lambda: next(loads), ["CPU:0"] * 3, 3)
    for one in engine.engines[1:]:
        assert one.model is not model
        for name, weight in one.model.weights.items():
            np.testing.assert_array_equal(weight, model.weights[name])


def test_copies_keep_the_dtype(model):
    engine = MultiDeviceEngine(lambda: GPT2(HPARAMS, fresh_weights(seed=1), "bfloat16"), ["CPU:0"] * 2, 2)
    assert [one.model.weights["model/wpe"].dtype for one in engine.engines] == [tf.bfloat16] * 2


def test_texts_are_scored_as_on_one_device(model):
    [expected] = XlaEngine(model, 1).score((1, 2, 3))
    [found] = MultiDeviceEngine(lambda: model, ["CPU:0"] * 2, 2).score((1, 2, 3))
    np.testing.assert_array_equal(found, expected)


def test_on_a_cpu_one_device_takes_part_unless_all_are_asked_for():
    cpus = [device.name for device in tf.config.list_logical_devices("CPU")]
    assert strategy.find_devices("auto") == strategy.find_devices("one") == cpus[:1]
    assert strategy.find_devices("mirrored") == cpus


@pytest.mark.parametrize(
    "make", [XlaEngine, lambda model, rows: MultiDeviceEngine(lambda: model, ["CPU:0"] * 2, rows, together=3)]
)
def test_a_row_that_takes_over_the_text_of_another_goes_on_from_there(model, make):
    engine = make(model, 6)
    engine.start([0, 1, 2, 3, 4, 5], (4, 6))
    engine.step([0, 1, 2, 3, 4, 5], [7, 8, 9, 10, 11, 12])
    engine.step([0, 3], [1, 2])
    engine.fork([1, 2, 5], [0, 0, 3])
    found = engine.step([0, 1, 2, 5], [3, 3, 5, 9])
    texts = [[4, 6, 7, 1, 3], [4, 6, 7, 1, 3], [4, 6, 7, 1, 5], [4, 6, 10, 2, 9]]
    np.testing.assert_allclose(found, model(tf.constant(texts)).numpy()[:, -1], atol=1e-5)


def test_rows_that_belong_together_are_on_one_device(model):
    engine = MultiDeviceEngine(lambda: model, ["CPU:0"] * 4, 12, together=4)
    assert [share.tolist() for share in engine.shares] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]
