"""This process: its standard streams, its memory pages, its restart."""

import os
import sys
import typing


def open_closed_streams() -> None:
    """Gives a process that was started with closed standard streams, as a daemon may be, ones that lead nowhere."""
    for stream, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, stream) is None:
            setattr(sys, stream, open(os.devnull, mode))  # noqa: SIM115  open as long as the process


def silence(descriptor: int) -> None:
    """Lets all that comes to an open file go nowhere, also what is buffered, which would fail when the process ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)


def start_with_huge_pages() -> None:
    """Starts this process again, if need be, with memory in pages of 2 MB: weights are read faster out of these.

    Linux hands them out to who asks, and glibc asks if it is told to before the process starts.
    """
    if sys.platform == "linux" and "GLIBC_TUNABLES" not in os.environ:
        os.environ["GLIBC_TUNABLES"] = "glibc.malloc.hugetlb=1"
        start_again()


def start_again() -> typing.NoReturn:
    """Lets the same command begin anew in this process, with the environment as it is now."""
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
