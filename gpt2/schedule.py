"""The learning rate of each step: a warm-up, then constant or falling to nothing at the last step."""

import math

SCHEDULES = ("constant", "linear", "cosine")


def learning_rate_at(step: int, peak: float, schedule: str = "constant", warmup: int = 0, steps: int | None = None):
    """The rate of the update that follows on `step` others.

    It rises evenly over the first `warmup` updates to the peak. From there it stays, or falls, evenly or along half a
    cosine (Loshchilov and Hutter, "SGDR", ICLR 2017, equation 5), so that it would be 0 at `steps`.
    """
    if step < warmup:
        return peak * (step + 1) / warmup
    if schedule == "constant":
        return peak
    assert steps is not None, f"a {schedule} schedule needs its end"
    done = min(1.0, (step - warmup) / max(1, steps - warmup))
    return peak * (1 - done) if schedule == "linear" else peak * (1 + math.cos(math.pi * done)) / 2
