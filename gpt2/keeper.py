"""When a run is saved, and when it goes back to its last save."""

import os
import time

from gpt2 import loading, run_folder, saves
from gpt2.board import Board
from gpt2.schedule import is_time


class Keeper:
    """Keeps a run: its last state, its best weights, the picture of its loss. Only the chief's writes them.

    Attributes:
      saved: the step of the last save.
    """

    def __init__(self, folder: str, flags, state: saves.State, log: run_folder.Log, events: Board | None, say):
        """Of a run that was just begun or restored.

        Args:
          events: the log for TensorBoard, which the chief has.
          say: shows a message.
        """
        self.folder, self.flags, self.state, self.log, self.events, self.say = folder, flags, state, log, events, say
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
            run_folder.draw_loss(self.folder, self.log.records)
            self.events.flush()

    def _try(self, function, *args):
        """What fails is told."""
        try:
            function(*args)
        except (OSError, ValueError) as error:  # Weights that are no numbers: then the next loss is none.
            self.say(f"{error}; training goes on, and tries again at the next save")

    def go_back(self, wrong: str) -> None:
        """Goes back to the last save, since a loss is bad; see `loading.roll_back`."""
        self.rollbacks, self.bad = self.rollbacks + 1, max(self.bad, self.state.step + 1)
        self.say(loading.roll_back(self.flags, self.folder, self.state, self.saved, wrong, self.rollbacks))
        self.saved = self.state.step
        self.log.cut(self.state.step)

    def finish(self) -> None:
        """Saves what was not saved yet."""
        if self.saved != self.state.step:
            self.save()

    def draw(self) -> None:
        """Draws the loss, and says where everything is."""
        if self.events:
            run_folder.draw_loss(self.folder, self.log.records)
            picture = os.path.join(self.folder, "loss.png")
            self.say(f"saved {self.folder} at step {self.state.step}; its loss is drawn in {picture}")
