"""Which engine writes: whatever is there, and without what is not."""

import subprocess
import sys

from conftest import ROOT

from gpt2.sampling import engines


def test_without_litert_the_other_engine_is_still_there():
    code = "import sys; sys.modules['ai_edge_litert'] = None; import gpt2.sampling.engines"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_a_card_that_tensorflow_does_not_use_is_no_accelerator(monkeypatch):
    for name in ("CUDA_VISIBLE_DEVICES", "TPU_NAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(engines.glob, "glob", lambda pattern: ["/dev/nvidia0"] if "nvidia" in pattern else [])
    assert not engines.has_accelerator()


def test_a_tpu_is_an_accelerator(monkeypatch):
    monkeypatch.setenv("TPU_NAME", "mine")
    assert engines.has_accelerator()
