"""From Python a model writes what sample.py writes, and says how likely it finds a text."""

import json
import math
import os
import re
import shutil
import subprocess
import sys

import pytest
from conftest import ROOT

import gpt2
from system.errors import UserError


@pytest.fixture(scope="module")
def place(tmp_path_factory, small_model):
    folder = tmp_path_factory.mktemp("poet")
    shutil.copytree(small_model, folder / "models")
    shutil.copytree(folder / "models" / "small", folder / "checkpoint" / "run1")
    return folder


@pytest.fixture
def poet(place, monkeypatch):
    monkeypatch.chdir(place)
    return gpt2.load("small")


def test_poems_are_those_of_the_script(poet, place, run_script):
    flags = ("--prompt", "Tell me ", "--lines", 2, "--length", 20, "--nsamples", 3, "--seed", 5)
    run_script("sample.py", "--model_name", "small", *flags, "--out", "x.jsonl", cwd=place)
    rows = [json.loads(line) for line in (place / "x.jsonl").read_text().splitlines()]
    poems = poet.write("Tell me ", lines=2, length=20, n=3, seed=5)
    assert [(poem.text, poem.why, poem.number) for poem in poems] == [
        (row["text"], row["why"], row["number"]) for row in rows
    ]
    for poem, row in zip(poems, rows, strict=True):
        assert poem.logprobs == pytest.approx(row["logprobs"], abs=1e-4)
        assert str(poem) == "Tell me " + poem.text
        assert poem.settings["lines"] == 2


@pytest.mark.parametrize("flags", [{"length": 30}, {"length": 30, "stop": "e"}, {"lines": 1}])
def test_pieces_join_to_the_poem_that_is_written_at_once(poet, flags):
    pieces = list(poet.stream("Tell ", seed=2, **flags))
    assert "".join(pieces) == poet.write("Tell ", seed=2, **flags)[0].text
    assert all(pieces[:-1])


def test_a_stream_that_is_left_leaves_the_model_to_the_next_poem(poet):
    next(poet.stream("Tell", seed=2, length=30))
    assert poet.write("Tell", seed=2, length=9) == poet.write("Tell", seed=2, length=9)


def test_poems_come_in_a_form_and_by_the_batch(poet):
    one, two = poet.write(syllables="3,3", n=2, seed=1, particles=2, batch_size=2)
    assert one.why == two.why == "form"
    assert poet.write(syllables="3,3", n=2, seed=1, particles=2) == [one, two]


def test_a_score_is_that_of_the_log_probabilities(poet):
    (poem,) = poet.write("Tell", seed=3, length=8)
    score = poet.score(poem.text, "Tell")
    assert score.characters == len(poem.text)
    # The text may be encoded in other pieces than it was written in, so the first score is of its own ids.
    assert score.perplexity == pytest.approx(math.exp(-score.logprob / score.tokens))
    assert score.bits_per_character == pytest.approx(-score.logprob / math.log(2) / len(poem.text))
    assert math.isnan(poet.score("").perplexity)


def test_a_name_is_a_run_a_model_or_a_path(place, monkeypatch):
    monkeypatch.chdir(place)
    model, run = (os.path.abspath(path) for path in ("models/small", "checkpoint/run1"))
    found = [gpt2.load(name).source.prefix for name in ("small", "run1", model, "checkpoint/run1")]
    assert [os.path.dirname(os.path.abspath(prefix)) for prefix in found] == [model, run, model, run]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda poet: poet.write("Tell", temprature=1), "unknown flag temprature; did you mean temperature?"),
        (lambda poet: poet.write("Tell", temperature=-1), "temperature is -1, expected 0 to"),
        (lambda poet: next(poet.stream("Tell", form="haiku")), "a poem in a form, or the best of several, is known"),
        (lambda poet: poet.score("Tell", author="Anna"), "--author is no part of what this model was trained on"),
        (lambda poet: gpt2.load("none"), "models/none"),
    ],
)
def test_a_mistake_is_one_line(poet, call, message):
    with pytest.raises((UserError, FileNotFoundError), match=re.escape(message)) as caught:
        call(poet)
    assert "\n" not in str(caught.value)


def test_importing_it_takes_no_tensorflow_nor_numpy():
    code = "import sys, gpt2; assert not {'tensorflow', 'numpy'} & set(sys.modules); assert 'load' in dir(gpt2)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_the_lines_of_the_page_run(tmp_path):
    code, _ = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "python.md").read_text(), re.S)
    env = os.environ | {"PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=env, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.split("\n")) > 20
