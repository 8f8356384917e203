"""train.py on several devices and in several processes: the same numbers, and none is lost when a worker dies."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pytest
from conftest import ALL, ROOT, VERSE, poem

from gpt2.checkpoint_paths import find_prefix, step_of
from gpt2.runs.log import read_log

pytestmark = pytest.mark.slow

STEPS = 50
# Muon moves some weights by Adam, so that both are tested.
FLAGS = ["--dataset", "poems.npz", "--model_name", "small", "--batch_size", 12, "--sample_every", 0]
FLAGS += ["--optimizer", "muon"]
FLAGS += [
    "--val_dataset",
    "poems.npz",
    "--val_every",
    25,
    "--val_batch_size",
    3,
    "--val_batch_count",
    5,
    "--steps",
    STEPS,
]
# Logical CPUs instead of GPUs; they have to be there before TensorFlow looks for devices.
ON_CPUS = """
import sys
import tensorflow as tf
cpus = [tf.config.LogicalDeviceConfiguration()] * int(sys.argv.pop(1))
tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], cpus)
import train
from system import command_line
command_line.run(train.main)
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory, small_model):
    """A folder with a model called small and a dataset of its tokens."""
    import encoder

    place = tmp_path_factory.mktemp("many")
    shutil.copytree(small_model, place / "models")
    ids = encoder.get_encoder("small", str(small_model)).encode("".join(poem(number) + VERSE for number in range(40)))
    np.savez(place / "poems.npz", np.array(ids, np.uint16))
    return place


def start(place, *command, **variables):
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | variables
    arguments = [sys.executable, *map(str, command)]
    return subprocess.Popen(arguments, cwd=place, env=environment, stderr=subprocess.PIPE, text=True)


def finish(*processes):
    """What each process said, once all have ended well."""
    said = [process.communicate(timeout=200)[1] for process in processes]
    assert [process.returncode for process in processes] == [0] * len(processes), said
    return said


def on_devices(place, name, number, *flags):
    return start(place, "-c", ON_CPUS, number, *FLAGS, "--run_name", name, "--learning_rate", 1e-2, *flags)


def free_ports(number):
    sockets = [socket.create_server(("localhost", 0)) for _ in range(number)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def start_worker(place, name, ports, worker, *flags):
    cluster = {"worker": [f"localhost:{port}" for port in ports]}
    config = json.dumps({"cluster": cluster, "task": {"type": "worker", "index": worker}})
    command = [ROOT / "train.py", *FLAGS, "--run_name", name, "--learning_rate", 1e-2, *flags]
    return start(place, *command, TF_CONFIG=config)


def curve(place, name, key="loss"):
    records = list(read_log(str(place / "checkpoint" / name)))
    assert [record["step"] for record in records] == list(range(1, STEPS + 1))
    return [record[key] for record in records if key in record]


@pytest.fixture(scope="module")
def alone(place):
    """The curves of the loss and of that on held-out verse on one device."""
    finish(on_devices(place, "alone", 1, "--strategy", "one"))
    return curve(place, "alone"), curve(place, "alone", "val_loss")


def assert_same(place, name, alone):
    # float32, summed in another order.
    np.testing.assert_allclose(curve(place, name), alone[0], atol=1e-4, rtol=0)
    np.testing.assert_allclose(curve(place, name, "val_loss"), alone[1], atol=1e-4, rtol=0)


@pytest.mark.parametrize("replicas", [2, 4] if ALL else [2])
def test_the_number_of_replicas_does_not_change_the_curve(place, alone, replicas):
    assert alone[0][-1] < alone[0][0] - 1
    finish(on_devices(place, f"replicas-{replicas}", replicas, "--strategy", "mirrored"))
    assert_same(place, f"replicas-{replicas}", alone)


@pytest.mark.parametrize(("cpus", "kind"), [(1, "one"), (2, "mirrored")] if ALL else [(1, "one")])
def test_several_steps_in_a_call_are_the_same_steps(place, alone, cpus, kind):
    name = f"calls-{kind}"
    finish(on_devices(place, name, cpus, "--strategy", kind, "--steps_per_call", 7))
    assert_same(place, name, alone)


@pytest.mark.parametrize("workers", [1, 2, 3] if ALL else [2])
def test_the_number_of_workers_does_not_change_the_curve(place, alone, workers):
    name, ports = f"workers-{workers}", free_ports(workers)
    finish(*[start_worker(place, name, ports, worker) for worker in range(workers)])
    assert_same(place, name, alone)
    shares = np.arange(12).reshape(workers, -1).tolist()
    # A single worker is a process like any other, whose log names none.
    named = [{"worker": worker, "rows": rows} for worker, rows in enumerate(shares)] if workers > 1 else [{}]
    for worker in range(workers):
        log = "log.jsonl" if worker == 0 else f"log-worker-{worker}.jsonl"
        records = list(read_log(str(place / "checkpoint" / name), log))
        assert [record["step"] for record in records] == list(range(1, STEPS + 1))
        assert all(record.items() >= named[worker].items() for record in records)


@pytest.mark.skipif(not ALL, reason="takes two minutes; KILLS=all runs it")
@pytest.mark.parametrize("victim", [0, 1])
def test_a_worker_that_is_killed_and_started_again_costs_nothing(place, victim):
    whole, cut, save = "whole", f"cut-{victim}", ("--save_every", 5)
    if not (place / "checkpoint" / whole).exists():
        ports = free_ports(2)
        finish(*[start_worker(place, whole, ports, worker, *save) for worker in range(2)])
    ports = free_ports(2)
    workers = [start_worker(place, cut, ports, worker, *save) for worker in range(2)]
    folder = place / "checkpoint" / cut
    deadline = time.monotonic() + 120
    while not list(folder.glob("model-1?.index")) and time.monotonic() < deadline:
        time.sleep(0.05)
    workers[victim].send_signal(signal.SIGKILL)
    workers[victim].communicate()
    assert step_of(find_prefix(str(folder))) < STEPS
    workers[victim] = start_worker(place, cut, ports, victim, *save)
    said = finish(*workers)
    assert "a worker is lost" in said[1 - victim]
    assert curve(place, cut) == curve(place, whole)


def test_a_worker_left_alone_names_whom_it_waits_for(place):
    ports = free_ports(2)
    imports = "import train; from gpt2.distributed import restart; from system import command_line"
    code = f"{imports}; restart.PATIENCE = 3; command_line.run(train.main)"
    cluster = {"worker": [f"localhost:{port}" for port in ports]}
    config = json.dumps({"cluster": cluster, "task": {"type": "worker", "index": 0}})
    worker = start(place, "-c", code, *FLAGS, "--run_name", "left", TF_CONFIG=config)
    said = worker.communicate(timeout=100)[1]
    assert worker.returncode == -signal.SIGKILL
    assert f"waited 3 s for localhost:{ports[1]}; start all workers" in said


def test_a_batch_that_cannot_be_shared_out_is_refused(place):
    one = on_devices(place, "odd", 2, "--strategy", "mirrored", "--batch_size", 3)
    said = one.communicate(timeout=100)[1]
    assert one.returncode == 1
    assert "--batch_size is 3, expected a multiple of 2, the number of replicas" in said
