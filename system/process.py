"""This process: its standard streams, its memory pages, its restart."""

import io
import os
import sys
import typing


def open_closed_streams() -> None:
    """Opens standard streams that were closed when the process started, as a daemon's may be; they lead nowhere."""
    for stream, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, stream) is None:
            setattr(sys, stream, open(os.devnull, mode))  # noqa: SIM115  open as long as the process


def replace_what_cannot_be_shown() -> None:
    """Prints `?` for letters that a terminal or a file without UTF-8 cannot show: none of them ends the work."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def silence(descriptor: int) -> None:
    """Discards all later output to an open file, and buffered output, which would fail when the process ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)


def start_with_huge_pages() -> None:
    """Starts this process again, if need be, with memory in pages of 2 MB, from which weights are read faster.

    Linux gives such pages on request, and glibc requests them if a variable is set before the process starts.
    """
    if sys.platform == "linux" and "GLIBC_TUNABLES" not in os.environ:
        os.environ["GLIBC_TUNABLES"] = "glibc.malloc.hugetlb=1"
        start_again()


def start_again() -> typing.NoReturn:
    """Runs the same command again in this process, with the environment as it is now."""
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
