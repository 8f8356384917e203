"""The process beside a worker that waits for others."""

import os

from gpt2 import waiting


def test_a_worker_that_is_gone_is_not_ended_again(monkeypatch):
    monkeypatch.setattr(os, "kill", lambda *_: 1 / 0)
    waiting.main(os.getpid(), 0, ["localhost:1"])  # not the parent of this process
