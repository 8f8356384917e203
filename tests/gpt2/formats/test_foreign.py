"""A command takes a Hugging Face model by its name as it is: it is converted once, until it changes."""

import os
import sys

import numpy as np
import pytest
from tensors import read_tensors, write_tensors

from gpt2.bundle import read_weight
from gpt2.formats import conversion, foreign
from system.errors import UserError


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """The cache folder, empty at first."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "gpt-2-poetry" / "models"


def test_a_folder_is_converted_once_and_again_when_it_changes(folder, cache, small_folder, messages):
    first = foreign.own_name(str(folder), "models")
    assert foreign.own_name(str(folder), "models") == first
    assert len(messages()) == 1
    wte = read_weight(os.path.join(first, "model.ckpt"), "model/wte")
    np.testing.assert_array_equal(wte, read_weight(str(small_folder / "model.ckpt"), "model/wte"))
    tensors = read_tensors(folder / "model.safetensors")
    write_tensors(folder / "model.safetensors", {name: 2 * tensor for name, tensor in tensors.items()})
    second = foreign.own_name(str(folder), "models")
    np.testing.assert_array_equal(read_weight(os.path.join(second, "model.ckpt"), "model/wte"), 2 * wte)
    assert [path.name for path in cache.iterdir()] == [os.path.basename(second)]


def test_a_folder_of_the_models_comes_before_one_beside_it(folder, monkeypatch, tmp_path):
    monkeypatch.setattr(conversion, "convert", lambda folder, target, kind: os.mkdir(target))
    monkeypatch.chdir(tmp_path)
    beside = foreign.own_name("theirs", "models")
    (tmp_path / "models").mkdir()
    assert foreign.own_name("theirs", "models") == beside
    folder.rename(tmp_path / "models" / "theirs")
    assert foreign.own_name("theirs", "models") != beside


def test_other_names_stay_as_they_are(small_folder):
    assert foreign.own_name("124M", "models") == "124M"
    assert foreign.own_name("small", str(small_folder.parent)) == "small"
    assert foreign.own_name(str(small_folder), "models") == str(small_folder)


def test_a_folder_that_is_no_gpt2_is_refused(folder):
    (folder / "config.json").write_text("{}")
    with pytest.raises(UserError, match=r"^\S+config.json: model_type is None, expected gpt2"):
        foreign.own_name(str(folder), "models")


def test_a_process_that_is_slower_than_another_takes_what_that_one_has_converted(folder, monkeypatch):
    def be_slower(folder, target, kind, convert=conversion.convert):
        convert(folder, target, kind)
        convert(folder, target, kind)

    monkeypatch.setattr(conversion, "convert", be_slower)
    assert os.path.exists(os.path.join(foreign.own_name(str(folder), "models"), "checkpoint"))


def test_a_missing_package_is_named_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(
        UserError, match=r"huggingface_hub, which is not installed; install it: pip install -e .+convert"
    ):
        foreign.own_name("hf://openai-community/gpt2", "models")


@pytest.mark.parametrize("name", ["hf://", "hf://a/b/c", "hf://a b/c", "hf://../x", "hf://a/b@"])
def test_what_is_no_name_of_a_model_on_the_hub_is_refused(name):
    with pytest.raises(UserError, match="expected hf://owner/name"):
        foreign.own_name(name, "models")
