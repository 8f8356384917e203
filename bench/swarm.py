"""What a swarm loses and saves: its loss on held-out verse and its traffic, beside one synchronous run.

python prepare_corpus.py gutenberg gutenberg.npz --model_name poet && python bench/swarm.py

All begin with the same weights and train on as many tokens in total, by train.py: one run
with the batches of all members in one, which is the curve of as many replicas but for the order of sums
(tests/training/test_many.py), so it is computed on one device; and for each kind of average a swarm of runs that share
a folder, each with windows of its own.

The traffic of a replica is that of a ring: 2 (n - 1) / n times the gradient, float32, a step, the least there is
(Patarasuk and Yuan, "Bandwidth optimal all-reduce algorithms for clusters of workstations", 2009). That of a member is
the files that it writes into the folder and reads there, in all rounds; one of them makes the averages.
"""

import os
import subprocess
import sys
import tempfile
import time

from system import command_line, machine, tensorflow_start

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PATIENCE = 3600  # Seconds for which a member waits for the others: all are to be in all rounds.


def main(
    *,
    dataset: str = "gutenberg.npz",
    start: str = "models/poet",
    model_name: str = "poet",
    models_dir: str = "models",
    members: int = 4,
    batch_size: int = 4,
    learning_rate: float = 1e-3,
    warmup: int = 100,
    steps: int = 2992,
    swarm_every: int = 136,
    outers: str = "average;nesterov",
    folder: str | None = None,
) -> None:
    """Trains the synchronous run and the swarms, and prints their losses, their traffic and the ratio.

    Args:
      dataset: an .npz of prepare_corpus.py, with verse held out.
      start: the run, or model folder, to begin with; empty for random weights of the sizes of model_name.
      model_name: where start is empty, a model of the folder of models, whose vocabulary is taken as well.
      models_dir: the folder of the model folders.
      members: of a swarm.
      batch_size: windows in a step of a member; the synchronous run has as many for each of them.
      learning_rate: at its highest, of all; it falls like a cosine.
      warmup: steps over which it rises.
      steps: of each member, and of the synchronous run; a multiple of swarm_every.
      swarm_every: steps of a member between two averages; with 136 one of four moves 50 times less than a replica.
      outers: kinds of average, as train.py has them, with semicolons between; each is a swarm.
      folder: where all is left; what it holds of an earlier call with the same flags is not trained again.
    """
    if steps % swarm_every:
        raise ValueError(f"--steps is {steps}, expected a multiple of --swarm_every, {swarm_every}")
    print(about_here())
    print(f"{steps} steps of {members} times {batch_size} windows, {steps // swarm_every} rounds of a swarm")
    with tempfile.TemporaryDirectory() as temporary:
        place = folder or temporary
        start = start or write_start(model_name, models_dir, place)
        flags = {"dataset": dataset, "restore_from": start, "checkpoint_dir": os.path.join(place, "checkpoint")}
        flags |= {"steps": steps, "learning_rate": learning_rate, "schedule": "cosine", "warmup": warmup}
        flags |= {"sample_every": 0, "val_every": 0, "strategy": "one"}
        begun = time.monotonic()
        finish([train(flags | {"run_name": "synchronous", "batch_size": members * batch_size})])
        validate = make_validate_at(dataset, start)
        alone = validate(os.path.join(flags["checkpoint_dir"], "synchronous"))
        replica = bytes_of_a_replica(start, members, steps)
        print(f"synchronous: loss {alone:.4f}, {replica / 1e9:.3f} GB a replica, {time.monotonic() - begun:.0f} s")
        for outer in outers.split(";"):
            begun = time.monotonic()
            shared = flags | {"batch_size": batch_size, "swarm": os.path.join(place, outer), "swarm_outer": outer}
            runs = train_swarm(shared | {"swarm_every": swarm_every, "swarm_patience": PATIENCE}, members)
            show(shared["swarm"], validate, alone, replica, runs)
            print(f"  {time.monotonic() - begun:.0f} s")


def about_here() -> str:
    """The machine, and the version of TensorFlow."""
    tensorflow_start.start_tensorflow()
    import tensorflow as tf

    return f"{machine.cpu_name()}, {os.cpu_count()} cores; TensorFlow {tf.__version__}"


def bytes_of_a_replica(start: str, replicas: int, steps: int) -> float:
    """What a replica sends in all steps of a synchronous run."""
    from gpt2.hparams import read_hparams

    return 2 * (replicas - 1) / replicas * 4 * read_hparams(start).n_params * steps


