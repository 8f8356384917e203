"""A run while it trains: what it has logged, when it is saved, and when it returns to its last save."""

import logging
import math
import os
import time
from collections.abc import Callable

from gpt2 import checkpoint, checkpoint_paths
from gpt2.distributed.replicas import Replicas
from gpt2.runs import log, pictures, progress, saves
from gpt2.runs.settings import Settings
from gpt2.training.schedule import is_time
from system.errors import UserError

logger = logging.getLogger("gpt2")

ROLLBACKS = 3  # In a row, after which going back does not help.


class Run:
    """The state of a run, its log and its saves. Only the chief saves; every worker has a log of its own.

    Attributes:
      saved: the step of the last save.
    """

    def __init__(self, settings: Settings, state: saves.State, replicas: Replicas, end: int | None):
        """A run that was just begun or restored.

        Args:
          end: the step at which it ends, None for never.
        """
        self.settings, self.state, self.end, self.folder = settings, state, end, settings.folder
        name = "log.jsonl" if replicas.is_chief else f"log-worker-{replicas.worker}.jsonl"
        self.log = log.Log(self.folder, state.step, name)
        self.board = pictures.Board(self.folder) if replicas.is_chief else None
        self.saved, self.saved_at = state.step, time.monotonic()
        self.rollbacks, self.bad = 0, 0  # how many without getting past the step whose loss was bad
        self.is_stale = False
        if replicas.is_chief and state.step == 0:
            saves.forget_best(self.folder)  # The best of an earlier attempt that never reached a save.
        self.bar = progress.progress_bar(end, state.step, shown=replicas.is_chief)

    @property
    def step(self) -> int:
        """How many steps the run has made."""
        return self.state.step

    def is_over(self) -> bool:
        """Whether the run has reached its end, or does not get better any more."""
        return self.step == self.end or self.is_stale

    def steps_until_due(self) -> int:
        """How many steps may be taken at once: until something else is due, at most --steps_per_call."""
        settings = self.settings
        intervals = [settings.save_every, settings.val_every, settings.sample_every]
        intervals += [settings.swarm_every] if settings.swarm else []
        dues = [every - self.step % every for every in intervals if every]
        return min([settings.steps_per_call, *dues, *([] if self.end is None else [self.end - self.step])])

    def count(self, record: dict) -> str | None:
        """Counts a step and the windows that it used; if its loss is bad, only the windows, and returns what is bad."""
        self.state.windows += self.settings.windows_per_step
        if wrong := log.trouble(record["loss"], self.log.records, self.settings.loss_jump):
            return wrong
        self.state.step, self.state.updates = self.step + 1, self.state.updates + 1
        return None

    def judge(self, record: dict) -> str | None:
        """What is bad about the loss on held-out text, if anything."""
        loss = record.get("val_loss", 0.0)
        return None if math.isfinite(loss) else f"is {loss} on held-out text"

    def note(self, record: dict) -> None:
        """Logs and shows the record of a step."""
        self.log.append(record)
        progress.show_step(self.bar, self.log.records)
        if self.board:
            self.board.scalars(record)
        self.is_stale = "val_loss" in record and log.is_stale(self.log.records, self.settings.patience)

    def show(self, samples: str) -> None:
        """Shows samples above the bar and in TensorBoard."""
        if self.board:
            self.board.text(self.step, "samples", samples)
        progress.print_above(self.bar, samples)

    def save(self) -> None:
        """Saves everything from which the run can be resumed.

        Raises:
          OSError, UserError: see `saves.save`; the save before still counts.
        """
        self.saved_at = time.monotonic()
        self.log.flush()
        if self.board:
            saves.save(self.folder, self.state, self.settings.keep, self.settings.keep_hours)
        self.saved = self.step
        if self.saved >= self.bad:
            self.rollbacks = 0

    def save_if_due(self, record: dict) -> None:
        """Saves what is due after the step of this record: the run, and the weights that are the best so far."""
        minutes = self.settings.save_minutes
        is_late = minutes is not None and time.monotonic() - self.saved_at >= 60 * minutes
        if is_time(self.settings.save_every, self.step) or is_late:
            self._try(self._save_and_draw)
        if self.board and "val_loss" in record and record["val_loss"] < saves.best_loss(self.folder):
            is_saved = self.saved == self.step
            self._try(lambda: saves.save_best(self.folder, self.state, record["val_loss"], is_saved))

    def _save_and_draw(self) -> None:
        self.save()
        if self.board:
            pictures.draw_loss(self.folder, self.log.records)
            self.board.flush()

    def _try(self, function: Callable[[], None]) -> None:
        """Calls a function, and reports it if that fails."""
        try:
            function()
        except (OSError, ValueError) as error:  # ValueError: weights that are NaN; then the next loss is bad.
            logger.info(f"{error}; training continues, and tries again at the next save")

    def go_back(self, bad: str) -> None:
        """Returns to the last save, because a loss is bad, and leaves out the windows up to it.

        Raises:
          UserError: that is not wanted, not possible, or has not helped.
        """
        step = self.step + 1
        self.rollbacks, self.bad = self.rollbacks + 1, max(self.bad, step)
        what = f"the loss at step {step} {bad}"
        save = checkpoint_paths.last_save(self.folder)
        if save is None:
            raise UserError(f"{what}; nothing was saved yet, begin again with a lower --learning_rate")
        wanted = self.settings.on_bad_loss == "roll_back"
        if not wanted or self.rollbacks > ROLLBACKS:
            again = f", after going back {ROLLBACKS} times" if self.rollbacks > ROLLBACKS else ""
            other = "" if wanted else ", or with --on_bad_loss roll_back"
            raise UserError(
                f"{what}{again}; the save of step {self.saved} is untouched, resume it with a lower "
                f"--learning_rate{other}"
            )
        if not self._restore(save):
            raise UserError(f"{what}, and no save is left to return to; begin again with a lower --learning_rate")
        logger.info(f"{what}; back to the save of step {self.step}, and on with other windows")
        self.saved = self.step
        self.log.cut(self.step)

    def _restore(self, save: str) -> bool:
        """Restores the last save that is good, or one before it, but not the windows used; whether there is one."""
        state, used = self.state, self.state.windows
        # Bad at once, twice, on other windows: so it is the weights that are bad.
        last = self.saved - 1 if self.rollbacks > 1 and self.step == self.saved else self.saved
        for prefix in saves.good_saves(save):
            if checkpoint_paths.step_of(prefix) <= last:
                try:
                    checkpoint.assign(state.model.weights, prefix)
                    saves.restore_state(prefix, state)
                except (ValueError, OSError):
                    continue  # It was damaged since.
                state.windows, state.left_out = used, state.left_out + used - state.windows
                return True
        return False

    def finish(self) -> None:
        """Saves what was not saved yet."""
        self.bar.close()
        if self.is_stale:
            logger.info(f"ends here: not better for {self.settings.patience} validations")
        if self.saved != self.step:
            self.save()

    def draw(self) -> None:
        """Draws the loss, and prints where everything is."""
        if self.board:
            pictures.draw_loss(self.folder, self.log.records)
            picture = os.path.join(self.folder, "loss.png")
            logger.info(f"saved {self.folder} at step {self.step}; its loss is drawn in {picture}")
            if best := log.best(self.log.records):
                logger.info(f"at best {log.held_out_loss(best)}, after step {best['step']:,}")
