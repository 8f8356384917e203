"""When something is due, and the learning rate of each step: a warm-up, then constant or falling to nothing."""

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


def is_time(every: int, step: int) -> bool:
    """Whether something done every so many steps, 0 being never, is due."""
    return every > 0 and step % every == 0


def steps_at_once(flags, step: int, steps: int | None) -> int:
    """How many steps may be taken before something else is due."""
    intervals = [flags.save_every, flags.val_every, flags.sample_every, *([flags.swarm_every] if flags.swarm else [])]
    dues = [every - step % every for every in intervals if every]
    return min([flags.steps_per_call, *dues, *([] if steps is None else [steps - step])])
