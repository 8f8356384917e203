"""Mistakes of the user of prepare_corpus.py, each one line before anything is written."""

import json
import signal
import subprocess
import sys

import numpy as np
import pytest
from conftest import COUPLET, ROOT


def test_another_vocabulary_is_never_overwritten(run_script, tmp_path, poem, model):
    before = (tmp_path / "models" / "mine" / "vocab.bpe").read_bytes()
    done = run_script("prepare_corpus.py", poem, "out.npz", "--train_vocab", 290, "--model_name", model)
    assert done.returncode == 1
    assert "models/mine: has another vocabulary already" in done.stderr
    assert (tmp_path / "models" / "mine" / "vocab.bpe").read_bytes() == before


def test_a_vocabulary_of_another_size_than_the_model_is_refused(run_script, tmp_path, poem):
    sizes = {"n_vocab": 300, "n_ctx": 128, "n_embd": 192, "n_head": 4, "n_layer": 4}
    (tmp_path / "models" / "new").mkdir(parents=True)
    (tmp_path / "models" / "new" / "hparams.json").write_text(json.dumps(sizes))
    done = run_script("prepare_corpus.py", poem, "out.npz", "--train_vocab", 290, "--model_name", "new")
    assert done.returncode == 1
    assert "models/new/hparams.json: n_vocab is 300, expected 290" in done.stderr


def test_a_vocabulary_that_cannot_be_trained_leaves_no_model_behind(run_script, tmp_path, poem):
    done = run_script("prepare_corpus.py", poem, "out.npz", "--train_vocab", 9999, "--model_name", "new")
    assert done.returncode == 1
    assert "expected at most" in done.stderr
    assert not (tmp_path / "models").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["poem.txt"], "the last argument is poem.txt, expected where to write: SOURCE... OUT.npz"),
        (["out.npz"], "nothing to read, only out.npz to write to"),
        (["none.txt", "out.npz"], "none.txt: no such file or folder"),
        (["poem.txt", "none/out.npz"], "none: no such folder to write out.npz into"),
        (["poem.txt", "poem.txt/out.npz"], "poem.txt: no such folder"),
        (["poem.txt", "out.npz", "--held_out", "5"], "--held_out is 5.0, expected below 1"),
        (["poem.txt", "out.npz", "--encoding", "klingon"], "--encoding klingon: no such encoding"),
        (["poem.txt", "out.npz", "--divide", "("], "--divide (: no regular expression"),
        (["poem.txt", "out.npz", "--model_name", "none"], "models/none: no such model folder"),
        (["poem.txt", "out.npz", "--train_vocab", "300"], "--model_name is not given"),
        (["poem.txt", "out.npz", "--train_vocab", "300", "--model_name", "117M"], "a model of OpenAI"),
        (["poem.txt", "out.npz", "--books", "none.csv"], "none.csv: no such file, expected a table of books"),
        (["latin.txt", "out.npz", "--model_name", "mine"], "latin.txt: byte 3 is not utf-8"),
        (["poem.json", "poem.npz", "--model_name", "mine"], "poem.json: a source"),
        (["poem.txt", "mine.npz"], "mine.json: not of a dataset, and mine.npz would overwrite it"),
        (["poem.txt", "folder.npz"], "folder.npz: a folder, expected a name for a file to write"),
        (["poem.txt", "other.npz"], "other.json: a folder"),
        (["page.html", "out.npz", "--report", "page.html"], "page.html: a source, which would be overwritten"),
        (["a.report.json", "out.npz", "--report", "a.html"], "a.report.json: a source"),
        (["poem.txt", "out.npz", "--report", "books.html", "--books", "books.html"], "books.html: the --books"),
        (["poem.txt", "a.report.npz", "--report", "a.html"], "a.report.json: not of a dataset"),
        (["poem.txt", "b.report.npz", "--report", "b.html"], "b.report.json: the dataset"),
        (["poem.txt", "out.npz", "--report", "folder.html"], "folder.html: a folder"),
    ],
)
def test_a_mistake_is_one_line_and_writes_nothing(run_script, tmp_path, poem, model, arguments, message):
    (tmp_path / "latin.txt").write_bytes(b"\xc3\xa9t\xe9")
    for name in ("poem.json", "mine.json", "page.html", "a.report.json"):
        (tmp_path / name).write_text(COUPLET)
    (tmp_path / "books.html").write_text("gid,author,title\n1,A,B\n")
    for name in ("folder.npz", "other.json", "folder.html"):
        (tmp_path / name).mkdir()
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    done = run_script("prepare_corpus.py", *arguments)
    assert done.returncode == (2 if message.startswith("--held_out") else 1)
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_without_124m_no_other_vocabulary_is_taken_in_silence(run_script, tmp_path, poem):
    done = run_script("prepare_corpus.py", poem, "out.npz")
    assert done.returncode == 1
    assert done.stderr == (
        "prepare_corpus.py: models/124M is not here, and the dataset is to be made for it; download it: "
        "python models/download.py 124M, or make the dataset for the small model that is here: --model_name poet\n"
    )
    assert not (tmp_path / "out.npz").exists()


