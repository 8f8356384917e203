"""A run's folder holds all that is needed to go on, and to sample."""

import json
import os

import numpy as np
import pytest
import tensorflow as tf

import gpt2
from gpt2 import run_folder
from gpt2.find import find_prefix, last_save, step_of
from gpt2.model import GPT2, HParams, fresh_weights
from gpt2.optimizers import SGD, Adam
from gpt2.settings import read_settings

SIZES = HParams(n_vocab=30, n_ctx=6, n_embd=8, n_head=2, n_layer=1)


@pytest.fixture
def trained():
    """A model and its optimizer as after two steps."""
    model = GPT2(SIZES, fresh_weights(seed=2))
    optimizer = Adam(model.weights)
    random = np.random.default_rng(0)
    for slot in optimizer.slots.values():
        slot.assign(random.random(slot.shape))
    return model, optimizer


@pytest.fixture
def folder(tmp_path, trained):
    path = str(tmp_path / "run1")
    model, optimizer = trained
    run_folder.create(path, model, {"seed": 3})
    run_folder.save(path, 2, model, optimizer.slots, updates=2)
    return path


def test_a_run_folder_is_a_model_folder(folder, trained):
    loaded = gpt2.load_model(folder)
    for name, weight in trained[0].weights.items():
        np.testing.assert_array_equal(loaded.weights[name].numpy(), weight.numpy())


def test_slots_come_back_to_the_bit(folder, trained):
    fresh = Adam(trained[0].weights)
    assert run_folder.restore_slots(folder, fresh.slots) == 2
    for name, slot in trained[1].slots.items():
        assert slot.numpy().any()
        np.testing.assert_array_equal(fresh.slots[name].numpy(), slot.numpy())


def test_weights_are_four_bytes_a_parameter(folder):
    assert os.path.getsize(os.path.join(folder, "model-2.data-00000-of-00001")) == 4 * SIZES.n_params


def test_the_state_of_another_optimizer_is_refused(folder, trained):
    with pytest.raises(ValueError, match="the state of another optimizer"):
        run_folder.restore_slots(folder, SGD(trained[0].weights).slots)


def test_a_run_of_another_tool_has_no_state(folder, trained):
    for name in os.listdir(folder):
        if name.startswith("state"):
            os.remove(os.path.join(folder, name))
    assert run_folder.restore_slots(folder, trained[1].slots) is None


def test_the_newest_saves_are_kept(folder, trained):
    model, optimizer = trained
    for step in range(3, 12):
        run_folder.save(folder, step, model, optimizer.slots, step)
    kept = {name.split(".")[0] for name in os.listdir(folder) if "-" in name}
    assert kept == {f"model-{step}" for step in range(7, 12)} | {"state-10", "state-11"}
    assert step_of(find_prefix(folder)) == 11


def test_settings_are_noted(folder):
    assert read_settings(folder) == {"seed": 3}
    assert read_settings(os.path.dirname(folder)) == {}


def test_a_run_without_a_save_is_none_to_go_on_from(tmp_path, trained):
    folder = str(tmp_path / "run1")
    assert last_save(folder) is None
    run_folder.create(folder, trained[0], {})
    assert last_save(folder) is None
    with pytest.raises(FileNotFoundError, match="checkpoint: empty, since this run has saved nothing yet"):
        find_prefix(folder)


def test_a_folder_with_saves_and_no_checkpoint_names_them(folder):
    os.remove(os.path.join(folder, "checkpoint"))
    with pytest.raises(FileNotFoundError, match=r"name one of those in it: .*run1/model-2$"):
        last_save(folder)


@pytest.mark.parametrize("damage", ["index", "data-00000-of-00001"])
def test_a_damaged_state_is_one_line(folder, trained, damage):
    path = os.path.join(folder, f"state-2.{damage}")
    with open(path, "r+b") as file:
        file.write(b"\xff" * 40)
    with pytest.raises(ValueError, match=r"state-2.*damaged"):
        run_folder.restore_slots(folder, trained[1].slots)
    os.truncate(path, 1)
    with pytest.raises(ValueError, match=r"state-2.*damaged"):
        run_folder.restore_slots(folder, trained[1].slots)


