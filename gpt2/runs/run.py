"""When a run is saved, and when it goes back to its last save."""

import logging
import os
import time

from gpt2 import checkpoint, checkpoint_paths
from gpt2.runs import pictures, saves
from gpt2.runs.log import Log
from gpt2.runs.pictures import Board
from gpt2.training.schedule import is_time
from system.errors import UserError

logger = logging.getLogger("gpt2")

ROLLBACKS = 3  # In a row, after which going back does not help.


class Run:
    """Keeps a run: its last state, its best weights, the picture of its loss. Only the chief's writes them.

    Attributes:
      saved: the step of the last save.
    """

    def __init__(self, folder: str, flags, state: saves.State, log: Log, events: Board | None):
        """Of a run that was just begun or restored.

        Args:
          events: the log for TensorBoard, which the chief has.
        """
        self.folder, self.flags, self.state, self.log, self.events = folder, flags, state, log, events
        self.saved, self.saved_at = state.step, time.monotonic()
        self.rollbacks, self.bad = 0, 0  # how many without getting past the step whose loss was bad
        if events and state.step == 0:
            saves.forget_best(folder)  # That of a try that came to no save.

    def save(self) -> None:
        """Saves all that the run goes on from.

        Raises:
          OSError, ValueError: as of `saves.save`; the save before still counts.
        """
        self.saved_at = time.monotonic()
        self.log.flush()
        if self.events:
            saves.save(self.folder, self.state, self.flags.keep, self.flags.keep_hours)
        self.saved = self.state.step
        if self.saved >= self.bad:
            self.rollbacks = 0

    def save_if_due(self, record: dict) -> None:
        """What is due after the step of this record: a save, or the name of the best."""
        minutes = self.flags.save_minutes
        is_late = minutes is not None and time.monotonic() - self.saved_at >= 60 * minutes
        if is_time(self.flags.save_every, self.state.step) or is_late:
            self._try(self._save_and_draw)
        if self.events and "val_loss" in record and record["val_loss"] < saves.best_loss(self.folder):
            is_saved = self.saved == self.state.step
            self._try(saves.save_best, self.folder, self.state, record["val_loss"], is_saved)

    def _save_and_draw(self):
        self.save()
        if self.events:
            pictures.draw_loss(self.folder, self.log.records)
            self.events.flush()

    def _try(self, function, *args):
        """What fails is told."""
        try:
            function(*args)
        except (OSError, ValueError) as error:  # Weights that are no numbers: then the next loss is none.
            logger.info(f"{error}; training goes on, and tries again at the next save")

    def go_back(self, wrong: str) -> None:
        """Goes back to the last save, since a loss is bad; see `run.roll_back`."""
        self.rollbacks, self.bad = self.rollbacks + 1, max(self.bad, self.state.step + 1)
        logger.info(roll_back(self.flags, self.folder, self.state, self.saved, wrong, self.rollbacks))
        self.saved = self.state.step
        self.log.cut(self.state.step)

    def finish(self) -> None:
        """Saves what was not saved yet."""
        if self.saved != self.state.step:
            self.save()

    def draw(self) -> None:
        """Draws the loss, and says where everything is."""
        if self.events:
            pictures.draw_loss(self.folder, self.log.records)
            picture = os.path.join(self.folder, "loss.png")
            logger.info(f"saved {self.folder} at step {self.state.step}; its loss is drawn in {picture}")


def roll_back(flags, folder: str, state: saves.State, saved: int, wrong: str, times: int) -> str:
    """Goes back to the last save after a bad loss, and leaves out the windows up to it; gives a line that says so.

    Args:
      saved: the step of that save, which is not the last in the folder where that was found to be bad.
      times: how many roll backs in a row this is.
    Raises:
      ValueError: that is not wanted, not possible, or has not helped.
    """
    bad = state.step + 1
    what = f"the loss at step {bad} {wrong}"
    save = checkpoint_paths.last_save(folder)
    if save is None:
        raise UserError(f"{what}; nothing was saved yet, begin again with a lower --learning_rate")
    if flags.on_bad_loss == "stop" or times > ROLLBACKS:
        again = f", after going back {ROLLBACKS} times" if times > ROLLBACKS else ""
        other = "" if flags.on_bad_loss == "roll_back" else ", or with --on_bad_loss roll_back"
        raise UserError(
            f"{what}{again}; the save of step {saved} is untouched, go on from it with a lower --learning_rate{other}"
        )
    used = state.windows
    # Bad at once, twice, on other windows: so it is the weights.
    last = saved - 1 if times > 1 and state.step == saved else saved
    for prefix in saves.good_saves(save):
        if checkpoint_paths.step_of(prefix) <= last:
            try:
                checkpoint.assign(state.model.weights, prefix)
                saves.restore_state(prefix, state)
                break
            except (ValueError, OSError):
                continue  # It was damaged since.
    else:
        raise UserError(f"{what}, and no save is left to go back to; begin again with a lower --learning_rate")
    state.windows, state.left_out = used, state.left_out + used - state.windows
    return f"{what}; back to the save of step {state.step}, and on with other windows"
