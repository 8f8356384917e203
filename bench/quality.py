"""Held-out bits per character after equal minutes of training from nothing: ours, and nanoGPT's recipe in PyTorch.

pip install -e '.[bench]'
python bench/quality.py --dataset poetry.npz --model_name demo --minutes 6

Each training is a process of its own on this machine; the sides take turns, seed after seed. All have the same sizes,
the same windows of the same dataset, and are judged by the same code on the same held-out verse. The clock starts after
the first step, so that nobody pays for compiling, and stops while nothing but training has been done.
"""

import dataclasses
import functools
import importlib.metadata
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np

from gpt2.hparams import HParams, read_hparams
from gpt2.training.schedule import learning_rate_at
from system import command_line, machine, tensorflow_start

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VALIDATION = {"batch": 8, "count": 80}
BFLOAT16_TRIALS = 5  # Steps by which nanoGPT's side chooses between float32 and bfloat16.


@dataclasses.dataclass(frozen=True)
class Learner:
    """A model in training.

    Attributes:
      batch_size: windows of a step.
      rate: a function of the steps made and of the share of the time that is over, giving the learning rate.
      step: a function of int32 [batch, seq + 1] and the learning rate that makes an update and gives the loss.
      losses: a function of int32 [batch, seq + 1] giving those of each token, float32 [batch, seq].
      about: what it computes in.
    """

    batch_size: int
    rate: Callable[[int, float], float]
    step: Callable[[np.ndarray, float], float]
    losses: Callable[[np.ndarray], np.ndarray]
    about: str


def main(
    *,
    dataset: str,
    val_dataset: str | None = None,
    model_name: str = "demo",
    models_dir: str = "models",
    minutes: float = 6.0,
    seeds: int = 3,
    sides: str | None = None,
    side: str | None = None,
    seed: int = 0,
) -> None:
    """Prints the bits a character of each seed, their mean, and the difference.

    Args:
      dataset: an .npz of prepare_corpus.py.
      val_dataset: what to validate on. Default: what the dataset holds out.
      model_name: whose sizes and vocabulary are used; its weights are not.
      models_dir: the folder of the model folders.
      minutes: how long each side trains, for each seed.
      seeds: how often.
      sides: some of them, with semicolons between. Default: all.
      side: train one here, and print what came of it as JSON; this is how the turns are made.
      seed: of that one.
    """
    if side:
        data = Data(dataset, val_dataset, os.path.join(models_dir, model_name))
        print(json.dumps(measure(SIDES[side], data, minutes * 60, seed)))
        return
    print(about_here())
    chosen = sides.split(";") if sides else list(SIDES)
    flags = [f"--dataset={dataset}", f"--model_name={model_name}", f"--models_dir={models_dir}", f"--minutes={minutes}"]
    flags += [f"--val_dataset={val_dataset}"] if val_dataset else []
    found: dict[str, list[dict]] = {name: [] for name in chosen}
    for number in range(seeds):
        for name in chosen:
            found[name].append(in_new_process(name, [*flags, f"--seed={number}"]))
            report_turn(name, number, found[name][-1])
    report(found)


class Data:
    """The tokens to train on and those held out, with the sizes of the model.

    Attributes:
      training, held_out: tokens, see `encoder.dataset.reader`.
      characters: int [n_vocab], how many characters each token begins.
    """

    def __init__(self, dataset: str, val_dataset: str | None, model_folder: str):
        tensorflow_start.start_tensorflow()
        import encoder
        from encoder.dataset import reader
        from gpt2.runs.datasets import characters_of

        self.hparams = read_hparams(model_folder)
        opened = reader.open_dataset(dataset, self.hparams.n_vocab)
        judge = reader.open_dataset(val_dataset, self.hparams.n_vocab) if val_dataset else None
        self.training = opened.training
        self.held_out = (judge.held_out or judge.training) if judge else opened.held_out
        self.characters = characters_of(encoder.load_encoder(model_folder))


