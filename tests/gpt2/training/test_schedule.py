"""The learning rate rises over the warm-up and falls to nothing at the end."""

import pytest

from gpt2.training.schedule import SCHEDULES, learning_rate_at


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_the_rate_rises_evenly_to_its_peak(schedule):
    rates = [learning_rate_at(step, 0.1, schedule, warmup=4, steps=100) for step in range(5)]
    assert rates == pytest.approx([0.025, 0.05, 0.075, 0.1, 0.1])


@pytest.mark.parametrize(
    ("schedule", "middle", "last"),
    [("constant", 1, 1), ("linear", 0.5, 0.01), ("cosine", 0.5, 0.00025), ("wsd", 1, 0.0230)],
)
def test_the_rate_after_the_warm_up(schedule, middle, last):
    rates = [learning_rate_at(step, 1.0, schedule, warmup=10, steps=110) for step in (10, 60, 109)]
    assert rates == pytest.approx([1, middle, last], abs=1e-4)


def test_wsd_is_constant_until_the_last_part_of_the_steps():
    rates = [learning_rate_at(step, 2.0, "wsd", warmup=10, steps=200, decay=0.1) for step in (50, 180, 185, 195, 200)]
    assert rates == pytest.approx([2, 2, 1, 2 - 3**0.5, 0])


def test_wsd_without_an_end_is_constant_and_its_decay_is_added_later():
    unknown = [learning_rate_at(step, 1.0, "wsd", warmup=10) for step in range(800)]
    known = [learning_rate_at(step, 1.0, "wsd", warmup=10, steps=1000, decay=0.2) for step in range(1000)]
    assert unknown == known[:800]
    assert known[-1] < 0.01


def test_past_its_end_a_falling_rate_is_nothing():
    assert learning_rate_at(200, 1.0, "linear", steps=100) == 0