def train_swarm(flags: dict, members: int) -> list[str]:
    """Trains the members of a swarm at once, and gives the folders of their runs."""
    names = [f"{flags['swarm_outer']}-{number}" for number in range(1, members + 1)]
    # The seed gives each the order of its windows.
    finish([train(flags | {"run_name": name, "seed": seed}) for seed, name in enumerate(names, start=1)])
    return [os.path.join(flags["checkpoint_dir"], name) for name in names]


def write_start(model_name: str, models_dir: str, place: str) -> str:
    """A folder with a random model, the same each time, and the vocabulary of the named one."""
    import encoder
    from encoder import vocabulary
    from gpt2.checkpoint import save_model
    from gpt2.hparams import read_hparams, write_hparams
    from gpt2.model import GPT2, fresh_weights
    from system import model_folders

    source, start = model_folders.model_folder(model_name, models_dir), os.path.join(place, "start")
    hparams = read_hparams(source)
    save_model(start, GPT2(hparams, fresh_weights(0)))
    write_hparams(start, hparams)
    vocabulary.write_vocabulary(start, encoder.load_encoder(source).vocabulary)
    return start


def train(flags: dict) -> subprocess.Popen:
    """A process of train.py with these flags, which tells on stderr how it goes."""
    command = [sys.executable, os.path.join(ROOT, "train.py"), *(f"--{name}={value}" for name, value in flags.items())]
    return subprocess.Popen(command)


def finish(processes: list[subprocess.Popen]) -> None:
    """Waits until all have ended well."""
    for process in processes:
        if process.wait():
            raise ValueError(f"train.py ended with {process.returncode}; it has said why")


def make_validate_at(dataset: str, start: str):
    """A function of a model folder or prefix: its loss on all verse that the dataset holds out, nats a token."""
    import gpt2
    from encoder.dataset import reader
    from gpt2 import checkpoint
    from gpt2.checkpoint_paths import find_prefix
    from gpt2.training.validation import make_validate

    model = gpt2.load_model(start)
    held_out = reader.open_dataset(dataset, model.hparams.n_vocab).held_out
    validate = make_validate(model, held_out, batch=8, count=len(held_out), seq=model.hparams.n_ctx)

    def validate_at(path: str) -> float:
        checkpoint.assign(model.weights, find_prefix(path))
        return validate()["val_loss"]

    return validate_at


def show(swarm: str, validate, alone: float, replica: float, runs: list[str]) -> None:
    """Prints what came of a swarm: the loss of its last average and of what the members brought to it, and its traffic.

    Raises:
      ValueError: not all members were in all rounds.
    """
    from gpt2.runs.log import read_log
    from gpt2.swarm.member import home_of, list_members

    names = list_members(swarm)
    rounds = [record["swarm"] for record in read_log(runs[0]) if "swarm" in record]
    for report in rounds:
        if report["counted"] != names:
            raise ValueError(f"round {report['round']} counted {report['counted']}, expected {names}")
    average = validate(swarm)
    own = [validate(home_of(swarm, name)) for name in names]
    moved = traffic(swarm, names, len(rounds))
    mean = sum(moved) / len(moved)
    print(f"{os.path.basename(swarm)}: loss {average:.4f}, {average - alone:+.4f} to the synchronous run")
    print(f"  members before the last average {', '.join(f'{loss:.4f}' for loss in own)}")
    print(f"  {mean / 1e9:.4f} GB a member, {replica / mean:.0f} times less than a replica")
    print(f"  {max(moved) / 1e9:.4f} GB for the one who averages, {replica / max(moved):.0f} times less")


def traffic(swarm: str, names: list[str], rounds: int) -> list[int]:
    """The bytes that each member wrote and read, the one who averages first; see gpt2/member.py."""
    from gpt2.checkpoint_paths import find_prefix
    from gpt2.swarm.member import home_of

    prefix = find_prefix(swarm)
    average = size_of(prefix)
    momentum = size_of(os.path.join(swarm, os.path.basename(prefix).replace("average", "momentum", 1)))
    published = [size_of(find_prefix(home_of(swarm, name))) for name in names]
    # On joining and after each round a member reads the average.
    moved = [average + rounds * (own + average) for own in published]
    # The first by name founds the swarm, or another; in a round it reads all that were published and the average before
    # it, with the momentum from the second round on, and writes both again.
    moved[0] += average + rounds * (sum(published) + 2 * average) + (2 * rounds - 1) * momentum
    return moved


def size_of(prefix: str) -> int:
    """The bytes of a bundle, 0 for none."""
    parts = (f"{prefix}.index", f"{prefix}.data-00000-of-00001")
    return sum(os.path.getsize(part) for part in parts if os.path.exists(part))


if __name__ == "__main__":
    command_line.run(main)
