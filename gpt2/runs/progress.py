"""What a run shows on the terminal: messages, and a bar of its steps."""

import itertools
import shutil
import sys
from collections.abc import Sequence

from tqdm import tqdm

from gpt2.runs import log
from system import machine
from system.console import SCREEN, overwrites_lines, printing_to

KNOWN_END = "{n_fmt}/{total_fmt} [{elapsed}<{remaining}]{postfix}"
NO_END = "step {n_fmt} [{elapsed}]{postfix}"
RECENT = (
    10_000  # Steps after which a held-out loss is no news; looking through a week of them at each step takes too long.
)


def progress_bar(steps: int | None, step: int, shown: bool) -> tqdm:
    """A line of steps, with the time left if their number is known: without a drawing, so that it fits 60 columns."""
    every = 0.5 if overwrites_lines() else 30.0
    often = {"mininterval": every, "maxinterval": every}
    columns = shutil.get_terminal_size((0, 0)).columns
    width: dict = {"dynamic_ncols": True} if columns else {"ncols": 80}  # 0 is what a container may say.
    how = width | {"bar_format": KNOWN_END if steps else NO_END, "disable": not shown, "file": SCREEN}
    return tqdm(total=steps, initial=step, unit="step", **how, **often)


def print_above(bar: tqdm, text: str) -> None:
    """Prints a result above the bar."""
    bar.clear()
    with printing_to(sys.stdout):
        print(text, flush=True)
    bar.refresh()


def show_step(bar: tqdm, records: Sequence[dict]) -> None:
    """Moves the bar by one step: loss, its mean over the last steps, held-out loss, tokens a second, memory.

    A narrow terminal shows the first of them.
    """
    figures = [f"loss {records[-1]['loss']:.2f}", f"mean {log.smoothed(records):.2f}"]
    newest = itertools.islice(reversed(records), RECENT)
    validated = next((record for record in newest if "val_loss" in record), None)
    if validated:
        figures.append(f"held out {validated['val_loss']:.2f}")
    figures.append(f"{records[-1]['tokens_per_s']:,.0f} tokens/s")
    if used := machine.memory_used():
        figures.append(f"{used / 1e9:.1f} GB")
    bar.set_postfix_str(", ".join(fitting(figures, bar)), refresh=False)
    bar.update()


def fitting(figures: Sequence[str], bar: tqdm) -> Sequence[str]:
    """The first figures, as many as the terminal has columns for beside the steps; in a file all of them."""
    if not overwrites_lines():
        return figures
    meter = bar.format_dict | {"postfix": None, "ncols": None}
    room = shutil.get_terminal_size().columns - 1 - len(bar.format_meter(**meter))
    lengths = itertools.accumulate(len(figure) + 2 for figure in figures)
    return [figure for figure, length in zip(figures, lengths, strict=True) if length <= room]
