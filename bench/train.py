"""The time and the memory of a training step, beside Hugging Face's GPT-2, nanoGPT's shape and keras-hub's GPT-2.

pip install -e '.[bench]'
python bench/train.py
python bench/train.py --dtype mixed
python bench/train.py --model_name poet --batch_size 8 --seconds 10

Each turn of a side is a process of its own, with random weights in float32, Adam and random ids; the sides take turns,
round after round. In `mixed` all products are of bfloat16: ours, and the peers' by autocast or Keras's policy. The
floor is the time that the FLOP of a step take at the speed of a large matrix product of that dtype, the fastest that
any side showed in any of its turns. A peer that is not installed is named as absent.
"""

import functools
import importlib.metadata
import importlib.util
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from typing import NamedTuple

import numpy as np

from gpt2.hparams import MODELS, HParams, read_hparams
from system import command_line, machine, tensorflow_start

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PRODUCT = (1024, 3072, 3072)  # Rows, inner size and columns of the product that sets the floor.
RATE = 1e-4
OURS = "ours"


def main(
    *,
    model_name: str = "124M",
    models_dir: str = "models",
    batch_size: int = 1,
    dtype: str = "float32",
    rounds: int = 3,
    seconds: float = 15.0,
    sides: str | None = None,
    side: str | None = None,
) -> None:
    """Prints seconds a step, tokens a second, the ratio to the floor and to us, and peak memory.

    Args:
      model_name: one of OpenAI's sizes, or a model of the folder of models.
      models_dir: the folder of the model folders.
      batch_size: windows in a step.
      dtype: float32, or mixed for products of bfloat16 with weights in float32.
      rounds: turns of each side; medians of all are printed.
      seconds: how long a turn takes steps, after two that are not counted.
      sides: some of them, with semicolons between. Default: all.
      side: measure one here, and print it as JSON; this is how the turns are made.
    """
    hparams = MODELS.get(model_name) or read_hparams(os.path.join(models_dir, model_name))
    if side:
        print(json.dumps(measure(side, hparams, Load(batch_size, dtype, seconds))))
        return
    print(about_here())
    chosen = [name for name in (sides.split(";") if sides else SIDES) if is_installed(name)]
    turns: dict[str, list[dict]] = {name: [] for name in chosen}
    for _ in range(rounds):
        for name in chosen:
            turns[name].append(in_new_process(name, model_name, models_dir, Load(batch_size, dtype, seconds)))
    report(hparams, batch_size, turns)


class Load(NamedTuple):
    """What a turn does: windows in a step, float32 or mixed, and for how many seconds."""

    batch_size: int
    dtype: str
    seconds: float


def is_installed(name: str) -> bool:
    """Whether the package of a side is there; says so if not."""
    package, _, _ = SIDES[name]
    if importlib.util.find_spec(package):
        return True
    print(f"{name}: absent, pip install {package.replace('_', '-')}")
    return False


