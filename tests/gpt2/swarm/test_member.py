"""Members of a swarm share a folder and nothing else, and survive each other."""

import dataclasses
import json
import os

import numpy as np
import pytest
import tensorflow as tf

import gpt2
from gpt2.checkpoint import save_model
from gpt2.checkpoint_paths import find_prefix
from gpt2.hparams import HParams
from gpt2.model import GPT2, fresh_weights
from gpt2.swarm import member
from gpt2.swarm.member import Member, Rules, read_state, round_of

SIZES = HParams(n_vocab=30, n_ctx=6, n_embd=8, n_head=2, n_layer=1)


@pytest.fixture(params=["here", "ram"])
def place(request, tmp_path):
    """A folder for a swarm, local or in another file system."""
    return str(tmp_path / "swarm") if request.param == "here" else f"ram://{tmp_path.name}/swarm"


@pytest.fixture
def folder(tmp_path):
    return str(tmp_path / "swarm")


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(member, "POLL", 0.01)


def joined(folder, name, seed=1, step=0, outer="average", patience=0.0):
    """A member, and its model, which began as another than that of the others."""
    model = GPT2(SIZES, fresh_weights(seed))
    one = Member(folder, name, SIZES, Rules(every=5, outer=outer, patience=patience))
    one.join(model.weights, step)
    return one, model


def wait_long(member):
    """From now on the member waits for the others for an hour."""
    member.rules = dataclasses.replace(member.rules, patience=3600)


def moved(model, value):
    """The model as if it had trained: its position weights all of this value."""
    model.weights["model/wpe"].assign(tf.fill(model.weights["model/wpe"].shape, float(value)))
    return model.weights


def position_weight(model):
    [value] = set(model.weights["model/wpe"].numpy().ravel().tolist())
    return value


def exchanged(*members, step=5):
    """What each member reports at the end of a round that all of them end together."""
    for one, model in members[1:]:
        one.publish(model.weights)
    return [one.exchange(model.weights, step) for one, model in members]


def test_all_begin_with_the_weights_of_the_first(place):
    models = [joined(place, name, seed)[1] for seed, name in enumerate("abc")]
    for name, weight in models[0].weights.items():
        for model in models[1:]:
            np.testing.assert_array_equal(model.weights[name].numpy(), weight.numpy())


def test_plain_averaging_gives_all_the_mean(place):
    a, b, c = (joined(place, name) for name in "abc")
    for value, (_, model) in enumerate((a, b, c), start=1):
        moved(model, value)
    reports = exchanged(a, b, c)
    assert reports == [{"round": 1, "counted": ["a", "b", "c"], "left_out": {}}] * 3
    assert [position_weight(model) for _, model in (a, b, c)] == [2, 2, 2]


def test_nesterov_steps_are_those_of_keras(folder):
    """The change of the average is a gradient to Nesterov's method (keras, SGD with nesterov=True)."""
    one, model = joined(folder, "a", outer="nesterov")
    model.weights["model/wpe"].assign(tf.zeros_like(model.weights["model/wpe"]))
    first = one.exchange(model.weights, 5)  # from random weights to zero
    start = model.weights["model/wpe"].numpy()
    assert first["counted"] == ["a"]
    optimizer = tf.keras.optimizers.SGD(1.0, momentum=0.7, nesterov=True)
    theirs = tf.Variable(GPT2(SIZES, fresh_weights(1)).weights["model/wpe"])
    optimizer.apply_gradients([(theirs - 0.0, theirs)])
    np.testing.assert_allclose(start, theirs.numpy(), atol=1e-7)
    for target in (0.5, -0.25, 1.0):
        one.exchange(moved(model, target), 5)
        optimizer.apply_gradients([(theirs - target, theirs)])
        np.testing.assert_allclose(model.weights["model/wpe"].numpy(), theirs.numpy(), atol=1e-6)


def test_the_swarm_s_folder_is_a_model_folder(place):
    one, model = joined(place, "a")
    one.exchange(moved(model, 3), 5)
    assert position_weight(gpt2.load_model(place)) == 3
    assert position_weight(gpt2.load_model(member.home_of(place, "a"))) == 3


