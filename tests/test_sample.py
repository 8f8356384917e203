"""sample.py as one uses it: prompts letter for letter, any number of samples, to the terminal or a file."""

import io
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest
from conftest import ROOT, SMALL, default_signals
from tqdm import tqdm

import encoder
import gpt2
from gpt2.jobs import to_file
from gpt2.lite import tflite_file
from gpt2.sampling import engines
from poetics.judging import ranking
from poetics.metre import stress
from poetics.rhyme.grades import Grade, grade
from poetics.sounds.words import last_word


@pytest.fixture
def sample(place, run_here):
    def run(*arguments):
        return run_here("sample.py", "--model_name", "small", "--length", 6, "--seed", 4, *arguments)

    return run


def no_room(*arguments):
    raise OSError("no room")


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


def test_a_space_at_the_end_of_a_prompt_is_that_of_the_next_word(place, sample, small_model):
    sample("--prompt", "Tell ", "--nsamples", 5, "--temperature", 3, "--out", "x.jsonl")
    rows = [json.loads(line) for line in (place / "x.jsonl").read_text().splitlines()]
    enc = encoder.get_encoder("small", str(small_model))
    for row in rows:
        assert row["prompt"] == "Tell "
        assert " " + row["text"] == enc.decode(row["ids"])
    shown = sample("--prompt", "Tell ", "--nsamples", 5, "--temperature", 3, "--include_prompt")
    assert list(texts_of(shown.stdout).values()) == ["Tell " + row["text"] for row in rows]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--prompt", r"O rose,\nThou"],
            r"the prompt has \n in it, a backslash and an n; a line end is typed $'O rose",
        ),
        (["--stop", r"\n\n"], r"--stop has \n in it, a backslash and an n; a line end is typed $'O rose"),
        (["--prompt", "O rose,\nThou", "--stop", "\n\n"], ""),
        (["--prompt", "O rose\\", "--stop", "n\\"], ""),
    ],
)
def test_a_line_end_that_is_none_is_told(sample, arguments, message):
    sample()
    done = sample(*arguments, "--include_prompt")
    assert done.returncode == 0
    assert done.stderr.startswith(f"sample.py: {message}" if message else "")
    assert done.stderr.count("\n") == bool(message)


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
    assert err.count(b"\n") == 2  # the seed, and that the model is written again for LiteRT


def test_a_reader_that_has_enough_is_no_error(place, small_model):
    script = f"{sys.executable} {ROOT / 'sample.py'} --model_name small --nsamples 0 | head -2"
    done = subprocess.run(script, shell=True, cwd=place, capture_output=True, timeout=120)
    assert done.stdout.count(b"\n") == 2
    assert done.stderr.count(b"\n") == 2


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


@pytest.fixture
def formed(place, run_here):
    def run(*arguments):
        return run_here("sample.py", "--model_name", "small", "--seed", 4, "--particles", 3, *arguments)

    return run


@pytest.mark.parametrize("engine", ["lite", "xla"])
def test_a_poem_in_a_form_rhymes_and_has_its_syllables(formed, engine):
    done = formed("--scheme", "AA BB", "--metre", "iambic3", "--engine", engine)
    assert done.returncode == 0, done.stderr
    (text,) = texts_of(done.stdout).values()
    first, second, empty, third, fourth = text.split("\n")
    assert not empty
    for line, other in ((first, second), (third, fourth)):
        assert grade(last_word(line), last_word(other)) is Grade.PERFECT
    assert all(6 in map(len, stress.line_ways(line)) for line in (first, second, third, fourth))


def test_poems_in_a_form_are_the_same_at_any_batch_size_and_after_a_restart(formed, place):
    asked = ("--form", "haiku", "--prompt", "Tell me")
    formed(*asked, "--nsamples", 5, "--out", "all.jsonl")
    formed(*asked, "--nsamples", 2, "--out", "some.jsonl", "--batch_size", 2)
    done = formed(*asked, "--nsamples", 5, "--out", "some.jsonl", "--batch_size", 4)
    assert done.returncode == 0, done.stderr
    assert (place / "some.jsonl").read_text() == (place / "all.jsonl").read_text()
    rows = [json.loads(line) for line in (place / "all.jsonl").read_text().splitlines()]
    assert {row["why"] for row in rows} == {"form"}
    assert len({row["text"] for row in rows}) == 5


def test_a_file_of_samples_in_one_form_is_not_continued_in_another(formed):
    formed("--form", "haiku", "--out", "x.jsonl")
    done = formed("--syllables", "5,7,5,7,7", "--out", "x.jsonl")
    assert "x.jsonl: holds samples whose form is 'XXX 5 syllables, 7 syllables, 5 syllables', not" in done.stderr


def test_the_best_of_poems_in_a_form_is_chosen_as_of_others(formed, place):
    formed("--form", "haiku", "--nsamples", 4, "--out", "all.jsonl")
    formed("--form", "haiku", "--nsamples", 2, "--best_of", 2, "--out", "best.jsonl")
    every = [json.loads(line)["text"] for line in (place / "all.jsonl").read_text().splitlines()]
    best = [json.loads(line)["text"] for line in (place / "best.jsonl").read_text().splitlines()]
    assert [text in every[start : start + 2] for text, start in zip(best, (0, 2), strict=True)] == [True, True]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (("--form", "sonet"), "--form is sonet, expected sonnet, petrarchan,"),
        (("--form", "haiku", "--lines", 3), "--lines is given with a form, which says itself where a poem ends"),
        (("--form", "haiku", "--length", 30), "--length is given with a form"),
        (("--forms", "forms.json"), "--forms is given without --form"),
        (("--form", "haiku", "--particles", 1), "--particles is 1, expected at least 2"),
        (("--form", "haiku", "--prompt", "Tell me of the mournful numbers"), "is longer than a line of 5 syllables"),
        (("--form", "x", "--forms", "missing.json"), "missing.json: no such file"),
    ],
)
def test_a_form_that_cannot_be_is_told_in_one_line(formed, asked, message):
    done = formed(*asked)
    assert done.returncode in (1, 2)
    assert message in done.stderr
    assert done.stderr.count("\n") <= 2


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