def in_new_process(name: str, model_name: str, models_dir: str, load: Load) -> dict:
    """What `measure` gives, in a process of its own."""
    flags = {"side": name, "model_name": model_name, "models_dir": models_dir, **load._asdict()}
    command = [sys.executable, __file__, *(f"--{flag}={value}" for flag, value in flags.items())]
    env = os.environ | {"PYTHONPATH": ROOT, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{name} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def measure(name: str, hparams: HParams, load: Load) -> dict:
    """Seconds of each step, peak resident bytes, and FLOP a second of the large product, of one side."""
    _, make_step, make_product = SIDES[name]
    ids = np.random.default_rng(0).integers(0, hparams.n_vocab, [16, load.batch_size, hparams.n_ctx + 1], np.int32)
    step = make_step(hparams, load.dtype)
    times: list[float] = []
    while len(times) < 3 or sum(times[2:]) < load.seconds:
        start = time.perf_counter()
        loss = step(ids[len(times) % len(ids)], len(times))
        times.append(time.perf_counter() - start)
    assert 0 < loss < 2 * np.log(hparams.n_vocab), f"{name}: a loss of {loss}"
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    product = make_product(load.dtype)
    product()
    start = time.perf_counter()
    for _ in range(10):
        product()
    speed = 10 * 2 * np.prod(PRODUCT) / (time.perf_counter() - start)
    return {"first": times[0], "times": times[2:], "peak": peak, "speed": speed}


def flop_of_step(hparams: HParams, batch_size: int) -> float:
    """Two for each product of two numbers, in the three matrix products for each weight matrix and each of attention.

    The attention counts as the whole square, of which a causal one needs half.
    """
    tokens, n_embd = batch_size * hparams.n_ctx, hparams.n_embd
    weights = hparams.n_layer * 12 * n_embd**2 + hparams.n_vocab * n_embd
    return 3 * 2 * tokens * (weights + hparams.n_layer * 2 * hparams.n_ctx * n_embd)


def report(hparams: HParams, batch_size: int, turns: dict[str, list[dict]]) -> None:
    """The table of all sides."""
    flop, speed = flop_of_step(hparams, batch_size), max(turn["speed"] for side in turns.values() for turn in side)
    floor = flop / speed
    rows, inner, columns = PRODUCT
    product = f"[{rows}, {inner}] x [{inner}, {columns}]"
    print(f"floor: {floor:.4g} s, {flop / 1e12:.4g} TFLOP at the {speed / 1e9:.0f} GFLOP/s of {product}")
    print(f"{'':28} s a step (lowest to highest)  tokens/s  / floor  / ours  first step s  peak GB  product GFLOP/s")
    times = {name: [time for turn in side for time in turn["times"]] for name, side in turns.items()}
    medians = {name: statistics.median(found) for name, found in times.items()}
    for name, side in turns.items():
        spread = f"({min(times[name]):.4g} to {max(times[name]):.4g})"
        ratio = f"{medians[name] / medians[OURS]:.2f}" if OURS in medians else ""
        first, peak = (max(turn[key] for turn in side) for key in ("first", "peak"))
        rate = batch_size * hparams.n_ctx / medians[name]
        product_rate = max(turn["speed"] for turn in side) / 1e9
        figures = f"{rate:9,.0f} {medians[name] / floor:8.3f} {ratio:>7} {first:13.1f} {peak / 1e9:8.2f}"
        figures += f" {product_rate:16.0f}"
        print(f"{name:28} {medians[name]:8.4g} {spread:20} {figures}")


def ours(hparams: HParams, dtype: str, recompute: bool = False):
    """Our step: a function of int32 [batch, seq + 1] and the step's number that gives the loss."""
    tensorflow_start.start_tensorflow()
    import tensorflow as tf

    from gpt2.model import GPT2
    from gpt2.training.adaptive import Adam
    from gpt2.training.step import make_train_step

    model = GPT2(hparams, dtype="bfloat16" if dtype == "mixed" else dtype, weight_dtype="float32")
    model.recompute = recompute
    train_step = make_train_step(model, Adam(model.weights))
    return lambda ids, i: float(train_step(tf.constant(ids[None]), tf.constant(RATE), tf.constant(i)))


def tensorflow_product(dtype: str, jit_compile: bool = False):
    """The product of the floor, by oneDNN, or as XLA has it."""
    import tensorflow as tf

    rows, inner, columns = PRODUCT
    kind = tf.bfloat16 if dtype == "mixed" else tf.float32
    a, b = (tf.cast(tf.random.normal(shape), kind) for shape in ([rows, inner], [inner, columns]))
    product = tf.function(tf.matmul, jit_compile=jit_compile)
    return lambda: product(a, b).numpy()[0]


def keras_hub(hparams: HParams, dtype: str):
    """The step of keras-hub's GPT-2, compiled with XLA."""
    os.environ["KERAS_BACKEND"] = "tensorflow"
    import keras
    import keras_hub

    backbone = keras_hub.models.GPT2Backbone(
        vocabulary_size=hparams.n_vocab,
        num_layers=hparams.n_layer,
        num_heads=hparams.n_head,
        hidden_dim=hparams.n_embd,
        intermediate_dim=4 * hparams.n_embd,
        max_sequence_length=hparams.n_ctx,
        dropout=0.0,
        dtype="mixed_bfloat16" if dtype == "mixed" else dtype,
    )
    model = keras_hub.models.GPT2CausalLM(backbone, preprocessor=None)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(RATE), loss, jit_compile=True)

    def step(ids, i):
        inputs = {"token_ids": ids[:, :-1], "padding_mask": np.ones_like(ids[:, :-1])}
        return float(model.train_on_batch(inputs, ids[:, 1:], return_dict=True)["loss"])

    return step


