"""A run knows when something is due."""

import pytest
import tensorflow as tf

from gpt2.distributed.replicas import Replicas
from gpt2.runs.run import Run
from gpt2.runs.saves import State
from gpt2.runs.settings import Settings


@pytest.mark.parametrize(
    ("changes", "end", "expected"),
    [
        ({}, None, 50),  # the save at step 150
        ({"swarm": "folder"}, None, 30),  # the round that ends at step 130
        ({}, 107, 7),
        ({"steps_per_call": 1}, 107, 1),
    ],
)
def test_as_many_steps_are_taken_at_once_as_nothing_is_due_in_between(tmp_path, trained, changes, end, expected):
    flags = {"steps_per_call": 64, "save_every": 150, "val_every": 0, "sample_every": 1000, "swarm_every": 130}
    settings = Settings(checkpoint_dir=str(tmp_path), **flags | changes)
    (tmp_path / "run1").mkdir()
    run = Run(settings, State(trained[0], trained[1].slots, step=100), Replicas(tf.distribute.get_strategy()), end)
    assert run.steps_until_due() == expected
