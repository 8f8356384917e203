"""The bar that shows how a run does."""

import sys
from collections.abc import Sequence

from gpt2 import machine, watch


def progress_bar(steps: int | None, step: int, shown: bool):
    """A bar of steps, with the time left where it is known how many."""
    from tqdm import tqdm

    every = 0.5 if sys.stderr.isatty() else 30
    often = {"mininterval": every, "maxinterval": every}
    return tqdm(total=steps, initial=step, unit="step", dynamic_ncols=True, disable=not shown, **often)


def show(bar, records: Sequence[dict]) -> None:
    """Moves the bar one step on: loss, its mean over the last steps, held-out loss, tokens a second, memory."""
    figures = {"loss": f"{records[-1]['loss']:.2f}", "mean": f"{watch.smoothed(records):.2f}"}
    validated = next((record for record in reversed(records) if "val_loss" in record), None)
    if validated:
        figures["held out"] = f"{validated['val_loss']:.2f}"
    figures["tokens/s"] = f"{records[-1]['tokens_per_s']:,.0f}"
    figures["memory"] = f"{machine.memory_used() / 1e9:.1f} GB"
    bar.set_postfix(figures, refresh=False)
    bar.update()
