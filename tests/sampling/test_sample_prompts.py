"""What sample.py continues: prompts letter for letter, many of them, from standard input, after a description."""

import io
import json

import pytest
from conftest import texts_of

import encoder


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
