"""python -m gpt2.swarm average, as one uses it."""

import json
import re

import numpy as np
import pytest
from conftest import SMALL

import gpt2
from gpt2.checkpoint import save_model
from gpt2.hparams import HParams
from gpt2.model import GPT2, fresh_weights
from gpt2.swarm.__main__ import main
from system import command_line


@pytest.fixture
def average(tmp_path, small_model, monkeypatch, capsys):
    """Runs the command beside three models: a and b, alike but for their positions, and broken."""
    for name, value in (("a", 0.1), ("b", 0.3), ("broken", np.nan)):
        model = GPT2(HParams(**SMALL), fresh_weights(1))
        model.weights["model/wpe"].assign(np.full(model.weights["model/wpe"].shape, value))
        save_model(str(tmp_path / name), model)
        (tmp_path / name / "hparams.json").write_text(json.dumps(SMALL))
    np.savez(tmp_path / "verse.npz", np.arange(2000, dtype=np.uint16) % 300)

    def run(*arguments):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr("sys.argv", ["swarm.py", "average", *map(str, arguments)])
        status: object = 0
        try:
            command_line.run(main)
        except SystemExit as end:
            status = end.code
        shown = capsys.readouterr()
        return status, shown.out, shown.err

    return run


def test_the_mean_is_saved_as_a_model_folder(average, tmp_path, small_model):
    status, _, err = average("a", "b", "--out", "mean", "--model_name", "small", "--models_dir", small_model)
    assert status == 0, err
    np.testing.assert_allclose(gpt2.load_model(str(tmp_path / "mean")).weights["model/wpe"].numpy(), 0.2, rtol=1e-6)
    assert (tmp_path / "mean" / "encoder.json").exists()


def test_its_loss_stands_beside_those_of_its_members(average, tmp_path):
    from encoder.dataset.reader import open_dataset
    from gpt2.training.validation import make_validate

    status, out, err = average("a", "b", "--dataset", "verse.npz")
    assert status == 0, err
    losses = {name: float(loss) for loss, name in re.findall(r"^(\S+)  (.+)$", out, re.MULTILINE)}
    assert list(losses) == ["mean of 2", "a", "b"]
    tokens = open_dataset(str(tmp_path / "verse.npz"), 300).training
    for name in "ab":
        model = gpt2.load_model(str(tmp_path / name))
        validate = make_validate(model, tokens, batch=2, count=40, seq=SMALL["n_ctx"])
        assert losses[name] == pytest.approx(validate()["val_loss"], abs=1e-4)


def test_a_broken_one_is_left_out_and_named(average, tmp_path):
    status, _, err = average("broken", "a", "b", "--out", "mean")
    assert status == 0
    assert re.search("left out broken: .*model/wpe is NaN or infinite", err)
    assert "saved the mean of 2 in mean" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a", "b"], "no use for the mean"),
        (["a", "a/", "--out", "mean"], "given twice"),
        (["a", "--dataset", "verse.npz", "--val_batch_count", 0], "--val_batch_count is 0, expected at least 1"),
        (["broken", "--out", "mean"], "none of them is good"),
        (["a", "b", "--out", "b"], "b: contains weights already"),
        (["--out", "mean"], "expected: average FOLDER FOLDER"),
        (["missing", "--out", "mean"], "missing: no such model folder"),
    ],
)
def test_what_cannot_be_done_is_an_error_in_a_line(average, arguments, message):
    status, _, err = average(*arguments)
    assert status == (2 if "at least" in message else 1)
    assert message in err
    assert len(err.splitlines()) <= 2
