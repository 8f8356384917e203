"""Writes new verse: python sample.py --run_name run1 --prompt "Shall I compare thee" """

import contextlib
import itertools
import json
import os
import random
import sys

from gpt2 import command_line


def main(
    *,
    model_name: str | None = None,
    models_dir: str = "models",
    run_name: str | None = None,
    checkpoint_dir: str = "checkpoint",
    restore_from: str | None = None,
    prompt: str = "",
    prompt_file: str | None = None,
    include_prompt: bool = False,
    nsamples: int = 1,
    batch_size: int = 1,
    length: int | None = None,
    temperature: float = 1.0,
    top_k: int = 40,
    top_p: float = 0.0,
    seed: int | None = None,
    dtype: str = "float32",
    out: str | None = None,
) -> None:
    """Writes new verse with a model or a run, one sample after another.

    Where no model and no run is named and models/124M is not there, the demo's run writes.

    Args:
      model_name: a model of the folder of models. Default: 124M.
      models_dir: the folder of the model folders.
      run_name: a run of train.py; --model_name then names the model that a run of 2019 was trained from.
      checkpoint_dir: the folder of the run folders.
      restore_from: the path of a model folder, or a prefix such as checkpoint/run1/model-500.
      prompt: text to go on from.
      prompt_file: a file with that text, of as many lines as you like, taken letter for letter.
      include_prompt: print the prompt before each sample.
      nsamples: how many; 0 goes on until Ctrl-C.
      batch_size: how many are written at a time; with 1 they appear as they are written.
      length: the most tokens in a sample. Default: the window without a prompt, half of it with one.
      temperature: below 1 the likelier tokens become likelier still; 0 takes the likeliest.
      top_k: choose among so many of the likeliest tokens, 0 for all.
      top_p: choose among the likeliest tokens that have this probability together, 0 for top_k instead.
      seed: the same seed gives the same samples. Default: one that is printed.
      dtype: float32, or bfloat16 in half the memory.
      out: a new file for the samples, .txt in the original's form or .jsonl with an object a line.
    """
    from gpt2.filters import Filters

    Filters(temperature, top_k, top_p)
    if batch_size < 1:
        raise ValueError(f"--batch_size is {batch_size}, expected at least 1")
    if length is not None and length < 1:
        raise ValueError(f"--length is {length}, expected at least 1")
    if dtype not in ("float32", "bfloat16"):
        raise ValueError(f"--dtype is {dtype}, expected float32 or bfloat16")
    if nsamples < 0:
        raise ValueError(f"--nsamples is {nsamples}, expected how many samples, or 0 for no end")
    check_out(out)
    weights, model_folder = find_model(model_name, models_dir, run_name, checkpoint_dir, restore_from)
    text = read_prompt(prompt, prompt_file)
    if seed is None:
        seed = random.randrange(2**31)
        say(f"--seed {seed}")
    command_line.start_tensorflow()
    import encoder
    import gpt2
    from gpt2.sampling import Sampler, sample_length

    enc = encoder.load_encoder(model_folder)
    ids = enc.encode(text)
    model = gpt2.load_model(weights, model_folder, dtype)
    enc.check_size(model.hparams.n_vocab, model_folder)
    length = sample_length(model.hparams, ids, length)
    sampler = Sampler(model, batch_size, temperature, top_k, top_p, seed)
    shown = text if include_prompt else ""
    if out is None and batch_size == 1:
        stream(sampler, enc, ids, shown, nsamples, length)
        return
    with writer(out) as write, progress_bar(out, nsamples) as bar:
        for number, sampled in enumerate(sampler.samples(ids, nsamples, length), start=1):
            write({"seed": seed, "number": number, "prompt": text, "text": enc.decode(sampled), "ids": sampled}, shown)
            bar.update()


