"""sample.py on several devices and in several processes: the same file, and nothing is written twice after a kill."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
from conftest import ALL, ROOT

from gpt2.jobs import worker_files

N = 7
FLAGS = ["--model_name", "small", "--length", 30, "--seed", 4, "--prompt", "Tell"]
# Logical CPUs instead of GPUs; they have to be there before TensorFlow looks for devices.
ON_CPUS = """
import sys
import tensorflow as tf
cpus = [tf.config.LogicalDeviceConfiguration()] * 4
tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], cpus)
import sample
from gpt2.distributed import strategy
from system import command_line
find_devices = strategy.find_devices
for number in (1, 2, 4):
    strategy.find_devices = lambda *kind: find_devices(*kind)[:number]
    sys.argv = [*sys.argv[:-1], f"{number}.jsonl"]
    command_line.run(sample.main)
assert len(find_devices("mirrored")) == 4
"""


@pytest.fixture
def place(tmp_path, small_model):
    shutil.copytree(small_model, tmp_path / "models")
    return tmp_path


@pytest.fixture
def sample(place, run_here, monkeypatch):
    """Runs sample.py in this process, as one of so many workers."""
    monkeypatch.setattr(worker_files, "PATIENCE", 1)
    monkeypatch.setattr(worker_files, "PAUSE", 0.01)

    def run(*arguments, worker=0, n_workers=None):
        monkeypatch.delenv("TF_CONFIG", raising=False)
        if n_workers:
            monkeypatch.setenv("TF_CONFIG", config_of(worker, n_workers))
        return run_here("sample.py", *FLAGS, "--nsamples", N, *arguments)

    return run


def config_of(worker, n_workers):
    cluster = {"worker": [f"localhost:{port}" for port in range(1, n_workers + 1)]}  # where nobody ever looks
    return json.dumps({"cluster": cluster, "task": {"type": "worker", "index": worker}})


def start_worker(place, worker, n_workers, *arguments):
    command = [sys.executable, ROOT / "sample.py", *FLAGS, *arguments]
    environment = os.environ | {"TF_CONFIG": config_of(worker, n_workers)}
    return subprocess.Popen(list(map(str, command)), cwd=place, env=environment, stderr=subprocess.PIPE, text=True)


def samples_of(path):
    """The lines of a .jsonl without the log-probabilities, whose last digit depends on the sizes of products."""
    samples = [json.loads(line) for line in path.read_text().splitlines()]
    return [{name: value for name, value in sample.items() if "logprob" not in name} for sample in samples]


@pytest.mark.slow
def test_the_number_of_devices_changes_no_sample(place, sample):
    sample("--strategy", "one", "--out", "alone.jsonl")
    arguments = [*FLAGS, "--nsamples", N, "--batch_size", 5, "--strategy", "mirrored", "--out", ""]
    command = [sys.executable, "-c", ON_CPUS, *map(str, arguments)]
    done = subprocess.run(
        command, cwd=place, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)}
    )
    assert done.returncode == 0, done.stderr
    alone = samples_of(place / "alone.jsonl")
    for number in (1, 2, 4):
        assert samples_of(place / f"{number}.jsonl") == alone


@pytest.mark.parametrize("n_workers", [1, 2, 3])
@pytest.mark.parametrize("name", ["x.txt", "x.jsonl"])
def test_the_number_of_workers_does_not_change_a_byte(place, sample, n_workers, name):
    flags = ["--include_prompt", "--best_of", 2]
    sample(*flags, "--out", f"alone-{name}")
    for worker in reversed(range(n_workers)):
        done = sample(*flags, "--out", name, "--batch_size", worker + 1, worker=worker, n_workers=n_workers)
        assert done.returncode == 0, done.stderr
    assert (place / name).read_bytes() == (place / f"alone-{name}").read_bytes()
    assert worker_files.find_parts(str(place / name)) == []


@pytest.mark.parametrize("n_workers", [None, 3])
def test_a_job_goes_on_with_another_number_of_workers_and_writes_nothing_twice(place, sample, n_workers):
    sample("--out", "alone.jsonl")
    sample("--out", "x.jsonl", "--nsamples", 2)
    sample("--out", "x.jsonl", worker=1, n_workers=2)
    for worker in reversed(range(n_workers or 1)):
        done = sample("--out", "x.jsonl", "--batch_size", 2, worker=worker, n_workers=n_workers)
        assert done.returncode == 0, done.stderr
        with_part = place / f"x.jsonl.worker-{worker}.jsonl"
        if with_part.exists():
            numbers = [json.loads(line)["number"] for line in with_part.read_text().splitlines()]
            assert len(set(numbers)) == len(numbers)
            assert not {1, 2} & set(numbers)
    assert (place / "x.jsonl").read_bytes() == (place / "alone.jsonl").read_bytes()


@pytest.mark.parametrize("name", ["x.txt", "x.jsonl"])
def test_a_job_that_is_done_is_done(place, sample, name):
    for worker in (1, 0, 1, 0):
        done = sample("--out", name, worker=worker, n_workers=2)
        assert done.returncode == 0, done.stderr
    assert worker_files.find_parts(str(place / name)) == []
    before = (place / name).read_bytes()
    done = sample("--out", name, worker=0, n_workers=2)
    assert (done.returncode, done.stderr) == (0, "")  # alone: nobody is waited for
    assert (place / name).read_bytes() == before


def test_the_first_worker_names_whom_it_waits_for(place, sample):
    sample("--out", "x.txt", worker=1, n_workers=3)
    done = sample("--out", "x.txt", worker=0, n_workers=3)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "sample.py: waits for the other workers, until it has not heard of them for 1 s",
        "sample.py: x.txt: waited 1 s for 2 samples, those of worker 2 of 0 to 2; "
        "start all workers again with the same command",
    ]
    assert not (place / "x.txt").exists()


def test_parts_of_another_job_are_an_error(place, sample):
    sample("--out", "x.txt", worker=1, n_workers=2)
    for arguments in ({"worker": 0, "n_workers": 2}, {}):
        done = sample("--out", "x.txt", "--seed", 5, **arguments)
        assert done.returncode == 1
        assert "x.txt.worker-1.jsonl: holds samples whose seed is 4, not 5; name another file" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(("n_workers", "victim"), [(2, 0), (2, 1), (3, 1)] if ALL else [(2, 1)])
def test_a_worker_that_is_killed_and_started_again_costs_nothing(place, sample, n_workers, victim):
    flags = ["--nsamples", 1000, "--out"]
    sample("--batch_size", 20, *flags, "alone.jsonl")
    workers = [start_worker(place, worker, n_workers, *flags, "x.jsonl") for worker in range(n_workers)]
    part = place / f"x.jsonl.worker-{victim}.jsonl"
    deadline = time.monotonic() + 60
    while not (part.exists() and part.stat().st_size > 10_000) and time.monotonic() < deadline:
        time.sleep(0.01)
    workers[victim].send_signal(signal.SIGKILL)
    workers[victim].communicate()
    before = part.read_bytes()
    written = before.count(b"\n")
    assert 0 < written < 1000 // n_workers
    workers[victim] = start_worker(place, victim, n_workers, *flags, "x.jsonl")
    said = [worker.communicate(timeout=200)[1] for worker in workers]
    assert [worker.returncode for worker in workers] == [0] * n_workers, said
    assert f"holds {written} samples already" in said[victim]
    assert (place / "x.jsonl").read_bytes() == (place / "alone.jsonl").read_bytes()
    assert worker_files.find_parts(str(place / "x.jsonl")) == []


def test_workers_need_no_tensorflow(place, sample):
    sample("--out", "alone.txt")
    (place / "tensorflow.py").write_text("raise SystemExit('imported without need')")
    for worker in (1, 0):
        environment = {"PYTHONPATH": str(place), "TF_CONFIG": config_of(worker, 2)}
        command = [sys.executable, ROOT / "sample.py", *FLAGS, "--nsamples", N, "--out", "x.txt"]
        done = subprocess.run(list(map(str, command)), cwd=place, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    assert (place / "x.txt").read_bytes() == (place / "alone.txt").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "n_workers", "message"),
    [
        (["--strategy", "two"], None, "--strategy is two, expected auto, one, mirrored, multi_worker or tpu"),
        (["--strategy", "multi_worker", "--out", "x.txt"], None, "nothing names other machines; set TF_CONFIG"),
        (
            ["--strategy", "multi_worker"],
            2,
            "2 workers meet in a file alone; name it with --out, or take --strategy one",
        ),
        ([], 2, "2 workers meet in a file alone"),
        (["--interactive"], 2, "2 workers meet in a file alone"),
        (["--score", "x.txt", "--out", "y.txt"], 2, "2 workers meet in a file alone"),
        (["--nsamples", 0, "--out", "x.txt"], 2, "--nsamples 0 never ends"),
        (["--strategy", "mirrored", "--dtype", "int8"], None, "--dtype int8 is for a CPU as one device"),
        (["--strategy", "mirrored", "--engine", "lite"], None, "--engine lite is for a CPU as one device"),
        (
            ["--tpu", "local", "--engine", "lite"],
            None,
            "--engine lite is for a CPU as one device, not for --strategy tpu",
        ),
        (["--tpu", "local", "--strategy", "one"], None, "--tpu local is given with --strategy one, expected tpu"),
        (["--tpu", "local"], None, "--tpu local: no such TPU"),
    ],
)
def test_what_does_not_go_together_is_one_line(place, sample, arguments, n_workers, message):
    done = sample(*arguments, n_workers=n_workers)
    assert done.returncode > 0
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


def test_workers_need_a_seed(place, run_here, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", config_of(0, 2))
    done = run_here("sample.py", "--model_name", "small", "--out", "x.txt")
    assert done.returncode == 1
    assert "--seed is missing" in done.stderr


def test_with_tf_config_around_one_process_may_write_alone(sample):
    done = sample("--strategy", "one", n_workers=2)
    assert done.stdout == sample().stdout
