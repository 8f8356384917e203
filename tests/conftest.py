"""What the tests share: the reference figures, a small model, and two ways to run a script as a user would."""

import contextlib
import importlib
import io
import json
import logging
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import types

import hypothesis
import numpy as np
import pytest

# The same examples in every run of `make test`; `make fuzz` draws others, many more, and keeps those that fail. Neither
# depends on the clock: a process that was stopped for a while is not a test that fails.
BY_NO_CLOCK = hypothesis.settings(deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.register_profile("test", BY_NO_CLOCK, max_examples=200, derandomize=True)
hypothesis.settings.register_profile("fuzz", BY_NO_CLOCK, max_examples=2000, print_blob=True)
hypothesis.settings.load_profile("test")

ROOT = pathlib.Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "tests" / "reference"
ALL = os.environ.get("KILLS") == "all"  # Every kill and every number of workers, which takes minutes more.
COUPLET = "Tell me not, in mournful numbers,\nLife is but an empty dream!\n"
VERSE = f"{COUPLET}For the soul is dead that slumbers,\n"
WORDS = "rose thorn night stars river stone winter bell harbour lark ember willow drum frost orchard sail".split()  # noqa: SIM905
SMALL = {"n_vocab": 300, "n_ctx": 32, "n_embd": 16, "n_head": 2, "n_layer": 1}


def poem(number):
    """A poem of two lines, unlike that of any other number."""
    words = random.Random(number).choices(WORDS, k=12)
    return f"{' '.join(words[:6])}\nand {' '.join(words[6:])}, {number}.\n"


@pytest.fixture(scope="session")
def reference_folder():
    """The small checkpoint and the figures that the original graph computed from it."""
    return str(REFERENCE / "tiny")


@pytest.fixture
def run_script(tmp_path):
    """Runs a script of the project in an empty folder; the finished process has returncode, stdout and stderr."""

    def run(script, *arguments, cwd=tmp_path, timeout=300, **kwargs):
        command = [sys.executable, str(ROOT / script), *map(str, arguments)]
        return subprocess.run(command, cwd=cwd, timeout=timeout, text=True, capture_output=True, **kwargs)

    return run


def default_signals():
    """For Popen's preexec_fn: a shell starts what it puts in the background deaf to Ctrl-C, and its children too."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.fixture
def messages(caplog, monkeypatch):
    """A function that gives the messages logged so far."""
    monkeypatch.setattr(logging.getLogger("gpt2"), "propagate", True)
    caplog.set_level(logging.INFO, "gpt2")
    return lambda: [record.getMessage() for record in caplog.records if record.name == "gpt2"]


@pytest.fixture
def run_here(tmp_path, monkeypatch):
    """The same in this process, which has TensorFlow already; for what does not depend on a process of its own."""
    from system import command_line

    def run(script, *arguments):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", [script, *map(str, arguments)])
        out, err = io.StringIO(), io.StringIO()
        status: object = 0
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                command_line.run(importlib.import_module(script.removesuffix(".py")).main)
            except SystemExit as end:
                status = end.code
        return types.SimpleNamespace(returncode=status, stdout=out.getvalue(), stderr=err.getvalue())

    return run


@pytest.fixture(scope="session")
def small_model(tmp_path_factory):
    """The folder `models`, which holds a model called small with random weights, and its vocabulary."""
    from encoder import vocabulary
    from encoder.trainer import train_vocabulary
    from gpt2.checkpoint import save_model
    from gpt2.hparams import HParams
    from gpt2.model import GPT2, fresh_weights

    models = tmp_path_factory.mktemp("models")
    folder = str(models / "small")
    vocabulary.write_vocabulary(folder, train_vocabulary([VERSE * 3], SMALL["n_vocab"]))
    (models / "small" / "hparams.json").write_text(json.dumps(SMALL))
    save_model(folder, GPT2(HParams(**SMALL), fresh_weights(seed=1)))
    return models


@pytest.fixture
def place(tmp_path, small_model):
    """An empty folder but for models/small, as it was before any test wrote verse with it."""
    shutil.copytree(small_model, tmp_path / "models", ignore=shutil.ignore_patterns("*.tflite"))
    return tmp_path


def texts_of(output):
    """The texts under the headings that sample.py prints, by their numbers."""
    parts = output.split("=" * 40 + " SAMPLE ")[1:]
    return {int(part.split(" ", 1)[0]): part.split("=\n", 1)[1].removesuffix("\n") for part in parts}


def log_of(place, run="run1"):
    """The records that train.py left of a run, one a step."""
    return [json.loads(line) for line in (place / "checkpoint" / run / "log.jsonl").read_text().splitlines()]


def losses(place, run="run1"):
    """The loss of each of its steps, of which none is left out."""
    records = log_of(place, run)
    assert [record["step"] for record in records] == list(range(1, len(records) + 1))
    return [record["loss"] for record in records]


def tokens_of(path):
    """The arrays of a dataset, as lists."""
    with np.load(path) as arrays:
        return {name: arrays[name].tolist() for name in arrays.files}
