"""Saves of a run, with all that training needs to continue as if it had not stopped: written, read back, removed.

`model-STEP` holds the weights under OpenAI's names, `state-STEP` the rest. They count once `checkpoint` names them,
which is replaced by one rename. `best`, of the same form, names the weights with the lowest loss on held-out text. Only
weights that one of the two lists are ever removed: everything else in the folder is the user's.
"""

import dataclasses
import os
import re
import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from gpt2 import checkpoint
from gpt2.bundle import read_shapes, read_tensor
from gpt2.checkpoint import in_float32, write_bundle
from gpt2.checkpoint_paths import listed_in, step_of, steps_in, write_pointer
from gpt2.model import GPT2
from system import files
from system.errors import UserError

KEPT_STATES = 2  # The one before the last serves if the last is damaged. A state is twice as large as its weights.
COUNTERS = ("updates", "windows", "left_out")

gfile = tf.io.gfile


@dataclasses.dataclass
class State:
    """All that training changes.

    Attributes:
      slots: of the optimizer, by their names.
      step: how many steps have been made.
      updates: how many of them the state of the optimizer has seen: fewer if that was once lost.
      windows: how many windows were used, including those that were left out.
      left_out: how many windows were left out, because training on them went wrong.
    """

    model: GPT2
    slots: Mapping[str, tf.Variable]
    step: int = 0
    updates: int = 0
    windows: int = 0
    left_out: int = 0

    @property
    def windows_used(self) -> int:
        """How many windows the weights were trained on."""
        return self.windows - self.left_out


class Pointer(NamedTuple):
    """A file that names the bundle that counts.

    Attributes:
      name: of the file.
      others: the names of older bundles that are listed.
      note: a line for a reader of the file.
    """

    name: str = "checkpoint"
    others: Iterable[str] = ()
    note: str = ""


def save(folder: str, state: State, kept: int = 5, hours: float = 0) -> None:
    """Saves the weights and all that training needs to continue; then removes the oldest saves, but never the best.

    Args:
      kept: how many of the newest weights are kept; TensorFlow 1's Saver keeps 5.
      hours: one save is kept permanently every this many hours, 0 for none.
    Raises:
      UserError: a weight is NaN or infinite; the save before still counts.
      OSError: it cannot be written, or reads back as something else; the save before still counts.
    """
    check_finite({**state.model.weights, **state.slots}, state.step)
    name = f"model-{state.step}"
    counters = {counter: np.int64(getattr(state, counter)) for counter in COUNTERS}
    # The state first: weights that a crash left unlisted have one beside them, and so are known to be ours.
    bundles = {f"state-{state.step}": {**state.slots, **counters}, name: in_float32(state.model.weights)}
    there = {name} & {best_of(folder)}
    if there and not holds(os.path.join(folder, name), bundles[name]):
        gfile.remove(
            os.path.join(folder, "best")
        )  # The run has reached this step with other weights than when these were best.
        there.clear()
    # A list without any state beside it is that of another tool.
    before = listed_in(folder) if steps_in(folder, "state") else []
    older = [other for other in before if other != name]
    write(folder, bundles, f"the save of step {state.step}", Pointer(others=older), there)
    for step in checkpoint.remove_old(folder, "state", min(kept, KEPT_STATES), state.step):
        if f"model-{step}" not in {*older, best_of(folder)}:
            checkpoint.remove(os.path.join(folder, f"model-{step}"))  # of a save that was killed before it counted
    remove_unfinished(folder)
    needed = {f"model-{step}" for step in steps_in(folder, "state")} | {best_of(folder)}
    needed |= {f"model-{step}" for step in spaced(folder, [step_of(name) for name in older], hours) if hours}
    for name in set(older[: max(0, len(older) + 1 - kept)]) - needed:
        checkpoint.remove(os.path.join(folder, name))


def save_best(folder: str, state: State, val_loss: float, is_saved: bool) -> None:
    """Names the weights of this step as the best, and saves them unless they are saved; earlier ones may be removed.

    Raises:
      UserError, OSError: see `save`; the best before is kept.
    """
    name = f"model-{state.step}"
    older = [other for other in listed_in(folder, "best") if other != name]
    pointer = Pointer("best", older, f"val_loss: {val_loss!r}")
    if is_saved:
        write_pointer(folder, name, *pointer)
    else:
        check_finite(state.model.weights, state.step)
        write(folder, {name: in_float32(state.model.weights)}, f"the best step, {state.step}", pointer)
    for other in set(older) - set(listed_in(folder)):
        checkpoint.remove(os.path.join(folder, other))


def forget_best(folder: str) -> None:
    """Removes the best weights of a run that begins again."""
    for name in listed_in(folder, "best"):
        checkpoint.remove(os.path.join(folder, name))
    if files.exists(pointer := os.path.join(folder, "best")):
        files.remove(pointer)


def best_of(folder: str) -> str | None:
    """The name of the best weights; None if there are none yet."""
    return next(reversed(listed_in(folder, "best")), None)


def best_loss(folder: str) -> float:
    """The loss of the best weights on held-out text, nats a token; infinity if there are none yet."""
    if best_of(folder) is None:
        return np.inf
    with files.open_file(os.path.join(folder, "best")) as file:
        noted = re.search(r"^# val_loss: (\S+)", file.read().decode(), re.MULTILINE)
    return float(noted[1]) if noted else np.inf


