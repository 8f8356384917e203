"""Which model a command means that names none: every cell of the table in the design."""

import os

import pytest

from system import model_folders
from system.errors import UserError
from system.model_folders import Choice

GET = "download it: python models/download.py 124M"
DEMO = Choice("poet", message="nothing is named, so this is the demo: poet retrained on Emily Dickinson")


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


@pytest.mark.parametrize("models", [[], ["poet"], ["355M"]])
def test_a_dataset_is_never_made_for_another_model_in_silence(choose, models):
    with pytest.raises(UserError) as error:
        choose("prepare_corpus.py SOURCE OUT.npz", models, ["run1", "demo"])
    made = "models/124M is not here, and the dataset is to be made for it"
    assert str(error.value) == f"{made}; {GET}, or make the dataset for the small model that is here: --model_name poet"


@pytest.mark.parametrize("models", [[], ["poet"]])
def test_a_run_that_is_there_is_resumed_without_124m(choose, models):
    assert choose("train.py --dataset", models, ["run1"]) == Choice("124M", "checkpoint/run1")


@pytest.mark.parametrize("models", [[], ["poet"]])
@pytest.mark.parametrize("runs", [[], ["demo"], ["-run1"]])
def test_training_on_ones_own_poems_never_takes_the_small_model_in_silence(choose, models, runs):
    with pytest.raises(UserError) as error:
        choose("train.py --dataset", models, runs)
    trained = "models/124M is not here, and checkpoint/run1 is to be trained from it"
    small = "or train the small model that is here, on a dataset that was made for it: --model_name poet"
    assert str(error.value) == f"{trained}; {GET}, {small}"


@pytest.mark.parametrize("runs", [[], ["demo", "run1"]])
def test_the_shipped_model_writes_where_124m_is_not_there_and_a_message_says_so(choose, runs):
    written = Choice("poet", message="models/124M is not here, so models/poet writes")
    assert choose("sample.py", ["poet"], runs) == written


def test_the_shipped_model_is_found_where_the_package_is(choose, tmp_path):
    package = os.path.join(os.path.dirname(os.path.dirname(model_folders.__file__)), "models", "poet")
    assert choose("sample.py").message == f"models/124M is not here, so {package} writes"
    assert model_folders.model_folder("poet") == package
    (tmp_path / "models" / "poet").mkdir(parents=True)
    assert model_folders.model_folder("poet") == "models/poet"


def test_a_stopped_download_is_no_model(choose, tmp_path):
    (tmp_path / "models" / "124M").mkdir(parents=True)
    (tmp_path / "models" / "124M" / "encoder.json.part").touch()
    assert choose("sample.py", ["poet"]).model_name == "poet"
