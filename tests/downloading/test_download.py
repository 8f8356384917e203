"""Downloading against a server on this computer that misbehaves on purpose, with the reference model for 124M."""

import errno
import io
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time
import types

import pytest
from conftest import ROOT, default_signals
from misbehaving_server import (
    ALL,
    DATA,
    INDEX,
    MORE_TRIES,
    contents,
    fall_silent,
    hang_up,
    looks_like_a_model,
    refuse,
    send_another_range,
    send_without_length,
    trick,
)

from system import fetch


def test_a_model_arrives_whole(command, server, weights, reference):
    outcome = command("124M", "--mirror", server.url)
    assert (outcome.status, outcome.out) == (0, "124M: good, in models/124M\n")
    assert contents("models/124M") == reference


def test_the_graph_that_nothing_needs_is_not_fetched(command, server, weights):
    command("124M", "--mirror", server.url)
    assert [path for path, _ in server.log] == [f"/124M/{name}" for name in ALL]


def test_an_old_name_is_kept_here_and_translated_for_the_server(command, server, weights, reference):
    command("345M", "--mirror", server.url)
    assert {path.split("/")[1] for path, _ in server.log} == {"355M"}
    assert contents("models/345M") == reference


def test_several_models_are_fetched_at_once(command, server, weights, reference):
    outcome = command("124M", "1558M", "--mirror", server.url + "/", "--models_dir", "elsewhere")
    assert outcome.out == "124M: good, in elsewhere/124M\n1558M: good, in elsewhere/1558M\n"
    assert contents("elsewhere/124M") == contents("elsewhere/1558M") == reference


