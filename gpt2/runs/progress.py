"""What a run shows on the terminal: messages, and a bar of its steps."""

import itertools
import sys
from collections.abc import Sequence

from tqdm import tqdm

from gpt2.runs import log
from system import machine
from system.console import SCREEN, printing_to

RECENT = (
    10_000  # Steps after which a held-out loss is no news; looking through a week of them at each step takes too long.
)


def progress_bar(steps: int | None, step: int, shown: bool) -> tqdm:
    """A bar of steps, with the time left if their number is known."""
    every = 0.5 if sys.stderr.isatty() else 30.0
    often = {"mininterval": every, "maxinterval": every}
    return tqdm(total=steps, initial=step, unit="step", dynamic_ncols=True, disable=not shown, file=SCREEN, **often)


def print_above(bar: tqdm, text: str) -> None:
    """Prints a result above the bar."""
    bar.clear()
    with printing_to(sys.stdout):
        print(text, flush=True)
    bar.refresh()


def show_step(bar: tqdm, records: Sequence[dict]) -> None:
    """Moves the bar by one step: loss, its mean over the last steps, held-out loss, tokens a second, memory."""
    figures = {"loss": f"{records[-1]['loss']:.2f}", "mean": f"{log.smoothed(records):.2f}"}
    newest = itertools.islice(reversed(records), RECENT)
    validated = next((record for record in newest if "val_loss" in record), None)
    if validated:
        figures["held out"] = f"{validated['val_loss']:.2f}"
    figures["tokens/s"] = f"{records[-1]['tokens_per_s']:,.0f}"
    figures["memory"] = f"{machine.memory_used() / 1e9:.1f} GB"
    bar.set_postfix(figures, refresh=False)
    bar.update()