def test_many_prompts_each_have_their_samples(place, sample):
    rows: list[dict] = [{"prompt": "Tell", "nsamples": 2}, {"prompt": "Life"}]
    (place / "p.jsonl").write_text("\n".join(map(json.dumps, rows)))
    sample("--prompts", "p.jsonl", "--nsamples", 3, "--batch_size", 2, "--out", "x.jsonl")
    rows = [json.loads(line) for line in (place / "x.jsonl").read_text().splitlines()]
    assert [(row["number"], row["prompt"]) for row in rows] == [
        (1, "Tell"),
        (2, "Tell"),
        (3, "Life"),
        (4, "Life"),
        (5, "Life"),
    ]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("p.txt", "Tell\n\n" + "x" * 40, "p.txt: line 3: a prompt of 40 tokens is 8 more than the window of 32"),
        ("p.jsonl", '{"prompt": "Tell"}\n{"prompt": "\\ud800"}', "p.jsonl: line 2: text: lone surrogate U+D800"),
    ],
)
def test_a_prompt_of_many_that_cannot_be_gone_on_with_is_named(place, sample, name, content, message):
    (place / name).write_text(content)
    done = sample("--prompts", name)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"sample.py: {message}")


def test_a_run_s_layout_makes_the_prefix(place, sample):
    (place / "models" / "small" / "layout.json").write_text('{"name": "prefix", "field": "author"}')
    done = sample("--author", "Homer", "--prompt", "Tell", "--include_prompt")
    assert texts_of(done.stdout)[1].startswith("Homer|Tell")


def test_a_description_without_a_layout_is_an_error(sample):
    done = sample("--author", "Homer")
    assert done.returncode == 1
    assert "--author is no part of what this model was trained on, whose layout is plain" in done.stderr


LAYOUT = {"name": "poem", "rules": ["quotes"], "names": {"author": {"Emily Dickinson": 12, "D'Arcy": 3}}}


def test_an_author_whom_a_run_does_not_know_is_told_with_the_nearest(place, sample):
    (place / "models" / "small" / "layout.json").write_text(json.dumps(LAYOUT))
    done = sample("--author", "Dickinson", "--include_prompt")
    assert done.returncode == 0
    assert "--author Dickinson: the model has read none of that name; nearest: Emily Dickinson;" in done.stderr
    assert texts_of(done.stdout)[1].startswith("by Dickinson\n")
    done = sample("--author", "D’Arcy", "--include_prompt")  # noqa: RUF001
    assert "read none of that name" not in done.stderr
    assert texts_of(done.stdout)[1].startswith("by D'Arcy\n")
    (place / "p.jsonl").write_text('{"author": "Emily Dickinson"}\n{"author": "Dick"}\n{"author": "Dick"}\n')
    assert sample("--prompts", "p.jsonl").stderr.count("read none") == 1


def test_what_a_run_knows_is_listed_and_nothing_is_written(place, sample):
    (place / "models" / "small" / "layout.json").write_text(json.dumps(LAYOUT))
    done = sample("--about")
    assert done.returncode == 0
    assert "12  Emily Dickinson\n" in done.stdout
    assert "SAMPLE" not in done.stdout


def given(text):
    """Standard input that holds a text, or bytes."""
    raw = text if isinstance(text, bytes) else text.encode()
    return io.TextIOWrapper(io.BytesIO(raw), encoding="utf-8", errors="strict")


def test_a_prompt_comes_from_standard_input(place, sample, monkeypatch):
    monkeypatch.setattr("sys.stdin", given("Tell\nme"))
    done = sample("--prompt_file", "-")
    assert texts_of(done.stdout) == texts_of(sample("--prompt", "Tell\nme").stdout)


def test_a_prompt_from_standard_input_is_read_as_one_from_a_file(place, sample, monkeypatch):
    expected = sample("--prompt", "Tell\nme").stdout
    monkeypatch.setattr("sys.stdin", given("Tell\r\nme".encode("utf-8-sig")))
    assert sample("--prompt_file", "-").stdout == expected
    monkeypatch.setattr("sys.stdin", given(b"caf\xe9"))
    done = sample("--prompt_file", "-")
    assert done.stderr == "sample.py: standard input: byte 0xe9 at 3 (line 1), expected UTF-8; give the text as UTF-8\n"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_output_that_is_not_utf_8_shows_what_it_can(place, run_script, sample, encoding):
    sample()
    arguments = ["--model_name", "small", "--length", 6, "--prompt", "Ὦ", "--include_prompt", "--seed", 1]
    environment = os.environ | {"PYTHONIOENCODING": encoding}
    done = run_script("sample.py", *arguments, env=environment, encoding=encoding)
    assert (done.returncode, done.stderr) == (0, "")
    assert texts_of(done.stdout)[1].startswith("?")


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
