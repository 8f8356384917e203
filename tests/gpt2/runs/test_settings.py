"""A resumed run keeps what it was begun with, and the command that began it also resumes it."""

import json
import typing

import pytest

from gpt2.runs import resume, settings
from gpt2.runs.settings import FROM_POET, Settings
from gpt2.swarm.averaging import OUTER
from gpt2.training.memory_plan import DTYPES
from gpt2.training.optimizers import OPTIMIZERS

BEGUN = {"dataset": "poems.npz", "model_name": "124M", "restore_from": "scratch"}


def typed(**flags):
    """The settings of a command line with these flags."""
    return settings.settle(Settings(**flags, given=frozenset(flags)))


@pytest.fixture
def resumed(tmp_path):
    """Resumes a run that was begun with BEGUN and `begun`, by a command with the flags `said`."""

    def run(begun, said):
        (tmp_path / "run1").mkdir(exist_ok=True)
        (tmp_path / "run1" / "settings.json").write_text(json.dumps(typed(**BEGUN | begun).as_noted()))
        for name, text in (("checkpoint", 'model_checkpoint_path: "model-2"'), ("model-2.index", "")):
            (tmp_path / "run1" / name).write_text(text)
        return resume.resume(typed(dataset="poems.npz", run_name="run1", checkpoint_dir=str(tmp_path), **said))

    return run


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
def test_where_a_run_began_may_be_said_again(resumed, tmp_path, begun, said):
    said = {} if said is None else {"restore_from": said}
    found, changes = resumed({"restore_from": begun, "checkpoint_dir": str(tmp_path)}, said)
    assert found.restore_from == begun
    assert changes == []


@pytest.mark.parametrize("said", [{}, {"restore_from": "latest"}, {"restore_from": "scratch"}])
@pytest.mark.parametrize("begun", [{}, {"optimizer": "adam", "learning_rate": 1e-3}])
def test_what_a_run_from_scratch_was_begun_with_need_not_be_said_again(resumed, tmp_path, begun, said):
    found, changes = resumed({"checkpoint_dir": str(tmp_path)} | begun, said)
    assert changes == []
    assert found.optimizer == begun.get("optimizer", "muon")
    assert found.learning_rate == begun.get("learning_rate", 3e-3)


def test_training_from_scratch_has_defaults_of_its_own():
    assert typed(dataset="poems.npz", model_name="124M").optimizer == "adam"
    assert typed(**BEGUN).optimizer == "muon"
    assert typed(**BEGUN, optimizer="adamw", learning_rate=1e-4).learning_rate == 1e-4


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"restore_from": "fresh"}, "a run that has begun, which --restore_from fresh would overwrite"),
        ({"restore_from": "models/small"}, "which --restore_from models/small would overwrite"),
        (
            {"optimizer": "sgd"},
            "a run with --optimizer muon, whose state does not fit sgd; start another",
        ),
        ({"only_train_transformer_layers": True}, "a run with --only_train_transformer_layers False, whose state does"),
        ({"model_name": "355M"}, "a run of 124M, which --model_name 355M cannot change"),
    ],
)
def test_another_run_is_refused(resumed, said, message):
    with pytest.raises(ValueError, match=message):
        resumed({}, said)


def test_both_names_of_a_model_are_one(resumed):
    found, _ = resumed({}, {"model_name": "117M"})
    assert found.model_name == "124M"


def test_what_changed_is_printed(resumed, tmp_path):
    _, changes = resumed({"checkpoint_dir": str(tmp_path)}, {"batch_size": 2})
    assert changes == ["--batch_size was 8, and is 2 now"]


def test_settings_do_not_change_when_a_run_is_resumed(resumed):
    with pytest.raises(AttributeError):
        typed(dataset="poems.npz", run_name="run1").steps = 3
    found, _ = resumed({}, {"steps": 3})
    assert found.steps == 3


