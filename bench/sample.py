"""How fast verse is written on a CPU, beside CTranslate2 and Hugging Face on PyTorch.

python bench/sample.py --model_name 124M
python bench/sample.py --peers ../peers/bin/python         # where the peers are installed, if not here
python bench/sample.py --held_out verse.txt                # what int8 costs: perplexity of a text

Every side is measured in a process of its own, one after the other, for several rounds: the same prompt of 8 tokens,
64 tokens chosen with top_k 40, the whole loop. The limits of the machine, bandwidth and arithmetic, stand beside.
"""

import importlib.metadata
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SIDES = os.path.join(ROOT, "bench", "sample_sides.py")
PEERS = {"ctranslate2": ("float32", "int8"), "transformers": ("float32",)}
BATCHES = (1, 8, 20)


def main(
    *,
    model_name: str = "124M",
    models_dir: str = "models",
    peers: str = sys.executable,
    rounds: int = 3,
    held_out: str | None = None,
) -> None:
    """Prints tokens a second, medians of the rounds, their ratios, and what surrounds them.

    Args:
      model_name: the model that writes; with random weights fewer guesses are right than with those of a trained one.
      models_dir: the folder of the model folders.
      peers: the Python that the peers are installed for.
      rounds: how often each side is measured.
      held_out: a text; its perplexity in float32 and int8 is printed, ours and CTranslate2's.
    """
    from gpt2 import checkpoint_paths
    from system import machine

    prefix = checkpoint_paths.find_prefix(os.path.join(models_dir, model_name))
    print(f"{os.cpu_count()} cores, {machine.cpu_name()}; Python {platform.python_version()}, {versions(peers)}")
    with tempfile.TemporaryDirectory() as folder:
        report_start_up(model_name, models_dir, folder)
        weights = os.path.join(folder, "weights.npz")
        write_weights(prefix, weights)
        sides = {f"ours, {dtype}": (sys.executable, "ours", dtype, prefix) for dtype in ("float32", "int8")}
        for peer, dtypes in PEERS.items():
            if version(peers, peer):
                sides |= {f"{peer}, {dtype}": (peers, peer, dtype, weights) for dtype in dtypes}
            else:
                print(f"{peer}: absent, pip install {peer}")
        if held_out is not None:
            report_perplexity(sides, held_out, os.path.dirname(prefix))
        report_rates(sides, rounds)


def report_start_up(model_name, models_dir, folder):
    """From the shell's prompt to the end of a sample of 5 tokens."""
    command = [sys.executable, os.path.join(ROOT, "sample.py"), "--model_name", model_name, "--models_dir"]
    linked = os.path.join(folder, "models")
    source = os.path.abspath(os.path.join(models_dir, model_name))
    os.makedirs(os.path.join(linked, model_name))
    for name in os.listdir(source):
        if not name.endswith(".tflite"):
            os.symlink(os.path.join(source, name), os.path.join(linked, model_name, name))
    for what in ("cold", "the second time"):
        start = time.perf_counter()
        subprocess.run([*command, linked, "--length", "5", "--seed", "1"], check=True, capture_output=True)
        print(f"start-up, {what}: {time.perf_counter() - start:.1f} s")


def write_weights(prefix, path):
    """The weights of a checkpoint for the peers, which do not read it."""
    from system.tensorflow_start import tensorflow_start_up_held

    with tensorflow_start_up_held():
        from gpt2.bundle import read_tensor
        from gpt2.hparams import find_hparams, weight_shapes

        hparams = find_hparams(prefix)
        tensors = {name: read_tensor(prefix, name) for name in weight_shapes(hparams)}
    np.savez(path, hparams=json.dumps(vars(hparams)), **tensors)


def report_rates(sides, rounds):
    found: dict[str, list[dict]] = {name: [] for name in sides}
    limits = []
    for _ in range(rounds):
        limits.append(measure(sys.executable, "limits", "float32", ""))
        for name, side in sides.items():
            found[name].append(measure(*side))
    gigabytes, flops = (statistics.median(limit[name] for limit in limits) for name in ("bandwidth", "flops"))
    print(f"the machine: {gigabytes:.1f} GB/s read, {flops:.0f} GFLOP/s of float32 products")
    medians = {}
    for name, results in found.items():
        medians[name] = {key: statistics.median(result[key] for result in results) for key in results[0]}
        rates = "  ".join(f"{medians[name][f'rate {rows}']:7.1f}" for rows in BATCHES)
        spread = max(
            max(r[f"rate {rows}"] for r in results) / min(r[f"rate {rows}"] for r in results) for rows in BATCHES
        )
        print(f"{name:24} tokens/s at batch {', '.join(map(str, BATCHES))}: {rates}   (fastest / slowest {spread:.2f})")
    for name, medians_of in medians.items():
        print(f"{name:24} a prompt of 900 tokens at batch 20: {medians_of['prefill']:.2f} s", end="")
        if "long 20" in medians_of:
            shares = (medians_of[f"long {rows}"] / medians_of[f"rate {rows}"] for rows in BATCHES)
            print(f"; rate after it / rate: {', '.join(f'{share:.2f}' for share in shares)}", end="")
            print(f"; choosing {medians_of['choosing']:.1%} of a step", end="")
        print()
    for dtype in ("float32", "int8"):
        ours = medians[f"ours, {dtype}"]
        for name in (name for name in medians if not name.startswith("ours") and name.endswith(dtype)):
            ratios = ", ".join(f"{ours[f'rate {rows}'] / medians[name][f'rate {rows}']:.2f}" for rows in BATCHES)
            prefill = medians[name]["prefill"] / ours["prefill"]
            print(f"ours / {name}: {ratios}; its time for the prompt / ours: {prefill:.1f}")


def report_perplexity(sides, path, vocabulary):
    """Of one text, in windows without an overlap, each after end-of-text."""
    import encoder

    with open(path, encoding="utf-8") as file:
        ids = encoder.load_encoder(vocabulary).encode(file.read())
    for name, side in sides.items():
        if "transformers" not in name:
            found = measure(*side, ids=ids)
            print(f"{name:24} perplexity of {len(ids):,} tokens: {found['perplexity']:.4f}")


def measure(python, *what, ids=None):
    """What `sample_sides.py` measures in a process of its own."""
    done = subprocess.run([python, SIDES, *what], input=json.dumps(ids), capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{what}: {done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def version(python, package):
    """The version of a package that a Python has; empty without."""
    code = f"import importlib.metadata as m; print(m.version({package!r}))"
    return subprocess.run([python, "-c", code], capture_output=True, text=True).stdout.strip()


def versions(peers):
    """Ours and the peers', in a line."""
    ours = [f"{name} {importlib.metadata.version(name)}" for name in ("numpy", "ai-edge-litert")]
    theirs = [f"{name} {found}" for name in (*PEERS, "torch") if (found := version(peers, name))]
    return ", ".join(ours + theirs)


if __name__ == "__main__":
    sys.path.insert(0, ROOT)
    from system import command_line

    command_line.run(main)
