"""How long a poem in a form takes beside free verse: python bench/form_speed.py --model_name 124M

One poem at a time, as a reader waits for it, in turns with as many tokens of free verse by the same weights; the
quickest of several rounds each. Without weights of that name, random ones of its size are made.
"""

import os
import sys
import tempfile
import time

import numpy as np

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import gpt2
from encoder.vocabulary import read_vocabulary, write_vocabulary
from gpt2 import checkpoint
from gpt2.hparams import MODELS, weight_shapes, write_hparams
from gpt2.jobs.poet import Poet
from system import command_line

VOCABULARY = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "tests", "reference", "tiny")


def main(model_name: str = "124M", models_dir: str = "models", form: str = "sonnet", rounds: int = 5) -> None:
    """Prints seconds, tokens and their ratio.

    Args:
      model_name: a model there, or one of OpenAI's names.
      form: of `sample.py --form`.
      rounds: how often each side writes.
    """
    with tempfile.TemporaryDirectory() as folder:
        if not os.path.exists(os.path.join(models_dir, model_name)):
            models_dir = folder
            write_random(os.path.join(folder, model_name), model_name)
        formed, free = (gpt2.load(os.path.join(models_dir, model_name)) for _ in range(2))
        times: dict[str, list[float]] = {"formed": [], "free": []}
        for seed in range(rounds + 1):  # the first round opens the engines
            for name, poet, flags in (("formed", formed, {"form": form}), ("free", free, {"length": 150, "top_k": 0})):
                times[name].append(milliseconds(poet, seed, **flags))
    quickest = {name: min(found[1:]) for name, found in times.items()}
    for name, found in times.items():
        print(f"{name}: {min(found[1:]):.1f} ms a token, median {np.median(found[1:]):.1f}")
    print(f"{form} takes {quickest['formed'] / quickest['free']:.2f} times as long as free verse")


def milliseconds(poet: Poet, seed: int, **flags: object) -> float:
    """The time of a token of one poem."""
    start = time.perf_counter()
    (poem,) = poet.write(seed=seed, **flags)
    return 1e3 * (time.perf_counter() - start) / len(poem.logprobs)


def write_random(folder: str, model_name: str) -> None:
    """Writes a model with random weights of one of OpenAI's sizes."""
    hparams = MODELS[model_name]
    write_vocabulary(folder, read_vocabulary(VOCABULARY))
    write_hparams(folder, hparams)
    random = np.random.default_rng(0)
    weights = {}
    for name, shape in weight_shapes(hparams).items():
        given = {"/b": 0.0, "/g": 1.0}.get(name[-2:])
        drawn = random.standard_normal(shape, np.float32) * np.float32(0.02)
        weights[name] = drawn if given is None else np.full(shape, given, np.float32)
    checkpoint.write_bundle(os.path.join(folder, "model.ckpt"), weights)
    checkpoint.write_pointer(folder, "model.ckpt")


if __name__ == "__main__":
    command_line.run(main)
