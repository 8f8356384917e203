"""A save is whole or does not count, and holds all that is needed to go on."""

import os
import types

import numpy as np
import pytest
import tensorflow as tf

import gpt2
from gpt2 import checkpoint, checkpoint_paths
from gpt2.bundle import read_tensor
from gpt2.checkpoint_paths import find_prefix, step_of, write_pointer
from gpt2.runs import saves
from gpt2.runs.saves import State
from gpt2.training.adaptive import Adam


def test_a_run_folder_is_a_model_folder(folder, trained):
    loaded = gpt2.load_model(folder)
    for name, weight in trained[0].weights.items():
        np.testing.assert_array_equal(loaded.weights[name].numpy(), weight.numpy())


def test_tensorflow_1_s_saver_restores_a_save(folder, trained):
    v1 = tf.compat.v1
    expected = {name: weight.numpy() for name, weight in trained[0].weights.items()}
    with tf.Graph().as_default(), v1.Session() as session:
        variables = {name: v1.get_variable(name, value.shape, use_resource=False) for name, value in expected.items()}
        v1.train.Saver().restore(session, v1.train.latest_checkpoint(folder))
        for name, value in session.run(variables).items():
            np.testing.assert_array_equal(value, expected[name])


def test_slots_come_back_to_the_bit(folder, trained):
    fresh = Adam(trained[0].weights)
    state = State(trained[0], fresh.slots)
    assert saves.restore_state(find_prefix(folder), state)
    assert (state.step, state.updates, state.windows) == (2, 2, 0)
    for name, slot in trained[1].slots.items():
        assert slot.numpy().any()
        np.testing.assert_array_equal(fresh.slots[name].numpy(), slot.numpy())


def test_weights_are_four_bytes_a_parameter(folder, trained):
    assert os.path.getsize(os.path.join(folder, "model-2.data-00000-of-00001")) == 4 * trained[0].hparams.n_params


def test_the_state_of_another_optimizer_is_refused(folder, trained):
    with pytest.raises(ValueError, match="the state of another optimizer"):
        saves.restore_state(find_prefix(folder), State(trained[0], {}))


def test_a_run_of_another_tool_has_no_state(folder, trained):
    for name in os.listdir(folder):
        if name.startswith("state"):
            os.remove(os.path.join(folder, name))
    assert not saves.restore_state(find_prefix(folder), State(trained[0], trained[1].slots))


def test_the_newest_saves_are_kept(folder, trained):
    model, optimizer = trained
    for step in range(3, 12):
        saves.save(folder, State(model, optimizer.slots, step, step))
    kept = {name.split(".")[0] for name in os.listdir(folder) if "-" in name}
    assert kept == {f"model-{step}" for step in range(7, 12)} | {"state-10", "state-11"}
    assert step_of(find_prefix(folder)) == 11


@pytest.mark.parametrize("damage", ["index", "data-00000-of-00001"])
def test_a_damaged_state_is_one_line(folder, trained, damage):
    path = os.path.join(folder, f"state-2.{damage}")
    with open(path, "r+b") as file:
        file.write(b"\xff" * 40)
    with pytest.raises(ValueError, match=r"state-2.*damaged"):
        saves.restore_state(find_prefix(folder), State(trained[0], trained[1].slots))
    os.truncate(path, 1)
    with pytest.raises(ValueError, match=r"state-2.*damaged"):
        saves.restore_state(find_prefix(folder), State(trained[0], trained[1].slots))


def test_a_state_without_its_data_is_one_line(folder, trained):
    os.remove(os.path.join(folder, "state-2.data-00000-of-00001"))
    with pytest.raises(FileNotFoundError, match=r"state-2\.data-00000-of-00001: no such file"):
        saves.restore_state(find_prefix(folder), State(trained[0], trained[1].slots))


def test_a_save_that_fails_leaves_the_one_before(folder, trained, monkeypatch):
    model, optimizer = trained

    def full(*arguments, **kwargs):
        raise tf.errors.ResourceExhaustedError(None, None, "No space left on device")

    monkeypatch.setattr(saves, "write_bundle", full)
    with pytest.raises(OSError, match=r"the save of step 3 failed \(No space left on device\)"):
        saves.save(folder, State(model, optimizer.slots, 3, 3))
    assert find_prefix(folder).endswith("model-2")


def test_weights_that_are_no_numbers_are_not_saved(folder, trained):
    model, optimizer = trained
    model.weights["model/wpe"].assign(model.weights["model/wpe"] * np.nan)
    with pytest.raises(ValueError, match="model/wpe is NaN or infinite after step 3"):
        saves.save(folder, State(model, optimizer.slots, 3, 3))
    assert find_prefix(folder).endswith("model-2")


