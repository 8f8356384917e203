"""What the tests of models/download.py share: a server of the reference model, and a folder to download into."""

import json
import os
import sys
import types

import pytest
from conftest import ROOT
from misbehaving_server import ALL, MORE_TRIES, Server

from gpt2 import hparams
from models import download
from system import command_line, fetch


@pytest.fixture(scope="module")
def reference():
    """The content of each file of the reference model."""
    return {name: (ROOT / "tests" / "reference" / "tiny" / name).read_bytes() for name in ALL}


@pytest.fixture
def start_server(reference):
    """Starts servers of the reference model, with HTTPS if given a context."""
    servers = []

    def start(context=None):
        servers.append(Server(dict(reference), context))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def server(start_server):
    return start_server()


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch):
    for name in os.environ:
        if name.upper() in (
            "HTTP_PROXY",
            "HTTPS_PROXY",
            "ALL_PROXY",
            "NO_PROXY",
            "REQUESTS_CA_BUNDLE",
            "CURL_CA_BUNDLE",
        ):
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def small_models(monkeypatch, reference):
    """All the models have the sizes of the reference one, and nobody waits."""
    sizes = hparams.HParams(**json.loads(reference["hparams.json"]))
    for name in hparams.MODELS:
        monkeypatch.setitem(hparams.MODELS, name, sizes)
    monkeypatch.setattr(fetch, "TRIES", 1 + MORE_TRIES)
    monkeypatch.setattr(fetch, "BACKOFF", 0)


@pytest.fixture
def little_patience(monkeypatch):
    """A server that is silent for a moment counts as silent."""
    monkeypatch.setattr(fetch, "TIMEOUTS", (0.3, 0.3))


@pytest.fixture
def weights(monkeypatch):
    """In place of reading the weights: what it finds wrong with them, and the files that were there when it looked."""
    check = types.SimpleNamespace(faults=[], seen=[])

    def weights_fault(folder, hparams):
        check.seen.append(sorted(os.listdir(folder)))
        return check.faults.pop(0) if check.faults else ""

    monkeypatch.setattr(download, "weights_fault", weights_fault)
    return check


@pytest.fixture
def command(monkeypatch, capsys, tmp_path):
    """Runs the script with these arguments in an empty folder; the outcome has status, out, err and the last line."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["download.py", *map(str, arguments)])
        status: object = 0
        try:
            command_line.run(download.main)
        except SystemExit as end:
            status = end.code
        out, err = capsys.readouterr()
        return types.SimpleNamespace(status=status, out=out, err=err, last=(err.splitlines() or [""])[-1])

    return run


@pytest.fixture
def good_folder(tmp_path, reference):
    """models/124M, whole."""
    folder = tmp_path / "models" / "124M"
    folder.mkdir(parents=True)
    for name, content in reference.items():
        (folder / name).write_bytes(content)
    return folder
