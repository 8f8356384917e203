"""A SavedModel writes what sample.py writes with the same seed, and nothing of ours is needed to load it."""

import json
import os
import re
import subprocess
import sys

import pytest
import tensorflow as tf
from conftest import ROOT

import encoder
from encoder.reference import Encoder
from gpt2 import formats
from gpt2.checkpoint import load_model
from gpt2.formats import conversion
from gpt2.jobs.job import Job, ids_of
from gpt2.jobs.request import Request
from gpt2.jobs.source import find_source
from gpt2.model import GPT2
from gpt2.sampling.xla_engine import XlaEngine
from poems.prompts import Prompt
from system.errors import UserError

pytest.importorskip("tensorflow_text", reason="tensorflow-text has no wheel for this system")

PROMPTS = ["O rose,", "", "Shall I compare thee\n", "My love ", "a<|endoftext|>The", "The sea — and the sun  "]
HOW: list[dict] = [
    {"length": 12},
    {"length": 60},  # The window of 32 slides twice.
    {"length": 40, "top_p": 0.9, "temperature": 0.7},
    {"length": 40, "stop": "\n"},
    {"top_k": 0},
    {"length": 12, "temperature": 0.0},
]
ENDS = ["", " ", "  ", "\n", " \n", "\n ", "\t", "\x1c", "\x85", "\xa0", "\u2003", "\u3000", "\u200b", "x", "é"]
NUMBERS = {"temperature": -1.0, "top_k": -1, "top_p": 1.5, "length": -1}
LOAD = """
import json, sys
import tensorflow as tf
import tensorflow_text
poet = tf.saved_model.load(sys.argv[1])
found = poet.write(json.loads(sys.argv[2]), seed=7, length=40)["texts"].numpy()
served = poet.signatures["serving_default"]
rest = {"temperature": tf.constant(1.0), "top_k": tf.constant(40), "top_p": tf.constant(0.0), "stop": tf.constant("")}
same = served(prompts=tf.constant(["O rose,"]), seed=tf.constant(7, tf.int64), length=tf.constant(40), **rest)
assert same["texts"].numpy()[0] == found[0]
assert not [name for name in sys.modules if name.split(".")[0] in ("gpt2", "encoder", "poems", "system")]
print(json.dumps([text.decode() for text in found]))
"""


@pytest.fixture(scope="module")
def stored(short_poet):
    return conversion.open_model(str(short_poet))


@pytest.fixture(scope="module")
def poet(stored):
    from gpt2.formats.saved_model import Poet

    return Poet(GPT2(stored.hparams, lambda name, _: stored.read(name)), Encoder(stored.vocabulary))


def write(poet, prompts, **how):
    return [text.decode() for text in poet.write(prompts, **how)["texts"].numpy()]


@pytest.fixture(scope="module")
def engine(short_poet):
    return XlaEngine(load_model(str(short_poet)), len(PROMPTS))


@pytest.mark.parametrize("how", HOW)
def test_a_seed_gives_the_texts_of_sample_py(poet, engine, short_poet, tmp_path, how):
    (tmp_path / "prompts.jsonl").write_text("".join(json.dumps({"prompt": text}) + "\n" for text in PROMPTS))
    request = Request(restore_from=str(short_poet), prompts=str(tmp_path / "prompts.jsonl"), seed=7, **how)
    job = Job.of(request, encoder.load_encoder(str(short_poet)), find_source(request))
    expected = [job.text(sample, prompt) for sample, prompt in job.samples(engine, job.prompts.numbers(1))]
    assert write(poet, PROMPTS, seed=7, **how) == expected


def test_a_text_does_not_depend_on_its_batch(poet):
    assert write(poet, PROMPTS[:1], seed=3, length=60) == write(poet, PROMPTS, seed=3, length=60)[:1]


def test_the_ids_of_prompts_are_those_of_sample_py(poet, stored):
    enc = Encoder(stored.vocabulary)
    texts = [start + end for start in ("O rose,", "", "a<|endoftext|>b", "<|endoftext|>") for end in ENDS]
    expected = [ids_of(enc, Prompt((text,) if text else (), False, 1)) or [enc.end_of_text] for text in texts]
    assert poet.ids_of(tf.constant(texts)).to_list() == expected


@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_out_of_its_range_is_named(poet, name):
    with pytest.raises(tf.errors.InvalidArgumentError, match=f"{name}: expected"):
        write(poet, PROMPTS, **{name: NUMBERS[name]})


def test_a_prompt_longer_than_the_window_and_one_that_is_not_utf_8_are_refused(poet):
    with pytest.raises(tf.errors.InvalidArgumentError, match="longer than the window of 32 tokens"):
        write(poet, ["rose " * 40])
    with pytest.raises(tf.errors.InvalidArgumentError):
        write(poet, [b"\xff\xfe"])


def test_a_system_without_tensorflow_text_is_told_so(tmp_path, short_poet, monkeypatch):
    monkeypatch.delattr(formats, "saved_model", raising=False)
    monkeypatch.setitem(sys.modules, "gpt2.formats.saved_model", None)
    with pytest.raises(UserError, match="tensorflow_text, which is not installed"):
        conversion.convert(str(short_poet), str(tmp_path / "out"), "savedmodel")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def served(tmp_path_factory, short_poet):
    """A folder with the SavedModel."""
    folder = tmp_path_factory.mktemp("served") / "poet"
    conversion.convert(str(short_poet), str(folder), "savedmodel")
    return folder


@pytest.mark.slow
def test_tensorflow_and_tensorflow_text_alone_load_it(served, poet):
    command = [sys.executable, "-c", LOAD, str(served), json.dumps(PROMPTS)]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, cwd=served, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == write(poet, PROMPTS, seed=7, length=40)


@pytest.mark.slow
def test_tensorflow_serving_finds_the_defaults(served):
    from tensorflow.core.protobuf import saved_model_pb2

    found = saved_model_pb2.SavedModel.FromString((served / "saved_model.pb").read_bytes())
    defaults = found.meta_graphs[0].signature_def["serving_default"].defaults
    values = {name: tf.make_ndarray(value).item() for name, value in defaults.items()}
    assert values == {"seed": 0, "temperature": 1.0, "top_k": 40, "top_p": 0.0, "length": 0, "stop": b""}


@pytest.mark.slow
def test_the_request_in_the_docs_is_one_that_tensorflow_serving_takes(served):
    """Serving makes a tensor of a signature's dtype of each value, and refuses a request that lacks an input."""
    text = (ROOT / "docs" / "convert.md").read_text()
    (given,) = re.findall(r"-d '(\{.*?\})'\n```", text, re.S)
    request = json.loads(given)["inputs"]
    signature = tf.saved_model.load(str(served)).signatures["serving_default"]
    specs = signature.structured_input_signature[1]
    assert request.keys() == specs.keys()
    tensors = {name: tf.constant(value, specs[name].dtype) for name, value in request.items()}
    assert all(specs[name].shape.is_compatible_with(tensor.shape) for name, tensor in tensors.items())
    (texts,) = signature(**tensors).values()
    assert (texts.dtype, texts.shape) == (tf.string, [2])
