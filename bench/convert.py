"""How much memory and time models/convert.py takes, for a model of one of OpenAI's sizes with random weights.

pip install -e '.[convert]'
python bench/convert.py --model_name 124M
python bench/convert.py --model_name 1558M --formats openai,huggingface,gguf

The model is written as a Hugging Face folder, a tensor at a time; each conversion runs in a process of its own, whose
peak of resident memory Linux counts, with TensorFlow's own half gigabyte where it is needed. (The peak that getrusage
gives begins with that of the process which started it.)
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time

import numpy as np

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from encoder.vocabulary import read_vocabulary
from gpt2.formats import hugging_face
from gpt2.formats.stored_model import StoredModel
from gpt2.hparams import MODELS, weight_shapes
from system import command_line

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# What is converted into what, by the name of the target; all but the first begin with OpenAI's layout.
TARGETS = {
    "openai": ("theirs", "ours", "float32"),
    "huggingface": ("ours", "again", "float32"),
    "float16": ("ours", "half", "float16"),
    "gguf": ("ours", "model.gguf", "float32"),
    "q8_0": ("ours", "small.gguf", "q8_0"),
    "savedmodel": ("ours", "served", "float32"),
    "tflite": ("ours", "model.tflite", "float32"),
}
PROGRAM = r"""
import os, re, runpy, sys
sys.argv[:1] = []
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
finally:
    print(1024 * int(re.search(r"VmHWM:\s+(\d+) kB", open("/proc/self/status").read())[1]))
"""


def main(model_name: str = "124M", formats: str = ",".join(TARGETS), folder: str = tempfile.gettempdir()) -> None:
    """Measures each conversion.

    Args:
      model_name: 124M, 355M, 774M or 1558M.
      formats: which, separated by commas; openai comes first.
      folder: on a disk that holds the weights three times.
    """
    place = tempfile.mkdtemp(dir=folder)
    try:
        hparams = MODELS[model_name]
        write_random(os.path.join(place, "theirs"), model_name)
        print(f"{model_name}: weights of {4 * hparams.n_params / 1e9:.2f} GB")
        for name in formats.split(","):
            source, target, dtype = TARGETS[name]
            seconds, peak = measure(os.path.join(place, source), os.path.join(place, target), name, dtype)
            share = peak / (4 * hparams.n_params)
            print(f"{name}: {seconds:.1f} s, peak {peak / 1e9:.2f} GB, {share:.2f} times the weights", flush=True)
            if target not in ("ours", "theirs"):
                remove(os.path.join(place, target))
    finally:
        shutil.rmtree(place)


def write_random(folder: str, model_name: str) -> None:
    """Writes a Hugging Face folder with random weights, without ever holding more than one."""
    hparams = MODELS[model_name]
    shapes = weight_shapes(hparams)
    vocabulary = read_vocabulary(os.path.join(ROOT, "tests", "reference", "tiny"))
    random = np.random.default_rng(0)

    def read(name: str) -> np.ndarray:
        return random.standard_normal(shapes[name], np.float32) * np.float32(0.02)

    hugging_face.write_folder(StoredModel(model_name, hparams, vocabulary, read, {}), folder, "float32", model_name)


def measure(source: str, target: str, name: str, dtype: str) -> tuple[float, int]:
    """The seconds of a conversion, and the peak of its memory in bytes."""
    kind = {"float16": "huggingface", "q8_0": "gguf"}.get(name, name)
    words = [os.path.join(ROOT, "models", "convert.py"), source, target, "--to", kind, "--dtype", dtype]
    start = time.monotonic()
    done = subprocess.run([sys.executable, "-c", PROGRAM, *words], check=True, stdout=subprocess.PIPE, text=True)
    return time.monotonic() - start, int(done.stdout.split()[-1])


def remove(path: str) -> None:
    """Removes a file or a folder."""
    if os.path.isdir(path):
        shutil.rmtree(path)
    else:
        os.remove(path)


if __name__ == "__main__":
    command_line.run(main)
