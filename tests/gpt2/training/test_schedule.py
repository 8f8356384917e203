"""The learning rate rises over the warm-up and falls to nothing at the end."""

import types

import pytest

from gpt2.training.schedule import SCHEDULES, learning_rate_at, steps_at_once


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_the_rate_rises_evenly_to_its_peak(schedule):
    rates = [learning_rate_at(step, 0.1, schedule, warmup=4, steps=100) for step in range(5)]
    assert rates == pytest.approx([0.025, 0.05, 0.075, 0.1, 0.1])


@pytest.mark.parametrize(
    ("schedule", "middle", "last"), [("constant", 1, 1), ("linear", 0.5, 0.01), ("cosine", 0.5, 0.00025)]
)
def test_the_rate_after_the_warm_up(schedule, middle, last):
    rates = [learning_rate_at(step, 1.0, schedule, warmup=10, steps=110) for step in (10, 60, 109)]
    assert rates == pytest.approx([1, middle, last], abs=1e-4)


def test_past_its_end_a_falling_rate_is_nothing():
    assert learning_rate_at(200, 1.0, "linear", steps=100) == 0


@pytest.mark.parametrize(("swarm", "expected"), [(None, 50), ("folder", 30)])
def test_as_many_steps_are_taken_at_once_as_nothing_is_due_in_between(swarm, expected):
    flags = types.SimpleNamespace(
        steps_per_call=64, save_every=150, val_every=0, sample_every=1000, swarm=swarm, swarm_every=130
    )
    assert steps_at_once(flags, 100, None) == expected
    assert steps_at_once(flags, 100, 107) == 7
