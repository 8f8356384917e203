"""Runs of train.py that share only a folder, and go on whatever happens to one of them."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from conftest import ROOT, SMALL, VERSE

import gpt2
from gpt2.checkpoint_paths import find_prefix
from gpt2.hparams import HParams
from gpt2.runs.log import read_log
from gpt2.swarm.member import Member, Rules

pytestmark = pytest.mark.slow


@pytest.fixture
def place(tmp_path, small_model):
    import encoder

    shutil.copytree(small_model, tmp_path / "models")
    ids = encoder.get_encoder("small", str(small_model)).encode(VERSE * 20)
    np.savez(tmp_path / "poems.npz", np.array(ids, np.uint16))
    return tmp_path


@pytest.fixture
def run(place):
    """Starts a run of this name in the swarm, until a signal ends it."""
    started = []

    def start(name):
        flags = ["--dataset", "poems.npz", "--model_name", "small", "--sample_every", 0, "--run_name", name]
        flags += ["--swarm", "swarm", "--swarm_every", 100, "--swarm_patience", 8]
        command = [sys.executable, str(ROOT / "train.py"), *map(str, flags)]
        started.append(subprocess.Popen(command, cwd=place, stderr=subprocess.PIPE, text=True))
        return started[-1]

    yield start
    for process in started:
        process.kill()


def rounds(place):
    """What came of each round that is still in the folder, the newest last."""
    reports = [json.loads(path.read_text()) | {"path": path} for path in (place / "swarm").glob("average-*.json")]
    return sorted(reports, key=lambda report: int(report["path"].stem.rpartition("-")[2]))


def wait_until_counted(place, name):
    deadline = time.monotonic() + 200
    while not any(member.endswith(f"-{name}") for report in rounds(place) for member in report["counted"]):
        assert time.monotonic() < deadline, f"{name} was never counted"
        time.sleep(0.05)


def test_a_swarm_survives_the_dead_the_late_nan_and_half_a_file(place, run):
    sizes = HParams(**SMALL)
    for name in ("nan", "half"):
        model = gpt2.load_model(str(place / "models" / "small"))
        bad = Member(str(place / "swarm"), name, sizes, Rules(every=100))
        bad.join(model.weights, 0)
        if name == "nan":
            model.weights["model/wpe"].assign(np.full(model.weights["model/wpe"].shape, np.nan))
        bad.publish(model.weights)
    data = f"{find_prefix(bad.home)}.data-00000-of-00001"
    os.truncate(data, os.path.getsize(data) // 2)

    members = {name: run(name) for name in ("first", "second", "victim")}
    for name in members:
        wait_until_counted(place, name)
    members.pop("victim").kill()
    members["late"] = run("late")
    wait_until_counted(place, "late")
    for process in members.values():
        process.send_signal(signal.SIGINT)
    said = {name: process.communicate(timeout=60)[1] for name, process in members.items()}
    assert [process.returncode for process in members.values()] == [0] * 3, said

    reports = [
        record["swarm"]["left_out"]
        for name in members
        for record in read_log(str(place / "checkpoint" / name))
        if "swarm" in record
    ]
    reasons = {who.rpartition("-")[2]: reason for left_out in reports for who, reason in left_out.items()}
    assert "is NaN or infinite" in reasons["nan"]
    assert "cut short" in reasons["half"]
    assert re.search(r"nothing of round|has not begun round", reasons["victim"])
    assert "left out nan: " in "".join(said.values())
    # What each saves is a whole model, and so is the average.
    for folder in ("swarm", "checkpoint/first", "checkpoint/late"):
        assert np.isfinite(gpt2.load_model(str(place / folder)).weights["model/wpe"].numpy()).all()
