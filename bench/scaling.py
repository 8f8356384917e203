"""What a second replica costs: two on two cores against one on one core, with as much to do for each core.

python bench/scaling.py --model_name poet --batch_size 4

Four ways, each in processes of its own, one after the other, several rounds:
* one core: a process that may use only the first core, without a strategy;
* two alone: two of them at once, on a core each, that know nothing of each other: what the machine itself loses;
* mirrored: one process on both cores with a replica on each of two logical CPUs;
* workers: two processes, on a core each, that exchange gradients through gRPC.
Efficiency is the time of a step on one core, over that of the same step with twice the windows. Linux only.
"""

import json
import os
import socket
import statistics
import subprocess
import sys
import time

import numpy as np

from system import command_line, machine

WARM_UP = 3
WAYS = ("one core", "two alone", "mirrored", "workers")


def main(
    *,
    model_name: str = "poet",
    models_dir: str = "models",
    batch_size: int = 4,
    steps: int = 20,
    rounds: int = 3,
    way: str | None = None,
    profile: str | None = None,
) -> None:
    """Prints the time of a step each way, and the efficiency.

    Args:
      model_name: one of OpenAI's sizes, or a model of the folder of models.
      models_dir: the folder of the model folders.
      batch_size: windows for each core.
      steps: of which the median counts, in each round.
      rounds: of all ways, one after the other.
      way: one of them alone, in this process; what the others are made of.
      profile: a folder for TensorBoard's profile of three steps, with --way.
    """
    if way:
        print(json.dumps(measure(way, model_name, models_dir, batch_size=batch_size, steps=steps, profile=profile)))
        return
    import tensorflow as tf

    print(f"{machine.cpu_name()}, {os.cpu_count()} cores; TensorFlow {tf.__version__}")
    flags = [f"--model_name={model_name}", f"--models_dir={models_dir}", f"--steps={steps}"]
    seconds: dict[str, list[float]] = {name: [] for name in WAYS}
    for _ in range(rounds):
        for name in WAYS:
            seconds[name] += run(name, batch_size, flags)
    base = statistics.median(seconds["one core"])
    for name, found in seconds.items():
        median = statistics.median(found)
        spread = f"{min(found) * 1e3:.1f} to {max(found) * 1e3:.1f}"
        print(f"{name:10} {median * 1e3:8.1f} ms a step ({spread}), efficiency {base / median:.2f}")


def run(way: str, batch_size: int, flags: list[str]) -> list[float]:
    """The median seconds of a step, of each process of this way."""
    if way == "one core":
        return finish([start("one core", batch_size, flags, "0")])
    if way == "two alone":
        return finish([start("one core", batch_size, flags, core) for core in "01"])
    if way == "mirrored":
        return finish([start("mirrored", 2 * batch_size, flags, "0,1")])
    with socket.create_server(("localhost", 0)) as one, socket.create_server(("localhost", 0)) as two:
        addresses = [f"localhost:{server.getsockname()[1]}" for server in (one, two)]
    workers = []
    for index in range(2):
        config = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
        workers.append(start("workers", 2 * batch_size, flags, str(index), TF_CONFIG=json.dumps(config)))
    return finish(workers)


def start(way: str, batch_size: int, flags: list[str], cores: str, **variables) -> subprocess.Popen:
    """A process of one way, on these cores alone."""
    command = ["taskset", "-c", cores, sys.executable, __file__, f"--way={way}", f"--batch_size={batch_size}", *flags]
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"} | variables
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def finish(processes: list[subprocess.Popen]) -> list[float]:
    """What they print, once all have ended."""
    return [json.loads(process.communicate()[0]) for process in processes]


def measure(way: str, model_name: str, models_dir: str, *, batch_size: int, steps: int, profile: str | None) -> float:
    """The median seconds of a step of this way, in this process."""
    import tensorflow as tf

    from gpt2.distributed.replicas import Replicas
    from gpt2.hparams import MODELS, read_hparams
    from gpt2.model import GPT2, fresh_weights
    from gpt2.training import replicated_step
    from gpt2.training.adaptive import Adam
    from system import model_folders

    if way == "mirrored":
        cpu = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    replicas = Replicas.find({"mirrored": "mirrored", "workers": "multi_worker"}.get(way, "one"))
    hparams = MODELS.get(model_name) or read_hparams(model_folders.model_folder(model_name, models_dir))
    with replicas.strategy.scope():
        model = GPT2(hparams, fresh_weights(1))
        optimizer = Adam(model.weights)
    train_steps = replicated_step.make_train_steps(replicas, model, optimizer)
    ids = np.random.default_rng(1).integers(hparams.n_vocab, size=[1, 1, batch_size, hparams.n_ctx + 1], dtype=np.int32)
    seconds = []
    for step in range(WARM_UP + steps):
        if profile and step == WARM_UP + steps - 3:
            tf.profiler.experimental.start(profile)
        begun = time.perf_counter()
        batch = replicas.share_out(batch_size, lambda rows: ids[:, :, rows])
        train_steps(batch, tf.constant([1e-4]), tf.constant(step), tf.constant(1)).numpy()
        seconds.append(time.perf_counter() - begun)
    if profile:
        tf.profiler.experimental.stop()
    return statistics.median(seconds[WARM_UP:])


if __name__ == "__main__":
    command_line.run(main)