def hugging_face(hparams: HParams, dtype: str, compiled: bool = False):
    """The step of transformers' GPT-2."""
    import transformers

    sizes = {
        "n_positions": hparams.n_ctx,
        "n_embd": hparams.n_embd,
        "n_layer": hparams.n_layer,
        "n_head": hparams.n_head,
    }
    drops = dict.fromkeys(("resid_pdrop", "embd_pdrop", "attn_pdrop"), 0.0)
    config = transformers.GPT2Config(vocab_size=hparams.n_vocab, use_cache=False, **sizes, **drops)
    model = transformers.GPT2LMHeadModel(config).train()
    # It shifts the labels itself, so that it predicts one token fewer.
    return torch_step(model, lambda run, ids: run(input_ids=ids[:, :-1], labels=ids[:, :-1]).loss, dtype, compiled)


def nanogpt(hparams: HParams, dtype: str, compiled: bool = False):
    """A model of nanoGPT's shape: one product for q, k and v, torch's causal attention, the exact gelu, tied logits."""
    from nanogpt import NanoGPT

    return torch_step(NanoGPT(hparams), lambda run, ids: run(ids), dtype, compiled)


def torch_step(model, loss_of, dtype: str, compiled: bool):
    """A step of a torch model with torch's fused Adam, in `mixed` under autocast to bfloat16."""
    import torch

    run = torch.compile(model) if compiled else model
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE, fused=True)

    def step(ids, i):
        with torch.autocast("cpu", torch.bfloat16, enabled=dtype == "mixed"):
            loss = loss_of(run, torch.from_numpy(ids).long())
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def torch_product(dtype: str):
    """The product of the floor, in torch."""
    import torch

    rows, inner, columns = PRODUCT
    kind = torch.bfloat16 if dtype == "mixed" else torch.float32
    a, b = torch.randn(rows, inner, dtype=kind), torch.randn(inner, columns, dtype=kind)
    return lambda: a @ b


def about_here() -> str:
    """The machine, and the versions of what is measured."""
    packages = {"tensorflow", *(package for package, _, _ in SIDES.values()), "torch"}
    versions = []
    for package in sorted(packages):
        if importlib.util.find_spec(package):
            versions.append(f"{package} {importlib.metadata.version(package.replace('_', '-'))}")
    return f"{os.cpu_count()} cores, {machine.cpu_name()}; {', '.join(versions)}"


# The package that a side needs, a function of the sizes that makes its step, and one that makes its large product.
SIDES = {
    OURS: ("tensorflow", ours, tensorflow_product),
    "ours, blocks again": ("tensorflow", functools.partial(ours, recompute=True), tensorflow_product),
    "Hugging Face": ("transformers", hugging_face, torch_product),
    "Hugging Face, compiled": ("transformers", functools.partial(hugging_face, compiled=True), torch_product),
    "nanoGPT's shape": ("torch", nanogpt, torch_product),
    "nanoGPT's shape, compiled": ("torch", functools.partial(nanogpt, compiled=True), torch_product),
    "keras-hub": ("keras_hub", keras_hub, functools.partial(tensorflow_product, jit_compile=True)),
}

if __name__ == "__main__":
    command_line.run(main)
