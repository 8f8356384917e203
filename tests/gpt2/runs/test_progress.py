"""The bar of a run where it is looked at, and where it is written into a file."""

import io
import logging
import os
import sys

import pytest

from gpt2.runs import progress
from system import console, machine
from system.console import SCREEN

LOGGER = logging.getLogger("gpt2")
RECORD = {"loss": 3.0, "tokens_per_s": 100.0}


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture(autouse=True)
def shown():
    """The messages of train.py are shown."""
    console.show_messages("train.py")


class Cell(io.StringIO):
    """The output of a notebook's cell, which is no terminal and overwrites lines."""

    __module__ = "ipykernel.iostream"


def draw(monkeypatch, screen):
    monkeypatch.setattr(sys, "stderr", screen)
    bar = progress.progress_bar(steps=10, step=4, shown=True)
    bar.mininterval = 0
    for _ in range(2):
        progress.show_step(bar, [RECORD])
        LOGGER.info("saved")
    bar.close()
    return screen.getvalue()


def test_in_a_file_the_bar_is_lines(monkeypatch):
    lines = draw(monkeypatch, io.StringIO()).splitlines()
    assert all(line and "\r" not in line for line in lines)
    assert "4/10" in lines[0]
    assert "6/10" in lines[-1]
    assert "loss 3.00, mean 3.00, 100 tokens/s, " in lines[-1]
    assert lines.count("train.py: saved") == 2


@pytest.mark.parametrize("screen", [Terminal, Cell])
def test_on_a_terminal_and_in_a_notebook_the_bar_is_one_line_below_the_messages(monkeypatch, screen):
    drawn = draw(monkeypatch, screen())
    lines = drawn.splitlines()
    assert drawn.count("\n") == 3
    assert lines.count("train.py: saved") == 2


@pytest.mark.parametrize("columns", [40, 60, 80, 120])
@pytest.mark.parametrize("steps", [None, 100_000])
def test_the_bar_has_whole_figures_at_any_width(monkeypatch, columns, steps):
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setenv("COLUMNS", str(columns))
    bar = progress.progress_bar(steps=steps, step=0, shown=True)
    bar.update(54_320)
    bar.start_t -= 12_345  # seconds
    progress.show_step(bar, [RECORD | {"val_loss": 3.5, "tokens_per_s": 12_345.0}])
    line = str(bar)
    assert len(line) < columns
    steps, *figures = line.split(", ")
    wanted = ["loss 3.00", "mean 3.00", "held out 3.50", "12,345 tokens/s"]
    assert figures[:4] == wanted[: len(figures)]  # so none is cut
    assert steps.endswith("]")
    assert {60: "mean 3.00", 80: "held out 3.50", 120: " GB"}.get(columns, "") in line


def test_what_goes_to_a_pipe_that_is_gone_goes_nowhere(monkeypatch):
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as screen:
        monkeypatch.setattr(sys, "stderr", screen)
        LOGGER.info("hello")
        SCREEN.flush()
        assert os.fstat(screen.fileno()).st_rdev == os.stat(os.devnull).st_rdev
        assert screen.write("more") == 4  # and closing it is no error either


def test_a_message_to_a_stream_that_was_closed_is_no_error(monkeypatch):
    screen = io.StringIO()
    screen.close()
    monkeypatch.setattr(sys, "stderr", screen)
    LOGGER.info("hello")
    SCREEN.flush()
    assert screen.closed


def test_the_memory_of_the_process_is_known_without_proc_too(monkeypatch):
    known = machine.memory_of_process()
    assert known > 1 << 20

    def no_proc(path, *_):
        raise FileNotFoundError(path)

    monkeypatch.setattr("builtins.open", no_proc)
    assert machine.memory_of_process() == pytest.approx(known, rel=0.1)  # as getrusage says, in pages
    monkeypatch.setitem(sys.modules, "resource", None)
    assert machine.memory_of_process() == 0


def test_memory_that_is_not_known_is_left_out(monkeypatch):
    monkeypatch.setattr(machine, "memory_used", lambda: 0)
    assert "GB" not in draw(monkeypatch, io.StringIO())


def test_a_terminal_that_does_not_know_its_width_has_a_bar_of_80_columns(monkeypatch):
    monkeypatch.setattr(progress.shutil, "get_terminal_size", lambda fallback: os.terminal_size(fallback))
    assert progress.progress_bar(10, 0, shown=True).ncols == 80
