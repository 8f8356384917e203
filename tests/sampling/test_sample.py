"""sample.py as one uses it: to the terminal, by either engine, from a model or a run."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest
from conftest import ROOT, SMALL, default_signals, texts_of

import encoder
import gpt2
from gpt2.lite import tflite_file
from gpt2.sampling import engines
from poetics.judging import ranking


def no_room(*arguments):
    raise OSError("no room")


def test_a_sample_stands_under_its_number(sample):
    done = sample()
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("======================================== SAMPLE 1 ====")
    assert list(texts_of(done.stdout)) == [1]


@pytest.mark.parametrize("batch_size", [1, 3, 8])
def test_seven_samples_are_the_same_seven_at_any_batch_size(sample, small_model, batch_size):
    enc = encoder.get_encoder("small", str(small_model))
    model = gpt2.load_model(str(small_model / "small"))
    ids = gpt2.sample(model, enc.encode("Tell"), nsamples=7, length=6, seed=4)
    expected = dict(enumerate(map(enc.decode, ids), start=1))
    done = sample("--nsamples", 7, "--batch_size", batch_size, "--prompt", "Tell")
    assert texts_of(done.stdout) == expected


def test_guesses_change_no_sample_and_are_no_must(sample, place, monkeypatch):
    plain = sample("--nsamples", 3)
    monkeypatch.setattr(engines, "SLOW_TO_READ", 0)
    with monkeypatch.context() as full:
        full.setattr(tflite_file, "make_file", no_room)
        without = sample("--nsamples", 3)
    guessing = sample("--nsamples", 3)
    assert plain.stdout == without.stdout == guessing.stdout
    assert "no room; without it one text at a time is written more slowly" in without.stderr
    assert len(list((place / "models" / "small").glob("*.int8.tflite"))) == 1
    assert sample("--nsamples", 3).stderr == ""


def test_a_run_writes(place, run_here, small_model):
    shutil.copytree(small_model / "small", place / "checkpoint" / "mine")
    done = run_here("sample.py", "--run_name", "mine", "--length", 4)
    assert done.returncode == 0, done.stderr
    assert "--seed " in done.stderr


@pytest.mark.parametrize("path", ["checkpoint/old", "checkpoint/old/model-500"])
def test_a_run_of_2019_writes_with_the_vocabulary_of_its_model(place, sample, small_model, path):
    from gpt2.checkpoint import save_model

    save_model(str(place / "checkpoint" / "old"), gpt2.load_model(str(small_model / "small")), "model-500")
    done = sample("--restore_from", path)
    assert done.returncode == 0, done.stderr
    assert texts_of(done.stdout) == texts_of(sample().stdout)


def test_the_best_weights_of_a_run_write(place, sample):
    from gpt2.checkpoint import save_model
    from gpt2.hparams import HParams
    from gpt2.model import GPT2, fresh_weights

    run = place / "checkpoint" / "mine"
    shutil.copytree(place / "models" / "small", run)
    save_model(str(run), GPT2(HParams(**SMALL), fresh_weights(seed=2)), "model-900")
    (run / "best").write_text('model_checkpoint_path: "model.ckpt"\n')
    assert sample("--restore_from", "checkpoint/mine/best").stdout == sample().stdout
    assert sample("--restore_from", "checkpoint/mine").stdout != sample().stdout
    (run / "best").unlink()
    done = sample("--restore_from", "checkpoint/mine/best")
    assert done.stderr.startswith("sample.py: checkpoint/mine/best: no such file; name one of those in it: ")


def test_bfloat16_writes(sample):
    assert sample("--dtype", "bfloat16").returncode == 0


def test_temperature_0_takes_the_likeliest(sample):
    first, other = sample("--temperature", 0), sample("--temperature", 0, "--seed", 9)
    assert first.stdout == other.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model_name", "none"], "models/none: no such model folder"),
        (["--run_name", "none"], "checkpoint/none: no such run"),
        (["--restore_from", "none"], "none: no such model folder"),
        (["--restore_from", "a", "--run_name", "b"], "--restore_from and --run_name are both given"),
        (["--prompt_file", "none.txt"], "none.txt"),
        (["--prompt_file", "latin.txt"], "latin.txt: byte 0xe9 at 3 (line 1), expected UTF-8"),
        (["--prompt", "a", "--prompt_file", "latin.txt"], "both given"),
        (["--length", "-1"], "--length is -1, expected at least 1"),
        (["--prompt", "x" * 40], "a prompt of 40 tokens is 8 more than the window of 32"),
        (["--nsamples", "-1"], "--nsamples is -1"),
        (["--batch_size", "0"], "--batch_size is 0"),
        (["--top_p", "2"], "top_p is 2.0, expected 0 to 1"),
        (["--dtype", "int3"], "--dtype is int3"),
        (["--dtype", "int8", "--engine", "xla"], "--engine xla has no int8"),
        (["--min_p", "2"], "min_p is 2.0, expected 0 to 1"),
        (["--interactive", "--prompt", "O rose,"], "--interactive asks for prompts"),
        (["--stop", "\udcff"], r"--stop is '\udcff', expected text in UTF-8"),
        (["--lines", "4294967295"], "--lines is 4294967295, expected at most 2147483647"),
        (["--no_repeat", "9" * 20], "--no_repeat is 99999999999999999999, expected at most"),
        (["--nsamples", "9" * 20, "--out", "x.jsonl"], "--nsamples is 99999999999999999999, expected at most"),
        (["--prompts", "surrogate.jsonl", "--nsamples", "0"], "--nsamples 0 never comes to the second of --prompts"),
        (["--score", "latin.txt", "--prompt", "x"], "--score scores the text of its file"),
        (["--score", "latin.txt", "--out", "x.jsonl"], "--score scores the text of its file"),
        (["--score", "latin.txt", "--interactive"], "--score scores the text of its file"),
        (["--score", "surrogate.jsonl"], "surrogate.jsonl: line 1: text: lone surrogate U+D800"),
        (["--lines", "-1"], "--lines is -1, expected at least 0"),
        (["--out", "samples.doc"], "--out is samples.doc, expected"),
        (["--out", "latin.txt"], "latin.txt: there already, and no samples of ours"),
        (["--out", "nowhere/samples.txt"], "nowhere/samples.txt: there is no folder nowhere"),
    ],
)
def test_bad_input_is_one_line(place, sample, arguments, message):
    (place / "latin.txt").write_bytes("caf\xe9 at noon".encode("latin-1"))
    (place / "surrogate.jsonl").write_text('{"text": "\\ud800"}')
    done = sample(*arguments)
    assert done.returncode > 0
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


@pytest.mark.parametrize("arguments", [["--out", "nowhere/x.txt"], ["--top_k", "-1"], ["--length", "0"]])
def test_flags_are_checked_before_a_model_is_looked_for(place, run_here, arguments):
    done = run_here("sample.py", "--model_name", "none", *arguments)
    assert done.returncode > 0
    assert "no such model" not in done.stderr


def test_a_model_that_does_not_fit_its_vocabulary_is_one_line(place, sample):
    hparams = json.loads((place / "models" / "small" / "hparams.json").read_text())
    (place / "models" / "small" / "hparams.json").write_text(json.dumps(hparams | {"n_layer": 2}))
    done = sample()
    assert done.returncode == 1
    assert "no tensor model/h1/ln_1/g" in done.stderr


def test_text_appears_while_it_is_written_and_ctrl_c_ends_it_quietly(place):
    command = [sys.executable, ROOT / "sample.py", "--model_name", "small", "--nsamples", "0", "--temperature", "2"]
    with subprocess.Popen(
        command, cwd=place, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=default_signals
    ) as process:
        assert process.stdout
        first = os.read(process.stdout.fileno(), 10)
        while b"SAMPLE 3" not in first:
            first += os.read(process.stdout.fileno(), 4096)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert_only_said(err)


def test_a_reader_that_has_enough_is_no_error(place, small_model):
    script = f"{sys.executable} {ROOT / 'sample.py'} --model_name small --nsamples 0 | head -2"
    done = subprocess.run(script, shell=True, cwd=place, capture_output=True, timeout=120)
    assert done.stdout.count(b"\n") == 2
    assert_only_said(done.stderr)


def assert_only_said(err: bytes) -> None:
    """The seed and, the first time, that the model is written again for LiteRT: no traceback, no other library."""
    assert re.fullmatch(rb"sample.py: --seed \d+\n(sample.py: the first time, .*\n)?", err)


def test_a_reader_that_has_enough_of_the_help_is_no_error(place):
    done = subprocess.run(f"{sys.executable} {ROOT / 'sample.py'} --help | true", shell=True, capture_output=True)
    assert done.stderr == b""


def test_what_is_streamed_is_what_is_written_at_once(sample):
    for rule in (["--stop", "e"], ["--lines", 1], ["--stanzas", 1], [], ["--prompt", "Tell "]):
        arguments = ["--nsamples", 5, "--temperature", 3, "--length", 40, *rule]
        assert sample(*arguments).stdout == sample(*arguments, "--batch_size", 2).stdout


def test_the_second_time_no_tensorflow_is_needed(place, run_script, sample):
    first = sample("--prompt", "Tell", "--dtype", "int8")
    (place / "tensorflow.py").write_text("raise SystemExit('imported without need')")
    arguments = ["--model_name", "small", "--length", 6, "--seed", 4, "--prompt", "Tell", "--dtype", "int8"]
    done = run_script("sample.py", *arguments, env={"PYTHONPATH": str(place)})
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == first.stdout


def test_both_engines_write_the_same(sample):
    arguments = ["--nsamples", 3, "--batch_size", 2, "--prompt", "Tell"]
    assert sample(*arguments, "--engine", "xla").stdout == sample(*arguments, "--engine", "lite").stdout


@pytest.mark.parametrize("by", ["logprob", "likeness", "rhyme", "metre"])
def test_the_best_of_four_is_one_of_the_four(place, sample, by):
    sample("--nsamples", 8, "--out", "all.jsonl", "--temperature", 2)
    chosen = [] if by == "likeness" else ["--by", by]
    kept = sample(
        "--nsamples", 2, "--best_of", 4, *chosen, "--out", "best.jsonl", "--batch_size", 3, "--temperature", 2
    )
    assert kept.returncode == 0

    def key(row):
        logprob = -np.inf if row["logprob"] is None else row["logprob"]  # of a sample that ended at once
        return (logprob,) if by == "logprob" else (ranking.quality(row["text"], by), logprob)

    every = [json.loads(line) for line in (place / "all.jsonl").read_text().splitlines()]
    best = [json.loads(line) for line in (place / "best.jsonl").read_text().splitlines()]
    expected = [max(every[start : start + 4], key=key)["text"] for start in (0, 4)]
    assert [row["text"] for row in best] == expected


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_output_that_is_not_utf_8_shows_what_it_can(place, run_script, sample, encoding):
    sample()
    arguments = ["--model_name", "small", "--length", 6, "--prompt", "Ὦ", "--include_prompt", "--seed", 1]
    environment = os.environ | {"PYTHONIOENCODING": encoding}
    done = run_script("sample.py", *arguments, env=environment, encoding=encoding)
    assert (done.returncode, done.stderr) == (0, "")
    assert texts_of(done.stdout)[1].startswith("?")


def test_texts_are_scored(place, sample, small_model):
    text = "Tell me not, in mournful numbers,\nLife is but an empty dream!\n" * 3
    (place / "t.txt").write_text(text)
    done = sample("--score", "t.txt")
    found = json.loads(done.stdout)
    enc = encoder.get_encoder("small", str(small_model))
    ids = enc.encode(text)[:31]
    (place / "t.jsonl").write_text(json.dumps({"text": enc.decode(ids)}))
    short = json.loads(sample("--score", "t.jsonl").stdout)
    logits = gpt2.load_model(str(small_model / "small"))([[enc.end_of_text, *ids]]).numpy()[0, :-1].astype(float)
    logprobs = logits[np.arange(len(ids)), ids] - np.log(np.exp(logits).sum(axis=1))
    assert short["logprob"] == pytest.approx(logprobs.sum(), abs=1e-3)
    assert short["perplexity"] == pytest.approx(np.exp(-logprobs.mean()), rel=1e-4)
    bits = -logprobs.sum() / np.log(2) / len(enc.decode(ids))
    assert short["bits_per_character"] == pytest.approx(bits, abs=1e-3)
    assert found["tokens"] == len(enc.encode(text))
    assert found["logprob"] < short["logprob"]


@pytest.mark.parametrize("prompt", ["Tell", "Tell "])
@pytest.mark.parametrize("layout", [{"name": "poem"}, {"name": "prefix", "field": "author"}])
def test_what_was_written_scores_as_it_was_written(place, sample, small_model, layout, prompt):
    (place / "models" / "small" / "layout.json").write_text(json.dumps(layout))
    about = ["--author", "Homer"]
    sample(*about, "--prompt", prompt, "--nsamples", 20, "--length", 2, "--out", "x.jsonl")
    rows = [json.loads(line) for line in (place / "x.jsonl").read_text().splitlines()]
    short = [{"prompt": prompt, "text": row["text"]} for row in rows]
    (place / "s.jsonl").write_text("\n".join(map(json.dumps, short)))
    enc = encoder.get_encoder("small", str(small_model))
    held = prompt.removeprefix("Tell")
    kept = [place for place, row in enumerate(rows) if enc.encode(held + row["text"]) == row["ids"]]
    assert len(kept) > 3
    for name in ("x.jsonl", "s.jsonl"):
        scores = [json.loads(line)["logprob"] for line in sample("--score", name, *about).stdout.splitlines()]
        for one in kept:
            assert scores[one] == pytest.approx(sum(rows[one]["logprobs"]), abs=1e-3)


def test_past_the_window_a_line_says_so(sample):
    assert "window" not in sample("--length", 31).stderr
    done = sample("--length", 50)
    assert done.returncode == 0
    assert done.stderr.startswith("sample.py: when the window of 32 tokens is full, its last half is read again")


EDGES = [["--top_k", 100000], ["--top_p", 1], ["--top_p", 0, "--top_k", 0], ["--temperature", 100], ["--typical", 0.9]]


EDGES += [["--lines", 2**31 - 1], ["--stanzas", 2**31 - 1], ["--no_repeat", 2**31 - 1]]


EDGES += [["--temperature", 1e-6], ["--prompt", "x" * 32], ["--no_repeat", 1], ["--repetition_penalty", 1.3]]


@pytest.mark.parametrize("arguments", EDGES)
def test_settings_at_their_edges_write(sample, arguments):
    done = sample("--nsamples", 2, *arguments)
    assert done.returncode == 0, done.stderr
    assert list(texts_of(done.stdout)) == [1, 2]
