"""The card of a converted run says what it was trained on, with which settings, and what it reached."""

import json
import shutil

import pytest

from gpt2.formats import conversion

SETTINGS = {
    "dataset": "/home/anna/private/rose.npz",
    "model_name": "345M",
    "restore_from": "latest",
    "learning_rate": 2e-5,
    "batch_size": 4,
    "noise": 0,
    "dtype": None,
    "save_every": 1000,
    "data": {"tokens": 123456, "sha256": "ab12"},
}
LOG = [
    {"step": 1, "loss": 4.5},
    {"step": 2, "loss": 4.25, "val_loss": 4.0, "val_bits": 1.5},
    {"step": 3, "loss": 4.125, "val_loss": 5.0, "val_bits": 2.5},
    {"step": 4, "loss": 9.0},
]


@pytest.fixture
def card(tmp_path, small_folder):
    """A function that converts a run and gives its card."""

    def convert(settings=SETTINGS, log=LOG, step=3, name="my-poet"):
        run = tmp_path / "run1"
        shutil.copytree(small_folder, run)
        for kind in ("index", "data-00000-of-00001"):
            (run / f"model.ckpt.{kind}").rename(run / f"model-{step}.{kind}")
        (run / "checkpoint").write_text(f'model_checkpoint_path: "model-{step}"\n')
        (run / "settings.json").write_text(json.dumps(settings))
        (run / "log.jsonl").write_text("".join(json.dumps(record) + "\n" for record in log))
        conversion.convert(str(run), str(tmp_path / name))
        return (tmp_path / name / "README.md").read_text()

    return convert


def test_the_card_names_the_model_it_was_trained_from_and_the_dataset(card):
    text = card()
    assert "Trained from OpenAI gpt2-medium, on rose.npz (123,456 tokens, SHA-256 ab12)." in text
    assert "base_model: openai-community/gpt2-medium" in text


def test_the_card_has_no_paths_of_this_computer(card, tmp_path):
    text = card()
    assert "anna" not in text
    assert str(tmp_path) not in text


def test_the_card_shows_the_first_loss_the_best_and_that_of_the_save(card):
    rows = [line for line in card().splitlines() if line.startswith(("| 1 ", "| 2 ", "| 3 ", "| 4 "))]
    assert rows == ["| 1 | 4.500 |  |  |", "| 2 | 4.250 | 4.000 | 1.500 |", "| 3 | 4.125 | 5.000 | 2.500 |"]


def test_the_card_shows_the_settings_that_change_what_is_learnt(card):
    text = card()
    assert "| learning_rate | 2e-05 |" in text
    assert "| batch_size | 4 |" in text
    assert "save_every" not in text


def test_names_with_signs_of_markdown_or_yaml_do_no_harm(card):
    text = card(SETTINGS | {"dataset": "a|b\n---\n<script>.npz"}, name="rose: 'é' [x](y)")
    assert "<script>" not in text
    assert text.count("\n---\n") == 1
    assert "# rose: é x (y)" in text


def test_a_run_without_a_log_and_a_model_without_a_run_have_a_card(card, written_folder):
    assert "| learning_rate |" in card(log=[])
    text = (written_folder / "README.md").read_text()
    assert "# small" in text
    assert "Training" not in text
