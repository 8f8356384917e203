"""Writes new verse: python sample.py --run_name run1 --prompt "Shall I compare thee" """

import dataclasses
import functools
import io
import logging
import os
import random
import sys

from gpt2.jobs import scores
from system import command_line, process
from system.errors import UserError

logger = logging.getLogger("gpt2")


def main(
    *,
    model_name: str | None = None,
    models_dir: str = "models",
    run_name: str | None = None,
    checkpoint_dir: str = "checkpoint",
    restore_from: str | None = None,
    prompt: str = "",
    prompt_file: str | None = None,
    prompts: str | None = None,
    interactive: bool = False,
    author: str = "",
    title: str = "",
    tags: str = "",
    book: str = "",
    include_prompt: bool = False,
    nsamples: int = 1,
    batch_size: int = 1,
    length: int | None = None,
    stop: str = "",
    lines: int = 0,
    stanzas: int = 0,
    temperature: float = 1.0,
    top_k: int = 40,
    top_p: float = 0.0,
    min_p: float = 0.0,
    typical: float = 0.0,
    repetition_penalty: float = 1.0,
    no_repeat: int = 0,
    best_of: int = 1,
    score: str | None = None,
    seed: int | None = None,
    dtype: str = "float32",
    engine: str = "auto",
    strategy: str = "auto",
    tpu: str | None = None,
    out: str | None = None,
) -> None:
    """Writes new verse with a model or a run, one sample after another.

    Where no model and no run is named and models/124M is not there, the demo's run writes.

    Args:
      model_name: a model of the folder of models. Default: 124M.
      models_dir: the folder of the model folders.
      run_name: a run of train.py; --model_name then names the model that a run of 2019 was trained from.
      checkpoint_dir: the folder of the run folders.
      restore_from: the path of a model folder, a prefix such as checkpoint/run1/model-500, or checkpoint/run1/best for
        the weights of a run that lost least on held-out text.
      prompt: text to go on from.
      prompt_file: a file with that text, of as many lines as you like, taken letter for letter; - is standard input.
      prompts: a file of many prompts, one a line; in a .jsonl objects with prompt, nsamples, author, title, tags, book.
      interactive: ask for prompts, and write after each.
      author: whose verse, as the dataset of the run named them.
      title: of the poem, in a run trained with --layout poem.
      tags: of the poem, with commas between.
      book: the number of the book, in a run trained with --layout prefix.
      include_prompt: print the prompt before each sample.
      nsamples: how many, of each prompt; 0 goes on until Ctrl-C, with one prompt.
      batch_size: how many are written at a time; with 1 they appear as they are written.
      length: the most tokens in a sample. Default: the window without a prompt, half of it with one.
      stop: end a sample where this text comes, without it.
      lines: end a sample after so many lines that are not blank, 0 for no such rule.
      stanzas: end a sample after so many stanzas, 0 for no such rule.
      temperature: below 1 the likelier tokens become likelier still; 0 takes the likeliest.
      top_k: choose among so many of the likeliest tokens, 0 for all.
      top_p: choose among the likeliest tokens that have this probability together, 0 for top_k instead.
      min_p: choose among tokens at least so many times as likely as the likeliest, such as 0.05.
      typical: choose among the tokens of the most usual surprise that have this probability together, such as 0.9.
      repetition_penalty: above 1 makes the words that were used less likely, such as 1.2.
      no_repeat: let no so many words in a row come twice, 0 for no such rule.
      best_of: write so many for each sample, and keep the likeliest.
      score: a file of text to be scored instead of writing, or a .jsonl of objects with text and maybe prompt; author,
        title, tags and book make the prefix before each.
      seed: the same seed gives the same samples. Default: that of the samples in --out, or one that is printed.
      dtype: float32; int8, faster on a CPU and less exact; bfloat16, half the memory on a GPU or a TPU.
      engine: lite for a CPU, xla for GPUs or a TPU, or auto.
      strategy: one device; mirrored, all GPUs of this machine; multi_worker, the machines that TF_CONFIG or Slurm tells
        of, which share the folder of --out; tpu; or auto, whichever is there. The rows of a batch are shared out, and
        samples are the same on any number of devices.
      tpu: the name of a TPU, or local for this machine's.
      out: a file for the samples, .txt in the original's form or .jsonl with an object a line; one that is there is
        gone on with.
    """
    from gpt2.distributed import workers
    from gpt2.jobs import sample_file
    from gpt2.sampling import engines
    from gpt2.sampling.filters import Filters
    from poems import prompts as verse_prompts

    filters = Filters(temperature, top_k, top_p, min_p, typical, repetition_penalty)
    least = {"nsamples": 0, "batch_size": 1, "length": 1, "lines": 0, "stanzas": 0, "no_repeat": 0, "best_of": 1}
    for name, number in least.items():
        if locals()[name] is not None and locals()[name] < number:
            raise UserError(f"--{name} is {locals()[name]}, expected at least {number}")
        if locals()[name] is not None and locals()[name] > verse_prompts.MOST:
            raise UserError(f"--{name} is {locals()[name]}, expected at most {verse_prompts.MOST}")
    for name in ("prompt", "stop", *verse_prompts.FIELDS):
        try:
            locals()[name].encode()
        except UnicodeEncodeError:
            raise UserError(f"--{name} is {locals()[name]!r}, expected text in UTF-8") from None
    engines.check_engine(engine, dtype, strategy, tpu)
    if out is not None:
        sample_file.check_settings(out)
    many = not tpu and workers.is_multi_worker(strategy)
    worker, n_workers = workers.find_worker() if many else (0, 1)
    if many and (out is None or score is not None):
        raise UserError(f"{n_workers} workers meet in a file alone; name it with --out, or take --strategy one")
    if many and seed is None:
        raise UserError("--seed is missing, and each worker would draw another; give all the same, such as --seed 1")
    if many and nsamples == 0:
        raise UserError("--nsamples 0 never ends, and workers join their samples at the end; say how many")
    if interactive and (out or prompt or prompts or prompt_file):
        raise UserError("--interactive asks for prompts and prints samples, so it goes without prompts and --out")
    if score is not None and (interactive or out or prompt or prompts or prompt_file):
        raise UserError("--score scores what its file holds, so it goes without prompts, --interactive and --out")
    if prompts is not None and (prompt or prompt_file):
        raise UserError("--prompts is given with --prompt or --prompt_file, expected one of them")
    if prompts is not None and nsamples == 0:
        raise UserError("--nsamples 0 never comes to the second of --prompts; say how many of each")

    prefix, model_folder = find_model(model_name, models_dir, run_name, checkpoint_dir, restore_from)
    layout = verse_prompts.read_layout(os.path.join(os.path.dirname(prefix), "layout.json"))
    about = {"author": author, "title": title, "tags": tags, "book": book}
    if prompts is not None:
        wanted = verse_prompts.read_many(prompts, about, layout, nsamples)
    else:
        wanted = [verse_prompts.lay_out(read_prompt(prompt, prompt_file), about, layout, nsamples)]

    import encoder
    from gpt2 import checkpoint_paths
    from gpt2.hparams import find_hparams
    from gpt2.jobs import terminal, to_file, worker_files
    from gpt2.jobs.endings import Endings
    from gpt2.jobs.job import Job, Prompts
    from gpt2.jobs.no_repeat import NoRepeat, wordless
    from gpt2.sampling import batch

    enc = encoder.load_encoder(model_folder)
    hparams = find_hparams(prefix, model_folder)
    enc.check_size(hparams.n_vocab, model_folder)
    how = {"dtype": dtype, "name": engine, "strategy": strategy, "tpu": tpu}
    open_engine = engines.EngineSpec(prefix, model_folder, **how).open  # type: ignore[arg-type]
    if score is not None:
        scores.print_scores(open_engine, enc, verse_prompts.read_texts(score, about, layout))
        return
    if seed is None and out is not None and (seed := worker_files.seed_of(out)) is not None:
        logger.info(f"--seed {seed}, that of the samples in {out}")
    if seed is None:
        seed = random.randrange(2**31)
        logger.info(f"--seed {seed}")
    endings = Endings(enc, stop, lines, stanzas)
    rules = batch.Rules(
        filters,
        seed,
        ending=endings if stop or lines or stanzas else None,
        banning=NoRepeat(enc, no_repeat) if no_repeat else None,
        exempt=wordless(enc) if repetition_penalty != 1 else None,
        logprobs=best_of > 1 or (out or "").endswith(".jsonl"),
    )
    job = Job(enc, hparams, rules, endings, length, best_of, include_prompt)
    if slides := job.check(wanted):  # before the model is loaded
        logger.info(slides)
    asked = Prompts(wanted)
    if interactive:
        lay_out = functools.partial(verse_prompts.lay_out, about=about, described=layout, nsamples=nsamples or 1)
        terminal.converse(job, open_engine(batch_size), lay_out)
    elif out is None:
        terminal.show_samples(job, open_engine(batch_size), asked)
    else:
        settings = dataclasses.asdict(filters) | {"stop": stop, "lines": lines, "stanzas": stanzas, "length": length}
        settings |= {"no_repeat": no_repeat, "best_of": best_of, "dtype": dtype, "seed": seed}
        settings |= {"prompts": asked.digest(), "weights": checkpoint_paths.hash_of(prefix), "checkpoint": prefix}
        if out.endswith(".txt"):
            settings["include_prompt"] = include_prompt
        to_file.complete(job, lambda: open_engine(batch_size), asked, prefix, out, settings, worker, n_workers)


