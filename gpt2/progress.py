"""What a run shows on the terminal: messages, and a bar of its steps. Neither a closed nor a full one ends training."""

import contextlib
import errno
import os
import sys
from collections.abc import Sequence

from tqdm import tqdm

from gpt2 import command_line, machine, watch


def say(text: str) -> None:
    """A message, away from the results, on a line of its own above the bar."""
    tqdm.write(f"train.py: {text}", file=SCREEN)


def say_at_once(text: str) -> None:
    """The same in the handler of a signal, which may have come while something else was being printed."""
    with contextlib.suppress(OSError):
        os.write(2, f"\ntrain.py: {text}\n".encode())


@contextlib.contextmanager
def printing_to(stream):
    """Lets what cannot be printed go nowhere, and, where the terminal or the pipe is gone, all that comes after it."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.EPIPE, errno.EIO):
            command_line.silence(stream.fileno())
    except ValueError:
        pass  # It was closed by this process.


class Screen:
    """Standard error for a bar: lines in place of a line that is written over and over, where it is no terminal."""

    def write(self, text: str) -> None:
        """Prints a part of the bar, as far as it can be printed."""
        with printing_to(sys.stderr):
            if not sys.stderr.isatty():
                text = text.strip("\r\n ") and text.strip("\r\n ") + "\n"
            sys.stderr.write(text)

    def flush(self) -> None:
        """Shows it."""
        with printing_to(sys.stderr):
            sys.stderr.flush()

    def __getattr__(self, name):
        return getattr(sys.stderr, name)  # its width, its letters, whether it is a terminal


SCREEN = Screen()


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
    validated = next((record for record in reversed(records) if "val_loss" in record), None)
    if validated:
        figures["held out"] = f"{validated['val_loss']:.2f}"
    figures["tokens/s"] = f"{records[-1]['tokens_per_s']:,.0f}"
    figures["memory"] = f"{machine.memory_used() / 1e9:.1f} GB"
    bar.set_postfix(figures, refresh=False)
    bar.update()
