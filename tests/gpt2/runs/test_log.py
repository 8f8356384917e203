"""The log tells what went wrong, what was best, and when to stop."""

import pytest

from gpt2.runs import log
from system.errors import UserError

CALM = [{"step": step, "loss": 3.0} for step in range(1, 101)]


@pytest.mark.parametrize("loss", [float("nan"), float("inf"), -float("inf")])
def test_what_is_no_number_is_trouble_from_the_first_step_on(loss):
    assert log.trouble(loss, [], jump=0)


def test_a_jump_is_trouble_past_the_bound_alone():
    assert log.trouble(5.1, CALM, jump=2) == "is 5.100, more than --loss_jump 2 above 3.000, the mean before it"
    assert log.trouble(4.9, CALM, jump=2) is None
    assert log.trouble(99.0, CALM, jump=0) is None
    assert log.trouble(99.0, CALM[:50], jump=2) is None


def test_the_best_is_the_first_of_the_lowest():
    records = [{"step": step, "loss": 1.0, "val_loss": float(step % 3)} for step in range(2, 9)]
    assert log.best([*CALM[:1], *records]) == records[1]
    assert log.best(CALM) is None


@pytest.mark.parametrize(("patience", "stale"), [(0, False), (1, True), (2, True), (3, False)])
def test_validations_without_anything_better_are_counted(patience, stale):
    losses = [5, 4, 4.5, 4]
    assert log.is_stale([{"step": n, "loss": 1, "val_loss": loss} for n, loss in enumerate(losses)], patience) is stale


@pytest.mark.parametrize("line", ["[" * 100_000, '{"a":' * 100_000, "3", '{"step": 1}', "\x00"])
def test_a_damaged_line_is_named_and_a_last_one_left_out(tmp_path, line):
    good = '{"step": 1, "loss": 3.0}'
    (tmp_path / "log.jsonl").write_text(f"{good}\n{line}\n")
    assert list(log.read_log(str(tmp_path))) == [{"step": 1, "loss": 3.0}]
    (tmp_path / "log.jsonl").write_text(f"{good}\n{line}\n{good}\n")
    with pytest.raises(UserError, match=r"log\.jsonl: line 2 is damaged, expected an object of a step; remove"):
        list(log.read_log(str(tmp_path)))