def write(
    folder: str,
    bundles: Mapping[str, Mapping],
    what: str,
    pointer: Pointer,
    there: Collection[str] = (),
) -> None:
    """Writes bundles, reads them back, and makes the last of them the one that a pointer names.

    Args:
      what: the bundles in words, for the error.
      there: the names of bundles that are written already, and stay.
    Raises:
      OSError: that failed; what was written is removed again, and the pointer still names what it named.
    """
    new = {name: tensors for name, tensors in bundles.items() if name not in there}
    named = list(bundles)[-1]
    try:
        check_space(folder, sum(n_bytes(tensor) for tensors in new.values() for tensor in tensors.values()))
        for name, tensors in new.items():
            write_bundle(os.path.join(folder, name), tensors)
            verify(os.path.join(folder, name), tensors)
        write_pointer(folder, named, *pointer)
    except (tf.errors.OpError, OSError, ValueError) as error:
        if next(reversed(listed_in(folder, pointer.name)), None) != named:
            for name in new:
                checkpoint.remove(os.path.join(folder, name))
        raise OSError(
            f"{folder}: {what} failed ({getattr(error, 'message', None) or error}); the one before it still counts"
        ) from error


def restore_state(prefix: str, state: State) -> bool:
    """Gives a state all but the weights of the save with this prefix.

    Returns:
      Whether the save has a state; if not, as in a run of another tool, the optimizer keeps the one that it has.
    Raises:
      UserError: it is the state of another optimizer, or damaged.
      FileNotFoundError: the state, or a part of it, is not there, in a run that has others.
    """
    state.step = step_of(prefix)
    folder = os.path.dirname(prefix)
    path = os.path.join(folder, f"state-{state.step}")
    if not files.exists(path + ".index"):
        if any(name.startswith("state-") for name in files.list_folder(folder)):
            raise FileNotFoundError(f"{path}.index: no such file; it was removed")
        return False
    found = set(read_shapes(path))
    if found - set(COUNTERS) != set(state.slots):
        raise UserError(
            f"{path}: the state of another optimizer, or of other weights; resume with the flags of the run"
        )
    for name, slot in state.slots.items():
        slot.assign(read_tensor(path, name))
    for name in found.intersection(COUNTERS):
        setattr(state, name, int(read_tensor(path, name)))
    return True


def good_saves(prefix: str) -> Iterator[str]:
    """The prefix of a save, then those of the saves before it that have a state, the newest first."""
    yield prefix
    last = step_of(prefix) if files.exists(prefix + ".index") else np.inf
    for step in reversed(steps_in(os.path.dirname(prefix), "state")):
        earlier = os.path.join(os.path.dirname(prefix), f"model-{step}")
        if step < last and files.exists(earlier + ".index"):
            yield earlier


def check_finite(tensors: Mapping, step: int) -> None:
    """Raises a UserError if a weight, or a slot of the optimizer, is NaN or infinite."""
    for name, weight in tensors.items():
        if not tf.reduce_all(tf.math.is_finite(weight)):
            raise UserError(
                f"{name} is NaN or infinite after step {step}, so it is not saved; the save before it still counts, "
                "resume it with a lower --learning_rate"
            )


def check_space(folder: str, needed: int) -> None:
    """Raises an OSError if a local disk has fewer bytes left."""
    if files.is_remote(folder):
        return
    free = shutil.disk_usage(folder).free
    if free < needed + 2**20:  # and a little for the index and the log
        raise OSError(f"it takes {needed / 1e6:,.1f} MB and {free / 1e6:,.1f} MB are free; make room")


def verify(prefix: str, tensors: Mapping) -> None:
    """Reads a bundle back from the disk, one tensor at a time; raises a UserError if a checksum does not match."""
    if not files.is_remote(prefix) and hasattr(os, "posix_fadvise"):
        for path in gfile.glob(prefix + ".*"):
            with open(path, "rb") as file:  # From the disk, not from the memory of the system.
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    if set(read_shapes(prefix)) != set(tensors):
        raise UserError(f"{prefix}: read back with other tensors than were written")
    for name in tensors:
        read_tensor(prefix, name)


def holds(prefix: str, tensors: Mapping) -> bool:
    """Whether a bundle is there, whole, and has these values."""
    if not files.exists(prefix + ".index"):
        return False
    try:
        same = (np.array_equal(read_tensor(prefix, name), tensor) for name, tensor in tensors.items())
        return set(read_shapes(prefix)) == set(tensors) and all(same)
    except (tf.errors.OpError, OSError, ValueError):
        return False


def remove_unfinished(folder: str) -> None:
    """Removes the files that TensorFlow was writing when it was killed."""
    for name in gfile.listdir(folder):
        if re.match(r"(model|state)-\d+\..*\.tempstate\d+$", name):
            gfile.remove(os.path.join(folder, name))


def spaced(folder: str, steps: Iterable[int], hours: float) -> Iterator[int]:
    """The first of these saves, and each one written at least `hours` after the one returned before."""
    last = -float("inf")
    for step in steps:
        written = gfile.stat(os.path.join(folder, f"model-{step}.index")).mtime_nsec
        if written - last >= hours * 3600e9:
            last = written
            yield step


def n_bytes(tensor: tf.Tensor | tf.Variable | np.ndarray) -> int:
    """What a tensor, variable or array takes on disk."""
    return int(np.prod(tensor.shape)) * np.dtype(tf.as_dtype(tensor.dtype).as_numpy_dtype).itemsize
