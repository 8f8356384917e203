"""A run's folder holds all that is needed to resume it, and to sample."""

import json
import os
import re

import pytest

from gpt2.checkpoint_paths import find_prefix, last_save
from gpt2.runs import pictures, run_folder, saves
from gpt2.runs.log import Log, read_log
from gpt2.runs.resume import read_settings
from gpt2.runs.saves import State
from system import lock


def test_settings_are_noted(folder):
    assert read_settings(folder) == {"seed": 3}
    assert read_settings(os.path.dirname(folder)) == {}


def test_a_run_without_a_save_cannot_be_resumed(tmp_path, trained):
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


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path, trained):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file/run1: cannot write there"):
        run_folder.create(str(tmp_path / "file" / "run1"), trained[0], {})


def test_a_resumed_log_has_each_step_once(tmp_path):
    folder = str(tmp_path)
    log = Log(folder, 0)
    for step in range(1, 8):
        log.append({"step": step, "loss": 1 / step})
    log.flush()
    with open(log.path, "a") as file:
        file.write('{"step": 8, "lo')  # cut by a crash
    resumed = Log(folder, 5)
    resumed.append({"step": 6, "loss": 0.5})
    resumed.flush()
    assert [record["step"] for record in read_log(folder)] == [1, 2, 3, 4, 5, 6]
    with open(log.path) as file:
        assert [json.loads(line)["loss"] for line in file] == [1, 1 / 2, 1 / 3, 1 / 4, 1 / 5, 0.5]


@pytest.mark.parametrize("line", ["", "verse", "[1]", '{"step": 2}', "7"])
def test_a_bad_line_in_the_middle_of_the_log_is_named(tmp_path, line):
    good = '{"step": 1, "loss": 2.0}\n'
    (tmp_path / "log.jsonl").write_text(f"{good}{line}\n{good}")
    with pytest.raises(ValueError, match=r"log\.jsonl: line 2 is damaged"):
        list(read_log(str(tmp_path)))


def test_the_loss_is_drawn(folder):
    pictures.draw_loss(folder, [{"step": 1, "loss": 5.0}, {"step": 2, "loss": 4.0, "val_loss": 4.5}])
    with open(os.path.join(folder, "loss.png"), "rb") as file:
        assert file.read(8) == b"\x89PNG\r\n\x1a\n"


def test_no_records_draw_no_loss(folder):
    pictures.draw_loss(folder, [])
    assert not os.path.exists(os.path.join(folder, "loss.png"))


def test_a_damaged_pointer_is_reported_and_the_newest_save_counts(folder, trained, messages):
    saves.save(folder, State(trained[0], trained[1].slots, 4))
    for content in (b"", b"\0" * 80, b"model_checkpoint_qath"):
        with open(os.path.join(folder, "checkpoint"), "wb") as file:
            file.write(content)
        assert last_save(folder) == os.path.join(folder, "model-4")
        assert re.fullmatch(r".*run1/checkpoint: damaged, so .*model-4 counts, the newest save", messages()[-1])


def test_a_first_save_that_was_killed_counts_for_nothing(folder):
    with open(os.path.join(folder, "checkpoint"), "wb"):
        pass
    assert last_save(folder) is None


def test_the_best_of_a_run_is_named_like_weights(folder, trained):
    saves.save_best(folder, State(trained[0], trained[1].slots, 3), 3.0, is_saved=False)
    assert find_prefix(os.path.join(folder, "best")) == os.path.join(folder, "model-3")


@pytest.mark.parametrize("path", ["", "models [1]/124M", "models/*"])
def test_a_path_that_tensorflow_cannot_read_is_refused(path):
    with pytest.raises(ValueError, match="expected"):
        find_prefix(path)


def test_a_new_folder_is_held_by_one(tmp_path):
    folder = str(tmp_path / "run1")
    with lock.Lock(folder) as one, lock.Lock(folder) as other:
        assert not os.path.exists(folder)
        one.take()
        with pytest.raises(ValueError, match=r"run1: process \d+ of \S+ trains there"):
            other.take()
