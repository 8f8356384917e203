"""The engine in NumPy computes what TensorFlow computes, and writes where LiteRT fails or computes something else."""

import itertools
import os
import sys

import ai_edge_litert
import numpy as np
import pytest
import tensorflow as tf

from gpt2.checkpoint import save_model
from gpt2.checkpoint_paths import find_prefix
from gpt2.hparams import HParams
from gpt2.lite import self_check, tflite_file
from gpt2.lite.lite_engine import LiteEngine
from gpt2.lite.numpy_engine import NumpyEngine
from gpt2.model import GPT2, fresh_weights
from gpt2.sampling.batch import Rules, Task, in_order, write_samples
from gpt2.sampling.engines import EngineSpec
from gpt2.sampling.filters import Filters
from system.errors import UserError

SMALL = HParams(n_vocab=50, n_ctx=40, n_embd=24, n_head=3, n_layer=2)
IDS = np.random.default_rng(0).integers(0, SMALL.n_vocab, SMALL.n_ctx).tolist()


@pytest.fixture(scope="module")
def model():
    return GPT2(SMALL, initial=lambda name, shape: fresh_weights(seed=3)(name, shape) * 3)


@pytest.fixture
def prefix(model, tmp_path):
    folder = str(tmp_path / "model")
    save_model(folder, model)
    (tmp_path / "model" / "hparams.json").write_text(
        '{"n_vocab": 50, "n_ctx": 40, "n_embd": 24, "n_head": 3, "n_layer": 2}'
    )
    return find_prefix(folder)


@pytest.fixture(autouse=True)
def checked(tmp_path, monkeypatch):
    """The folder that remembers what was checked, empty at first."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "gpt-2-poetry" / "litert"


@pytest.mark.parametrize("n", [1, 5, 39])
def test_logits_are_tensorflow_s(prefix, model, n):
    expected = model(tf.constant([IDS])).numpy()[0]
    engine = NumpyEngine(prefix, SMALL, 2)
    logits = [engine.start([0, 1], tuple(IDS[:n]))] + [engine.step([0, 1], [id, id])[1] for id in IDS[n:]]
    np.testing.assert_allclose(logits, expected[n - 1 :], atol=2e-5)
    np.testing.assert_allclose(np.concatenate(list(engine.score(tuple(IDS)))), expected, atol=2e-5)
    assert logits[-1].dtype == np.float32


@pytest.mark.parametrize("filters", [Filters(), Filters(top_p=0.9, repetition_penalty=1.3)])
def test_samples_do_not_depend_on_the_batch(prefix, filters):
    rules = Rules(filters, seed=7, logprobs=True)
    tasks = [Task(number, (4, 6), 60) for number in range(1, 9)]  # The window slides.
    alone = list(write_samples(NumpyEngine(prefix, SMALL, 1), tasks, rules))
    many = write_samples(NumpyEngine(prefix, SMALL, 3), tasks, rules)
    assert list(in_order(many, itertools.count(1))) == alone


def test_a_row_takes_over_the_text_of_another(prefix):
    engine = NumpyEngine(prefix, SMALL, 2)
    engine.start([0], (4, 6))
    engine.start([1], (5,))
    engine.fork([1], [0])
    assert (engine.step([1], [9])[0] == engine.step([0], [9])[0]).all()


@pytest.mark.parametrize("dtype", ["float32", "int8"])
def test_a_file_is_checked_once_with_each_version_of_litert(prefix, checked, monkeypatch, dtype):
    spec = EngineSpec(prefix, os.path.dirname(prefix), dtype, "lite")
    spec.open(1)
    (mark,) = checked.iterdir()
    assert mark.name.endswith(f".{dtype}.tflite-{ai_edge_litert.__version__}")
    models = []
    monkeypatch.setattr(self_check, "NumpyModel", lambda *found: models.append(found))
    spec.open(1)
    assert models == []
    monkeypatch.setattr(ai_edge_litert, "__version__", "9.9")
    with pytest.raises(UserError):  # as the model in its place computes nothing
        spec.open(1)
    assert len(models) == 1


@pytest.fixture
def wrong(monkeypatch):
    """A LiteRT that computes something else."""
    read = LiteEngine.read

    def read_wrongly(engine, ids):
        text = read(engine, ids)
        text.logits = text.logits[::-1]
        return text

    monkeypatch.setattr(LiteEngine, "read", read_wrongly)


@pytest.mark.parametrize(
    ("dtype", "installed", "expected"),
    [("float32", True, "XLA"), ("float32", False, "NumPy"), ("int8", True, "NumPy")],
)
def test_another_engine_writes_where_litert_computes_something_else(
    prefix, model, wrong, messages, monkeypatch, checked, dtype, installed, expected
):
    if not installed:
        monkeypatch.setitem(sys.modules, "tensorflow", None)
    engine = EngineSpec(prefix, os.path.dirname(prefix), dtype).open(1)
    assert f"({ai_edge_litert.__version__} computes other logits than NumPy" in messages()[-1].replace("version ", "")
    assert f", so {expected} does, more slowly" in messages()[-1]
    assert not checked.exists()
    logits = engine.start([0], tuple(IDS[:5]))
    monkeypatch.undo()
    np.testing.assert_allclose(logits, model(tf.constant([IDS[:5]])).numpy()[0, -1], atol=2e-5)


@pytest.mark.parametrize("error", [TypeError, AttributeError, RuntimeError, ImportError, ValueError])
def test_another_engine_writes_where_litert_raises(prefix, messages, monkeypatch, error):
    def fail(*_, **__):
        raise error("unknown option")

    monkeypatch.setattr("gpt2.lite.products.Program", fail)
    EngineSpec(prefix, os.path.dirname(prefix), "int8").open(1)
    assert messages()[-1] == f"LiteRT cannot write from {prefix} (unknown option), so NumPy does, more slowly"
    with pytest.raises(UserError, match=r"LiteRT cannot open it \(unknown option\); sample with --engine auto"):
        EngineSpec(prefix, os.path.dirname(prefix), "int8", "lite").open(1)


def test_numpy_writes_where_neither_litert_nor_tensorflow_is_installed(prefix, monkeypatch):
    for name in ("ai_edge_litert", "tensorflow", "gpt2.lite.lite_engine", "gpt2.lite.tflite_file"):
        monkeypatch.setitem(sys.modules, name, None)
    assert isinstance(EngineSpec(prefix, os.path.dirname(prefix)).open(2), NumpyEngine)


def test_a_damaged_checkpoint_is_no_fault_of_litert_s(prefix, monkeypatch):
    tflite_file.make_file(prefix, SMALL, "float32")
    with open(f"{prefix}.data-00000-of-00001", "r+b") as file:
        file.write(b"damage")
    with pytest.raises(UserError, match="damaged"):
        EngineSpec(prefix, os.path.dirname(prefix)).open(1)
