"""The largest model on this machine: how much memory it takes to load, and to train one step of one window.

python bench/big_step.py --model_name 1558M

Writes a random model of that size into a temporary folder first, 6.2 GB of disk, unless --folder names one. Each part
is measured in a process of its own; the peak is the resident memory that the kernel counted, Python and TensorFlow
included.
"""

import os
import platform
import resource
import subprocess
import sys
import tempfile
import time

from system import command_line, machine, tensorflow_start


def main(
    *,
    model_name: str = "1558M",
    folder: str | None = None,
    n_ctx: int = 1024,
    dtype: str = "float32",
    part: str = "all",
) -> None:
    """Measures, one after the other: loading, and a step with Adafactor in which each block is computed again.

    Args:
      model_name: one of OpenAI's sizes, or poet.
      folder: of a model that is there.
      n_ctx: tokens of the window.
      dtype: float32, or mixed for bfloat16 with weights in float32.
      part: all, or in a process of its own write, start or step.
    """
    if part != "all":
        tensorflow_start.start_tensorflow()
        parts = {"write": write, "start": start, "step": step}
        parts[part](folder, model_name, n_ctx, dtype)
        return
    print(f"{machine.cpu_name()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    with tempfile.TemporaryDirectory() as temporary:
        if folder is None:
            folder = os.path.join(temporary, model_name)
            measure("write", folder, model_name, n_ctx, dtype)
        size = os.path.getsize(os.path.join(folder, "model.ckpt.data-00000-of-00001"))
        [empty] = measure("start", folder, model_name, n_ctx, dtype)
        loaded, trained = measure("step", folder, model_name, n_ctx, dtype)
    print(f"the weights on disk       {size / 1e9:6.2f} GB")
    print(f"TensorFlow alone          {empty / 1e9:6.2f} GB")
    print(f"loading                   {loaded / 1e9:6.2f} GB, {loaded / size:.2f} times the weights")
    print(f"a step of {n_ctx:5} tokens    {trained / 1e9:6.2f} GB, {trained / size:.2f} times the weights")


def measure(part: str, folder: str, model_name: str, n_ctx: int, dtype: str) -> list[int]:
    """The peaks of the resident memory of one part, in bytes, up to each line that it prints."""
    flags = ["--part", part, "--folder", folder, "--model_name", model_name, "--n_ctx", str(n_ctx), "--dtype", dtype]
    done = subprocess.run([sys.executable, __file__, *flags], check=True, stdout=subprocess.PIPE, text=True)
    print(done.stdout, end="")
    return [int(line.split()[-2]) for line in done.stdout.splitlines()]


def report(part: str, start: float) -> None:
    """Prints what a part took; the peak in bytes is the word before the last."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(f"{part}: {time.monotonic() - start:.1f} s, peak {peak} bytes", flush=True)


def write(folder: str, model_name: str, n_ctx: int, dtype: str) -> None:
    """Writes a random model in which weights of one shape are alike, so that it takes little memory."""
    import functools

    import tensorflow as tf

    from gpt2.checkpoint import save_model
    from gpt2.hparams import MODELS, write_hparams
    from gpt2.model import GPT2

    begun = time.monotonic()
    normal = functools.cache(lambda shape: tf.random.stateless_normal(shape, [1, len(shape)], stddev=0.02))
    model = GPT2(MODELS[model_name], lambda name, shape: tf.ones(shape) if name.endswith("/g") else normal(shape))
    save_model(folder, model)
    write_hparams(folder, model.hparams)
    report("write", begun)


def start(folder: str, model_name: str, n_ctx: int, dtype: str) -> None:
    """Does nothing, with TensorFlow there."""
    report("start", time.monotonic())


def step(folder: str, model_name: str, n_ctx: int, dtype: str) -> None:
    """Loads the model as train.py does, and trains it for one step."""
    import numpy as np
    import tensorflow as tf

    import gpt2
    from gpt2.training.adaptive import Adafactor
    from gpt2.training.memory_plan import DTYPES
    from gpt2.training.step import make_train_step

    begun = time.monotonic()
    model = gpt2.load_model(folder, None, *DTYPES[dtype])
    report("load", begun)
    model.recompute = True
    train_step = make_train_step(model, Adafactor(model.weights))
    batch = np.random.default_rng(1).integers(model.hparams.n_vocab, size=[1, 1, n_ctx + 1]).astype(np.int32)
    begun = time.monotonic()
    loss = float(train_step(tf.constant(batch), tf.constant(1e-3), tf.constant(0)))
    report(f"compile and step, loss {loss:.4f}", begun)


if __name__ == "__main__":
    command_line.run(main)