def test_a_state_without_its_data_is_one_line(folder, trained):
    os.remove(os.path.join(folder, "state-2.data-00000-of-00001"))
    with pytest.raises(FileNotFoundError, match=r"state-2\.data-00000-of-00001: no such file"):
        run_folder.restore_slots(folder, trained[1].slots)


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path, trained):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file/run1: cannot write there"):
        run_folder.create(str(tmp_path / "file" / "run1"), trained[0], {})


def test_a_save_that_fails_leaves_the_one_before(folder, trained, monkeypatch):
    model, optimizer = trained

    def full(*arguments, **kwargs):
        raise tf.errors.ResourceExhaustedError(None, None, "No space left on device")

    monkeypatch.setattr(run_folder, "write_bundle", full)
    with pytest.raises(OSError, match=r"step 3 was not saved \(No space left on device\)"):
        run_folder.save(folder, 3, model, optimizer.slots, 3)
    assert find_prefix(folder).endswith("model-2")


def test_a_resumed_log_has_each_step_once(tmp_path):
    folder = str(tmp_path)
    log = run_folder.Log(folder, 0)
    for step in range(1, 8):
        log.append({"step": step, "loss": 1 / step})
    log.flush()
    with open(log.path, "a") as file:
        file.write('{"step": 8, "lo')  # cut by a crash
    resumed = run_folder.Log(folder, 5)
    resumed.append({"step": 6, "loss": 0.5})
    resumed.flush()
    assert [record["step"] for record in run_folder.read_log(folder)] == [1, 2, 3, 4, 5, 6]
    with open(log.path) as file:
        assert [json.loads(line)["loss"] for line in file] == [1, 1 / 2, 1 / 3, 1 / 4, 1 / 5, 0.5]


@pytest.mark.parametrize("line", ["", "verse", "[1]", '{"step": 2}', "7"])
def test_a_bad_line_in_the_middle_of_the_log_is_named(tmp_path, line):
    good = '{"step": 1, "loss": 2.0}\n'
    (tmp_path / "log.jsonl").write_text(f"{good}{line}\n{good}")
    with pytest.raises(ValueError, match=r"log\.jsonl: line 2 is damaged"):
        list(run_folder.read_log(str(tmp_path)))


def test_the_loss_is_drawn(folder):
    run_folder.draw_loss(folder, [{"step": 1, "loss": 5.0}, {"step": 2, "loss": 4.0, "val_loss": 4.5}])
    with open(os.path.join(folder, "loss.png"), "rb") as file:
        assert file.read(8) == b"\x89PNG\r\n\x1a\n"


def test_weights_that_are_no_numbers_are_not_saved(folder, trained):
    model, optimizer = trained
    model.weights["model/wpe"].assign(model.weights["model/wpe"] * np.nan)
    with pytest.raises(ValueError, match="model/wpe is no number after step 3"):
        run_folder.save(folder, 3, model, optimizer.slots, 3)
    assert find_prefix(folder).endswith("model-2")


def test_after_a_step_back_the_new_save_stays(folder, trained):
    model, optimizer = trained
    for step in (5, 6, 7, 3):
        run_folder.save(folder, step, model, optimizer.slots, step)
    assert run_folder.restore_slots(folder, optimizer.slots) == 3


def test_saves_of_tensorflow_1_are_never_removed(folder, trained):
    model, optimizer = trained
    for suffix in ("index", "meta"):
        tf.io.gfile.copy(os.path.join(folder, "model-2.index"), os.path.join(folder, f"model-1.{suffix}"))
    for step in range(3, 12):
        run_folder.save(folder, step, model, optimizer.slots, step)
    assert os.path.exists(os.path.join(folder, "model-1.index"))


def test_no_records_draw_no_loss(folder):
    run_folder.draw_loss(folder, [])
    assert not os.path.exists(os.path.join(folder, "loss.png"))