def test_a_newcomer_starts_from_the_average_and_counts_after_its_first_whole_round(folder):
    a = joined(folder, "a")
    a[0].exchange(moved(a[1], 4), 5)
    late = joined(folder, "late", seed=9, step=100)
    assert position_weight(late[1]) == 4
    moved(late[1], 1000)
    late[0].publish(late[1].weights)
    report = a[0].exchange(moved(a[1], 6), 10)
    assert report["counted"] == ["a"]
    assert "newcomer" in report["left_out"]["late"]
    assert late[0].is_due(110)  # The others have begun a round, so it begins it with them.
    late[0].exchange(late[1].weights, 110)
    assert position_weight(late[1]) == 6
    moved(late[1], 8)
    moved(a[1], 10)
    assert exchanged(a, late)[0]["counted"] == ["a", "late"]
    assert position_weight(a[1]) == 9


def test_who_is_late_is_left_out_and_named_and_back_after_a_round(folder):
    a, slow = joined(folder, "a"), joined(folder, "slow")
    report = a[0].exchange(moved(a[1], 2), 5)
    assert report["left_out"] == {"slow": "nothing of round 1 after 0 s"}
    report = slow[0].exchange(moved(slow[1], 1000), 5)
    assert report["counted"] == ["a"]
    assert position_weight(slow[1]) == 2
    a[0].exchange(moved(a[1], 4), 10)
    assert slow[0].is_due(20)
    slow[0].exchange(slow[1].weights, 20)
    assert exchanged(a, slow)[0]["counted"] == ["a", "slow"]


def test_the_dead_are_waited_for_once(folder):
    a, _ = joined(folder, "a", patience=0.2), joined(folder, "dead")
    assert set(a[0].exchange(a[1].weights, 5)["left_out"]) == {"dead"}
    wait_long(a[0])
    assert a[0].exchange(a[1].weights, 10) == {"round": 2, "counted": ["a"], "left_out": {}}


def test_who_dies_between_two_rounds_is_named_too(folder):
    a, dead = joined(folder, "a"), joined(folder, "dead")
    dead[0].publish(dead[1].weights)
    assert a[0].exchange(a[1].weights, 5)["counted"] == ["a", "dead"]
    assert a[0].exchange(a[1].weights, 10)["left_out"] == {"dead": "has not begun round 2"}
    assert a[0].exchange(a[1].weights, 15)["left_out"] == {}


def test_who_still_reads_the_average_is_waited_for(folder):
    a, slow = joined(folder, "a"), joined(folder, "slow")
    slow[0].publish(slow[1].weights)
    a[0].exchange(a[1].weights, 5)
    wait_long(a[0])
    a[0].publish(moved(a[1], 2))
    assert not a[0].conclude(waited=1)
    slow[0]._begin(slow[1].weights, 5, settled=True)  # what its exchange does once it has seen the average
    slow[0].publish(moved(slow[1], 4))
    assert a[0].conclude(waited=1)
    assert a[0].exchange(a[1].weights, 10)["counted"] == ["a", "slow"]


def test_who_has_left_is_not_waited_for(folder):
    a, b = joined(folder, "a", patience=3600), joined(folder, "b")
    b[0].leave()
    assert a[0].exchange(a[1].weights, 5) == {"round": 1, "counted": ["a"], "left_out": {}}


def test_the_next_member_averages_where_the_first_fails_to(folder):
    a, b = joined(folder, "a"), joined(folder, "b", patience=0.2)
    a[0].publish(moved(a[1], 2))  # and dies
    report = b[0].exchange(moved(b[1], 4), 5)
    assert report["counted"] == ["a", "b"]
    assert position_weight(b[1]) == 3


def spoil_nan(folder, one, model):
    one.publish(moved(model, np.nan))