def test_after_a_step_back_the_new_save_stays(folder, trained):
    model, optimizer = trained
    for step in (5, 6, 7, 3):
        saves.save(folder, State(model, optimizer.slots, step, step))
    assert find_prefix(folder).endswith("model-3")
    assert saves.restore_state(find_prefix(folder), State(model, optimizer.slots))


def test_saves_of_other_tools_are_never_removed(folder, trained):
    model, optimizer = trained
    for name in ("state-2.index", "state-2.data-00000-of-00001"):
        os.remove(os.path.join(folder, name))  # A run of 2019, whose list names all of its saves.
    tf.io.gfile.copy(os.path.join(folder, "model-2.index"), os.path.join(folder, "model-1.index"))
    write_pointer(folder, "model-2", others=["model-1"])
    for step in range(3, 12):
        saves.save(folder, State(model, optimizer.slots, step, step))
    assert saved_steps(folder) == [1, 2, 7, 8, 9, 10, 11]


def saved_steps(folder, kind="model"):
    return checkpoint_paths.steps_in(folder, kind)


def test_the_best_and_one_save_every_so_many_hours_are_kept(folder, trained):
    model, optimizer = trained
    for step in range(3, 12):
        for number, name in enumerate(sorted(saved_steps(folder))):
            os.utime(os.path.join(folder, f"model-{name}.index"), (3600 * number, 3600 * number))
        saves.save(folder, State(model, optimizer.slots, step), kept=2, hours=2)
        if step == 4:
            saves.save_best(folder, State(model, optimizer.slots, step), 3.5, is_saved=True)
    assert {4, 10, 11} < set(saved_steps(folder))
    assert len(saved_steps(folder)) < 9
    assert saved_steps(folder, "state") == [10, 11]


def test_saves_are_spaced_by_the_hours_they_were_written(folder, trained):
    for step, hour in ((2, 0), (3, 1), (4, 2.5), (5, 4), (6, 4.6)):
        path = os.path.join(folder, f"model-{step}.index")
        if step > 2:
            tf.io.gfile.copy(os.path.join(folder, "model-2.index"), path)
        os.utime(path, (3600 * hour, 3600 * hour))
    assert list(saves.spaced(folder, [2, 3, 4, 5, 6], hours=2)) == [2, 4, 6]


def test_the_best_weights_have_a_pointer_of_their_own(folder, trained):
    assert saves.best_loss(folder) == np.inf
    state = State(trained[0], trained[1].slots, step=3)
    saves.save_best(folder, state, 3.0000001, is_saved=False)
    assert find_prefix(folder, "best").endswith("model-3")
    assert find_prefix(folder).endswith("model-2")
    assert saves.best_loss(folder) == 3.0000001
    assert tf.train.latest_checkpoint(folder, "best").endswith("model-3")
    assert saved_steps(folder, "state") == [2]
    gpt2.load_model(find_prefix(folder, "best"))


def test_weights_that_were_the_best_make_room_for_better_ones(folder, trained):
    for step in (3, 4, 5):
        saves.save_best(folder, State(trained[0], trained[1].slots, step), 9 - step, is_saved=False)
    assert saved_steps(folder) == [2, 5]
    saves.save(folder, State(trained[0], trained[1].slots, 6))
    saves.save_best(folder, State(trained[0], trained[1].slots, 6), 2, is_saved=True)
    assert saved_steps(folder) == [2, 6]


def test_the_best_of_a_run_outlives_all_saves(folder, trained):
    saves.save_best(folder, State(trained[0], trained[1].slots, 3), 3.0, is_saved=False)
    for step in range(4, 8):
        saves.save(folder, State(trained[0], trained[1].slots, step), kept=1)
    assert saved_steps(folder) == [3, 7]
    assert saved_steps(folder, "state") == [7]


def test_the_save_before_the_last_is_whole_however_many_were_the_best(folder, trained):
    for step in range(3, 31):
        state = State(trained[0], trained[1].slots, step)
        if step % 10 == 0:
            saves.save(folder, state)
        saves.save_best(folder, state, 99 - step, is_saved=step % 10 == 0)
    assert saved_steps(folder, "state") == [20, 30]
    assert [step_of(prefix) for prefix in saves.good_saves(find_prefix(folder))] == [30, 20]
    assert saved_steps(folder) == [2, 10, 20, 30]


