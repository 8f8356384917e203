"""What of GGUF needs no other package; tests/interchange reads the files."""

import sys

import pytest

from gpt2.formats import conversion, gguf
from gpt2.hparams import MODELS, weight_shapes
from system.errors import UserError


def test_a_missing_package_is_named_with_the_command_that_installs_it(tmp_path, small_folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "gguf", None)
    with pytest.raises(UserError, match=r"the package gguf, which is missing; install it: pip install -e .+convert"):
        conversion.convert(str(small_folder), str(tmp_path / "small.gguf"))
    assert list(tmp_path.iterdir()) == []


def test_no_two_weights_have_one_name():
    names = [gguf.name_of(name) for name in weight_shapes(MODELS["124M"])]
    assert len(set(names)) == len(names) == 4 + 12 * 12
    assert {"token_embd.weight", "blk.11.ffn_down.bias", "output_norm.weight"} <= {*names}
