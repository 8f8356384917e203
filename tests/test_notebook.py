"""The notebook runs from its first cell to its last, and a cell that trains can be interrupted."""

import os
import re
import time

import jupytext
import nbclient
import nbformat
import pytest
from conftest import ROOT, poem
from jupyter_client.manager import start_new_kernel

NOTEBOOK = ROOT / "docs" / "poet.ipynb"
PREPARE = "import gpt2\ngpt2.prepare('verse', 'mine.npz', model_name='small', held_out=0.2)"
TRAIN = "import signal\nbefore = signal.getsignal(signal.SIGINT)\n"
TRAIN += "step = gpt2.train(dataset='mine.npz', model_name='small', run_name='mine', steps={steps}).step"


@pytest.fixture(autouse=True)
def environment(tmp_path, monkeypatch):
    """What a kernel needs to find the project, and a cache of its own."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_the_notebook_and_its_text_agree():
    notebook, text = nbformat.read(NOTEBOOK, 4), jupytext.read(ROOT / "docs" / "poet.py")
    assert [(cell.cell_type, cell.source) for cell in notebook.cells] == [
        (cell.cell_type, cell.source) for cell in text.cells
    ]


def test_no_results_are_stored_in_the_notebook():
    cells = [cell for cell in nbformat.read(NOTEBOOK, 4).cells if cell.cell_type == "code"]
    assert not any(cell.outputs or cell.execution_count for cell in cells)


def printed(cell, stream):
    """What a cell has printed."""
    return "".join(output.text for output in cell.outputs if output.get("name") == stream)


@pytest.mark.slow
def test_the_notebook_runs(tmp_path):
    notebook = nbformat.read(NOTEBOOK, 4)
    nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    (trains,) = (cell for cell in code if "gpt2.train(" in cell.source)
    assert re.search(r"^20 steps; the loss fell from \d\.\d\d to \d\.\d\d$", printed(trains, "stdout"), re.M)
    bars = [line for line in printed(trains, "stderr").split("\n") if "/20 [" in line]
    assert len(bars) == 1  # in which each state of the bar
    assert len(re.findall(r"\r\d+/20 \[", bars[0])) > 2
    assert "gpt2: saved checkpoint/mine at step 20" in printed(trains, "stderr")
    assert {"liked.txt", "mine.npz", "my-poet", "verse"} <= set(os.listdir(tmp_path / "workshop"))


class Kernel:
    """A kernel of Jupyter in a folder."""

    def __init__(self, client, manager):
        self.client, self.manager = client, manager

    def run(self, code):
        """Starts a cell."""
        return self.client.execute(code)

    def result(self, cell):
        """The error that a cell ended in, or `ok`."""
        while True:
            reply = self.client.get_shell_msg(timeout=120)
            if reply["parent_header"]["msg_id"] == cell:
                return reply["content"].get("ename", "ok")

    def wait_for(self, path):
        """Waits until there is something in a file."""
        end = time.monotonic() + 120
        while not (path.exists() and path.stat().st_size):
            assert time.monotonic() < end, f"{path} was not written"
            time.sleep(0.05)

    def value(self, expression):
        """What an expression is worth, as text."""
        cell = self.client.execute("", user_expressions={"value": expression})
        while True:
            reply = self.client.get_shell_msg(timeout=120)
            if reply["parent_header"]["msg_id"] == cell:
                return reply["content"]["user_expressions"]["value"]["data"]["text/plain"]


@pytest.fixture
def kernel(place):
    (place / "verse").mkdir()
    for number in range(20):
        (place / "verse" / f"{number}.txt").write_text(poem(number))
    manager, client = start_new_kernel(cwd=str(place))
    yield Kernel(client, manager)
    client.stop_channels()
    manager.shutdown_kernel(now=True)


@pytest.mark.slow
def test_an_interrupted_cell_saves_and_the_next_one_can_be_interrupted(kernel, place):
    assert kernel.result(kernel.run(PREPARE)) == "ok"
    cell = kernel.run(TRAIN.format(steps=1_000_000))
    kernel.wait_for(place / "checkpoint" / "mine" / "log.jsonl")
    kernel.manager.interrupt_kernel()
    assert kernel.result(cell) == "ok"
    step = int(kernel.value("step"))
    assert 0 < step < 1_000_000
    assert (place / "checkpoint" / "mine" / f"model-{step}.index").exists()
    assert kernel.value("signal.getsignal(signal.SIGINT) is before") == "True"
    cell = kernel.run("import pathlib, time\npathlib.Path('sleeps').write_text('now')\ntime.sleep(600)")
    kernel.wait_for(place / "sleeps")
    kernel.manager.interrupt_kernel()
    assert kernel.result(cell) == "KeyboardInterrupt"
    assert kernel.result(kernel.run(TRAIN.format(steps=step + 1))) == "ok"
    assert int(kernel.value("step")) == step + 1