def spoil_half_written(folder, one, model):
    one.publish(moved(model, 1000))
    data = f"{find_prefix(one.home)}.data-00000-of-00001"
    with open(data, "r+b") as file:
        file.truncate(os.path.getsize(data) // 2)


def spoil_bit(folder, one, model):
    one.publish(moved(model, 1000))
    with open(f"{find_prefix(one.home)}.data-00000-of-00001", "r+b") as file:
        file.seek(100)
        byte = file.read(1)[0]
        file.seek(100)
        file.write(bytes([byte ^ 1]))


def spoil_shape(folder, one, model):
    one.publish(GPT2(HParams(n_vocab=30, n_ctx=6, n_embd=16, n_head=2, n_layer=1)).weights)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (spoil_nan, "model/wpe is NaN or infinite"),
        (spoil_half_written, "the file was cut short"),
        (spoil_bit, "is damaged"),
        (spoil_shape, "has shape"),
    ],
)
def test_bad_weights_are_left_out_and_named(folder, spoil, reason):
    a, bad, c = (joined(folder, name) for name in ("a", "bad", "c"))
    spoil(folder, *bad)
    moved(a[1], 1), moved(c[1], 3)
    for report in exchanged(a, c):
        assert report["counted"] == ["a", "c"]
        assert reason in report["left_out"]["bad"]
    assert position_weight(a[1]) == 2


@pytest.mark.parametrize("outer", ["average", "nesterov"])
def test_where_nobody_s_weights_are_good_the_average_stays(folder, outer):
    one, model = joined(folder, "a", outer=outer)
    one.exchange(moved(model, 3), 5)
    before = model.weights["model/wpe"].numpy()
    report = one.exchange(moved(model, np.nan), 10)
    assert report["counted"] == []
    np.testing.assert_array_equal(model.weights["model/wpe"].numpy(), before)


def test_after_all_were_stopped_all_who_come_back_are_counted(folder):
    a, b = joined(folder, "a"), joined(folder, "b")
    exchanged(a, b)
    a, b = joined(folder, "a", step=5), joined(folder, "b", step=5)
    assert not a[0].settled
    assert exchanged(a, b)[0]["counted"] == ["a", "b"]
    assert a[0].settled


def test_a_member_of_another_size_is_refused(folder):
    joined(folder, "a")
    with pytest.raises(ValueError, match="a swarm of HParams"):
        Member(folder, "b", HParams(n_vocab=30, n_ctx=6, n_embd=16, n_head=2, n_layer=1), Rules(every=5))


def test_weights_count_only_once_they_are_all_there(folder, monkeypatch):
    a, b = joined(folder, "a"), joined(folder, "b")
    monkeypatch.setattr(member, "write_pointer", lambda *_: None)  # killed just before
    b[0].publish(moved(b[1], 1000))
    monkeypatch.undo()
    assert round_of(b[0].home) is None
    assert a[0].exchange(moved(a[1], 2), 5)["counted"] == ["a"]


def test_old_rounds_are_removed(folder):
    one, model = joined(folder, "a", outer="nesterov")
    for step in range(5, 40, 5):
        one.exchange(model.weights, step)
    kept = {name.split(".")[0] for name in os.listdir(folder) if name.startswith(("average", "momentum"))}
    assert kept == {f"{kind}-a-{number}" for kind in ("average", "momentum") for number in (5, 6, 7)}
    assert len([name for name in os.listdir(one.home) if name.endswith(".index")]) == 3


def test_what_a_member_does_is_in_its_file(folder):
    one, model = joined(folder, "a")
    one.exchange(model.weights, 7)
    with open(os.path.join(one.home, "member.json")) as file:
        assert json.load(file) == read_state(folder, "a") == {"round": 2, "settled": True, "step": 7}


def test_the_folder_of_a_run_is_no_swarm(folder):
    save_model(folder, GPT2(SIZES, fresh_weights(1)))
    with pytest.raises(ValueError, match="swarm: the folder of a model or a run, expected that of a swarm"):
        joined(folder, "anna")
    assert not os.path.exists(os.path.join(folder, "members"))


@pytest.mark.parametrize(
    "text", ["", "[]", "7", "{}", '{"round": 1}', '{"round": [], "settled": true, "step": 1}', "[" * 100_000]
)
def test_a_member_whose_state_is_something_else_counts_as_gone(folder, text):
    home = f"{folder}/members/a"
    tf.io.gfile.makedirs(home)
    with tf.io.gfile.GFile(f"{home}/member.json", "w") as file:
        file.write(text)
    assert read_state(folder, "a") == {}