def find_model(model_name, models_dir, run_name, checkpoint_dir, restore_from) -> tuple[str, str]:
    """The prefix of the weights to sample from, and the folder of their vocabulary.

    Raises:
      FileNotFoundError: there is no such model or run.
    """
    from gpt2 import checkpoint_paths
    from system import files, model_folders

    if restore_from is not None and run_name is not None:
        raise UserError("--restore_from and --run_name are both given, expected one of them")
    if restore_from is not None:
        weights = restore_from
    elif run_name == "":
        raise UserError("--run_name is empty, expected the name of a run")
    elif run_name is not None:
        weights = os.path.join(checkpoint_dir, run_name)
        if not files.exists(weights):
            raise FileNotFoundError(f"{weights}: no such run; train one: python train.py --run_name {run_name}")
    elif model_name is not None or model_folders.has_model("124M", models_dir):
        weights = model_folders.model_folder(model_name or "124M", models_dir)
    else:
        weights = os.path.join(checkpoint_dir, "demo")
        logger.info(f"{os.path.join(models_dir, '124M')} is not here, so this is the demo's run, {weights}")
        if not files.exists(weights):
            raise FileNotFoundError(f"{weights}: no such run; train it: python prepare_corpus.py, python train.py")
    prefix = checkpoint_paths.find_prefix(weights)
    return prefix, checkpoint_paths.vocabulary_of(prefix, model_name or "124M", models_dir)


def read_prompt(prompt: str, prompt_file: str | None) -> str:
    """The text to go on from, letter for letter, also from standard input.

    Raises:
      ValueError: two prompts, or a file that is not UTF-8.
    """
    from poems import prompts

    if prompt_file is None:
        return prompt
    if prompt:
        raise UserError("--prompt and --prompt_file are both given, expected one of them")
    if prompt_file == "-":
        return prompts.decode(sys.stdin.buffer.read(), "standard input")
    return prompts.read_text(prompt_file)


if __name__ == "__main__":
    process.start_with_huge_pages()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # A terminal that is not UTF-8 must not end a job in the middle.
    command_line.run(main)
