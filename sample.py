"""Writes new verse: python sample.py --run_name run1 --prompt "Shall I compare thee" """

import bisect
import codecs
import dataclasses
import functools
import hashlib
import itertools
import json
import math
import os
import random
import sys
import time
from typing import Any

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
      restore_from: the path of a model folder, or a prefix such as checkpoint/run1/model-500.
      prompt: text to go on from.
      prompt_file: a file with that text, of as many lines as you like, taken letter for letter; - is standard input.
      prompts: a file of many prompts, one a line; in a .jsonl objects with prompt, nsamples, author, title, tags, book.
      interactive: ask for prompts, and write after each.
      author: whose verse, as the dataset of the run named them.
      title: of the poem, in a run trained with --layout poem.
      tags: of the poem, with commas between.
      book: the number of the book, in a run trained with --layout prefix.
      include_prompt: print the prompt before each sample.
      nsamples: how many, of each prompt; 0 goes on until Ctrl-C.
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
      score: a file of text to be scored instead of writing, or a .jsonl of objects with text and maybe prompt.
      seed: the same seed gives the same samples. Default: one that is printed.
      dtype: float32; int8, faster on a CPU and less exact; bfloat16, half the memory on a GPU or a TPU.
      engine: lite for a CPU, xla for GPUs or a TPU, or auto.
      strategy: one device; mirrored, all GPUs of this machine; multi_worker, the machines that TF_CONFIG or Slurm tells
        of, which share the folder of --out; tpu; or auto, whichever is there. The rows of a batch are shared out, and
        samples are the same on any number of devices.
      tpu: the name of a TPU, or local for this machine's.
      out: a file for the samples, .txt in the original's form or .jsonl with an object a line; one that is there is
        gone on with.
    """
    from gpt2 import engines, output, workers
    from gpt2.filters import Filters

    filters = Filters(temperature, top_k, top_p, min_p, typical, repetition_penalty)
    least = {"nsamples": 0, "batch_size": 1, "length": 1, "lines": 0, "stanzas": 0, "no_repeat": 0, "best_of": 1}
    for name, number in least.items():
        if locals()[name] is not None and locals()[name] < number:
            raise ValueError(f"--{name} is {locals()[name]}, expected at least {number}")
    engines.check(engine, dtype, strategy, tpu)
    if out is not None:
        output.check(out)
    many = not tpu and workers.is_multi_worker(strategy)
    worker, n_workers = workers.find_worker() if many else (0, 1)
    if many and (out is None or score is not None):
        raise ValueError(f"{n_workers} workers meet in a file alone; name it with --out, or take --strategy one")
    if many and seed is None:
        raise ValueError("--seed is missing, and each worker would draw another; give all the same, such as --seed 1")
    if many and nsamples == 0:
        raise ValueError("--nsamples 0 never ends, and workers join their samples at the end; say how many")
    if interactive and (out or prompt or prompts or prompt_file):
        raise ValueError("--interactive asks for prompts and prints samples, so it goes without prompts and --out")
    if prompts is not None and (prompt or prompt_file):
        raise ValueError("--prompts is given with --prompt or --prompt_file, expected one of them")

    from poems import prompts as verse_prompts

    prefix, model_folder = find_model(model_name, models_dir, run_name, checkpoint_dir, restore_from)
    layout = verse_prompts.read_layout(os.path.join(os.path.dirname(prefix), "layout.json"))
    about = {"author": author, "title": title, "tags": tags, "book": book}
    if prompts is not None:
        asked = verse_prompts.read_many(prompts, about, layout, nsamples)
    else:
        asked = [verse_prompts.lay_out(read_prompt(prompt, prompt_file), about, layout, nsamples)]

    import encoder
    from encoder.endings import Endings
    from encoder.words import NoRepeat, wordless
    from gpt2 import find, writing
    from gpt2.hparams import find_hparams

    enc = encoder.load_encoder(model_folder)
    hparams = find_hparams(prefix, model_folder)
    enc.check_size(hparams.n_vocab, model_folder)
    open_engine = functools.partial(
        engines.open_engine, prefix, model_folder, dtype, name=engine, say=say, strategy=strategy, tpu=tpu
    )
    if score is not None:
        print_scores(open_engine(rows=1), enc, score)
        return
    if seed is None:
        seed = random.randrange(2**31)
        say(f"--seed {seed}")
    endings = Endings(enc, stop, lines, stanzas)
    rules = writing.Rules(
        filters,
        seed,
        ending=endings if stop or lines or stanzas else None,
        banning=NoRepeat(enc, no_repeat) if no_repeat else None,
        exempt=wordless(enc) if repetition_penalty != 1 else None,
        logprobs=best_of > 1 or (out or "").endswith(".jsonl"),
    )
    job = Job(enc, hparams, rules, endings, length, best_of, include_prompt)
    job.check(asked)  # before the model is loaded
    if interactive:
        converse(job, open_engine(batch_size), lambda text: verse_prompts.lay_out(text, about, layout, nsamples or 1))
    elif out is None:
        show(job, open_engine(batch_size), asked)
    else:
        settings = dataclasses.asdict(filters) | {"stop": stop, "lines": lines, "stanzas": stanzas, "length": length}
        settings |= {"no_repeat": no_repeat, "best_of": best_of, "dtype": dtype, "seed": seed}
        settings |= {"prompts": hash_of(asked), "weights": find.hash_of(prefix)}
        complete(job, lambda: open_engine(batch_size), asked, prefix, out, settings, worker, n_workers)


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


@dataclasses.dataclass(frozen=True)
class Job:
    """How samples are written, whatever their prompts."""

    enc: Any
    hparams: Any
    rules: Any
    endings: Any
    length: int | None
    best_of: int
    include_prompt: bool

    def ids(self, prompt) -> list[int]:
        """The ids of a prompt, after end-of-text where it begins a poem."""
        begin = [self.enc.end_of_text] if prompt.begins else []
        return [*begin, *itertools.chain.from_iterable(map(self.enc.encode, prompt.pieces))]

    def check(self, asked) -> None:
        """Raises a ValueError for a prompt that is too long; says so if the window will slide."""
        from gpt2.writing import sample_length

        n_ctx = self.hparams.n_ctx
        for ids in map(self.ids, asked):
            if len(ids) + sample_length(self.hparams, ids, self.length) > n_ctx + 1:
                say(f"when the window of {n_ctx} tokens is full, its last half is read again and the rest forgotten")
                return

    def samples(self, engine, asked, numbers, on_token=None):
        """Triples of a sample's number, the sample and its prompt, of these numbers, in their order.

        The numbers go on from one prompt to the next; of each group of `best_of` tasks one becomes a sample.
        """
        from gpt2 import writing

        tasks, begun = itertools.tee(self.tasks(asked, numbers))
        samples = writing.write(engine, tasks, self.rules, on_token)
        in_order = writing.in_order(samples, (task.number for task in begun))
        for sample in writing.best_of(in_order, self.best_of):
            yield sample, prompt_of(asked, sample.number)

    def tasks(self, asked, numbers):
        """The tasks of the samples of these numbers, until there is no prompt for one."""
        from gpt2 import writing

        known: dict[Any, tuple] = {}
        for number in numbers:
            prompt = prompt_of(asked, number)
            if prompt is None:
                return
            if prompt not in known:
                ids = self.ids(prompt)
                length = writing.sample_length(self.hparams, ids, self.length)
                known[prompt] = writing.start_of(ids, self.hparams), length
            for task in range((number - 1) * self.best_of + 1, number * self.best_of + 1):
                yield writing.Task(task, *known[prompt])

    def shown(self, prompt) -> str:
        """What stands between the header of a sample and its text."""
        return prompt.text if self.include_prompt else ""


def prompt_of(asked, number: int):
    """The prompt of the sample of this number; None after the last."""
    ends = list(itertools.accumulate(prompt.nsamples or math.inf for prompt in asked))
    place = bisect.bisect_left(ends, number)
    return asked[place] if place < len(asked) else None


def show(job: Job, engine, asked) -> None:
    """Prints samples, with a batch of one as they are written."""
    from gpt2.output import header

    if engine.rows > 1 or job.best_of > 1:
        for sample, prompt in job.samples(engine, asked, itertools.count(1)):
            print(f"{header(sample.number)}{job.shown(prompt)}{job.endings.text(sample.ids)}", flush=True)
        return
    stream = Stream(job, asked)
    for sample, _ in job.samples(engine, asked, itertools.count(1), stream.add):
        stream.end(sample.number)


class Stream:
    """Prints one sample after another id by id: never half a character, nor what the end of the sample takes back."""

    def __init__(self, job: Job, asked):
        self.job, self.asked = job, asked
        self.ids: list[int] = []
        self.begun = False

    def add(self, number: int, id: int) -> None:
        """Prints what an id adds."""
        self._begin(number)
        self.ids.append(id)
        text = self.job.enc.decode_bytes(self.ids)
        self._print(text[: self.job.endings.settled(text)])

    def end(self, number: int) -> None:
        """Prints what was held back, and a line end."""
        self._begin(number)
        text = self.job.enc.decode_bytes(self.ids)
        self._print(text[: self.job.endings.find(text)[0]], final=True)
        print(flush=True)
        self.begun = False

    def _begin(self, number):
        from gpt2.output import header

        if not self.begun:
            self.begun, self.ids, self.printed = True, [], 0
            self.decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
            print(header(number) + self.job.shown(prompt_of(self.asked, number)), end="", flush=True)

    def _print(self, text, final=False):
        print(self.decoder.decode(text[self.printed :], final), end="", flush=True)
        self.printed = max(self.printed, len(text))


def complete(job: Job, open_engine, asked, prefix: str, out: str, settings, worker: int, n_workers: int) -> None:
    """Writes the samples that a file lacks: one worker into it, each of several into a part that the first joins."""
    from gpt2 import output, parts

    write = functools.partial(save, job, open_engine, asked, prefix)
    total = sum(prompt.nsamples for prompt in asked) if all(prompt.nsamples for prompt in asked) else None
    if n_workers == 1 and not parts.find_parts(out):
        file = output.Out(out, settings)
        first = file.n_written + 1
        write(file, itertools.count(first) if total is None else range(first, total + 1))
        return
    if total is None:
        raise ValueError(f"{out}: workers left parts of it, which are joined at its end; say how many --nsamples")
    held = parts.Parts(out, settings)
    if mine := [number for number in held.missing(total) if (number - 1) % n_workers == worker]:
        write(parts.Part(parts.part_of(out, worker), settings), mine)
    if worker == 0:
        held.look()
        if held.missing(total):
            say(f"waits for the other workers, until it has not heard of them for {parts.PATIENCE} s")
        held.wait(total, n_workers)
        held.join(total, lambda number: job.shown(prompt_of(asked, number)))


def save(job: Job, open_engine, asked, prefix: str, file, numbers) -> None:
    """Writes the samples of these numbers into a file, after those that it holds, and closes it."""
    from tqdm import tqdm

    if file.n_written:
        say(f"{file.path} holds {file.n_written} samples already, and is gone on with")
    if not numbers:
        file.close()
        return
    engine = open_engine()
    total = None if isinstance(numbers, itertools.count) else file.n_written + len(numbers)
    start, n_tokens = time.monotonic(), 0
    with tqdm(total=total, initial=file.n_written, unit="sample", disable=None, dynamic_ncols=True) as bar:

        def count(number, id):
            nonlocal n_tokens
            n_tokens += 1
            file.show_life()
            if n_tokens % engine.rows == 0:
                bar.set_postfix({"tokens/s": f"{n_tokens / (time.monotonic() - start):,.0f}"}, refresh=False)

        for sample, prompt in job.samples(engine, asked, numbers, count):
            written = {"seed": job.rules.seed, "number": sample.number, "prompt": prompt.text}
            written |= {"text": job.endings.text(sample.ids), "ids": sample.ids, "why": sample.why}
            if job.rules.logprobs:
                rounded = [round(value, 4) for value in sample.logprobs]
                written |= {"logprobs": rounded, "logprob": round(sample.logprob, 4) if rounded else None}
            file.write(written | {"checkpoint": prefix}, job.shown(prompt))
            bar.update()
    file.close()


def converse(job: Job, engine, lay_out) -> None:
    """Asks for prompts until there are no more, and writes after each."""
    say("a prompt a line, empty for none; \\ at its end goes on in the next line; Ctrl-C ends a sample, Ctrl-D all")
    number = 1
    while (text := ask()) is not None:
        prompt = lay_out(text)
        # Samples before it count as its own, so that no two have one number.
        asked = [dataclasses.replace(prompt, nsamples=number - 1), prompt] if number > 1 else [prompt]
        stream = Stream(job, asked)
        try:
            job.check([prompt])
            for sample, _ in job.samples(
                engine, asked, itertools.count(number), stream.add if engine.rows == 1 else None
            ):
                if engine.rows > 1:
                    for id in sample.ids:
                        stream.add(sample.number, id)
                stream.end(sample.number)
        except ValueError as error:
            say(str(error))
        except KeyboardInterrupt:
            print(flush=True)
        number += prompt.nsamples


def ask() -> str | None:
    """A prompt from the terminal, or standard input; None at its end."""
    lines: list[str] = []
    while not lines or lines[-1].endswith("\\"):
        if lines:
            lines[-1] = lines[-1].removesuffix("\\")
        try:
            lines.append(input("> " if sys.stdin.isatty() else ""))
        except EOFError:
            return "\n".join(lines) if lines else None
    return "\n".join(lines)


def print_scores(engine, enc, path: str) -> None:
    """Prints, for each text of a file, an object with its log-probability, perplexity and bits per character."""
    from gpt2.scoring import log_probabilities
    from poems import prompts as verse_prompts

    for prompt, text in verse_prompts.read_texts(path):
        before, ids = enc.encode(prompt), enc.encode(text)
        logprob = sum(log_probabilities(engine, before or [enc.end_of_text], ids))
        figures = {"tokens": len(ids), "characters": len(text), "logprob": round(logprob, 4)}
        if ids:
            figures["perplexity"] = round(math.exp(-logprob / len(ids)), 4)
            figures["bits_per_character"] = round(-logprob / math.log(2) / len(text), 4)
        print(json.dumps({"text": text[:60]} | figures, ensure_ascii=False), flush=True)


def read_prompt(prompt: str, prompt_file: str | None) -> str:
    """The text to go on from, letter for letter, also from standard input.

    Raises:
      ValueError: two prompts, or a file that is not UTF-8.
    """
    from poems import prompts

    if prompt_file is None:
        return prompt
    if prompt:
        raise ValueError("--prompt and --prompt_file are both given, expected one of them")
    return sys.stdin.read() if prompt_file == "-" else prompts.read_text(prompt_file)


def hash_of(asked) -> str:
    """What tells these prompts from others; how many samples go on from a single one does not matter."""
    told = [(prompt.pieces, prompt.begins, prompt.nsamples if len(asked) > 1 else None) for prompt in asked]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]


def say(text: str) -> None:
    """A message, away from the results."""
    print(f"sample.py: {text}", file=sys.stderr)


if __name__ == "__main__":
    command_line.start_with_huge_pages()
    command_line.run(main)
