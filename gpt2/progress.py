"""What a run shows on the terminal: messages, and a bar of its steps."""

import contextlib
import itertools
import os
import sys
from collections.abc import Sequence

from tqdm import tqdm

from gpt2 import machine, watch
from gpt2.screen import SCREEN, printing_to

RECENT = 10_000  # Steps, after which a held-out loss is no news; a week has more of them than one wants to look at.


def say(text: str) -> None:
    """A message, away from the results, on a line of its own above the bar."""
    tqdm.write(f"train.py: {text}", file=SCREEN)


def say_at_once(text: str) -> None:
    """The same in the handler of a signal, which may have come while something else was being printed."""
    with contextlib.suppress(OSError):
        os.write(2, f"\ntrain.py: {text}\n".encode())


def progress_bar(steps: int | None, step: int, shown: bool):
    """A bar of steps, with the time left where it is known how many."""
    every = 0.5 if sys.stderr.isatty() else 30
    often = {"mininterval": every, "maxinterval": every}
    return tqdm(total=steps, initial=step, unit="step", dynamic_ncols=True, disable=not shown, file=SCREEN, **often)


def print_above(bar, text: str) -> None:
    """Prints a result above the bar."""
    bar.clear()
    with printing_to(sys.stdout):
        print(text, flush=True)
    bar.refresh()


def show(bar, records: Sequence[dict]) -> None:
    """Moves the bar one step on: loss, its mean over the last steps, held-out loss, tokens a second, memory."""
    figures = {"loss": f"{records[-1]['loss']:.2f}", "mean": f"{watch.smoothed(records):.2f}"}
    newest = itertools.islice(reversed(records), RECENT)
    validated = next((record for record in newest if "val_loss" in record), None)
    if validated:
        figures["held out"] = f"{validated['val_loss']:.2f}"
    figures["tokens/s"] = f"{records[-1]['tokens_per_s']:,.0f}"
    figures["memory"] = f"{machine.memory_used() / 1e9:.1f} GB"
    bar.set_postfix(figures, refresh=False)
    bar.update()
