"""What the log of a run tells: whether something went wrong, which step was best, whether it still gets better."""

from collections.abc import Sequence

import numpy as np

SMOOTHED = 100  # Steps whose mean stands for the loss, and the fewest after which a jump is told from chance.


def smoothed(records: Sequence[dict]) -> float:
    """The mean loss of the last steps, nats a token."""
    return float(np.mean([record["loss"] for record in records[-SMOOTHED:]]))


def trouble(loss: float, records: Sequence[dict], jump: float) -> str | None:
    """What is wrong with the loss of a step, if anything.

    Args:
      records: of the steps before.
      jump: how many nats it may lie above the mean of the last hundred, 0 for any number.
    """
    if not np.isfinite(loss):
        return f"is {loss}"
    if jump and len(records) >= SMOOTHED and loss > smoothed(records) + jump:
        return f"is {loss:.3f}, more than --loss_jump {jump} above {smoothed(records):.3f}, the mean before it"
    return None


def best(records: Sequence[dict]) -> dict | None:
    """The record of the lowest loss on held-out text, the first of them."""
    validated = [record for record in records if "val_loss" in record]
    return min(validated, key=lambda record: record["val_loss"]) if validated else None


def is_stale(records: Sequence[dict], patience: int) -> bool:
    """Whether so many validations, 0 being never, have brought nothing better."""
    found = best(records)
    if not patience or found is None:
        return False
    return sum("val_loss" in record and record["step"] > found["step"] for record in records) >= patience
