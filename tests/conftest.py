"""What the tests share: where the reference figures lie, and a way to run a script as a user would."""

import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "tests" / "reference"


@pytest.fixture(scope="session")
def reference_folder():
    """The small checkpoint and the figures that the original graph computed from it."""
    return str(REFERENCE / "tiny")


@pytest.fixture
def run_script(tmp_path):
    """Runs a script of the project in an empty folder; the finished process has returncode, stdout and stderr."""

    def run(script, *arguments, cwd=tmp_path, timeout=300, **kwargs):
        command = [sys.executable, str(ROOT / script), *map(str, arguments)]
        return subprocess.run(command, cwd=cwd, timeout=timeout, text=True, capture_output=True, **kwargs)

    return run