def test_a_run_of_another_tool_has_no_other_start(tmp_path):
    with pytest.raises(ValueError, match="a run that has begun"):
        resume.resume(typed(**BEGUN | {"restore_from": "fresh", "checkpoint_dir": str(tmp_path)}))


@pytest.mark.parametrize("content", ["null", "[]", '{"a', '{"restore_from": 5, "machine": 1, "data": []}'])
def test_damaged_settings_end_no_run(tmp_path, content):
    (tmp_path / "run1").mkdir()
    (tmp_path / "run1" / "settings.json").write_text(content)
    folder = str(tmp_path / "run1")
    found, _ = resume.resume(typed(dataset="poems.npz", run_name="run1", checkpoint_dir=str(tmp_path)))
    assert found.restore_from == "latest"
    assert resume.moved(folder, {"cores": 2}) == resume.other_data(folder, {"tokens": 9}) == []


def test_a_command_that_names_nothing_trains_the_demo(messages):
    found = typed(models_dir="nowhere")
    assert (found.model_name, found.dataset, found.run_name) == ("poet", "demo.npz", "demo")
    assert (found.restore_from, found.learning_rate) == ("latest", FROM_POET["learning_rate"])
    assert typed(steps=3).steps == 3
    assert messages() == ["nothing is named, so this is the demo: poet retrained on Emily Dickinson"] * 2


def test_a_dataset_is_never_trained_on_by_the_demo_in_silence(tmp_path):
    here = {"dataset": "x.npz", "models_dir": "nowhere", "checkpoint_dir": str(tmp_path)}
    with pytest.raises(ValueError, match=r"nowhere/124M is not here.*download it: .*--model_name poet"):
        typed(**here)
    (tmp_path / "run1").mkdir()
    (tmp_path / "run1" / "checkpoint").write_text('model_checkpoint_path: "model-2"')
    assert (typed(**here).model_name, typed(**here).run_name) == ("124M", "run1")
    for named in ({"restore_from": "scratch"}, {"restore_from": "models/355M"}, {"run_name": "mine"}):
        assert typed(**here, **named).model_name == "124M"


def test_memory_is_planned_without_the_files_of_a_model():
    assert typed(dataset="x.npz", models_dir="nowhere", plan=True).model_name == "124M"
    assert typed(models_dir="nowhere", plan=True).model_name == "poet"


def test_flags_beside_the_demo_count():
    found = typed(steps=7, learning_rate=0.5)
    assert (found.dataset, found.run_name, found.batch_size) == ("demo.npz", "demo", 8)
    assert (found.steps, found.learning_rate) == (7, 0.5)
    assert typed(epochs=1.0, schedule="constant").steps is None


def test_a_tpu_that_is_named_is_the_strategy():
    assert typed(dataset="x.npz", run_name="run1", tpu="local").strategy == "tpu"
    assert typed(dataset="x.npz", run_name="run1", tpu="local", strategy="one").strategy == "one"


def test_every_choice_of_a_flag_can_be_made():
    hints = typing.get_type_hints(Settings)
    for name, known in (("optimizer", OPTIMIZERS), ("dtype", DTYPES), ("swarm_outer", OUTER)):
        assert set(typing.get_args(hints[name])) == set(known)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"checkpoint_dir": "runs [2024]"}, r"runs \[2024\]: holds \[, expected a path without"),
        ({"run_name": ".."}, "--run_name is '..', expected a name"),
        ({"sample_length": 0}, "--sample_length is 0, expected at least 1"),
        ({"top_p": 1.5}, "--top_p is 1.5, expected at most 1"),
        ({"steps": 3, "epochs": 1.0}, "--steps and --epochs are both given"),
        ({"schedule": "cosine"}, "--schedule cosine falls to 0 at --steps, which is missing"),
        ({"optimizer": "adamant"}, "--optimizer is adamant, expected adam"),
    ],
)
def test_what_would_fail_late_is_refused_at_once(said, message):
    with pytest.raises(ValueError, match=message):
        typed(**{"dataset": "x.npz", "run_name": "run1"} | said)
