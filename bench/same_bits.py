"""Whether two commits compute the same bits: python bench/same_bits.py --before 037755f --after HEAD

Each commit is checked out into a temporary folder and asked for the same datasets, training runs and samples through
its own scripts; what they write is compared by its hash. Exit status 1 if anything differs.
"""

import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from system import command_line  # noqa: E402

LAYOUTS = ("plain", "prefix", "poem")
RUNS = {
    "adam": ["--optimizer", "adam", "--learning_rate", "1e-3"],
    "sgd": ["--optimizer", "sgd", "--learning_rate", "0.5"],
    "adamw": ["--optimizer", "adamw", "--learning_rate", "1e-3"],
    "adafactor": ["--optimizer", "adafactor", "--learning_rate", "1e-2"],
    "accumulated": ["--learning_rate", "1e-3", "--accumulate_gradients", "3"],
    "noise": ["--learning_rate", "1e-3", "--noise", "0.1"],
    "blocks computed again": ["--learning_rate", "1e-3", "--memory_saving_gradients"],
}
SAMPLES = {
    "LiteRT, float32": ["--engine", "lite"],
    "LiteRT, int8": ["--engine", "lite", "--dtype", "int8"],
    "XLA": ["--engine", "xla"],
}


def main(before: str = "037755f", after: str = "HEAD", steps: int = 50, nsamples: int = 40) -> None:
    """Compares what two commits compute, bit by bit.

    Args:
      before: a commit.
      after: another.
      steps: of each training run.
      nsamples: of each engine.
    """
    with tempfile.TemporaryDirectory() as folder:
        found = [
            results(pathlib.Path(folder) / str(i), commit, steps, nsamples) for i, commit in enumerate((before, after))
        ]
    differ = [name for name in found[0] if found[0][name] != found[1][name]]
    for name, value in found[0].items():
        print(f"{'differs' if name in differ else 'equal':8} {name:36} {value[:16]}")
    print(f"{before} and {after}: {len(found[0]) - len(differ)} of {len(found[0])} results are equal to the last bit")
    sys.exit(bool(differ))


def results(folder: pathlib.Path, commit: str, steps: int, nsamples: int) -> dict[str, str]:
    """The hashes of all that a commit computes, by name."""
    archive = subprocess.run(["git", "archive", commit], cwd=ROOT, check=True, capture_output=True).stdout
    folder.mkdir()
    subprocess.run(["tar", "-x"], cwd=folder, input=archive, check=True)
    shutil.copytree(folder / "tests" / "reference", folder / "models", dirs_exist_ok=True)
    return datasets(folder) | runs(folder, steps) | samples(folder, nsamples)


def script(folder: pathlib.Path, *arguments: str) -> None:
    """Runs a script of a checkout; its caches are in the checkout, too."""
    environment = os.environ | {"XDG_CACHE_HOME": str(folder / "cache"), "PYTHONPATH": str(folder)}
    command = [sys.executable, *map(str, arguments)]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise OSError(f"{' '.join(command)}: {done.stderr.strip()[-500:]}")


def datasets(folder: pathlib.Path) -> dict[str, str]:
    """The tokens of the sample data in each layout."""
    found = {}
    for layout in LAYOUTS:
        out = f"{layout}.npz"
        sources = ["tests/poems/data/poems-foundation.csv", "tests/poems/data/poems-tags.csv"]
        script(folder, "prepare_corpus.py", *sources, out, "--model_name", "tiny", "--layout", layout)
        found[f"dataset, {layout}"] = sha256(folder / out)
    return found


def runs(folder: pathlib.Path, steps: int) -> dict[str, str]:
    """The losses and the last weights of each run, and of one that was stopped and resumed in the middle."""
    fixed = ["--dataset", "plain.npz", "--model_name", "tiny", "--batch_size", "2", "--sample_every", "0"]
    fixed += ["--val_every", "25", "--val_batch_count", "2", "--seed", "5"]
    found = {}
    for name, flags in RUNS.items():
        run_name = name.replace(" ", "_")
        script(folder, "train.py", *fixed, *flags, "--run_name", run_name, "--steps", str(steps))
        found[f"run, {name}"] = of_run(folder / "checkpoint" / run_name, steps)
    for end in (steps // 2, steps):
        script(folder, "train.py", *fixed, *RUNS["adam"], "--run_name", "resumed", "--steps", str(end))
    found["run, adam, resumed"] = of_run(folder / "checkpoint" / "resumed", steps)
    return found


def of_run(run: pathlib.Path, steps: int) -> str:
    """A hash of the losses, held-out ones too, and of the weights after the last step."""
    records = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    losses = [(record["step"], record["loss"], record.get("val_loss")) for record in records]
    weights = sha256(run / f"model-{steps}.data-00000-of-00001")
    return hashlib.sha256(json.dumps([losses, weights]).encode()).hexdigest()


def samples(folder: pathlib.Path, nsamples: int) -> dict[str, str]:
    """The ids and texts of samples that each engine writes."""
    fixed = ["--model_name", "tiny", "--seed", "3", "--prompt", "O rose,", "--length", "30"]
    fixed += ["--nsamples", str(nsamples), "--batch_size", "8", "--top_k", "40"]
    found = {}
    for name, flags in SAMPLES.items():
        out = name.replace(" ", "_").replace(",", "") + ".jsonl"
        script(folder, "sample.py", *fixed, *flags, "--out", out)
        rows = [json.loads(line) for line in (folder / out).read_text().splitlines()]
        written = [(row["number"], row["ids"], row["text"]) for row in rows if "number" in row]
        found[f"{nsamples} samples, {name}"] = hashlib.sha256(json.dumps(written).encode()).hexdigest()
    return found


def sha256(path: pathlib.Path) -> str:
    """The hash of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    command_line.run(main)