def test_a_save_that_fails_leaves_the_best_weights_of_the_same_step(folder, trained, monkeypatch):
    state = State(trained[0], trained[1].slots, 3)
    saves.save_best(folder, state, 3.0, is_saved=False)
    written = os.stat(os.path.join(folder, "model-3.index")).st_mtime_ns
    monkeypatch.setattr(saves.shutil, "disk_usage", lambda path: types.SimpleNamespace(free=2**20 + 1000))
    with pytest.raises(OSError, match="the save of step 3 failed"):
        saves.save(folder, state)
    monkeypatch.undo()
    assert find_prefix(folder, "best").endswith("model-3")
    saves.save(folder, state)
    assert os.stat(os.path.join(folder, "model-3.index")).st_mtime_ns == written
    assert find_prefix(folder) == find_prefix(folder, "best")


def test_other_weights_in_the_place_of_the_best_are_not_the_best(folder, trained):
    model, optimizer = trained
    saves.save_best(folder, State(model, optimizer.slots, 3), 3.0, is_saved=False)
    bias = model.weights["model/ln_f/b"]
    before = bias.numpy()
    bias.assign(before + 1)
    saves.save(folder, State(model, optimizer.slots, 3))
    bias.assign(before)
    assert saves.best_loss(folder) == np.inf
    np.testing.assert_array_equal(read_tensor(find_prefix(folder), "model/ln_f/b"), before + 1)


def test_a_full_disk_is_noticed_before_anything_is_written(folder, trained, monkeypatch):
    monkeypatch.setattr(saves.shutil, "disk_usage", lambda path: types.SimpleNamespace(free=2**20 + 1000))
    with pytest.raises(OSError, match=r"the save of step 3 failed \(it takes 0\.\d MB and 1\.0 MB are free; make"):
        saves.save(folder, State(trained[0], trained[1].slots, 3))
    assert saved_steps(folder) == saved_steps(folder, "state") == [2]


@pytest.mark.parametrize("kind", ["model", "state"])
def test_a_byte_that_the_disk_lost_is_noticed_and_the_save_before_counts(folder, trained, monkeypatch, kind):
    def lossy(prefix, tensors, write=checkpoint.write_bundle):
        write(prefix, tensors)
        if f"{kind}-" in prefix:
            flip(f"{prefix}.data-00000-of-00001", 100)

    monkeypatch.setattr(saves, "write_bundle", lossy)
    with pytest.raises(OSError, match=r"the save of step 3 failed \(.*damaged.*; the one before it still counts"):
        saves.save(folder, State(trained[0], trained[1].slots, 3))
    assert find_prefix(folder).endswith("model-2")
    assert saved_steps(folder) == saved_steps(folder, "state") == [2]


def flip(path, at):
    with open(path, "r+b") as file:
        file.seek(at)
        byte = file.read(1)
        file.seek(at)
        file.write(bytes([byte[0] ^ 1]))


def test_what_a_killed_save_has_left_goes_with_its_state(folder, trained):
    model, optimizer = trained
    saves.save(folder, State(model, optimizer.slots, 3))
    write_pointer(folder, "model-2")
    unfinished = os.path.join(folder, "state-5.data-00000-of-00001.tempstate123")
    with open(unfinished, "wb"):
        pass
    for step in (4, 6):
        saves.save(folder, State(model, optimizer.slots, step))
    assert saved_steps(folder) == [2, 4, 6]
    assert saved_steps(folder, "state") == [4, 6]
    assert not os.path.exists(unfinished)


def test_a_state_that_was_removed_is_a_damage(folder, trained):
    model, optimizer = trained
    state = State(model, optimizer.slots, 3)
    saves.save(folder, state)
    os.remove(os.path.join(folder, "state-3.index"))
    with pytest.raises(FileNotFoundError, match=r"state-3\.index: no such file"):
        saves.restore_state(find_prefix(folder), state)


def test_where_the_last_weights_are_gone_all_others_may_serve(folder, trained):
    model, optimizer = trained
    for step in (3, 4):
        saves.save(folder, State(model, optimizer.slots, step))
    named = find_prefix(folder)
    os.remove(named + ".index")
    assert list(saves.good_saves(named)) == [named, os.path.join(folder, "model-3")]


def test_a_slot_that_is_no_number_is_not_saved(folder, trained):
    model, optimizer = trained
    slot = next(iter(optimizer.slots.values()))
    slot.assign(tf.fill(slot.shape, np.inf))
    with pytest.raises(ValueError, match="is NaN or infinite after step 3"):
        saves.save(folder, State(model, optimizer.slots, 3))


def test_a_run_that_begins_anew_has_no_best(folder, trained):
    saves.save_best(folder, State(trained[0], trained[1].slots, 3), 3.0, is_saved=False)
    saves.forget_best(folder)
    assert saves.best_of(folder) is None
    assert saved_steps(folder) == [2]
