"""The compiler of a TPU takes our steps."""

import re
import subprocess
import sys

import pytest
from conftest import ROOT

pytest.importorskip("libtpu", reason="needs pip install -e '.[tpu-check]'")


@pytest.mark.slow
@pytest.mark.parametrize("step", ["train", "sample"])
def test_a_tpu_s_compiler_takes_the_step_and_says_what_it_needs(step):
    command = [sys.executable, "bench/tpu_compile.py", "--model_name", "poet", "--step", step]
    done = subprocess.run(command, cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    sizes = [float(size) for size in re.findall(r"\d+\.\d\d\b", done.stdout.splitlines()[-1])]
    weights = 4 * 2.6e6 / 1e9 if step == "train" else 2 * 2.6e6 / 1e9
    assert sizes[0] == pytest.approx(weights, abs=0.01)
    assert done.stdout.rstrip().endswith("| yes |")
