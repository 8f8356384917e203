"""All commands under one name; and verse is written where TensorFlow is not installed."""

import logging
import os
import re
import signal
import subprocess
import sys
import threading
import time

import pytest
from conftest import ROOT, poem

import gpt2
import poets
from system.errors import UserError

WITHOUT_TENSORFLOW = """
import runpy, sys
for name in ("tensorflow", "tensorflow_text", "ftfy", "py3langid", "matplotlib", "tensorboard"):
    sys.modules[name] = None
sys.argv = sys.argv[1:]
sys.path.insert(0, {root!r})
runpy.run_path({root!r} + "/poets.py", run_name="__main__")
"""


def run(*arguments, cwd=ROOT, without=False):
    start = ["-c", WITHOUT_TENSORFLOW.format(root=str(ROOT)), "poets.py"] if without else [str(ROOT / "poets.py")]
    env = os.environ | {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1", "XDG_CACHE_HOME": str(cwd)}  # no second start
    return subprocess.run([sys.executable, *start, *arguments], cwd=cwd, env=env, text=True, capture_output=True)


@pytest.mark.parametrize("name", poets.COMMANDS)
def test_every_command_is_a_script_of_the_project(name):
    module, _ = poets.COMMANDS[name]
    done = run(name, "--help")
    assert done.returncode == 0, done.stderr
    assert re.search(rf"\b{module.rpartition('.')[2]}\b", done.stdout.split("\n\n")[0])


def test_without_a_command_all_are_listed():
    assert run().stdout == run("--help").stdout
    assert all(f"\n  {name} " in run().stdout for name in poets.COMMANDS)


def test_an_unknown_command_is_told():
    done = run("wirte")
    assert done.returncode == 2
    assert done.stderr.startswith("gpt2-poets: unknown command 'wirte', expected one of prepare, train, write")


@pytest.mark.parametrize("flags", [["--lines", "2"], ["--form", "haiku"], ["--best_of", "2"], ["--score", "p.txt"]])
def test_verse_is_written_without_tensorflow(place, flags):
    (place / "p.txt").write_text("Tell me not\n")
    arguments = ("write", "--model_name", "small", "--seed", "4", *flags)
    done = run(*arguments, cwd=place, without=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout
    assert done.stdout == run(*arguments, cwd=place).stdout


@pytest.mark.parametrize("command", ["evaluate", "curate"])
def test_verse_is_judged_without_tensorflow(place, command):
    verses = "Tell me not, in mournful numbers,\nLife is but an empty dream!\n<|endoftext|>O rose, thou art sick,\n"
    (place / "verse.txt").write_text(verses)
    done = run(command, "verse.txt", cwd=place, without=True)
    assert done.returncode == 0, done.stderr


def test_models_are_converted_without_tensorflow(place):
    for source, target in (("models/small", "theirs"), ("theirs", "ours")):
        done = run("convert", source, target, cwd=place, without=True)
        assert done.returncode == 0, done.stderr
    name = "model.ckpt.data-00000-of-00001"
    assert (place / "ours" / name).read_bytes() == (place / "models" / "small" / name).read_bytes()
    written = [
        run("write", "--model_name", name, "--seed", "4", "--length", "9", cwd=place, without=True).stdout
        for name in ("theirs", "small")
    ]
    assert written[0] == written[1] != ""


def test_what_needs_tensorflow_names_the_extra_that_brings_it(place):
    done = run("write", "--model_name", "small", "--engine", "xla", cwd=place, without=True)
    assert done.returncode == 1
    expected = "sample.py: tensorflow is not installed; get it with the extra train: pip install '.[train]'"
    assert done.stderr.strip().split("\n")[-1] == expected


@pytest.fixture
def verse(place, monkeypatch):
    """A folder with a model and twenty poems."""
    (place / "verse").mkdir()
    for number in range(20):
        (place / "verse" / f"{number}.txt").write_text(poem(number))
    monkeypatch.chdir(place)
    return place


FLAGS: dict = {"dataset": "mine.npz", "model_name": "small", "run_name": "mine", "val_every": 2, "batch_size": 2}


def test_a_notebook_prepares_trains_and_writes(verse):
    told = gpt2.prepare("verse", "mine.npz", model_name="small", held_out=0.2)
    assert "written: mine.npz" in told
    trained = gpt2.train(**FLAGS, steps=4)
    assert (trained.folder, trained.step) == (os.path.join("checkpoint", "mine"), 4)
    assert trained.loss == trained.records[-1]["loss"]
    assert trained.held_out_loss == trained.records[-1]["val_loss"]
    assert gpt2.load("mine").write("Tell", length=4, seed=1)[0].text


def test_a_notebook_converts(place, monkeypatch):
    monkeypatch.chdir(place)
    told = gpt2.convert("models/small", "theirs", dtype="float16")
    assert re.fullmatch(r"theirs: [\d,]+ parameters in float16, from models/small/model\.ckpt", told)
    assert (place / "theirs" / "config.json").exists()
    with pytest.raises(UserError, match="theirs: exists already"):
        gpt2.convert("models/small", "theirs")


@pytest.mark.parametrize(("level", "shown"), [(None, True), (logging.WARNING, False)])
def test_messages_are_shown_in_python_unless_the_logger_was_set(verse, level, shown):
    start = f"import logging; logging.getLogger('gpt2').setLevel({level})\n" if level else ""
    code = "import gpt2; gpt2.load('small').write('O rose,', length=3)"
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", start + code], cwd=verse, env=env, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert ("gpt2: the first time, models/small/model.ckpt is written again" in done.stderr) is shown


def test_an_interruption_saves_and_leaves_the_next_cell_interruptible(verse):
    gpt2.prepare("verse", "mine.npz", model_name="small", held_out=0.2)
    before = signal.getsignal(signal.SIGINT)
    timer = threading.Thread(target=interrupt_once_it_trains, args=(verse / "checkpoint" / "mine" / "log.jsonl",))
    timer.start()
    trained = gpt2.train(**FLAGS, steps=100_000)
    timer.join()
    assert 0 < trained.step < 100_000
    assert signal.getsignal(signal.SIGINT) is before
    again = gpt2.train(**FLAGS, steps=trained.step + 1)
    assert again.records[: trained.step] == trained.records
    assert again.step == trained.step + 1


def interrupt_once_it_trains(log):
    while not (log.exists() and log.stat().st_size):
        time.sleep(0.05)
    os.kill(os.getpid(), signal.SIGINT)


def test_a_mistake_is_an_error_of_one_line(verse):
    with pytest.raises(FileNotFoundError, match=r"none\.npz"):
        gpt2.train(**FLAGS | {"dataset": "none.npz"})
    with pytest.raises(FileNotFoundError, match="missing: no such file or folder"):
        gpt2.prepare("missing", "mine.npz", model_name="small")
