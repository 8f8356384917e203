"""What a run was begun with holds, and the command that began it also goes on with it."""

import inspect
import json

import pytest

import train
from gpt2.runs import settings

FLAGS = {name: parameter.default for name, parameter in inspect.signature(train.main).parameters.items()}
FLAGS |= {"restore_from": "scratch", "model_name": "124M", "run_name": "run1", "dataset": "poems.npz"}


@pytest.fixture
def go_on(tmp_path):
    """Goes on with a run that was begun with FLAGS and `begun`, by a command that says `said`."""

    def go_on(begun, said):
        before = vars(settings.settle(FLAGS | begun))
        (tmp_path / "settings.json").write_text(json.dumps(before))
        for name, text in (("checkpoint", 'model_checkpoint_path: "model-2"'), ("model-2.index", "")):
            (tmp_path / name).write_text(text)
        given = FLAGS | {"restore_from": None, "model_name": None} | said
        return settings.go_on(settings.settle(given), given, str(tmp_path))

    return go_on


@pytest.mark.parametrize(
    ("begun", "said"),
    [
        ("scratch", "scratch"),
        ("latest", "fresh"),
        ("fresh", "latest"),
        ("scratch", "latest"),
        ("scratch", None),
        ("checkpoint/a/model-3", "checkpoint/a//model-3.index"),
    ],
)
def test_where_a_run_began_may_be_said_again(go_on, begun, said):
    flags, changes = go_on({"restore_from": begun}, {"restore_from": said})
    assert flags.restore_from == begun
    assert changes == []


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"restore_from": "fresh"}, "a run that has begun, which --restore_from fresh would overwrite"),
        ({"restore_from": "models/small"}, "which --restore_from models/small would overwrite"),
        (
            {"optimizer": "sgd"},
            "a run with --optimizer adam, whose state does not fit sgd; start another",
        ),
        ({"only_train_transformer_layers": True}, "a run with --only_train_transformer_layers False, whose state does"),
        ({"model_name": "355M"}, "a run of 124M, which --model_name 355M cannot change"),
    ],
)
def test_another_run_is_refused(go_on, said, message):
    with pytest.raises(ValueError, match=message):
        go_on({}, said)


def test_both_names_of_a_model_are_one(go_on):
    flags, _ = go_on({}, {"model_name": "117M"})
    assert flags.model_name == "124M"


def test_what_changed_is_said(go_on):
    _, changes = go_on({}, {"batch_size": 2})
    assert changes == ["--batch_size was 1, and is 2 now"]


def test_a_run_of_another_tool_has_no_other_start(tmp_path):
    given = FLAGS | {"restore_from": "fresh"}
    with pytest.raises(ValueError, match="a run that has begun"):
        settings.go_on(settings.settle(given), given, str(tmp_path))


@pytest.mark.parametrize("content", ["null", "[]", '{"a', '{"restore_from": 5, "machine": 1, "data": []}'])
def test_damaged_settings_end_no_run(go_on, tmp_path, content):
    go_on({}, {})
    (tmp_path / "settings.json").write_text(content)
    given = FLAGS | {"restore_from": None}
    flags, _ = settings.go_on(settings.settle(given), given, str(tmp_path))
    assert flags.restore_from == "latest"
    assert settings.moved(str(tmp_path), {"cores": 2}) == settings.other_data(str(tmp_path), {"tokens": 9}) == []


def settled(**said):
    given = {name: p.default for name, p in inspect.signature(train.main).parameters.items()}
    return settings.settle(given | {"dataset": "x.npz", "models_dir": "nowhere"} | said)


def test_without_124m_only_who_names_nothing_trains_the_demo():
    assert settled().model_name == "demo"
    assert settled(restore_from="scratch").model_name == "demo"
    assert settled(restore_from="models/355M").model_name == "124M"
    assert settled(run_name="mine").model_name == "124M"


def test_a_tpu_that_is_named_is_the_strategy():
    assert settled(tpu="local").strategy == "tpu"
    assert settled(tpu="local", strategy="one").strategy == "one"


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"checkpoint_dir": "runs [2024]"}, r"runs \[2024\]: holds \[, expected a path without"),
        ({"run_name": ".."}, "--run_name is '..', expected a name"),
        ({"sample_length": 0}, "--sample_length is 0, expected at least 1"),
        ({"top_p": 1.5}, "--top_p is 1.5, expected a share from 0 to 1"),
    ],
)
def test_what_would_fail_late_is_refused_at_once(said, message):
    with pytest.raises(ValueError, match=message):
        settled(**said)