def check_out(out: str | None) -> None:
    """Raises a ValueError for a file of no known form, or one that is there already."""
    from poems import files

    if out is None:
        return
    if not out.endswith((".txt", ".jsonl")):
        raise ValueError(f"--out is {out}, expected a name that ends in .txt or .jsonl")
    folder = os.path.dirname(out) or "."
    if not files.exists(folder):
        raise FileNotFoundError(f"{out}: there is no folder {folder}; make it, or name another file with --out")
    if files.exists(out):
        raise ValueError(f"{out}: there already, and samples would be written over it; name another file with --out")


def find_model(model_name, models_dir, run_name, checkpoint_dir, restore_from) -> tuple[str, str]:
    """The prefix of the weights to sample from, and the folder of their vocabulary.

    Raises:
      FileNotFoundError: there is no such model or run.
    """
    from gpt2 import find
    from poems import files

    if restore_from is not None and run_name is not None:
        raise ValueError("--restore_from and --run_name are both given, expected one of them")
    if restore_from is not None:
        weights = restore_from
    elif run_name is not None:
        weights = os.path.join(checkpoint_dir, run_name)
        if not files.exists(weights):
            raise FileNotFoundError(f"{weights}: no such run; train one: python train.py --run_name {run_name}")
    elif model_name is not None or files.has_model("124M", models_dir):
        weights = files.model_folder(model_name or "124M", models_dir)
    else:
        weights = os.path.join(checkpoint_dir, "demo")
        say(f"{os.path.join(models_dir, '124M')} is not here, so this is the demo's run, {weights}")
        if not files.exists(weights):
            raise FileNotFoundError(f"{weights}: no such run; train it: python prepare_corpus.py, python train.py")
    prefix = find.find_prefix(weights)
    return prefix, find.vocabulary_of(prefix, model_name or "124M", models_dir)


def read_prompt(prompt: str, prompt_file: str | None) -> str:
    """The text to go on from, letter for letter.

    Raises:
      ValueError: two prompts, or a file that is not UTF-8.
    """
    from poems import files

    if prompt_file is None:
        return prompt
    if prompt:
        raise ValueError("--prompt and --prompt_file are both given, expected one of them")
    with files.open_file(prompt_file) as file:
        raw = file.read()
    try:
        return raw.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise ValueError(f"{prompt_file}: byte {error.start} is not UTF-8; save the file as UTF-8") from None


def stream(sampler, enc, ids: list[int], shown: str, nsamples: int, length: int) -> None:
    """Prints samples token by token, never half a character."""
    for number in itertools.count(1) if nsamples == 0 else range(1, nsamples + 1):
        print(header(number) + shown, end="", flush=True)
        decoder = enc.stream()
        for tokens in sampler.tokens(ids, [number], length):
            if tokens[0] != sampler.end_of_text:
                print(decoder.feed(int(tokens[0])), end="", flush=True)
        print(decoder.flush())


@contextlib.contextmanager
def writer(out: str | None):
    """A function that writes one finished sample, to the terminal or to the end of a file, at once."""
    from poems import files

    with files.open_file(out, "w") if out else contextlib.nullcontext(sys.stdout) as file:

        def write(sample: dict, shown: str) -> None:
            if out and out.endswith(".jsonl"):
                file.write(json.dumps(sample, ensure_ascii=False) + "\n")
            else:
                file.write(f"{header(sample['number'])}{shown}{sample['text']}\n")
            file.flush()

        yield write


def header(number: int) -> str:
    """The line above a sample, the original's."""
    return f"{'=' * 40} SAMPLE {number} {'=' * 40}\n"


def progress_bar(out: str | None, nsamples: int):
    """A bar of samples, where they go to a file and do not show the progress themselves."""
    from tqdm import tqdm

    return tqdm(total=nsamples or None, unit="sample", disable=None if out else True)


def say(text: str) -> None:
    """A message, away from the results."""
    print(f"sample.py: {text}", file=sys.stderr)


if __name__ == "__main__":
    command_line.run(main)
