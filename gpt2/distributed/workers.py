"""The processes that take part in one job, as TF_CONFIG or Slurm tells of them; read without TensorFlow."""

import json
import os

from system.errors import UserError

PATIENCE = 600  # Seconds that a worker waits for others that do not come.
NOTHING_TOLD = "--strategy multi_worker: nothing tells of other machines; set TF_CONFIG, or srun several tasks"
STRATEGIES = ("auto", "one", "mirrored", "multi_worker", "tpu")


def is_multi_worker(strategy: str) -> bool:
    """Whether a --strategy means several processes; training must know before TensorFlow looks for devices."""
    return strategy == "multi_worker" or (strategy == "auto" and tells_of_workers())


def tells_of_workers() -> bool:
    """Whether TF_CONFIG, or Slurm, tells of other processes that take part."""
    return "TF_CONFIG" in os.environ or int(os.environ.get("SLURM_STEP_NUM_TASKS", 1)) > 1


def is_chief(strategy: str) -> bool:
    """Whether this process is the one that writes, alone or the first of several; raises as `find_worker`."""
    return not is_multi_worker(strategy) or find_worker()[0] == 0


def find_worker() -> tuple[int, int]:
    """The number of this process among the workers, from 0, and how many they are.

    Raises:
      ValueError: nothing tells, or TF_CONFIG does not tell of this process.
    """
    if not tells_of_workers():
        raise UserError(NOTHING_TOLD)
    if "TF_CONFIG" not in os.environ:
        return int(os.environ["SLURM_PROCID"]), int(os.environ["SLURM_STEP_NUM_TASKS"])
    try:
        told = json.loads(os.environ["TF_CONFIG"])
        tasks = [(kind, index) for kind in ("chief", "worker") for index in range(len(told["cluster"].get(kind, [])))]
        return tasks.index((told["task"]["type"], int(told["task"]["index"]))), len(tasks)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UserError(
            f"TF_CONFIG is {os.environ['TF_CONFIG']}, expected a cluster of workers, maybe a chief, and one as its task"
        ) from None
