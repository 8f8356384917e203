"""When something is due, and the learning rate of each step: a warm-up, then constant or falling to nothing."""

import math
import typing
from typing import Literal

Kind = Literal["constant", "linear", "cosine", "wsd"]
SCHEDULES: tuple[Kind, ...] = typing.get_args(Kind)


def learning_rate_at(
    step: int,
    peak: float,
    schedule: Kind = "constant",
    warmup: int = 0,
    steps: int | None = None,
    *,
    decay: float = 0.2,
) -> float:
    """The learning rate of the update that follows `step` others.

    It rises linearly over the first `warmup` updates to the peak. After those it is constant, or falls to 0 at `steps`:
    linearly, along half a cosine (Loshchilov and Hutter, "SGDR", ICLR 2017, equation 5), or, as wsd, from the last
    share `decay` of the steps on, by one minus a square root (Hägele et al., "Scaling Laws and Compute-Optimal Training
    Beyond Fixed Training Durations", 2024, section 3). Without `steps`, wsd stays constant.
    """
    if step < warmup:
        return peak * (step + 1) / warmup
    if schedule == "constant" or (schedule == "wsd" and steps is None):
        return peak
    assert steps is not None, f"a {schedule} schedule needs its end"
    start = max(warmup, steps - round(decay * steps)) if schedule == "wsd" else warmup
    done = min(1.0, max(0, step - start) / max(1, steps - start))
    shapes = {"linear": 1 - done, "cosine": (1 + math.cos(math.pi * done)) / 2, "wsd": 1 - math.sqrt(done)}
    return peak * shapes[schedule]


def is_time(every: int, step: int) -> bool:
    """Whether something that is done every `every` steps is due; 0 is never."""
    return every > 0 and step % every == 0
