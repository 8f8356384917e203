"""The processes that take part in one job, as TF_CONFIG or Slurm names them; read without TensorFlow."""

import json
import os
import typing
from typing import Literal

from system.errors import UserError

PATIENCE = 600  # Seconds that a worker waits for missing ones.
NOTHING_NAMED = "--strategy multi_worker: nothing names other machines; set TF_CONFIG, or srun several tasks"
Strategy = Literal["auto", "one", "mirrored", "multi_worker", "tpu"]
STRATEGIES: tuple[Strategy, ...] = typing.get_args(Strategy)


def is_multi_worker(strategy: str) -> bool:
    """Whether a --strategy means several processes; training must know before TensorFlow looks for devices."""
    return strategy == "multi_worker" or (strategy == "auto" and names_workers())


def names_workers() -> bool:
    """Whether TF_CONFIG, or Slurm, names other processes that take part."""
    return "TF_CONFIG" in os.environ or int(os.environ.get("SLURM_STEP_NUM_TASKS", 1)) > 1


def is_chief(strategy: str) -> bool:
    """Whether this process is the one that writes, alone or the first of several; raises what `find_worker` raises."""
    return not is_multi_worker(strategy) or find_worker()[0] == 0


def find_worker() -> tuple[int, int]:
    """The number of this process among the workers, from 0, and how many there are.

    Raises:
      UserError: nothing names them, or TF_CONFIG does not name this process.
    """
    if not names_workers():
        raise UserError(NOTHING_NAMED)
    if "TF_CONFIG" not in os.environ:
        return int(os.environ["SLURM_PROCID"]), int(os.environ["SLURM_STEP_NUM_TASKS"])
    try:
        config = json.loads(os.environ["TF_CONFIG"])
        tasks = [(kind, index) for kind in ("chief", "worker") for index in range(len(config["cluster"].get(kind, [])))]
        return tasks.index((config["task"]["type"], int(config["task"]["index"]))), len(tasks)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise UserError(
            f"TF_CONFIG is {os.environ['TF_CONFIG']}, expected a cluster of workers, possibly with a chief, and one of "
            "them as its task"
        ) from None
