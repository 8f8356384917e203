"""sample.py --interactive: prompts, commands that change the settings, and a file of what the user keeps."""

import io
import json
import os
import pty
import subprocess
import sys

import pytest
from conftest import ROOT, texts_of

from gpt2.jobs.conversation import completions

FLAGS = ["--model_name", "small", "--length", 6, "--seed", 4]


@pytest.fixture
def sample(place, run_here):
    return lambda *arguments: run_here("sample.py", *FLAGS, *arguments)


@pytest.fixture
def converse(sample, monkeypatch):
    """A conversation in which these lines are typed."""

    def run(typed, *arguments):
        raw = typed if isinstance(typed, bytes) else typed.encode()
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(raw), encoding="utf-8", errors="strict"))
        return sample("--interactive", *arguments)

    return run


def test_each_prompt_is_answered(sample, converse):
    done = converse("Tell\\\nme\nLife\n", "--nsamples", 2)
    assert done.returncode == 0, done.stderr
    texts = texts_of(done.stdout)
    assert list(texts) == [1, 2, 3, 4]
    assert texts[1] == texts_of(sample("--prompt", "Tell\nme").stdout)[1]


def test_a_line_that_is_not_utf_8_ends_nothing(sample, converse):
    done = converse(b"caf\xe9\nTell\n")
    assert "standard input: byte 0xe9 at 3 (line 1), expected UTF-8" in done.stderr
    assert texts_of(done.stdout) == texts_of(sample("--prompt", "Tell").stdout)


def test_a_space_at_the_end_of_a_prompt_is_taken_as_a_command_takes_it(sample, converse):
    flags = ["--nsamples", 3, "--temperature", 3]
    assert texts_of(converse("Tell \n", *flags).stdout) == texts_of(sample("--prompt", "Tell ", *flags).stdout)


def test_the_best_alone_is_shown(sample, converse):
    flags = ["--nsamples", 2, "--best_of", 3, "--temperature", 2]
    assert texts_of(converse("Tell\n", *flags).stdout) == texts_of(sample("--prompt", "Tell", *flags).stdout)


def test_a_conversation_goes_into_a_form_and_out_of_it(sample, converse, run_here):
    done = converse("/length\n/form haiku\nTell\n/form\n/length 6\n/seed 4\nTell\n")
    assert done.returncode == 0, done.stderr
    formed, free = done.stdout.split("=" * 40 + " SAMPLE 1 ")[1:]
    flags = ("--model_name", "small", "--seed", 4, "--prompt", "Tell")
    assert run_here("sample.py", *flags, "--form", "haiku").stdout.endswith(formed)
    assert sample("--prompt", "Tell").stdout.endswith(free)
    assert formed != free


@pytest.mark.parametrize("setting", [("temperature", "3"), ("top_k", "1"), ("seed", "9"), ("lines", "1")])
def test_a_setting_that_is_changed_writes_what_the_flag_writes(sample, converse, setting):
    name, value = setting
    expected = sample("--prompt", "Tell", f"--{name}", value).stdout
    assert converse(f"/{name} {value}\nTell\n").stdout == expected


def test_a_setting_without_a_value_takes_its_default_again(sample, converse):
    assert converse("/temperature 3\n/temperature\nTell\n").stdout == sample("--prompt", "Tell").stdout


def test_a_new_seed_counts_from_its_first_sample(sample, converse):
    done = converse("Life\nTell\n/seed 4\nTell\n", "--temperature", 2)
    assert done.stdout.endswith(sample("--prompt", "Tell", "--temperature", 2).stdout)


def test_authors_can_change_between_two_poems(place, sample, converse):
    (place / "models" / "small" / "layout.json").write_text('{"name": "poem"}')
    done = converse("/author Homer\n\n/author Sappho\n/seed 4\n\n", "--include_prompt", "--temperature", 2)
    expected = [sample("--author", name, "--include_prompt", "--temperature", 2).stdout for name in ("Homer", "Sappho")]
    assert done.stdout == "".join(expected)


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("/temperature warm", "--temperature is 'warm', expected a number"),
        ("/author Homer", "--author is no part of what this model was trained on"),
        ("/top_p 2", "top_p is 2.0, expected 0 to 1"),
        ("/warmth 3", "/warmth is no command"),
        ("/keep", "/keep: nothing was written yet"),
        ("/out x.txt", "/out is no command"),
    ],
)
def test_a_wrong_command_is_one_line_and_changes_nothing(sample, converse, typed, message):
    done = converse(f"{typed}\nTell\n")
    assert [message in line for line in done.stderr.splitlines()].count(True) == 1
    assert done.stdout == sample("--prompt", "Tell").stdout


