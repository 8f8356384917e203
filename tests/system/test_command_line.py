"""Flags are checked before any work starts, and text arrives letter for letter."""

import sys

import pytest

from system import command_line, process
from system.errors import UserError


@pytest.fixture
def called(monkeypatch):
    """Calls a function as a script would be called, and gives what it got."""

    def call(*arguments):
        got: dict[str, object] = {}

        def main(
            *sources: str,
            prompt: str = "",
            nsamples: int = 1,
            top_p: float = 0.0,
            seed: int | None = None,
            quiet: bool = False,
        ) -> None:
            """Does nothing."""
            got.update(sources=sources, prompt=prompt, nsamples=nsamples, top_p=top_p, seed=seed, quiet=quiet)

        monkeypatch.setattr(sys, "argv", ["script.py", *arguments])
        command_line.run(main)
        return got

    return call


def test_a_full_memory_is_one_line_that_says_what_to_lower(monkeypatch, capsys):
    def main(batch_size: int = 1) -> None:
        raise MemoryError("Unable to allocate 9 TiB")

    monkeypatch.setattr(sys, "argv", ["script.py"])
    with pytest.raises(SystemExit) as end:
        command_line.run(main)
    assert end.value.code == 1
    assert capsys.readouterr().err == "script.py: not enough memory (Unable to allocate 9 TiB); lower --batch_size\n"


TEXTS = ["Hello, world", "1984", "a#b", "None", "True", "[x]", "(1, 2)", "-x", "-", "--", "--and so", "'quoted'", '"a"']
TEXTS += [
    "two\nlines",
    "a\n",
    " ",
    "a=b",
    "--=",
    "1e3",
    "{'a': 1}",
    "ünï 語",
    "\\n",
    "",
    "$HOME",
    "0x10",
    "-5",
    "-h",
    "--help",
]


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("joined", [False, True])
def test_text_arrives_letter_for_letter(called, text, joined):
    arguments = [f"--prompt={text}"] if joined else ["--prompt", text]
    assert called(*arguments)["prompt"] == text


@pytest.mark.parametrize("text", ["1984", "None", "a#b", "[x]", "Hello, world.txt"])
def test_arguments_arrive_letter_for_letter(called, text):
    assert called(text, "b", "--nsamples", "3")["sources"] == (text, "b")


def test_numbers_and_truth_values_are_read(called):
    got = called("--nsamples", "3", "--top_p=0.9", "--seed", "-7", "--quiet")
    assert (got["nsamples"], got["top_p"], got["seed"], got["quiet"]) == (3, 0.9, -7, True)
    assert called("--quiet", "False")["quiet"] is False
    assert called("--noquiet")["quiet"] is False
    assert called("--quiet=true", "x")["quiet"] is True


def test_dashes_and_the_first_letter_serve_as_well(called):
    got = called("--top-p", "0.5", "-t", "0.25", "-n", "3")
    assert (got["top_p"], got["nsamples"]) == (0.25, 3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--promt", "x"], "script.py: unknown flag --promt; did you mean --prompt?"),
        (["--zzz", "x"], "script.py: unknown flag --zzz; the flags are --prompt, --nsamples"),
        (["--nsamples"], "script.py: --nsamples has no value, expected one of type int"),
        (["--prompt", "--nsamples", "3"], "--prompt has no value, expected one of type str found the flag --nsamples"),
        (["--nsamples", "many"], "script.py: --nsamples is 'many', expected a value of type int"),
        (["--nsamples", "1.5"], "--nsamples is '1.5', expected a value of type int"),
        (["--top_p", "0,9"], "--top_p is '0,9', expected a value of type float"),
        (["--top_p", "nan"], "--top_p is 'nan', expected a value of type float"),
        (["--top_p", "-inf"], "--top_p is '-inf', expected a value of type float"),
        (["--quiet=maybe"], "--quiet is 'maybe', expected a value of type bool"),
    ],
)
def test_a_wrong_flag_is_one_line_and_status_2(called, capsys, arguments, message):
    with pytest.raises(SystemExit) as end:
        called(*arguments)
    error = capsys.readouterr().err
    assert end.value.code == 2
    assert message in error
    assert error.count("\n") == 1


def run_raising(monkeypatch, error):
    def main() -> None:
        raise error

    monkeypatch.setattr(sys, "argv", ["script.py"])
    command_line.run(main)


@pytest.mark.parametrize("error", [UserError("a.txt: empty"), FileNotFoundError("a.txt: empty")])
def test_a_mistake_of_the_user_is_one_line_and_status_1(monkeypatch, capsys, error):
    with pytest.raises(SystemExit) as end:
        run_raising(monkeypatch, error)
    assert end.value.code == 1
    assert capsys.readouterr().err == "script.py: a.txt: empty\n"


def number_of_a_word():
    return int("x")


def pairs_of_unequal_lists():
    return list(zip([1], [], strict=True))


@pytest.mark.parametrize("bug", [number_of_a_word, pairs_of_unequal_lists, lambda: {"a": 1}["x"]])
def test_a_bug_keeps_its_traceback(monkeypatch, bug):
    def main() -> None:
        bug()

    monkeypatch.setattr(sys, "argv", ["script.py"])
    with pytest.raises((ValueError, KeyError)):
        command_line.run(main)


def test_stray_arguments_are_refused_where_none_are_taken(monkeypatch, capsys):
    def main(*, prompt: str = "") -> None:
        raise AssertionError("called")

    monkeypatch.setattr(sys, "argv", ["script.py", "Shall", "I"])
    with pytest.raises(SystemExit) as end:
        command_line.run(main)
    assert end.value.code == 2
    assert "unexpected argument 'Shall'" in capsys.readouterr().err


@pytest.mark.parametrize("script", ["train.py", "sample.py", "prepare_corpus.py", "models/download.py"])
def test_help_answers_without_tensorflow(run_script, tmp_path, script):
    (tmp_path / "tensorflow.py").write_text("raise SystemExit('imported without need')")
    done = run_script(script, "--help", env={"PYTHONPATH": str(tmp_path)})
    assert done.returncode == 0
    assert "FLAGS" in done.stdout


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["--prompt", "x", "--help"], ["a", "-h"], ["--quiet", "-h"]])
def test_help_is_given_instead_of_work(called, capsys, arguments):
    assert called(*arguments) == {}
    assert "FLAGS" in capsys.readouterr().out


def test_a_misspelt_flag_of_a_script_fails_before_tensorflow(run_script, tmp_path):
    (tmp_path / "tensorflow.py").write_text("raise SystemExit('imported without need')")
    done = run_script("train.py", "--datset", "x.npz", env={"PYTHONPATH": str(tmp_path)})
    assert done.returncode == 2
    assert done.stderr == "train.py: unknown flag --datset; did you mean --dataset?\n"


def test_closed_streams_lead_nowhere(monkeypatch):
    for stream in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, stream, None)
    process.open_closed_streams()
    assert sys.stdin.buffer.read() == b""
    print("verse", flush=True)
    print("verse", file=sys.stderr, flush=True)
