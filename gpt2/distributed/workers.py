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
    """Whether TF_CONFIG, or Slurm, names other processes that take part.

    A TF_CONFIG of one worker names none, as clouds set it for a job of one machine.

    Raises:
      UserError: TF_CONFIG is damaged.
    """
    if (config := _config()) is not None:
        return len(_tasks(config)) > 1
    return int(os.environ.get("SLURM_STEP_NUM_TASKS", 1)) > 1


def is_chief(strategy: str) -> bool:
    """Whether this process is the one that writes, alone or the first of several; raises what `find_worker` raises."""
    return not is_multi_worker(strategy) or find_worker()[0] == 0


def find_worker() -> tuple[int, int]:
    """The number of this process among the workers, from 0, and how many there are.

    Raises:
      UserError: nothing names them, or TF_CONFIG does not name this process.
    """
    if (config := _config()) is None:
        if not names_workers():
            raise UserError(NOTHING_NAMED)
        return int(os.environ["SLURM_PROCID"]), int(os.environ["SLURM_STEP_NUM_TASKS"])
    tasks = _tasks(config)
    try:
        return tasks.index((config["task"]["type"], int(config["task"]["index"]))), len(tasks)
    except (ValueError, KeyError, TypeError):
        raise _damaged() from None


def _config() -> dict | None:
    """What TF_CONFIG says; None if it is not set, is empty, or names no cluster."""
    try:
        config = json.loads(os.environ.get("TF_CONFIG", "").strip() or "{}")
    except (ValueError, RecursionError):
        raise _damaged() from None
    if config is not None and not isinstance(config, dict):
        raise _damaged()
    return config if config and config.get("cluster") else None


def _tasks(config: dict) -> list[tuple[str, int]]:
    """The chief, if there is one, and the workers, each with its number among its kind."""
    try:
        kinds = (("chief", config["cluster"].get("chief", [])), ("worker", config["cluster"].get("worker", [])))
        return [(kind, index) for kind, addresses in kinds for index in range(len(addresses))]
    except (TypeError, AttributeError):
        raise _damaged() from None


def _damaged() -> UserError:
    return UserError(
        f"TF_CONFIG is {os.environ['TF_CONFIG'][:1000]}, expected a cluster of workers, possibly with a chief, and one "
        "of them as its task"
    )
