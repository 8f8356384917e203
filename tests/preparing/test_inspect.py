"""prepare_corpus.py --inspect: what a dataset contains."""

import json
import shutil

import numpy as np
import pytest
from conftest import COUPLET
from conftest import poem as unlike

import encoder
from encoder import vocabulary
from encoder.trainer import train_vocabulary


def test_a_dataset_is_inspected(run_here, tmp_path, model):
    (tmp_path / "poems.csv").write_text(f'Title,Poem,Poet,Tags\nOne,"{unlike(1)}",A,\nTwo,"{unlike(2)}",B,\n')
    run_here("prepare_corpus.py", "poems.csv", "out.npz", "--model_name", model, "--layout", "poem")
    done = run_here("prepare_corpus.py", "--inspect", "out.npz", "--model_name", model)
    assert done.returncode == 0, done.stderr
    assert "layout poem" in done.stdout
    assert "arr_0: poems.csv, 2 documents" in done.stdout
    assert f'"One", by A\n{unlike(1)}' in done.stdout
    assert "held out, " in done.stdout


def test_a_dataset_is_inspected_by_the_vocabulary_that_it_was_made_with(run_here, tmp_path, model, poem):
    for name, n_vocab in (("124M", 270), ("other", 290)):
        vocabulary.write_vocabulary(str(tmp_path / "models" / name), train_vocabulary([COUPLET * 9], n_vocab))
    run_here("prepare_corpus.py", poem, "out.npz", "--model_name", model)
    assert COUPLET in run_here("prepare_corpus.py", "--inspect", "out.npz").stdout
    done = run_here("prepare_corpus.py", "--inspect", "out.npz", "--model_name", "124M")
    assert done.returncode == 1
    assert "made with another vocabulary (280 tokens, that of mine) than that of 124M; name the model" in done.stderr


def test_a_dataset_made_without_a_name_notes_the_model_that_was_chosen(run_here, tmp_path, model, poem):
    shutil.move(tmp_path / "models" / model, tmp_path / "models" / "124M")
    run_here("prepare_corpus.py", poem, "out.npz")
    assert json.loads((tmp_path / "out.json").read_text())["made_with"]["model_name"] == "124M"


def test_to_inspect_makes_no_vocabulary(run_here, tmp_path):
    np.savez(tmp_path / "old.npz", np.arange(9))
    done = run_here("prepare_corpus.py", "--inspect", "old.npz", "--models_dir", "nowhere")
    assert done.returncode == 1
    assert "nowhere/124M is not here" in done.stderr
    assert not (tmp_path / "nowhere").exists()


def test_a_dataset_of_the_original_is_inspected(run_here, tmp_path, model):
    enc = encoder.get_encoder(model, str(tmp_path / "models"))
    np.savez(tmp_path / "old.npz", np.array([*enc.encode(COUPLET), enc.end_of_text, *enc.encode(unlike(1))]))
    done = run_here("prepare_corpus.py", "--inspect", "old.npz", "--model_name", model)
    assert done.returncode == 0, done.stderr
    assert "no .json beside it" in done.stdout
    assert COUPLET in done.stdout


@pytest.mark.parametrize("arguments", [["--inspect", "out.npz"], ["out.npz", "again.npz"]])
def test_a_dataset_with_a_damaged_json_is_neither_inspected_nor_read(run_here, tmp_path, model, poem, arguments):
    run_here("prepare_corpus.py", poem, "out.npz", "--model_name", model)
    (tmp_path / "out.json").write_text((tmp_path / "out.json").read_text()[:400])
    done = run_here("prepare_corpus.py", *arguments, "--model_name", model)
    assert done.returncode == 1
    assert "out.json: found no JSON at line 1" in done.stderr
    assert run_here("prepare_corpus.py", poem, "out.npz", "--model_name", model).returncode == 0


def test_how_a_text_was_divided_is_inspected(run_here, tmp_path, model):
    (tmp_path / "poems.txt").write_text("The Rose\n\nO rose\n***\nThe Thorn\n\nO thorn\n")
    run_here("prepare_corpus.py", "poems.txt", "out.npz", "--model_name", model, "--divide", "stars")
    done = run_here("prepare_corpus.py", "--inspect", "out.npz")
    assert done.returncode == 0
    assert "text divided into poems: stars" in done.stdout.splitlines()
    assert '"The Thorn"\nO thorn\n' in done.stdout