def test_the_bar_shows_rate_and_time_left(command, server, weights, monkeypatch):
    def slowly(handler):
        content = handler.server.files[DATA]
        handler.begin(200, {"Content-Length": len(content)})
        for part in range(4):
            handler.wfile.write(content[part * len(content) // 4 : (part + 1) * len(content) // 4])
            time.sleep(0.15)

    server.tricks[DATA] = [slowly]
    outcome = command("124M", "--mirror", server.url)
    assert re.search(rf"124M/{DATA}: +\d+%.*6\.59M \[[\d:]+<[\d:]+, .*MB/s\]", outcome.err)


def test_a_good_model_is_not_fetched_again(command, server, weights, good_folder):
    outcome = command("124M", "--mirror", server.url)
    assert (outcome.status, outcome.out, server.log) == (0, "124M: good, in models/124M\n", [])


def test_only_what_is_wrong_is_fetched_again(command, server, weights, good_folder, reference):
    (good_folder / "vocab.bpe").write_bytes(b"x" * len(reference["vocab.bpe"]))
    (good_folder / "hparams.json").unlink()
    assert command("124M", "--mirror", server.url).status == 0
    assert [path for path, _ in server.log] == ["/124M/hparams.json", "/124M/vocab.bpe"]
    assert contents(good_folder) == reference


def test_damaged_weights_are_fetched_again(command, server, weights, good_folder):
    weights.faults = ["tensor model/wte is damaged"]
    assert command("124M", "--mirror", server.url).status == 0
    assert [path for path, _ in server.log] == [f"/124M/{INDEX}", f"/124M/{DATA}"]


def test_an_interrupted_download_goes_on_with_the_missing_bytes(command, server, weights, reference):
    half = len(reference[DATA]) // 2
    folder = pathlib.Path("models/124M")
    folder.mkdir(parents=True)
    (folder / (DATA + ".part")).write_bytes(reference[DATA][:half])
    assert command("124M", "--mirror", server.url).status == 0
    assert server.log[-1] == (f"/124M/{DATA}", f"bytes={half}-")
    assert contents(folder) == reference


def test_whole_parts_are_not_fetched_again(command, server, weights, reference, good_folder):
    for name in ALL:
        (good_folder / name).rename(good_folder / (name + ".part"))
    assert command("124M", "--mirror", server.url).status == 0
    assert server.log == []
    assert contents(good_folder) == reference


def test_a_part_that_is_too_long_is_started_over(command, server, weights, reference, good_folder):
    (good_folder / DATA).rename(good_folder / (DATA + ".part"))
    with open(good_folder / (DATA + ".part"), "ab") as file:
        file.write(b"more")
    assert command("124M", "--mirror", server.url).status == 0
    assert server.log == [(f"/124M/{DATA}", None)]
    assert contents(good_folder) == reference


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT to send")
def test_control_c_leaves_a_part_that_the_next_run_resumes(start_server, reference, tmp_path):
    server = start_server()
    real_sizes = b'{"n_vocab": 50257, "n_ctx": 1024, "n_embd": 768, "n_head": 12, "n_layer": 12}'
    server.files["hparams.json"] = real_sizes
    server.tricks["encoder.json"] = [fall_silent(500000)]
    script = [sys.executable, str(ROOT / "models/download.py"), "124M", "--mirror", server.url]
    part = tmp_path / "models/124M/encoder.json.part"
    with subprocess.Popen(
        script, cwd=tmp_path, stderr=subprocess.PIPE, text=True, preexec_fn=default_signals
    ) as process:
        while not (part.exists() and part.stat().st_size > 400000):
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert err.splitlines()[-1] == "124M: stopped; the next run resumes here"
    came = part.read_bytes()
    assert came == reference["encoder.json"][: len(came)]
    server.tricks[DATA] = [refuse(404)]  # The real one is too long for a test.
    subprocess.run(script, cwd=tmp_path, capture_output=True, timeout=20)
    assert ("/124M/encoder.json", f"bytes={len(came)}-") in server.log
    assert (tmp_path / "models/124M/encoder.json.part").read_bytes() == reference["encoder.json"]


@pytest.mark.parametrize("failure", [refuse(500), refuse(503), refuse(429), hang_up, fall_silent(20)])
@pytest.mark.parametrize("name", ["checkpoint", "vocab.bpe"])
def test_a_failure_that_passes_is_tried_again(command, server, weights, reference, little_patience, name, failure):
    server.tricks[name] = [failure, failure]
    assert command("124M", "--mirror", server.url).status == 0
    assert [path for path, _ in server.log].count(f"/124M/{name}") == 3
    assert contents("models/124M") == reference


def test_a_broken_connection_goes_on_where_it_broke(command, server, weights, reference):
    server.tricks[DATA] = [trick(sent=2**20), trick(sent=2**21)]
    assert command("124M", "--mirror", server.url).status == 0
    ranges = [asked for path, asked in server.log if path.endswith(DATA)]
    assert ranges == [None, f"bytes={2**20}-", f"bytes={2**20 + 2**21}-"]
    assert contents("models/124M") == reference


def test_a_line_that_breaks_often_arrives_as_long_as_each_try_brings_something(command, server, weights, reference):
    server.tricks[DATA] = [trick(sent=2**19)] * (2 * MORE_TRIES)
    assert command("124M", "--mirror", server.url).status == 0
    assert contents("models/124M") == reference


@pytest.mark.parametrize("second", [trick(ranges=False), send_another_range, refuse(416)])
def test_a_server_that_cannot_resume_is_asked_for_the_whole_file(command, server, weights, reference, second):
    server.tricks[DATA] = [trick(sent=2**20), second]
    assert command("124M", "--mirror", server.url).status == 0
    assert contents("models/124M") == reference


def test_a_file_that_changes_between_two_tries_is_refused_by_its_checksum(command, server, reference):
    server.tricks["vocab.bpe"] = [trick(content=bytes(len(reference["vocab.bpe"])), sent=2**18)]
    outcome = command("124M", "--mirror", server.url)
    assert outcome.status == 1
    assert "vocab.bpe.part: SHA-256 is " in outcome.last
    assert command("124M", "--mirror", server.url).status == 0


def test_an_answer_without_a_length_that_ends_early_is_completed(command, server, weights, reference):
    server.tricks[DATA] = [send_without_length(reference[DATA][: 2**20])]
    assert command("124M", "--mirror", server.url).status == 0
    assert server.log[-1][1] == f"bytes={2**20}-"
    assert contents("models/124M") == reference


def test_a_disk_that_is_too_small_is_told_before_anything_is_fetched(command, server, weights, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: types.SimpleNamespace(free=10**7))
    outcome = command("124M", "355M", "--mirror", server.url)
    assert outcome.status == 1
    assert outcome.last.startswith("download.py: models: 0.01 GB free, but 0.02 GB still to download; make room")
    assert server.log == []


def test_what_has_come_does_not_count_as_space_that_is_needed(command, server, weights, monkeypatch, good_folder):
    (good_folder / DATA).rename(good_folder / (DATA + ".part"))
    monkeypatch.setattr(shutil, "disk_usage", lambda path: types.SimpleNamespace(free=10**6))
    assert command("124M", "--mirror", server.url).status == 0


def test_a_disk_that_fills_up_keeps_what_has_come(command, server, weights, monkeypatch, reference):
    room = 2**20

    class FullDisk(io.FileIO):
        def write(self, content):
            if self.tell() + len(content) > room:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return super().write(content)

    def open_on_full_disk(path, mode="r"):
        return FullDisk(path, mode) if path.endswith(DATA + ".part") and "r" not in mode else open(path, mode)

    with monkeypatch.context() as patch:
        patch.setattr(fetch, "open", open_on_full_disk, raising=False)
        outcome = command("124M", "--mirror", server.url)
    assert outcome.status == 1
    assert outcome.last == (
        f"download.py: models/124M/{DATA}.part: No space left on device; what has come is kept for the next run"
    )
    assert not looks_like_a_model("models/124M")
    assert command("124M", "--mirror", server.url).status == 0
    assert server.log[-1][1] == f"bytes={room}-"
    assert contents("models/124M") == reference


def test_verify_finds_a_good_model_good_without_the_network(command, server, weights, good_folder):
    outcome = command("124M", "--mirror", server.url, "--verify")
    assert (outcome.status, outcome.out, outcome.err, server.log) == (0, "124M: good\n", "", [])


def test_verify_says_what_is_wrong_with_each_model(command, weights, good_folder):
    (good_folder / "vocab.bpe").unlink()
    (good_folder / DATA).write_bytes(b"short")
    outcome = command("124M", "774M", "--verify")
    assert outcome.status == 1
    assert outcome.out.splitlines() == [
        f"124M: models/124M/vocab.bpe: missing; models/124M/{DATA}: 5 bytes, expected 6,593,792",
        "774M: models/774M: no such folder",
    ]


def test_verify_says_once_what_is_wrong_with_the_weights(command, weights, good_folder):
    weights.faults = ["models/124M/model.ckpt: tensor model/wte is damaged"]
    outcome = command("124M", "--verify")
    assert (outcome.status, outcome.out) == (1, "124M: models/124M/model.ckpt: tensor model/wte is damaged\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["124m"], "unknown model '124m', expected one or several of 124M (or 117M), 355M (or 345M), 774M, 1558M"),
        ([], "no model named, expected one or several of 124M (or 117M), 355M (or 345M), 774M, 1558M"),
        (["124M", "--mirror", "host/x"], "--mirror is 'host/x', expected a URL that begins with https:// or http://"),
        (["124M", "--mirror", "http://"], "--mirror is 'http://', expected a URL that begins with https:// or http://"),
        (["124M", "--models_dir", "gs://a/b"], "--models_dir is gs://a/b, expected a folder of this computer"),
    ],
)
def test_a_wrong_argument_is_told_in_one_line(command, arguments, message):
    outcome = command(*arguments)
    assert outcome.status != 0
    assert outcome.err.startswith(f"download.py: {message}")
    assert outcome.err.count("\n") == 1


def test_the_script_runs_from_any_folder(run_script):
    finished = run_script("models/download.py", "124M", "--verify")
    assert (finished.returncode, finished.stdout, finished.stderr) == (1, "124M: models/124M: no such folder\n", "")
