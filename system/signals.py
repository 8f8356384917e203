"""Ctrl-C and SIGTERM end a loop after its step."""

import contextlib
import signal
import types
from collections.abc import Iterator

from system import console


@contextlib.contextmanager
def catching_signals() -> Iterator[list[int]]:
    """Gives a list to which Ctrl-C, SIGTERM or SIGHUP is added, so that a loop can end after its step; a second one
    ends it at once. Afterwards signals do what they did before.
    """
    caught: list[int] = []

    def catch(number: int, frame: types.FrameType | None) -> None:
        if caught:
            raise KeyboardInterrupt
        caught.append(number)
        console.print_at_once("saving after this step; once more to end at once, without")

    before = {}
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):  # SIGHUP, the terminal is gone, is not on Windows.
        number = getattr(signal, name, None)
        # nohup asks for it not to matter that the terminal is gone.
        if number and not (name == "SIGHUP" and signal.getsignal(number) is signal.SIG_IGN):
            before[number] = signal.signal(number, catch)
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)