def test_a_wrong_layout_is_one_line(run_script, poem, model):
    done = run_script("prepare_corpus.py", poem, "out.npz", "--model_name", model, "--layout", "sonnet")
    assert done.returncode == 2
    assert done.stderr == "prepare_corpus.py: --layout is sonnet, expected plain, prefix or poem\n"


def test_an_npz_of_another_vocabulary_is_refused(run_here, tmp_path, model):
    np.savez(tmp_path / "old.npz", np.array([1, 2, 999]))
    done = run_here("prepare_corpus.py", "old.npz", "out.npz", "--model_name", model)
    assert done.returncode == 1
    assert "old.npz: arr_0: token id 999, expected ids below 280" in done.stderr
    assert not (tmp_path / "out.npz").exists()


@pytest.mark.parametrize(("name", "message"), [("out.txt", "ends in .html"), ("none/out.html", "none: no such folder")])
def test_a_report_that_cannot_be_written_is_an_error_before_any_work(run_here, tmp_path, poem, model, name, message):
    done = run_here("prepare_corpus.py", poem, "out.npz", "--model_name", model, "--report", name)
    assert done.returncode == 1
    assert message in done.stderr
    assert not (tmp_path / "out.npz").exists()


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no such signal")
def test_a_kill_while_writing_leaves_no_half_dataset(tmp_path, poem, model):
    """It is killed before each of the two files gets its name, and before anything is written at all."""
    for calls in range(3):
        code = (
            f"import os, sys\ncalls, replace = {calls}, os.replace\n"
            "def die(*names):\n    global calls\n    calls -= 1\n"
            "    if calls < 0: os.kill(os.getpid(), 9)\n    replace(*names)\n"
            f"os.replace = die\nsys.path.insert(0, {str(ROOT)!r})\n"
            "import prepare_corpus\nprepare_corpus.command_line.run(prepare_corpus.main)"
        )
        command = [sys.executable, "-c", code, poem, "out.npz", "--model_name", model]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True)
        assert done.returncode == (0 if calls == 2 else -signal.SIGKILL)
        assert (tmp_path / "out.npz").exists() == (calls == 2)


def test_a_dataset_with_prefixes_is_not_prepared_again(run_here, tmp_path, model, poem):
    run_here("prepare_corpus.py", poem, "out.npz", "--model_name", model, "--layout", "poem")
    done = run_here("prepare_corpus.py", "out.npz", "again.npz", "--model_name", model)
    assert "out.npz: has a prefix before its poems or lines already" in done.stderr


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--prefix", "author"], "--prefix author is for --layout prefix, found no --layout"),
        (
            ["--prefix", "author", "--layout", "poem"],
            "--prefix author is for --layout prefix, found --layout poem",
        ),
        (["--inspect", "out.npz"], "--inspect only looks into out.npz, found poem.txt as well"),
        (["--weight", "a"], "--weight is a, expected numbers"),
        (["--weight", "0"], "--weight is 0.0, expected a number above 0"),
        (["--on", "drop_foreign", "--off", "all,drop_foreign"], "drop_foreign: switched on and off"),
    ],
)
def test_flags_that_say_nothing_together_are_refused(run_here, poem, model, flags, message):
    done = run_here("prepare_corpus.py", poem, "out.npz", "--model_name", model, *flags)
    assert done.returncode == 1
    assert message in done.stderr