def test_a_wrong_number_to_keep_names_the_last_one(converse):
    assert "/keep 7: no such sample, expected up to 1" in converse("Tell\n/keep 7\n").stderr


def test_two_slashes_begin_a_prompt_with_one(sample, converse):
    assert converse("//Tell\n").stdout == sample("--prompt", "/Tell").stdout


def test_help_names_every_command(converse):
    shown = converse("/help\n").stdout.split()
    assert {"/author", "/temperature", "/seed", "/keep", "/settings", "/quit", "/lines"} <= {
        word.strip(",") for word in shown
    }


def test_settings_are_shown_as_they_are_typed(converse):
    done = converse("/settings\n/temperature 0.5\n/seed 7\n/settings\n")
    assert done.stdout.splitlines() == ["/length 6", "/seed 4", "/length 6", "/temperature 0.5", "/seed 7"]


def test_an_author_whom_a_run_does_not_know_is_told_once(place, converse):
    known = {"name": "poem", "names": {"author": {"Emily Dickinson": 12}}}
    (place / "models" / "small" / "layout.json").write_text(json.dumps(known))
    assert converse("/author Dickinson\n\n\n").stderr.count("nearest: Emily Dickinson") == 1


def test_the_tabulator_completes_commands_and_names():
    known = ["/author", "/author Emily Dickinson", "/author Walt Whitman", "/top_k"]
    assert completions("/author E", known) == ["/author Emily Dickinson"]
    assert completions("/au", known) == known[:3]
    assert completions("", known) == completions("Tell", known) == []


@pytest.mark.parametrize("end", ["/quit", "/exit"])
def test_nothing_is_read_after_quit(converse, end):
    assert converse(f"{end}\nTell\n").stdout == ""


def test_what_is_kept_is_added_to_a_file_with_its_prompt(place, converse):
    (place / "kept.txt").write_text("what was there\n")
    texts = texts_of(converse("Tell\nLife\n/keep\n/keep 1\n").stdout)
    kept = (place / "kept.txt").read_text()
    assert kept.startswith("what was there\n")
    assert texts_of(kept) == {2: "Life" + texts[2], 1: "Tell" + texts[1]}


def test_what_is_kept_can_be_written_again_from_its_settings(place, sample, converse):
    converse("Life\n/temperature 2\n/seed 9\nTell\n/keep\n", "--out", "kept.jsonl")
    (kept,) = map(json.loads, (place / "kept.jsonl").read_text().splitlines())
    flags = ["--temperature", kept["settings"]["temperature"], "--seed", kept["seed"], "--prompt", kept["prompt"]]
    assert kept["text"] == texts_of(sample(*flags).stdout)[kept["number"]]


def test_a_file_that_cannot_be_written_ends_nothing(place, converse):
    (place / "kept.txt").mkdir()
    done = converse("Tell\n/keep\nLife\n")
    assert list(texts_of(done.stdout)) == [1, 2]
    assert "kept.txt" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_arrow_up_brings_back_the_lines_of_the_last_conversation(place):
    def typed(*lines):
        ours, theirs = pty.openpty()
        command = [sys.executable, ROOT / "sample.py", *map(str, FLAGS), "--interactive"]
        environment = os.environ | {"XDG_CACHE_HOME": str(place / "cache"), "TERM": "dumb"}
        process = subprocess.Popen(command, cwd=place, stdin=theirs, stdout=theirs, stderr=theirs, env=environment)
        os.close(theirs)
        shown = b""
        for keys in (*lines, b"\x04"):
            answer = b""
            while not answer.endswith(b"> "):  # What is typed before the mark is there may be lost.
                answer += os.read(ours, 1000)
            shown += answer
            os.write(ours, keys)
        assert process.wait(60) == 0
        os.close(ours)
        return texts_of(shown.decode().replace("\r\n", "\n"))

    first = typed(b"Tell\n")
    assert first
    assert typed(b"\x1b[A\n") == first
