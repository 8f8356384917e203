"""Which devices take part, as the environment tells it."""

import json
import socket

import pytest
import tensorflow as tf

from gpt2.distributed import restart, watchdog, workers
from gpt2.distributed import strategy as distribution
from gpt2.distributed.replicas import Replicas
from system.errors import UserError


@pytest.fixture(autouse=True)
def nothing_told(monkeypatch):
    for name in ("TF_CONFIG", "SLURM_STEP_NUM_TASKS"):
        monkeypatch.delenv(name, raising=False)


def test_a_machine_with_one_device_needs_no_strategy():
    replicas = Replicas.find("auto")
    assert replicas.strategy is tf.distribute.get_strategy()
    assert replicas.is_chief
    assert not replicas.has_others
    assert replicas.gather(7) == [7]
    assert replicas.any(True)
    assert not replicas.any(False)


def test_slurm_names_the_workers(monkeypatch, tmp_path):
    (tmp_path / "scontrol").write_text("#!/bin/sh\nprintf 'n1\\nn2\\nn3\\n'\n")  # Slurm's, which spells out a list
    (tmp_path / "scontrol").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    slurm = {"STEP_NUM_TASKS": "3", "STEP_NODELIST": "n[1-3]", "STEP_TASKS_PER_NODE": "1(x3)", "PROCID": "2"}
    for name, value in slurm.items():
        monkeypatch.setenv(f"SLURM_{name}", value)
    assert workers.is_multi_worker("auto")
    assert workers.find_worker() == (2, 3)
    cluster = distribution.find_cluster()
    assert cluster
    addresses = cluster.cluster_spec().as_dict()["worker"]
    assert [address.partition(":")[0] for address in addresses] == ["n1", "n2", "n3"]
    assert cluster.task_id == 2


@pytest.mark.parametrize(
    ("cluster", "task", "found"),
    [
        ({"worker": ["a:1", "b:1"]}, {"type": "worker", "index": 1}, (1, 2)),
        ({"chief": ["a:1"], "worker": ["b:1", "c:1"]}, {"type": "chief", "index": 0}, (0, 3)),
        ({"chief": ["a:1"], "worker": ["b:1", "c:1"]}, {"type": "worker", "index": "1"}, (2, 3)),
    ],
)
def test_tf_config_tells_which_worker_this_is(monkeypatch, cluster, task, found):
    monkeypatch.setenv("TF_CONFIG", json.dumps({"cluster": cluster, "task": task}))
    assert workers.find_worker() == found


@pytest.mark.parametrize("told", ["{", "[]", '{"cluster": {"worker": ["a:1"]}, "task": {"type": "ps", "index": 0}}'])
def test_a_tf_config_that_does_not_tell_is_an_error(monkeypatch, told):
    monkeypatch.setenv("TF_CONFIG", told)
    with pytest.raises(ValueError, match=r"TF_CONFIG is .*, expected a cluster of workers"):
        workers.find_worker()


ALONE = (
    *("", " ", "{}", "null", '{"cluster": {}}', '{"cluster": null}', '{"task": {"type": "worker", "index": 0}}'),
    '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 0}}',
    '{"cluster": {"chief": ["a:1"]}, "task": {"type": "chief", "index": 0}, "environment": "cloud"}',
    '{"cluster": {"chief": ["a:1"], "evaluator": ["b:1"]}, "task": {"type": "chief", "index": 0}}',
)


@pytest.mark.parametrize("told", ALONE)
def test_a_tf_config_of_one_worker_or_none_is_one_process(monkeypatch, told):
    monkeypatch.setenv("TF_CONFIG", told)
    assert not workers.is_multi_worker("auto")
    assert not Replicas.find("auto").has_others


@pytest.mark.parametrize("told", ["{", "7", '"x"', "[" * 100_000, '{"cluster": 5}', '{"cluster": {"worker": 5}}'])
def test_a_damaged_tf_config_is_one_line(monkeypatch, told):
    monkeypatch.setenv("TF_CONFIG", told)
    with pytest.raises(UserError, match=r"TF_CONFIG is .*, expected a cluster of workers"):
        workers.is_multi_worker("auto")


def test_addresses_where_nothing_answers_are_named(unused_port):
    with socket.create_server(("localhost", 0)) as server:
        there = f"localhost:{server.getsockname()[1]}"
        assert watchdog.absent([there, f"localhost:{unused_port}"]) == [f"localhost:{unused_port}"]


@pytest.fixture
def unused_port():
    with socket.create_server(("localhost", 0)) as server:
        return server.getsockname()[1]


def test_workers_that_nothing_tells_of_are_an_error():
    with pytest.raises(ValueError, match="nothing names other machines"):
        distribution.find_strategy("multi_worker")
    with pytest.raises(ValueError, match="nothing names other machines"):
        workers.find_worker()


def test_a_tpu_that_is_not_there_is_told_in_a_line():
    with pytest.raises(ValueError, match="--tpu local: no such TPU") as raised:
        distribution.find_strategy("tpu")
    assert "\n" not in str(raised.value)


def test_workers_that_found_different_saves_restart(monkeypatch):
    replicas = Replicas.find("auto")
    replicas.check_same_step(5, "run1")
    monkeypatch.setattr(replicas, "gather", lambda step: [step, 10])  # another worker has found that of step 10
    with pytest.raises(tf.errors.AbortedError, match=r"saves of steps \[5, 10\]"):
        replicas.check_same_step(5, "run1")


def test_a_worker_restarts_only_ten_times_without_a_step(monkeypatch, messages):
    monkeypatch.setenv("TF_CONFIG", json.dumps({"cluster": {"worker": ["localhost:1", "localhost:2"]}}))
    started: list[tuple] = []
    monkeypatch.setattr(restart.os, "execv", lambda *command: started.append(command))
    monkeypatch.setattr(restart.time, "sleep", lambda seconds: None)
    monkeypatch.delenv(restart.COUNTER, raising=False)
    for _ in range(restart.TRIES):
        with restart.with_the_others():
            raise tf.errors.UnavailableError(None, None, "Socket closed")
    assert len(started) == len(messages()) == restart.TRIES
    assert "try 10 of 10" in messages()[-1]
    with pytest.raises(OSError, match="restarted 10 times without a step"), restart.with_the_others():
        raise tf.errors.UnavailableError(None, None, "Socket closed")
    restart.forget_starts()
    with restart.with_the_others():
        raise tf.errors.UnavailableError(None, None, "Socket closed")
    assert "in 1 s, try 1 of 10" in messages()[-1]