def in_new_process(name: str, flags: list[str]) -> dict:
    """What `measure` gives, in a process of its own."""
    env = os.environ | {"PYTHONPATH": ROOT, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run([sys.executable, __file__, f"--side={name}", *flags], env=env, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{name} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def measure(make_learner, data: Data, seconds: float, seed: int) -> dict:
    """Bits a character after that many seconds, the steps and tokens of them, and what it was computed in."""
    from gpt2.training import validation, windows

    seq = data.hparams.n_ctx
    learner = make_learner(data.hparams, seed)
    step, begun = 0, time.perf_counter()
    while (share := (time.perf_counter() - begun) / seconds) < 1:
        ids = windows.training_batch(data.training, learner.batch_size, seq, step * learner.batch_size, seed)
        loss = learner.step(ids, learner.rate(step, share))
        if step == 0:
            begun = time.perf_counter()
        step += 1
    assert np.isfinite(loss), f"a loss of {loss}"
    losses = functools.partial(of_arrays, learner.losses)
    validate = validation.make_validate(
        None, data.held_out, **VALIDATION, seq=seq, characters=data.characters, compiled=lambda _: losses
    )
    tokens = step * learner.batch_size * seq
    return {"bits": validate()["val_bits"], "steps": step, "tokens": tokens, "about": learner.about}


def of_arrays(function, ids):
    """Calls a function of arrays with a tensor; what it gives has the method numpy."""
    import tensorflow as tf

    return tf.constant(function(ids.numpy()))


def ours(hparams: HParams, seed: int) -> Learner:
    """The defaults of train.py for a training from scratch."""
    import tensorflow as tf

    from gpt2.model import GPT2, fresh_weights
    from gpt2.training.muon import Muon
    from gpt2.training.step import make_train_step
    from gpt2.training.validation import token_losses

    model = GPT2(hparams, fresh_weights(seed), OURS["dtype"], "float32")
    optimizer = Muon(model.weights, weight_decay=OURS["weight_decay"])
    train_step = make_train_step(model, optimizer, clip_norm=OURS["clip_norm"])
    judge = tf.function(functools.partial(token_losses, model), jit_compile=True)
    updates = iter(range(2**31))

    def step(ids, rate):
        return float(train_step(tf.constant(ids[None]), tf.constant(rate, tf.float32), tf.constant(next(updates))))

    def rate(step, share):
        steps = round(step / share) if step else None
        return learning_rate_at(step, OURS["learning_rate"], "wsd", OURS["warmup"], steps, decay=OURS["decay"])

    return Learner(OURS["batch_size"], rate, step, lambda ids: judge(tf.constant(ids)).numpy(), OURS["dtype"])


def nanogpt(hparams: HParams, seed: int) -> Learner:
    """AdamW as nanoGPT sets it for small networks, compiled, in bfloat16 where that is faster."""
    import torch
    from nanogpt import NanoGPT

    torch.manual_seed(seed)
    model = NanoGPT(hparams)
    run = torch.compile(model)
    matrices = [weight for weight in model.parameters() if weight.ndim >= 2]
    vectors = [weight for weight in model.parameters() if weight.ndim < 2]
    groups = [{"params": matrices, "weight_decay": NANOGPT["weight_decay"]}, {"params": vectors, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=0.0, betas=NANOGPT["betas"], fused=True)

    def gradients(ids, bfloat16: bool):
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            loss = run(torch.from_numpy(ids).long())
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        return loss.item()

    def step(ids, rate):
        loss = gradients(ids, bfloat16)
        torch.nn.utils.clip_grad_norm_(model.parameters(), NANOGPT["clip_norm"])
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.step()
        return loss

    def losses(ids):
        with torch.no_grad():
            return model(torch.from_numpy(ids).long(), "none").numpy().reshape(len(ids), -1)

    def rate(step, share):
        peak, warmup = NANOGPT["learning_rate"], NANOGPT["warmup"]
        if step < warmup:
            return learning_rate_at(step, peak, warmup=warmup)
        return 0.1 * peak + learning_rate_at(step, 0.9 * peak, "cosine", warmup, round(step / share))

    ids = np.random.default_rng(0).integers(0, hparams.n_vocab, [NANOGPT["batch_size"], hparams.n_ctx + 1], np.int32)
    bfloat16 = median_seconds(lambda: gradients(ids, True)) < median_seconds(lambda: gradients(ids, False))
    return Learner(NANOGPT["batch_size"], rate, step, losses, "bfloat16 autocast" if bfloat16 else "float32")


def median_seconds(function) -> float:
    """How long a call takes, after one that is not counted."""
    times = []
    for _ in range(1 + BFLOAT16_TRIALS):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:])


def report_turn(name: str, seed: int, turn: dict) -> None:
    """One line for one training."""
    figures = f"{turn['bits']:.4f} bits a character, {turn['steps']:,} steps, {turn['tokens']:,} tokens"
    print(f"seed {seed}  {name:20} {figures}, {turn['about']}", flush=True)


def report(found: dict[str, list[dict]]) -> None:
    """The mean of each side, its spread, and by how much each other is above ours."""
    bits = {name: [turn["bits"] for turn in turns] for name, turns in found.items()}
    for name, values in bits.items():
        more = (
            f", {statistics.mean(values) - statistics.mean(bits[MINE]):+.4f}" if MINE in bits and name != MINE else ""
        )
        print(f"{name:20} {statistics.mean(values):.4f} ({min(values):.4f} to {max(values):.4f}){more}")


def about_here() -> str:
    """The machine, and the versions of what is measured."""
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("tensorflow", "torch"))
    return f"{os.cpu_count()} cores, {machine.cpu_name()}; {versions}"


OURS = {
    "batch_size": 8,
    "learning_rate": 3e-3,
    "warmup": 50,
    "decay": 0.5,
    "weight_decay": 0.1,
    "clip_norm": 1.0,
    "dtype": "float32",
}
# config/train_shakespeare_char.py of nanoGPT, which is its recipe for small networks, with the batch of its command for
# a CPU. It warms up over 100 steps, and ends at a tenth of its rate. No dropout: the data is not seen twice.
NANOGPT = {
    "batch_size": 12,
    "learning_rate": 1e-3,
    "warmup": 100,
    "betas": (0.9, 0.99),
    "weight_decay": 0.1,
    "clip_norm": 1.0,
}
MINE = "ours"
SIDES = {MINE: ours, "nanoGPT's recipe": nanogpt}

if __name__ == "__main__":
    command_line.run(main)
