"""Flags are checked before any work starts, and text arrives letter for letter."""

import configparser
import dataclasses
import os
import subprocess
import sys
from typing import Annotated, Literal

import pytest
from conftest import ROOT

from system import command_line, process
from system.errors import UserError
from system.flags import Above, AtLeast, AtMost, Below, check_flags, help_text


@dataclasses.dataclass(frozen=True, kw_only=True)
class Request:
    """Writes verse.

    Attributes:
      What to write
        sources: poems to continue.
        prompt: text to continue, of as many lines
          as you like: it arrives letter for letter.
      How to write
        nsamples: samples of each prompt.
        top_p: choose among the likeliest tokens that have this probability together.
        seed: the same seed gives the same samples. Default: another each time.
        quiet: print nothing else.
        engine: what computes.
    """

    sources: Annotated[tuple[str, ...], "POEM..."] = ()
    prompt: str = ""
    nsamples: Annotated[int, AtLeast(1), AtMost(1000)] = 1
    top_p: Annotated[float | None, Above(0), Below(1)] = None
    seed: int | None = None
    quiet: bool = False
    engine: Literal["lite", "xla", "auto"] = "auto"
    given: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        check_flags(self)


@pytest.fixture(params=["fields", "parameters"])
def called(monkeypatch, request):
    """Calls a function as a script would be called, with its flags declared either way, and gives what it got."""

    def call(*arguments):
        got: dict[str, object] = {}

        def from_fields(flags: Request) -> None:
            got.update(dataclasses.asdict(flags))

        def from_parameters(
            *sources: str,
            prompt: str = "",
            nsamples: Annotated[int, AtLeast(1), AtMost(1000)] = 1,
            top_p: Annotated[float | None, Above(0), Below(1)] = None,
            seed: int | None = None,
            quiet: bool = False,
            engine: Literal["lite", "xla", "auto"] = "auto",
        ) -> None:
            got.update(sources=sources, prompt=prompt, nsamples=nsamples, top_p=top_p, seed=seed, quiet=quiet)

        from_parameters.__doc__ = Request.__doc__
        monkeypatch.setattr(sys, "argv", ["script.py", *arguments])
        command_line.run(from_fields if request.param == "fields" else from_parameters)
        return got

    return call


@pytest.fixture
def asked(monkeypatch, capsys):
    """What the script prints on standard output, called with these arguments, without any work."""

    def ask(*arguments, columns=200):
        def main(request: Request) -> None:
            raise AssertionError("called")

        monkeypatch.setenv("COLUMNS", str(columns))
        monkeypatch.setattr(sys, "argv", ["script.py", *arguments])
        command_line.run(main)
        return capsys.readouterr().out

    return ask


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


def test_dashes_serve_as_well_as_underlines(called):
    assert called("--top-p", "0.5")["top_p"] == 0.5


def test_the_flags_that_were_typed_are_known_by_name(monkeypatch):
    seen = []

    def main(request: Request) -> None:
        seen.append(request)

    monkeypatch.setattr(sys, "argv", ["script.py", "a.txt", "--nsamples", "1", "--quiet"])
    command_line.run(main)
    assert seen == [Request(sources=("a.txt",), nsamples=1, quiet=True, given=frozenset({"nsamples", "quiet"}))]


MISSING = "--prompt has no value, found the flag --seed; if that is its value: --prompt=--seed"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--promt", "x"], "unknown flag --promt; did you mean --prompt?"),
        (["--zzz", "x"], "unknown flag --zzz; see --help"),
        (["-n", "3"], "unknown flag -n; see --help"),
        (["--source", "a.txt"], "unknown flag --source; see --help"),
        (["--given", "prompt"], "unknown flag --given; see --help"),
        (["--nsamples"], "--nsamples has no value, expected a whole number"),
        (
            ["--prompt", "--seed", "3"],
            "--prompt has no value, found the flag --seed; if that is its value: --prompt=--seed",
        ),
        (["--nsamples", "many"], "--nsamples is 'many', expected a whole number"),
        (["--nsamples", "1.5"], "--nsamples is '1.5', expected a whole number"),
        (["--nsamples", "9" * 5000], f"--nsamples is '{'9' * 5000}', expected a whole number"),
        (["--nsamples", "0"], "--nsamples is 0, expected at least 1"),
        (["--nsamples", "1001"], "--nsamples is 1001, expected at most 1000"),
        (["--top_p", "0,9"], "--top_p is '0,9', expected a number"),
        (["--top_p", "nan"], "--top_p is 'nan', expected a number"),
        (["--top_p", "-inf"], "--top_p is '-inf', expected a number"),
        (["--top_p", "0"], "--top_p is 0.0, expected above 0"),
        (["--top_p", "1"], "--top_p is 1.0, expected below 1"),
        (["--engine", "Lite"], "--engine is Lite, expected lite, xla or auto"),
        (["--quiet=maybe"], "--quiet is 'maybe', expected true or false"),
    ],
)
def test_a_wrong_flag_is_one_line_and_status_2(called, capsys, arguments, message):
    with pytest.raises(SystemExit) as end:
        called(*arguments)
    error = capsys.readouterr().err
    assert end.value.code == 2
    assert error == f"script.py: {message}\n"


