"""Mistakes of the user of train.py, each one line before anything is written."""

import json

import numpy as np
import pytest

from encoder.dataset.about import to_bytes


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--dataset", "none.npz"], "make it of your poems: python prepare_corpus.py YOUR_POEMS none.npz"),
        (["--dataset", "none.txt"], "none.txt: no such file or folder"),
        (["--model_name", "none"], "models/none: no such model folder"),
        (["--restore_from", "nowhere"], "nowhere: no such model folder"),
        (["--checkpoint_dir", "poems.txt"], "poems.txt/run1: cannot write there"),
        (["--run_name", "r[1]"], "--run_name is 'r[1]', expected a name without"),
        (["--run_name", "../r"], "--run_name is '../r', expected a name without"),
        (["--n_ctx", "33"], "--n_ctx is 33, expected at most 32"),
        (["--dataset", "objects.npz"], "objects.npz: arr_0: holds Python objects, which are never unpickled"),
        (["--dataset", "big.npz"], "big.npz: arr_0: token id 300, expected ids below 300"),
        (["--dataset", "bytes.txt"], "bytes.txt: not text, found a zero byte"),
        (["--dataset", "empty.txt"], "empty.txt: nothing but white space"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_written(place, run_here, arguments, message):
    np.savez(place / "objects.npz", np.array([{}], object))
    np.savez(place / "big.npz", np.arange(301))
    (place / "bytes.txt").write_bytes(b"caf\xe9\x00at noon")
    (place / "empty.txt").write_text(" \n")
    base = {"--dataset": "poems.npz", "--model_name": "small", "--steps": "1"} | dict([arguments])
    done = run_here("train.py", *(part for pair in base.items() for part in pair))
    assert done.returncode == 1
    errors = [line for line in done.stderr.splitlines() if not line.startswith("train.py: small,")]
    assert len(errors) == 1, done.stderr
    assert message in errors[0]
    assert not (place / "checkpoint").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--optimizer", "adamant"], "--optimizer is adamant, expected adam, sgd, adamw, adafactor or muon"),
        (["--dtype", "float64"], "--dtype is float64, expected float32, bfloat16 or mixed"),
        (["--top_k", "-1"], "--top_k is -1, expected at least 0"),
        (["--sample_length", "-1"], "--sample_length is -1, expected at least 1"),
        (["--batch_size", "0"], "--batch_size is 0, expected at least 1"),
        (["--steps", "-1"], "--steps is -1, expected at least 0"),
        (["--learning_rate", "0"], "--learning_rate is 0.0, expected above 0"),
    ],
)
def test_a_wrong_flag_is_one_line_before_any_work(place, train, arguments, message):
    done = train(*arguments)
    assert done.returncode == 2
    assert done.stderr == f"train.py: {message}\n"


def test_a_truncated_model_is_one_line(place, train):
    data = place / "models" / "small" / "model.ckpt.data-00000-of-00001"
    data.write_bytes(data.read_bytes()[:-10])
    done = train("--steps", 1)
    assert done.returncode == 1
    assert "the file was cut short" in done.stderr
    assert not (place / "checkpoint").exists()


def test_a_folder_without_weights_is_an_error(place, train):
    (place / "models" / "small" / "checkpoint").unlink()
    for path in (place / "models" / "small").glob("model.ckpt*"):
        path.unlink()
    done = train("--steps", 1)
    assert done.returncode == 1
    assert "models/small/checkpoint: no such file; the folder holds no weights; train.py --restore_from" in done.stderr


def test_a_dataset_of_another_vocabulary_is_refused(place, train):
    about = json.loads((place / "poems.json").read_text())
    about["vocabulary"]["fingerprint"] = "0" * 64
    del about["sha256"]
    (place / "poems.json").write_bytes(to_bytes(about))
    done = train("--steps", 1)
    assert done.returncode == 1
    assert "poems.npz: made with another vocabulary" in done.stderr


def test_patience_without_held_out_text_is_refused(place, train):
    done = train("--steps", 3, "--patience", 2, "--val_every", 0)
    assert done.returncode == 1
    assert "--patience 2 counts validations, and there are none" in done.stderr
