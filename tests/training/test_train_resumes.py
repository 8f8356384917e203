"""Runs of train.py that are stopped, in any way, and resumed."""

import re
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from conftest import ROOT, log_of, losses

import gpt2


@pytest.mark.parametrize(
    "flags",
    [
        ["adamw", "--clip_norm", 1, "--memory_saving_gradients"],
        ["adafactor", "--dtype", "mixed", "--only_train_transformer_layers"],
        ["muon", "--only_train_transformer_layers", "--accumulate_gradients", 2, "--dtype", "bfloat16"],
    ],
    ids=lambda flags: flags[0],
)
def test_a_resumed_run_is_the_run_that_was_never_stopped_to_the_bit(place, train, flags):
    whole = train("--run_name", "whole", "--steps", 12, "--optimizer", *flags)
    for steps in (5, 12):
        part = train("--run_name", "parts", "--steps", steps, "--optimizer", *flags)
        assert whole.returncode == part.returncode == 0, part.stderr
    assert losses(place, "parts") == losses(place, "whole")


def test_what_was_not_saved_is_done_again(place, train):
    train("--run_name", "whole", "--steps", 8, "--save_every", 3)
    shutil.copytree(place / "checkpoint" / "whole", place / "checkpoint" / "cut")
    pointer = place / "checkpoint" / "cut" / "checkpoint"
    pointer.write_text(pointer.read_text().replace("model-8", "model-6"))
    train("--run_name", "cut", "--steps", 8)
    assert losses(place, "cut") == losses(place, "whole")


def test_a_second_process_is_kept_out_of_a_run(begun, train):
    from system.lock import Lock

    before = losses(begun)
    with Lock(str(begun / "checkpoint" / "run1")):
        done = train("--steps", 3)
    assert done.returncode == 1
    assert re.search(r"checkpoint/run1: process \d+ of \S+ trains there; stop it first, or name", done.stderr)
    assert losses(begun) == before
    assert train("--steps", 3).returncode == 0


def test_a_run_that_is_there_already_says_so_and_succeeds(begun, train):
    again = train("--steps", 2)
    assert again.returncode == 0
    assert "checkpoint/run1 is at step 2 already; to train on, give more --steps" in again.stderr
    assert "at step 2 already; to train on, give more --epochs" in train("--epochs", 0.001).stderr


def test_a_resumed_run_says_which_settings_changed(begun, train):
    done = train("--steps", 3, "--batch_size", 2)
    assert "--batch_size was 1, and is 2 now" in done.stderr
    assert "--learning_rate was" not in done.stderr


def test_another_dataset_is_reported(begun, train):
    np.savez(begun / "poems.npz", np.arange(300))
    (begun / "poems.json").unlink()
    done = train("--steps", 3)
    assert re.search(r"not the one of before: it had [\d,]+ tokens to train on, and has 300 tokens now", done.stderr)


def test_a_run_of_2019_is_resumed(place, train, small_model):
    from gpt2.checkpoint import save_model

    save_model(str(place / "checkpoint" / "run1"), gpt2.load_model(str(small_model / "small")), "model-500")
    done = train("--steps", 502)
    assert done.returncode == 0, done.stderr
    assert "no state of an optimizer" in done.stderr
    records = log_of(place)
    assert [record["step"] for record in records] == [501, 502]


def test_a_run_is_not_written_over_and_the_command_that_began_it_resumes_it(place, train):
    train("--steps", 1, "--restore_from", "scratch")
    refused = train("--steps", 2, "--restore_from", "fresh")
    assert refused.returncode == 1
    assert "checkpoint/run1: a run that has begun, which --restore_from fresh would overwrite" in refused.stderr
    again = train("--steps", 2, "--restore_from", "scratch")
    assert again.returncode == 0, again.stderr
    assert "--restore_from was" not in again.stderr
    assert len(losses(place)) == 2


def test_saves_without_a_checkpoint_file_are_not_written_over(begun, train):
    (begun / "checkpoint" / "run1" / "checkpoint").unlink()
    done = train("--steps", 3)
    assert done.returncode == 1
    assert "checkpoint/run1/checkpoint: no such file; name one of those in it: checkpoint/run1/model-2" in done.stderr


def test_ctrl_c_saves_and_ends(place):
    command = [sys.executable, ROOT / "train.py", "--dataset", "poems.npz", "--model_name", "small"]
    with subprocess.Popen(command, cwd=place, stderr=subprocess.PIPE, text=True) as process:
        log = place / "checkpoint" / "run1" / "log.jsonl"
        while process.poll() is None and not (log.exists() and log.read_text().count("\n") > 3):
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    step = len(losses(place))
    assert f"saved checkpoint/run1 at step {step}" in err
    assert f'"model-{step}"' in (place / "checkpoint" / "run1" / "checkpoint").read_text()


def test_a_run_outlives_its_terminal(place):
    command = [sys.executable, ROOT / "train.py", "--dataset", "poems.npz", "--model_name", "small"]
    log = place / "checkpoint" / "run1" / "log.jsonl"

    def wait_for(steps):
        while process.poll() is None and not (log.exists() and log.read_text().count("\n") >= steps):
            time.sleep(0.05)

    def deaf():
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does

    with subprocess.Popen(command, cwd=place, stderr=subprocess.PIPE, preexec_fn=deaf) as process:
        wait_for(3)
        assert process.stderr is not None
        process.stderr.close()
        process.send_signal(signal.SIGHUP)
        wait_for(log.read_text().count("\n") + 10)
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
    assert process.returncode == 0
    assert f'"model-{len(losses(place))}"' in (place / "checkpoint" / "run1" / "checkpoint").read_text()


def test_a_damaged_save_is_reported_and_the_one_before_it_resumes(place, train):
    train("--run_name", "whole", "--steps", 8, "--save_every", 3)
    shutil.copytree(place / "checkpoint" / "whole", place / "checkpoint" / "damaged")
    data = place / "checkpoint" / "damaged" / "state-8.data-00000-of-00001"
    raw = bytearray(data.read_bytes())
    raw[len(raw) // 2] ^= 1
    data.write_bytes(raw)
    done = train("--run_name", "damaged", "--steps", 10)
    assert done.returncode == 0, done.stderr
    reported = [line for line in done.stderr.splitlines() if "damaged, its bytes" in line]
    assert len(reported) == 1
    assert "checkpoint/damaged/state-8: tensor" in reported[0]
    assert reported[0].endswith("; looking for a save before it")
    train("--run_name", "whole", "--steps", 10)
    assert losses(place, "damaged") == losses(place, "whole")
