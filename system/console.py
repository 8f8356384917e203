"""The terminal, or whatever the standard streams lead to. Neither a closed nor a full one ends the work."""

import contextlib
import errno
import os
import sys

from tqdm import tqdm

from system import process


@contextlib.contextmanager
def printing_to(stream):
    """Lets what cannot be printed go nowhere, and, where the terminal or the pipe is gone, all that comes after it."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.EPIPE, errno.EIO):
            process.silence(stream.fileno())
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


def say(text: str) -> None:
    """A message, away from the results, on a line of its own above the bar."""
    tqdm.write(f"train.py: {text}", file=SCREEN)


def say_at_once(text: str) -> None:
    """The same in the handler of a signal, which may have come while something else was being printed."""
    with contextlib.suppress(OSError):
        os.write(2, f"\ntrain.py: {text}\n".encode())
