"""A conversion writes a whole model or nothing, where nothing was, in the format that is asked for."""

import dataclasses
import os
import shutil
import types

import numpy as np
import pytest

from gpt2.bundle import read_tensor
from gpt2.checkpoint_paths import find_prefix
from gpt2.formats import conversion, safetensors_file
from system.errors import UserError


def test_without_a_format_the_other_of_the_two_layouts_is_written(written_folder, small_folder):
    assert conversion.format_of(str(small_folder), "out") == "huggingface"
    assert conversion.format_of(str(written_folder), "out") == "openai"
    assert conversion.format_of("hf://openai-community/gpt2", "out") == "openai"
    assert conversion.format_of("hf://openai-community/gpt2", "out.gguf") == "gguf"
    assert conversion.format_of(str(small_folder), "out.tflite") == "tflite"


def test_8_bits_are_for_gguf_alone(tmp_path, small_folder):
    with pytest.raises(UserError, match="--dtype is q8_0, expected float32 or float16 for openai"):
        conversion.convert(str(small_folder), str(tmp_path / "out"), "openai", "q8_0")


def test_a_run_is_converted_at_the_save_that_counts_or_at_another(tmp_path, small_folder):
    run = tmp_path / "run1"
    shutil.copytree(small_folder, run)
    for kind in ("index", "data-00000-of-00001"):
        (run / f"model.ckpt.{kind}").rename(run / f"model-500.{kind}")
    (run / "checkpoint").write_text('model_checkpoint_path: "model-500"\n')
    for name, path in {"counts": run, "named": run / "model-500"}.items():
        assert conversion.convert(str(path), str(tmp_path / name)).path == str(run / "model-500")
    texts = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("counts", "named")]
    assert texts[0] == texts[1]


def test_a_model_is_found_by_its_name(tmp_path, small_folder, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(small_folder, tmp_path / "models" / "small")
    assert conversion.open_model("small").path == "models/small/model.ckpt"
    assert conversion.open_model("poet").hparams.n_vocab == 4096  # ships with the project


def test_the_layout_of_the_poems_travels_along(tmp_path, small_folder):
    shutil.copytree(small_folder, tmp_path / "run1")
    (tmp_path / "run1" / "layout.json").write_text('{"layout": "poem"}')
    conversion.convert(str(tmp_path / "run1"), str(tmp_path / "theirs"))
    conversion.convert(str(tmp_path / "theirs"), str(tmp_path / "ours"))
    assert (tmp_path / "ours" / "layout.json").read_text() == '{"layout": "poem"}'


def test_float16_in_openais_layout_is_written_and_read(tmp_path, small_folder):
    conversion.convert(str(small_folder), str(tmp_path / "half"), "openai", "float16")
    prefix = find_prefix(str(tmp_path / "half"))
    assert read_tensor(prefix, "model/wte").dtype.name == "float16"


@pytest.mark.parametrize("kind", ["huggingface", "openai"])
def test_a_number_too_large_for_float16_is_refused_and_nothing_is_left(tmp_path, folder, kind, monkeypatch):
    model = conversion.open_model(str(folder))
    loud = dataclasses.replace(model, read=lambda name: np.float32(1e5) * model.read(name))
    monkeypatch.setattr(conversion, "open_model", lambda _: loud)
    with pytest.raises(UserError, match="the end of float16; use float32"):
        conversion.convert("loud", str(tmp_path / "out"), kind, "float16")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("target", ["", "/", "folder", "file", "link"])
def test_what_exists_is_never_overwritten(tmp_path, small_folder, monkeypatch, target):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("mine")
    os.symlink("nowhere", tmp_path / "link")
    with pytest.raises(UserError, match="exists already"):
        conversion.convert(str(small_folder), target)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder", "link"]


def test_a_place_that_is_not_on_this_computer_or_not_there_is_refused(small_folder, tmp_path):
    with pytest.raises(UserError, match="expected a place on this computer"):
        conversion.convert(str(small_folder), "gs://bucket/model")
    with pytest.raises(FileNotFoundError, match="no such folder to write"):
        conversion.convert(str(small_folder), str(tmp_path / "none" / "model"))


def test_a_disk_without_room_is_refused_before_anything_is_written(small_folder, tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: types.SimpleNamespace(free=1000))
    with pytest.raises(OSError, match=r"0\.0 GB free, expected"):
        conversion.convert(str(small_folder), str(tmp_path / "out"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("trouble", [KeyboardInterrupt, OSError])
def test_ctrl_c_and_a_full_disk_leave_nothing(small_folder, tmp_path, monkeypatch, trouble):
    def fail(path, *_):
        open(path, "wb").close()
        raise trouble

    monkeypatch.setattr(safetensors_file, "write_file", fail)
    with pytest.raises(trouble):
        conversion.convert(str(small_folder), str(tmp_path / "out"))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_without_its_vocabulary_is_refused_with_the_remedy(tmp_path, small_folder):
    shutil.copytree(small_folder, tmp_path / "run1")
    (tmp_path / "run1" / "encoder.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"encoder.json: no such file; copy it from the model"):
        conversion.convert(str(tmp_path / "run1"), str(tmp_path / "out"))


def test_a_vocabulary_of_another_model_is_refused(tmp_path, small_folder, reference_folder):
    shutil.copytree(small_folder, tmp_path / "mixed")
    for name in ("encoder.json", "vocab.bpe"):
        shutil.copy(os.path.join(reference_folder, name), tmp_path / "mixed" / name)
    with pytest.raises(UserError, match="50257 tokens, expected 300"):
        conversion.convert(str(tmp_path / "mixed"), str(tmp_path / "out"))
