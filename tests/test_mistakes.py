"""A mistake of the user is one line and never a traceback; a bug always shows one. In a checkout and installed."""

import configparser
import json
import os
import pathlib
import re
import shutil
import site
import subprocess
import sys
import venv

import pytest
from conftest import ROOT, VERSE

from system import command_line

SETUP = configparser.ConfigParser()
SETUP.read(ROOT / "setup.cfg")
SCRIPTS = [f"{name}.py" for name in SETUP["options"]["py_modules"].split()]
PACKAGES = [name.rstrip("*") for name in SETUP["options.packages.find"]["include"].split()]


@pytest.fixture
def installed(tmp_path_factory):
    """The Python of an environment into which a wheel of the project was installed, beside the packages it needs."""
    folder = tmp_path_factory.mktemp("installed")
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE", *SCRIPTS):
        shutil.copy(ROOT / name, folder / name)
    for name in PACKAGES:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.ckpt*", "*.bpe"))
    venv.create(folder / "env", symlinks=True)
    python = next((folder / "env").glob("*/python"))
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "--python", str(python)]
    command = [*pip, "install", "--no-index", "--no-deps", "--no-build-isolation", str(folder)]
    # The environment is empty yet, also of setuptools: it sees the packages of this one, after its own.
    (packages,) = (folder / "env").glob("[Ll]ib/**/site-packages")
    (packages / "others.pth").write_text("\n".join(site.getsitepackages()))
    subprocess.run(command, check=True, timeout=300)
    return python


PLANT = """
import sys, prepare_corpus
from poems.cleaning import rules
from system import command_line
rules.choose_rules = lambda *_: {bug}
sys.argv = ["prepare_corpus.py", "poems.txt", "out.npz"]
command_line.run(prepare_corpus.main)
"""
BUGS = ["int('x')", "list(zip([1], [], strict=True))", "{}['x']"]
MISTAKES = {
    "train --datset x.npz": "unknown flag --datset; did you mean --dataset?",
    "train --dataset missing.npz --model_name other": "models/other: no such model folder",
    "train --dataset broken.npz --model_name small": "broken.npz: ",
    "train --dataset x.npz --batch_size 0": "--batch_size is 0, expected at least 1",
    "sample --run_name none": "checkpoint/none: no such run",
    "sample --model_name nested": "models/nested/hparams.json: ",
    "sample --model_name small --prompt_file latin.txt": "latin.txt: ",
    "prepare_corpus missing.txt out.npz --model_name small": "missing.txt: no such file",
    "prepare_corpus latin.txt out.npz --model_name small --books latin.txt": "latin.txt: ",
    "prepare_corpus bytes.bin out.npz --model_name small": "bytes.bin: ",
    "prepare_corpus out.npz": "nothing to read",
    "models.download 99M": "unknown model '99M'",
    "evaluate missing.txt": "missing.txt: no such file",
    "curate missing.txt": "missing.txt: no such file",
    "gpt2.swarm average": "expected: average FOLDER",
}


def prepare(folder: pathlib.Path) -> None:
    """The files that the mistakes are made with."""
    for name in ("small", "nested"):
        shutil.copytree(ROOT / "tests" / "reference" / "tiny", folder / "models" / name)
    (folder / "models" / "nested" / "hparams.json").write_text("[" * 100_000)
    (folder / "poems.txt").write_text(VERSE)
    (folder / "latin.txt").write_bytes("Ô rose\n".encode("latin-1"))
    (folder / "bytes.bin").write_bytes(bytes(range(256)))
    (folder / "broken.npz").write_bytes(b"PK\x03\x04 and no more")


@pytest.mark.parametrize("place", ["checkout", pytest.param("wheel", marks=pytest.mark.slow)])
def test_a_mistake_of_the_user_is_one_line_and_a_bug_shows_its_traceback(place, request, tmp_path):
    if place == "wheel":
        python, path = request.getfixturevalue("installed"), ""
    else:
        python, path = sys.executable, str(ROOT)

    def run(*command):
        env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": path}
        return subprocess.run(
            [str(python), *command], cwd=tmp_path, env=env, text=True, capture_output=True, timeout=300
        )

    prepare(tmp_path)
    for command, message in MISTAKES.items():
        script, *arguments = command.split()
        done = run("-m", script, *arguments)
        *before, last = done.stderr.splitlines()
        script = script.split(".")[-1]
        name = f"{script}: " if script == "swarm" else f"{script}.py: "
        assert all(line.startswith(name) for line in (*before, last)), (command, done.stderr)
        assert message in last
        assert done.returncode in (1, 2)
    for bug in BUGS:
        done = run("-c", PLANT.replace("{bug}", bug))
        assert done.stderr.startswith("Traceback (most recent call last)")
        assert "Error: " in done.stderr.splitlines()[-1]
        assert done.returncode == 1
    sizes = (
        "from gpt2.hparams import read_hparams; from system.command_line import PROJECT; import gpt2.runs.settings\n"
    )
    done = run("-c", f"{sizes}print(read_hparams(PROJECT + '/models/poet').n_ctx)")
    assert done.stdout == f"{json.loads((ROOT / 'models' / 'poet' / 'hparams.json').read_text())['n_ctx']}\n"
    assert run("-m", "train", "--version").stdout.startswith("gpt-2-poetry ")


@pytest.mark.parametrize("script", ["sample.py", "train.py", "prepare_corpus.py", "evaluate.py", "curate.py"])
def test_a_python_without_the_packages_is_told_how_to_get_them(script):
    done = subprocess.run([sys.executable, "-S", "-E", ROOT / script], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    said = r"\S+: \w+ is not installed for this Python(; install what .*: pip install -e '.\[train\]'|, but .venv .*)\n"
    assert re.fullmatch(said, done.stderr)


def test_an_environment_that_is_there_only_has_to_be_activated(tmp_path, monkeypatch):
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    monkeypatch.setattr(command_line, "PROJECT", str(tmp_path))
    assert command_line._how_to_get("fire").endswith("begin with . .venv/bin/activate")
