"""Which model a command means that names none: every cell of the table in the design."""

import pytest

from system import model_folders
from system.errors import UserError
from system.model_folders import Choice

GET = "download it: python models/download.py 124M"
DEMO = Choice("demo", message="nothing is named, so this is the demo")


@pytest.fixture
def choose(tmp_path, monkeypatch):
    """The choice of a command in a folder with these models and these runs; a run with no save is given as `-NAME`."""
    monkeypatch.chdir(tmp_path)

    def choose(command, models=(), runs=()):
        for model in models:
            (tmp_path / "models" / model).mkdir(parents=True)
            (tmp_path / "models" / model / "encoder.json").touch()
        for run in runs:
            folder = tmp_path / "checkpoint" / run.strip("-")
            folder.mkdir(parents=True)
            (folder / "checkpoint").write_text("" if run.startswith("-") else 'model_checkpoint_path: "model-5"\n')
        return model_folders.choose_model(command)

    return choose


@pytest.mark.parametrize("command", ["prepare_corpus.py", "train.py"])
@pytest.mark.parametrize("models", [[], ["124M"], ["poet"], ["124M", "poet"]])
def test_a_bare_command_is_the_demo(choose, command, models):
    assert choose(command, models, ["run1"]) == DEMO


@pytest.mark.parametrize("command", ["prepare_corpus.py SOURCE OUT.npz", "train.py --dataset", "sample.py"])
@pytest.mark.parametrize("models", [["124M"], ["117M"], ["124M", "poet"]])
@pytest.mark.parametrize("runs", [[], ["run1", "demo"]])
def test_124m_under_either_of_its_names_is_meant_where_it_is_there(choose, command, models, runs):
    assert choose(command, models, runs) == Choice("124M")


@pytest.mark.parametrize(("models", "small"), [([], "demo"), (["poet"], "poet"), (["demo", "355M"], "demo")])
def test_a_dataset_is_never_made_for_another_model_in_silence(choose, models, small):
    with pytest.raises(UserError) as error:
        choose("prepare_corpus.py SOURCE OUT.npz", models, ["run1", "demo"])
    made = "models/124M is not here, and the dataset is to be made for it"
    assert str(error.value) == f"{made}; {GET}, or make the dataset for a small model: --model_name {small}"


@pytest.mark.parametrize("models", [[], ["poet"]])
def test_a_run_that_is_there_is_resumed_without_124m(choose, models):
    assert choose("train.py --dataset", models, ["run1"]) == Choice("124M", "checkpoint/run1")


@pytest.mark.parametrize(("models", "small"), [([], "demo"), (["poet"], "poet")])
@pytest.mark.parametrize("runs", [[], ["demo"], ["-run1"]])
def test_training_on_ones_own_poems_never_takes_the_demo_in_silence(choose, models, small, runs):
    with pytest.raises(UserError) as error:
        choose("train.py --dataset", models, runs)
    trained = "models/124M is not here, and checkpoint/run1 is to be trained from it"
    assert str(error.value) == f"{trained}; {GET}, or train a small model: --model_name {small}"


@pytest.mark.parametrize("runs", [[], ["demo", "run1"]])
def test_the_shipped_model_writes_where_124m_is_not_there_and_a_message_says_so(choose, runs):
    written = Choice("poet", message="models/124M is not here, so models/poet writes")
    assert choose("sample.py", ["poet"], runs) == written


def test_until_a_model_ships_the_run_of_the_demo_writes(choose):
    message = "models/124M is not here, so the demo's run writes: checkpoint/demo"
    assert choose("sample.py", ["demo"], ["demo"]) == Choice("demo", "checkpoint/demo", message)


@pytest.mark.parametrize("runs", [[], ["run1"], ["-demo"]])
def test_with_nothing_to_write_with_both_remedies_are_given(choose, runs):
    with pytest.raises(UserError) as error:
        choose("sample.py", ["demo"], runs)
    assert str(error.value) == (
        "models/124M is not here, nor is the demo's run, checkpoint/demo; download the model: "
        "python models/download.py 124M, or train the demo: python prepare_corpus.py, then python train.py"
    )


def test_a_stopped_download_is_no_model(choose, tmp_path):
    (tmp_path / "models" / "124M").mkdir(parents=True)
    (tmp_path / "models" / "124M" / "encoder.json.part").touch()
    assert choose("sample.py", ["poet"]).model_name == "poet"