def test_a_flag_without_a_default_is_asked_for(monkeypatch, capsys):
    def main(*, out: str) -> None:
        raise AssertionError("called")

    monkeypatch.setattr(sys, "argv", ["script.py"])
    with pytest.raises(SystemExit) as end:
        command_line.run(main)
    assert end.value.code == 2
    assert capsys.readouterr().err == "script.py: --out is missing, expected text; see --help\n"


def test_python_code_is_held_to_the_same_bounds():
    with pytest.raises(UserError, match="--nsamples is 0, expected at least 1"):
        Request(nsamples=0)
    with pytest.raises(UserError, match="--engine is tpu, expected lite, xla or auto"):
        dataclasses.replace(Request(), engine="tpu")  # type: ignore[arg-type]


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


SLOW = ("tensorflow", "numpy", "regex", "tqdm", "requests", "fire")


@pytest.mark.parametrize(
    "script", ["train.py", "sample.py", "prepare_corpus.py", "evaluate.py", "curate.py", "models/download.py"]
)
def test_help_and_version_import_nothing_slow(run_script, tmp_path, script):
    for package in SLOW:
        (tmp_path / f"{package}.py").write_text(f"raise SystemExit('{package} is imported without need')")
    for flag in ("--help", "--version"):
        done = run_script(script, flag, env={"PYTHONPATH": str(tmp_path)})
        assert (done.returncode, done.stderr) == (0, "")
        assert "--models_dir" in done.stdout or flag == "--version"


def test_the_version_is_that_of_the_checkout(asked):
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    assert asked("--version") == f"gpt-2-poetry {setup['metadata']['version']}\n"


def test_the_version_of_an_installed_package_is_that_of_its_metadata(asked, monkeypatch, tmp_path):
    monkeypatch.setattr(command_line, "PROJECT", str(tmp_path))
    monkeypatch.setattr("importlib.metadata.version", {"gpt-2-poetry": "7.8.9"}.__getitem__)
    command_line.version.cache_clear()
    assert asked("--version") == "gpt-2-poetry 7.8.9\n"
    command_line.version.cache_clear()


HELP = """usage: script.py POEM... [--flag VALUE]...

Writes verse.

What to write
  POEM...
      poems to continue.
  --prompt TEXT
      text to continue, of as many lines as you like: it arrives letter for letter.

How to write
  --nsamples N
      samples of each prompt. At least 1, at most 1000. Default: 1.
  --top_p NUMBER
      choose among the likeliest tokens that have this probability together. Above 0, below 1.
  --seed N
      the same seed gives the same samples. Default: another each time.
  --quiet
      print nothing else.
  --engine lite|xla|auto
      what computes. Default: auto.

This script
  --help
      Shows this text.
  --version
      Prints the version.
"""


def test_help_has_each_flag_with_its_whole_sentence_bounds_choices_and_default(asked):
    assert asked("--help") == HELP


def test_help_loses_no_word_on_a_narrow_terminal(asked):
    narrow = asked("--help", columns=44)
    assert narrow.split() == HELP.split()
    assert max(map(len, narrow.splitlines())) <= 44


@pytest.mark.parametrize(("line", "wrong"), [("", "lacks prompt"), ("prompt: a\n  promt: b", "promt is no flag")])
def test_a_docstring_that_leaves_out_a_flag_or_names_another_is_a_bug(line, wrong):
    def main(*, prompt: str = "") -> None: ...

    main.__doc__ = f"Writes.\n\nArgs:\n  {line}\n"
    with pytest.raises(ValueError, match=wrong):
        help_text(main, "script.py")


def test_the_package_that_python_runs_gives_a_script_its_name():
    assert command_line.script_name("/home/me/gpt2/swarm/__main__.py") == "swarm"
    assert command_line.script_name("models/download.py") == "download.py"


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["--prompt", "x", "--help"], ["a", "-h"], ["--quiet", "-h"]])
def test_help_is_given_instead_of_work(called, capsys, arguments):
    assert called(*arguments) == {}
    assert "--nsamples N" in capsys.readouterr().out


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


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
def test_letters_that_a_terminal_cannot_show_never_end_the_work(encoding):
    script = "from system import command_line\ndef main(text: str) -> None:\n"
    script += "    import sys\n    print(text)\n    print(text, file=sys.stderr)\n"
    script += "    raise OSError(f'{text}: no such file')\ncommand_line.run(main)\n"
    done = subprocess.run(
        [sys.executable, "-c", script, "--text", "básně ♥ \udcff"],
        env=os.environ | {"PYTHONIOENCODING": encoding, "PYTHONPATH": str(ROOT)},
        capture_output=True,
    )
    assert done.returncode == 1
    assert done.stdout.decode(encoding).startswith("b")
    assert done.stdout.decode(encoding).endswith("?\n")
    assert b"Traceback" not in done.stderr
    assert b"no such file" in done.stderr
