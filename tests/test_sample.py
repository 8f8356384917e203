"""sample.py as one uses it: prompts letter for letter, any number of samples, to the terminal or a file."""

import json
import os
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest
from conftest import ROOT, default_signals

import encoder
import gpt2


@pytest.fixture
def place(tmp_path, small_model):
    shutil.copytree(small_model, tmp_path / "models")
    return tmp_path


@pytest.fixture
def sample(place, run_here):
    def run(*arguments):
        return run_here("sample.py", "--model_name", "small", "--length", 6, "--seed", 4, *arguments)

    return run


def texts_of(output):
    """The texts under the headings, by their numbers."""
    parts = output.split("=" * 40 + " SAMPLE ")[1:]
    return {int(part.split(" ", 1)[0]): part.split("=\n", 1)[1].removesuffix("\n") for part in parts}


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


def test_the_prompt_is_printed_when_asked_for(sample):
    plain, with_prompt = sample("--prompt", "Tell"), sample("--prompt", "Tell", "--include_prompt")
    assert texts_of(with_prompt.stdout)[1] == "Tell" + texts_of(plain.stdout)[1]


def test_a_prompt_of_several_lines_comes_from_a_file(place, sample):
    (place / "prompt.txt").write_bytes("Tell\r\nme\r\n".encode("utf-8-sig"))
    done = sample("--prompt_file", "prompt.txt", "--include_prompt")
    assert texts_of(done.stdout)[1].startswith("Tell\nme\n")


@pytest.mark.parametrize("prompt", ["Ὦ ξεῖνε", "🌹", "", " ", "<|endoftext|>"])
def test_any_text_is_a_prompt(sample, prompt):
    done = sample("--prompt", prompt, "--length", 2)
    assert done.returncode == 0, done.stderr


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
        (["--prompt_file", "latin.txt"], "latin.txt: byte 3 is not UTF-8"),
        (["--prompt", "a", "--prompt_file", "latin.txt"], "both given"),
        (["--length", "-1"], "--length is -1, expected at least 1"),
        (["--length", "40"], "are 9 more than the window of 32"),
        (["--nsamples", "-1"], "--nsamples is -1"),
        (["--batch_size", "0"], "--batch_size is 0"),
        (["--top_p", "2"], "top_p is 2.0, expected 0 to 1"),
        (["--dtype", "int3"], "--dtype is int3"),
        (["--out", "samples.doc"], "--out is samples.doc, expected"),
        (["--out", "latin.txt"], "latin.txt: there already"),
        (["--out", "nowhere/samples.txt"], "nowhere/samples.txt: there is no folder nowhere"),
    ],
)
def test_bad_input_is_one_line(place, sample, arguments, message):
    (place / "latin.txt").write_bytes("caf\xe9 at noon".encode("latin-1"))
    done = sample(*arguments)
    assert done.returncode == 1
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


@pytest.mark.parametrize("arguments", [["--out", "nowhere/x.txt"], ["--top_k", "-1"], ["--length", "0"]])
def test_flags_are_checked_before_a_model_is_looked_for(place, run_here, arguments):
    done = run_here("sample.py", "--model_name", "none", *arguments)
    assert done.returncode == 1
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
    assert err.count(b"\n") == 1  # the seed


def test_a_reader_that_has_enough_is_no_error(place, small_model):
    script = f"{sys.executable} {ROOT / 'sample.py'} --model_name small --nsamples 0 | head -2"
    done = subprocess.run(script, shell=True, cwd=place, capture_output=True, timeout=120)
    assert done.stdout.count(b"\n") == 2
    assert done.stderr.count(b"\n") == 1


def test_streamed_text_is_the_text_of_the_ids(sample, small_model):
    enc = encoder.get_encoder("small", str(small_model))
    ids = np.arange(256).tolist()  # bytes that are mostly no characters
    decoder = enc.stream()
    assert "".join(map(decoder.feed, ids)) + decoder.flush() == enc.decode(ids)
