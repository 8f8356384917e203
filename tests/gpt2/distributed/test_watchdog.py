"""The process beside a worker that waits for others."""

import os

from gpt2.distributed import watchdog


def test_a_worker_that_is_gone_is_not_ended_again(monkeypatch):
    ended: list[tuple] = []
    monkeypatch.setattr(os, "kill", lambda *call: ended.append(call))
    watchdog.main(os.getpid(), 0, ["localhost:1"])  # not the parent of this process
    assert ended == []
