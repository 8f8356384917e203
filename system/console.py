"""The terminal, or wherever the standard streams lead. Closing it, or filling a disk with it, does not end the work."""

import contextlib
import errno
import logging
import os
import sys
from collections.abc import Iterator
from typing import TextIO

from system import process


@contextlib.contextmanager
def printing_to(stream: TextIO) -> Iterator[None]:
    """Swallows output that cannot be printed; once the terminal or the pipe is closed, all later output too."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.EPIPE, errno.EIO):
            process.silence(stream.fileno())
    except ValueError:
        pass  # This process has closed the stream.


def overwrites_lines() -> bool:
    """Whether standard error shows a line over the one before it: a terminal, or the output of a notebook's cell."""
    return sys.stderr.isatty() or type(sys.stderr).__module__.startswith("ipykernel.")


class Screen:
    """Standard error for a bar: where no line is overwritten, separate lines in place of a single one."""

    def write(self, text: str) -> None:
        """Prints a part of the bar, as far as it can be printed."""
        with printing_to(sys.stderr):
            if not overwrites_lines():
                text = text.strip("\r\n ") and text.strip("\r\n ") + "\n"
            sys.stderr.write(text)

    def flush(self) -> None:
        """Shows what was written."""
        with printing_to(sys.stderr):
            sys.stderr.flush()

    def __getattr__(self, name: str) -> object:
        return getattr(sys.stderr, name)  # its width, its letters, whether it is a terminal


SCREEN = Screen()


class Messages(logging.Handler):
    """Prints what the project logs on standard error: `SCRIPT: message`, on a line of its own above a bar."""

    def __init__(self, script: str):
        super().__init__()
        self.script = script

    def emit(self, record: logging.LogRecord) -> None:
        """Prints one message."""
        from tqdm import tqdm  # here, so that --help need not wait for it

        tqdm.write(f"{self.script}: {record.getMessage()}", file=SCREEN)


def show_messages(script: str) -> None:
    """Prints the messages of the logger `gpt2` from now on, each after the name of the script."""
    logger = logging.getLogger("gpt2")
    logger.handlers = [Messages(script)]
    logger.setLevel(logging.INFO)
    logger.propagate = False  # A handler of TensorFlow's or of a notebook would print each one twice.


def show_messages_in_python() -> None:
    """Prints the messages of the logger `gpt2` after that name, unless the program has set the logger itself."""
    logger = logging.getLogger("gpt2")
    if logger.level == logging.NOTSET and not logger.isEnabledFor(logging.INFO):
        show_messages("gpt2")


def print_at_once(text: str) -> None:
    """Prints a message in the handler of a signal, which may have come while something else was being printed."""
    shown = (handler.script for handler in logging.getLogger("gpt2").handlers if isinstance(handler, Messages))
    with contextlib.suppress(OSError):
        os.write(2, f"\n{next(shown, 'gpt2')}: {text}\n".encode())
