"""The files of samples that sample.py writes, and continues."""

import json
import re
import resource
import subprocess
import sys

import numpy as np
import pytest
from conftest import ROOT, SMALL, texts_of
from tqdm import tqdm

import encoder
from gpt2.jobs import to_file


def test_samples_go_to_a_file_in_the_original_s_form(place, sample):
    shown = sample("--nsamples", 2)
    done = sample("--nsamples", 2, "--out", "samples.txt")
    assert done.stdout == ""
    assert texts_of((place / "samples.txt").read_text()) == texts_of(shown.stdout)


def test_samples_go_to_json_lines(place, sample, small_model):
    sample("--nsamples", 3, "--batch_size", 2, "--prompt", "Tell", "--out", "samples.jsonl")
    rows = [json.loads(line) for line in (place / "samples.jsonl").read_text().splitlines()]
    enc = encoder.get_encoder("small", str(small_model))
    assert [row["number"] for row in rows] == [1, 2, 3]
    for row in rows:
        assert (row["seed"], row["prompt"]) == (4, "Tell")
        assert row["text"] == enc.decode(row["ids"])


def test_the_bar_shows_the_rate_before_a_sample_has_ended(sample, monkeypatch):
    monkeypatch.setattr(to_file, "tqdm", lambda **settings: tqdm(**settings | {"disable": False}))
    assert re.search(r"0/1 .*, tokens/s=", sample("--out", "x.txt").stderr)


def test_json_lines_tell_how_a_sample_came_about(place, sample):
    sample("--lines", 1, "--nsamples", 3, "--out", "x.jsonl", "--min_p", 0.01, "--prompt", "Tell")
    rows = [json.loads(line) for line in (place / "x.jsonl").read_text().splitlines()]
    for row in rows:
        assert len(row["logprobs"]) == len(row["ids"])
        assert row["logprob"] == pytest.approx(np.mean(row["logprobs"]), abs=1e-3)
        assert row["why"] in ("length", "lines", "end of text")
        assert row["checkpoint"] == "models/small/model.ckpt"
        assert row["settings"]["min_p"] == 0.01


@pytest.mark.parametrize("name", ["x.txt", "x.jsonl"])
def test_a_job_that_was_killed_is_continued_with_any_batch(place, sample, name):
    arguments = ["--nsamples", 9, "--prompt", "Tell", "--out", name]
    sample(*arguments, "--batch_size", 4)
    record = place / ("x.txt.jsonl" if name == "x.txt" else name)
    whole, lines = (place / name).read_bytes(), record.read_bytes()
    for share in (0.3, 0.7):
        if name == "x.txt":
            (place / name).write_bytes(whole[: int(len(whole) * share / 2)])
        record.write_bytes(lines[: int(len(lines) * share)])
        done = sample(*arguments, "--batch_size", 3)
        assert done.returncode == 0
        assert (place / name).read_bytes() == whole
        assert record.read_bytes() == lines


def test_more_samples_may_be_asked_for_later(place, sample):
    sample("--nsamples", 2, "--out", "x.jsonl")
    sample("--nsamples", 5, "--out", "x.jsonl")
    sample("--nsamples", 5, "--out", "y.jsonl")
    assert (place / "x.jsonl").read_text() == (place / "y.jsonl").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--seed", 5], "whose seed is 4, not 5"),
        (["--prompt", "x"], "of other prompts"),
        (["--top_k", 3], "whose top_k is 40, not 3"),
        (["--dtype", "int8"], "whose dtype is 'float32', not 'int8'"),
    ],
)
def test_a_file_takes_no_samples_of_another_job(place, sample, arguments, message):
    sample("--out", "x.jsonl")
    done = sample("--nsamples", 2, "--out", "x.jsonl", *arguments)
    assert done.returncode == 1
    assert f"x.jsonl: holds samples {message}" in done.stderr


@pytest.mark.parametrize("name", ["x.txt", "x.jsonl"])
def test_without_a_seed_a_file_is_gone_on_with_by_its_own(place, sample, run_here, name):
    sample("--nsamples", 3, "--out", f"whole-{name}")
    sample("--nsamples", 2, "--out", name)
    done = run_here("sample.py", "--model_name", "small", "--length", 6, "--nsamples", 3, "--out", name)
    assert done.returncode == 0, done.stderr
    assert f"--seed 4, that of the samples in {name}" in done.stderr
    assert (place / name).read_bytes() == (place / f"whole-{name}").read_bytes()


@pytest.mark.parametrize(("name", "record"), [("x.txt", "x.txt.jsonl"), ("x.jsonl", "x.jsonl")])
def test_weights_that_differ_are_told_by_their_checkpoint(place, sample, name, record):
    from gpt2.checkpoint import save_model
    from gpt2.hparams import HParams
    from gpt2.model import GPT2, fresh_weights

    sample("--out", name)
    save_model(str(place / "other"), GPT2(HParams(**SMALL), fresh_weights(seed=2)), "model-500")
    done = sample("--out", name, "--restore_from", "other")
    assert done.stderr.splitlines()[-1] == (
        f"sample.py: {record}: holds samples of models/small/model.ckpt, not other/model-500; "
        "give --restore_from models/small/model.ckpt, or name another file with --out"
    )
    (place / "models" / "small").rename(place / "moved")
    assert sample("--out", name, "--restore_from", "moved").returncode == 0  # the same weights


def test_a_txt_has_all_its_prompts_or_none(place, sample):
    sample("--out", "x.txt")
    done = sample("--out", "x.txt", "--nsamples", 2, "--include_prompt")
    assert "x.txt.jsonl: holds samples whose include_prompt is False, not True" in done.stderr


def test_with_many_prompts_the_number_of_each_belongs_to_the_job(place, sample):
    (place / "p.txt").write_text("Tell\nLife\n")
    sample("--prompts", "p.txt", "--nsamples", 1, "--out", "x.jsonl")
    done = sample("--prompts", "p.txt", "--nsamples", 2, "--out", "x.jsonl")
    assert "x.jsonl: holds samples of other prompts, or with --prompts of another number of each" in done.stderr


def test_a_full_disk_is_named_with_the_file(place, sample):
    sample()
    command = [sys.executable, ROOT / "sample.py", "--model_name", "small", "--nsamples", "500", "--length", "20"]
    done = subprocess.run(
        [*command, "--out", "x.jsonl", "--seed", "1"],
        cwd=place,
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)),
    )
    assert done.stderr == (
        "sample.py: x.jsonl: cannot be written (File too large); once it can, the same command continues\n"
    )
    assert sample("--nsamples", 500, "--length", 20, "--seed", 1, "--out", "x.jsonl").returncode == 0
    numbers = [json.loads(line)["number"] for line in (place / "x.jsonl").read_text().splitlines()]
    assert numbers == list(range(1, 501))
