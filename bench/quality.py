"""Held-out bits per character after equal minutes of training from nothing: ours, and nanoGPT's recipe in PyTorch.

pip install -e '.[bench]'
python bench/quality.py --dataset poetry.npz --model_name poet --minutes 6

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
from gpt2.training.memory_plan import DTYPES, Dtype
from gpt2.training.schedule import learning_rate_at
from system import command_line, machine, tensorflow_start

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VAL_BATCHES, VAL_BATCH_SIZE = 80, 8
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
    model_name: str = "poet",
    models_dir: str = "models",
    minutes: float = 6.0,
    seeds: int = 3,
    sides: str | None = None,
    rates: str | None = None,
    side: str | None = None,
    rate: float | None = None,
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
      rates: tokens a second of these sides, with semicolons between, as seen when nothing else ran. Then the time is
        not measured, but counted in tokens at these rates, so that a busy machine changes nothing.
      side: train one here, and print what came of it as JSON; this is how the turns are made.
      rate: of that one, see rates.
      seed: of that one.
    """
    if side:
        data = Data(dataset, val_dataset, os.path.join(models_dir, model_name))
        print(json.dumps(measure(SIDES[side], data, Clock(minutes * 60, rate), seed)))
        return
    print(about_here())
    chosen = sides.split(";") if sides else list(SIDES)
    flags = [f"--dataset={dataset}", f"--model_name={model_name}", f"--models_dir={models_dir}", f"--minutes={minutes}"]
    flags += [f"--val_dataset={val_dataset}"] if val_dataset else []
    rate_of = dict(zip(chosen, rates.split(";"), strict=True)) if rates else {}
    found: dict[str, list[dict]] = {name: [] for name in chosen}
    for number in range(seeds):
        for name in chosen:
            turn = [f"--seed={number}", *([f"--rate={rate_of[name]}"] if rates else [])]
            found[name].append(in_new_process(name, flags + turn))
            report_turn(name, number, found[name][-1])
    report(found)


class Data:
    """The tokens to train on and those held out, with the sizes of the model.

    Attributes:
      training, held_out: tokens, see `encoder.dataset.reader`.
      characters: int [n_vocab], how many characters each token begins.
    """

    def __init__(self, dataset: str, val_dataset: str | None, model_folder: str):
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


@dataclasses.dataclass(frozen=True)
class Clock:
    """Tells which share of the time for training is over.

    Attributes:
      seconds: how long it is.
      rate: tokens a second, by which time is counted; None for the time of the wall.
    """

    seconds: float
    rate: float | None

    def share(self, begun: float, tokens: int) -> float:
        """The share that is over, 1 or more at the end, of a training that has begun at this time of the wall."""
        elapsed = tokens / self.rate if self.rate else time.perf_counter() - begun
        return elapsed / self.seconds


def measure(make_learner, data: Data, clock: Clock, seed: int) -> dict:
    """Bits a character when the time is over, the steps and tokens of it, and what it was computed in."""
    from gpt2.training.windows import Windows

    seq = data.hparams.n_ctx
    learner = make_learner(data.hparams, seed)
    windows = Windows(tokens=data.training, seq=seq, seed=seed, batch=learner.batch_size)
    step, begun, per_step = 0, time.perf_counter(), learner.batch_size * seq
    while (share := clock.share(begun, step * per_step)) < 1:
        ids = windows.of_step(step * learner.batch_size)
        loss = learner.step(ids[0], learner.rate(step, share))
        if step == 0:
            begun = time.perf_counter()
        step += 1
    assert np.isfinite(loss), f"a loss of {loss}"
    return {"bits": bits(learner.losses, data), "steps": step, "tokens": step * per_step, "about": learner.about}


def bits(losses, data: Data) -> float:
    """Bits a character over windows spread evenly over the held-out verse."""
    seq, nats, characters = data.hparams.n_ctx, 0.0, 0
    starts = np.linspace(0, len(data.held_out) - seq - 1, VAL_BATCHES * VAL_BATCH_SIZE).astype(int).tolist()
    for first in range(0, len(starts), VAL_BATCH_SIZE):
        rows = [data.held_out.read(start, seq + 1) for start in starts[first : first + VAL_BATCH_SIZE]]
        ids = np.stack(rows).astype(np.int32)
        nats += losses(ids).sum(dtype=np.float64)
        characters += data.characters[ids[:, 1:]].sum()
    return float(nats / np.log(2) / characters)


def ours(hparams: HParams, seed: int) -> Learner:
    """The defaults of train.py for a training from random weights, with `--dtype mixed` where that is faster."""
    tensorflow_start.start_tensorflow()
    import tensorflow as tf

    from gpt2.model import GPT2, fresh_weights
    from gpt2.precision import bfloat16_is_fast
    from gpt2.runs.settings import Settings, settle
    from gpt2.training.muon import Muon
    from gpt2.training.step import make_train_step
    from gpt2.training.validation import token_losses

    flags = {"dataset": "poetry.npz", "model_name": "mine", "restore_from": "scratch"}
    settings = settle(Settings(**flags, given=frozenset(flags)))
    dtype: Dtype = "mixed" if bfloat16_is_fast() else "float32"
    model = GPT2(hparams, fresh_weights(seed), *DTYPES[dtype])
    optimizer = Muon(model.weights, settings.weight_decay, dtype=DTYPES[dtype][0])
    train_step = make_train_step(model, optimizer, clip_norm=settings.clip_norm)
    judge = tf.function(functools.partial(token_losses, model), jit_compile=True)
    updates = iter(range(2**31))

    def step(ids, rate):
        return float(train_step(tf.constant(ids[None]), tf.constant(rate, tf.float32), tf.constant(next(updates))))

    def rate(step, share):
        steps = round(step / share) if step else None  # That many, if it continues like this.
        peak, schedule, warmup = settings.learning_rate, settings.schedule, settings.warmup
        return learning_rate_at(step, peak, schedule, warmup, steps, decay=settings.decay)

    return Learner(settings.batch_size, rate, step, lambda ids: judge(tf.constant(ids)).numpy(), dtype)


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
