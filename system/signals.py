"""Ctrl-C and SIGTERM end a loop after its step."""

import signal
import types

from system import console


def catch_signals() -> list[int]:
    """A list to which Ctrl-C, SIGTERM or SIGHUP is added, so that a loop can end after its step; a second one ends it
    at once.
    """
    caught: list[int] = []

    def catch(number: int, frame: types.FrameType | None) -> None:
        if caught:
            raise KeyboardInterrupt
        caught.append(number)
        console.print_at_once("saving after this step; once more to end at once, without")

    for name in ("SIGINT", "SIGTERM", "SIGHUP"):  # SIGHUP, the terminal is gone, is not on Windows.
        number = getattr(signal, name, None)
        # nohup asks for it not to matter that the terminal is gone.
        if number and not (name == "SIGHUP" and signal.getsignal(number) is signal.SIG_IGN):
            signal.signal(number, catch)
    return caught
