"""What train.py does when a loss, the memory or the disk goes wrong on the way."""

import numpy as np
from conftest import losses


def test_a_nan_loss_ends_the_run_and_saves_nothing(begun, train):
    done = train("--steps", 60, "--learning_rate", 1e30, "--optimizer", "adam")
    assert done.returncode == 1
    assert "the save of step 2 is untouched" in done.stderr
    assert '"model-2"' in (begun / "checkpoint" / "run1" / "checkpoint").read_text()


def test_samples_that_cannot_be_written_do_not_end_the_run(place, train):
    (place / "samples").write_text("")
    done = train("--steps", 2, "--sample_every", 1, "--sample_length", 4)
    assert done.returncode == 0
    assert "the samples of step 1 were not written" in done.stderr
    assert len(losses(place)) == 2


def test_a_bad_loss_rolls_back_and_continues_with_other_windows(place, train, monkeypatch):
    from gpt2.runs import log as watch

    troubles = [(4, "is nan"), (5, "is nan")]

    def trouble(loss, records, jump):
        if troubles and len(records) == troubles[0][0]:
            return troubles.pop(0)[1]
        return None

    train("--run_name", "calm", "--steps", 8, "--save_every", 3)
    monkeypatch.setattr(watch, "trouble", trouble)
    done = train("--steps", 8, "--save_every", 3, "--on_bad_loss", "roll_back")
    assert done.returncode == 0, done.stderr
    assert "the loss at step 5 is nan; back to the save of step 3, and on with other windows" in done.stderr
    assert "the loss at step 6 is nan; back to the save of step 3, and on with other windows" in done.stderr
    curve, calm = losses(place), losses(place, "calm")
    assert curve[:3] == calm[:3]
    assert curve[3] not in calm  # The same weights as in calm[3], on windows that lie 5 steps further on.
    monkeypatch.undo()
    more = train("--run_name", "run1", "--steps", 9)
    assert more.returncode == 0, more.stderr


def test_going_back_again_and_again_ends(place, train, monkeypatch):
    from gpt2.runs import log as watch

    monkeypatch.setattr(watch, "trouble", lambda loss, records, jump: "is nan" if len(records) == 2 else None)
    done = train("--steps", 8, "--save_every", 1, "--on_bad_loss", "roll_back")
    assert done.returncode == 1
    assert "after going back 3 times; the save of step 2 is untouched" in done.stderr


def test_weights_that_are_bad_on_other_windows_too_are_not_gone_back_to_again(place, train, monkeypatch):
    from gpt2.bundle import read_tensor
    from gpt2.runs import log as watch

    troubles = ["is nan", "is nan"]  # right after the save of step 6, on two windows
    monkeypatch.setattr(
        watch, "trouble", lambda loss, records, jump: troubles.pop() if troubles and len(records) == 6 else None
    )
    done = train("--steps", 8, "--save_every", 3, "--on_bad_loss", "roll_back")
    assert done.returncode == 0, done.stderr
    assert "the loss at step 7 is nan; back to the save of step 6, and on with other windows" in done.stderr
    assert "the loss at step 7 is nan; back to the save of step 3, and on with other windows" in done.stderr
    assert len(losses(place)) == 8
    state = str(place / "checkpoint" / "run1" / "state-8")
    assert [int(read_tensor(state, name)) for name in ("windows", "left_out")] == [8 + 1 + 4, 1 + 4]


def test_held_out_text_with_no_loss_counts_as_a_bad_loss(place, train, monkeypatch):
    from gpt2.training import validation

    validate = iter([{"val_loss": 5.0}, {"val_loss": np.nan}, {"val_loss": 4.0}, {"val_loss": 4.0}])  # step 0 first
    monkeypatch.setattr(validation, "make_validate", lambda *_, **__: lambda: next(validate))
    done = train("--steps", 5, "--save_every", 2, "--val_every", 3, "--on_bad_loss", "roll_back")
    assert done.returncode == 0, done.stderr
    assert "is nan on held-out text; back to the save of step 2" in done.stderr
    assert "NaN" not in (place / "checkpoint" / "run1" / "log.jsonl").read_text()


def test_a_full_memory_anywhere_ends_in_the_flags(place, train, monkeypatch):
    import tensorflow as tf

    from gpt2.training import validation

    def validate():
        raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating")

    monkeypatch.setattr(validation, "make_validate", lambda *_, **__: validate)
    done = train("--steps", 3, "--val_every", 2)
    assert done.returncode == 1
    assert "train.py: out of memory; what checkpoint/run1 holds is untouched; " in done.stderr


def test_a_save_that_fails_on_the_way_does_not_end_the_run(place, train, monkeypatch):
    from gpt2.runs import saves

    full = iter([True, True, False, False, True])

    def check_space(folder, needed):
        if next(full):
            raise OSError("no room")

    monkeypatch.setattr(saves, "check_space", check_space)
    done = train("--steps", 4, "--save_every", 1)
    assert done.returncode == 0, done.stderr
    assert "the save of step 1 failed (no room); the one before it still counts; training continues" in done.stderr
    assert len(losses(place)) == 4
    done = train("--steps", 5)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith("the save of step 5 failed (no room); the one before it still counts")
    assert '"model-4"' in (place / "checkpoint" / "run1" / "checkpoint").read_text()
