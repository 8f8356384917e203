"""Who may import whom: the layers of setup.cfg hold, and an import that points upwards is found."""

import os
import pathlib
import shutil
import subprocess
import sys

import pytest
from conftest import ROOT

PACKAGES = ("system", "poems", "poetics", "encoder", "gpt2")


def lint_imports(folder: pathlib.Path) -> subprocess.CompletedProcess:
    command = [os.path.join(os.path.dirname(sys.executable), "lint-imports"), "--no-cache"]
    return subprocess.run(
        command, cwd=folder, env=os.environ | {"PYTHONPATH": str(folder)}, capture_output=True, text=True
    )


@pytest.mark.parametrize(
    ("below", "above"),
    [
        ("system/files.py", "poems.poem"),
        ("encoder/bulk.py", "gpt2.model"),
        ("gpt2/training/loss.py", "gpt2.sampling.filters"),
    ],
)
def test_an_import_that_points_upwards_breaks_the_contract(tmp_path, below, above):
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "setup.cfg", tmp_path)
    assert lint_imports(tmp_path).returncode == 0
    with (tmp_path / below).open("a") as file:
        file.write(f"\nimport {above}\n")
    done = lint_imports(tmp_path)
    assert done.returncode == 1
    assert f"-> {above}" in done.stdout


def test_no_folder_of_code_is_wider_than_a_dozen_files():
    folders = {path.parent for package in PACKAGES for path in (ROOT / package).rglob("*.py")}
    wide = {str(folder): n for folder in folders if (n := len([*folder.glob("*.py")])) > 13}  # 12 and `__init__.py`
    assert wide == {}
