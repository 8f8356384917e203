"""A job of sampling: which samples continue which prompt, and how they are written."""

import bisect
import dataclasses
import functools
import hashlib
import itertools
import json
import logging
import math
import os
import random
from collections.abc import Callable, Iterable, Iterator
from typing import Literal

import numpy as np

from encoder.reference import Encoder
from gpt2 import checkpoint_paths
from gpt2.hparams import HParams, find_hparams
from gpt2.jobs import worker_files
from gpt2.jobs.endings import Endings
from gpt2.jobs.formed import Formed
from gpt2.jobs.no_repeat import NoRepeat, wordless
from gpt2.jobs.request import Request
from gpt2.jobs.sample_file import Fields
from gpt2.jobs.source import Source, index_of
from gpt2.sampling import batch, particles
from gpt2.sampling.batch import Rules, Sample, Task
from gpt2.sampling.engines import Engine, EngineSpec
from gpt2.sampling.tries import Tries, fitting
from poems import layout, names, prompts
from poems.layout import Layout
from poems.names import Names
from poems.prompts import Prompt
from poetics.curating import sieve
from poetics.curating.candidates import Candidate
from poetics.curating.sieve import Limits
from poetics.forms.guide import Verse
from poetics.judging import ranking
from poetics.judging.copies import Index
from system.errors import UserError

logger = logging.getLogger("gpt2")

FEW = 5  # names in prompts that are said to be unknown
SLIDES = "when the window of {} tokens is full, its last half is read again and the rest forgotten"
Write = Callable[[Iterable[Task]], Iterator[Sample]]
# Text is taken letter for letter.
NO_LINE_END = r"{} has \n in it, a backslash and an n; a line end is typed $'O rose,\nThou' in bash and zsh"


class Prompts:
    """The prompts that samples continue, each with its number of samples, which are numbered through all of them.

    Attributes:
      prompts: in their order.
      first: the number of the first sample.
      total: how many samples; None if the last prompt asks for samples without end.
    """

    def __init__(self, prompts: Iterable[Prompt], first: int = 1):
        self.prompts, self.first = list(prompts), first
        counts = [prompt.nsamples for prompt in self.prompts]
        self.total = sum(counts) if all(counts) else None
        self._ends = [first - 1 + n for n in itertools.accumulate(count or math.inf for count in counts)]

    def prompt_of(self, number: int) -> Prompt | None:
        """The prompt of the sample of this number; None after the last."""
        place = bisect.bisect_left(self._ends, number)
        return self.prompts[place] if place < len(self.prompts) else None

    def numbers(self, first: int) -> Iterable[int]:
        """The numbers of the samples from `first` on."""
        return itertools.count(first) if self.total is None else range(first, self.first + self.total)

    def digest(self) -> str:
        """A hash of the prompts, of many also with how many samples continue each."""
        many = len(self.prompts) > 1
        told = [(prompt.pieces, prompt.begins, prompt.nsamples if many else None) for prompt in self.prompts]
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]


@dataclasses.dataclass(frozen=True)
class Job:
    """What to write.

    Attributes:
      hparams: the sizes of the model that will write.
      length: the most tokens of a sample; None for the default of its prompt.
      batch_size: how many samples are written at a time.
      best_of: how many are written for each sample that is kept.
      by: what the kept one is the best by.
      include_prompt: whether the prompt is printed before each sample.
      formed: the form that samples have; None for none.
      limits: what texts must be to become samples; None to take all.
      tries: how many texts are written for each sample at most, if there are limits.
      corpus: where copies are looked for.
    """

    enc: Encoder
    hparams: HParams
    rules: Rules
    endings: Endings
    prompts: Prompts
    length: int | None = None
    batch_size: int = 1
    best_of: int = 1
    by: Literal["likeness", "logprob", "rhyme", "metre"] = "likeness"
    include_prompt: bool = False
    formed: Formed | None = None
    limits: Limits | None = None
    tries: int = 1
    corpus: Index | None = None

    @classmethod
    def of(cls, request: Request, enc: Encoder, source: Source) -> "Job":
        """The job that a request asks for; logs its seed, and whether the window will slide.

        Raises:
          UserError: a prompt that cannot be read or continued; a model of another vocabulary.
        """
        hparams = find_hparams(source.prefix, source.model_folder)
        enc.check_size(hparams.n_vocab, source.model_folder)
        prompts = Prompts(read_prompts(request, source.layout))
        endings = Endings(enc, request.stop, request.lines, request.stanzas)
        rules = Rules(
            request.filters(),
            find_seed(request),
            ending=endings or None,
            banning=NoRepeat(enc, request.no_repeat) if request.no_repeat else None,
            exempt=wordless(enc) if request.repetition_penalty != 1 else None,
            unlike=ids_unlike(enc),
            logprobs=request.best_of > 1 or (request.out or "").endswith(".jsonl"),
        )
        how = {name: getattr(request, name) for name in ("length", "batch_size", "best_of", "by", "include_prompt")}
        form = request.form_asked()
        words: dict = {"prefixed": source.layout.name == "prefix", "dictionary": request.dictionary}
        formed = Formed(enc, form, request.particles, **words) if form else None
        kept: dict = {"limits": request.limits(), "tries": request.tries, "corpus": corpus_of(request)}
        job = cls(enc, hparams, rules, endings, prompts, **how, **kept, formed=formed)
        job.check()
        return job

    def check(self) -> None:
        """Checks the prompts, and logs what may surprise: a window that slides, line ends that are none.

        Raises:
          UserError: a prompt, which is named, cannot be encoded or is longer than the window.
        """
        n_ctx = self.hparams.n_ctx
        longest = 0
        for prompt in self.prompts.prompts:
            try:
                ids = ids_of(self.enc, prompt)
                longest = max(longest, len(ids) + batch.sample_length(self.hparams, ids, self.length))
                if self.formed:
                    self.formed.begin(prompt)
            except UserError as error:
                raise UserError(f"{prompt.source}: {error}" if prompt.source else str(error)) from None
        if longest > n_ctx + 1:
            logger.info(SLIDES.format(n_ctx))
        if any(r"\n" in prompt.text for prompt in self.prompts.prompts):
            logger.info(NO_LINE_END.format("the prompt") + ", or comes from --prompt_file or a .jsonl of --prompts")
        if rb"\n" in self.endings.stop:
            logger.info(NO_LINE_END.format("--stop"))

    def tell_strangers(self, known: Names) -> None:
        """Logs the first few names in the prompts that no poem has that the model was trained on."""
        found = (line for prompt in self.prompts.prompts for line in names.strangers(dict(prompt.about), known))
        for line in itertools.islice(dict.fromkeys(found), FEW):
            logger.info(line)

    def samples(
        self, engine: Engine, numbers: Iterable[int], on_token: Callable[[int, int], None] | None = None
    ) -> Iterator[tuple[Sample, Prompt]]:
        """The samples of these numbers, in their order, each with its prompt.

        Of each group of `n_tasks` tasks one becomes a sample.
        """
        write = functools.partial(self._write, engine, on_token=on_token)
        for sample in self._fitting(numbers, write) if self.limits else self._best(numbers, write):
            prompt = self.prompts.prompt_of(sample.number)
            assert prompt, f"sample {sample.number} has a task, so it has a prompt"
            yield sample, prompt

    def _best(self, numbers: Iterable[int], write: Write) -> Iterator[Sample]:
        """Of each `best_of` texts the best."""
        tasks, begun = itertools.tee(self.tasks(numbers))
        in_order = batch.in_order(write(tasks), (task.number for task in begun))
        quality = self.quality if self.best_of > 1 and self.by != "logprob" else None
        return batch.best_of(in_order, self.best_of, quality)

    def _fitting(self, numbers: Iterable[int], write: Write) -> Iterator[Sample]:
        """Of each `tries` texts the first that keeps the limits."""
        begun, numbers = itertools.tee(numbers)
        tries = Tries(begun, self._tasks_of(), self.tries)
        return batch.in_order(fitting(tries, write, self.fault), numbers)

    @property
    def rows(self) -> int:
        """How many texts are written at a time."""
        return self.batch_size * (self.formed.particles if self.formed else 1)

    def open(self, spec: EngineSpec) -> Engine:
        """An engine with a row for each text that is written at a time."""
        return spec.open(self.rows, together=self.rows // self.batch_size)

    def quality(self, sample: Sample) -> float:
        """How good one of `best_of` samples is by its text."""
        assert self.by != "logprob", "the log-probability is the sample's own"
        return ranking.quality(self.text(sample, self._prompt_of(sample)), self.by)

    def fault(self, sample: Sample) -> str | None:
        """Why a text does not keep the limits; None if it does."""
        assert self.limits, "there are limits"
        prompt = self._prompt_of(sample)
        told = {"number": sample.number, "text": self.text(sample, prompt), "prompt": prompt.text, "why": sample.why}
        return sieve.fault_of(Candidate("", told), self.limits, self.corpus)

    def text(self, sample: Sample, prompt: Prompt) -> str:
        """The text of a sample after its prompt, up to where it ends."""
        return self.endings.text(sample.ids, prompt.held.encode())

    def _write(
        self, engine: Engine, tasks: Iterable[Task], on_token: Callable[[int, int], None] | None
    ) -> Iterator[Sample]:
        """The samples of some tasks, each as soon as it ends."""
        if not self.formed:
            return batch.write_samples(engine, tasks, self.rules, on_token)
        formed = self.formed

        def begin(task: Task) -> Verse:
            return formed.begin(self._prompt_of(task))

        n_particles = formed.particles
        return particles.write_guided(engine, tasks, self.rules, begin, n_particles=n_particles, on_token=on_token)

    @property
    def n_tasks(self) -> int:
        """How many texts may be written for each sample."""
        return self.tries if self.limits else self.best_of

    def _prompt_of(self, task: Task | Sample) -> Prompt:
        """The prompt of a task, or of its sample, by the number of the task."""
        prompt = self.prompts.prompt_of((task.number - 1) // self.n_tasks + 1)
        assert prompt, f"task {task.number} has a prompt"
        return prompt

    def tasks(self, numbers: Iterable[int]) -> Iterator[Task]:
        """The tasks of the samples of these numbers, until there is no prompt for one."""
        tasks_of = self._tasks_of()
        for number in numbers:
            if not (some := tasks_of(number)):
                return
            yield from some

    def _tasks_of(self) -> Callable[[int], list[Task]]:
        """A function that gives the tasks of the sample of a number; none if there is no prompt for it."""

        @functools.cache
        def begin(prompt: Prompt) -> tuple[tuple[int, ...], int]:
            ids = ids_of(self.enc, prompt)
            length = batch.sample_length(self.hparams, ids, self.length)
            return batch.start_of(ids, self.hparams), prompts.MOST if self.formed else length

        def tasks_of(number: int) -> list[Task]:
            prompt = self.prompts.prompt_of(number)
            if prompt is None:
                return []
            numbers = range((number - 1) * self.n_tasks + 1, number * self.n_tasks + 1)
            return [Task(number, *begin(prompt), prompt.held.encode()) for number in numbers]

        return tasks_of


def corpus_of(request: Request) -> Index | None:
    """Where copies are looked for, if they are to be.

    Raises:
      UserError: there is no such corpus.
    """
    if request.max_copied is None:
        return None
    run = os.path.join(request.checkpoint_dir, request.run_name) if request.run_name is not None else None
    if (index := index_of(request.corpus, run, request.model_name, request.models_dir)) is None:
        raise UserError("--max_copied is given, and there is no corpus to look for copies in; name one: --corpus")
    return index


def read_prompts(request: Request, described: Layout) -> list[Prompt]:
    """The prompts of a request, laid out as the poems were that its model was trained on.

    Raises:
      UserError: a file that is not UTF-8, or a line of it that is no prompt.
    """
    if request.prompts is not None:
        found = prompts.read_many(request.prompts, request.description, described, request.nsamples)
    else:
        text = request.prompt if request.prompt_file is None else prompts.read_text(request.prompt_file)
        found = [prompts.lay_out(text, request.description, described, request.nsamples)]
    return [with_heading(prompt, described) for prompt in found] if request.has_form else found


def with_heading(prompt: Prompt, described: Layout) -> Prompt:
    """A prompt after which the first line of a poem in a form can come, not a heading of the model's.

    Raises:
      UserError: every line of the model's verse has a prefix, and the prompt has none.
    """
    if described.name == "prefix" and not prompt.begins:
        raise UserError("every line of this model's verse begins with its author or book; with a form, give --author")
    if described.name == "poem" and not prompt.pieces:
        return dataclasses.replace(prompt, pieces=(layout.prefix_of(described),), begins=True)
    return prompt


def find_seed(request: Request) -> int:
    """The seed that is given, or that of the samples in the file of the request, or a random one, which is logged."""
    if request.seed is not None:
        return request.seed
    if request.out is not None and (seed := worker_files.seed_of(request.out)) is not None:
        logger.info(f"--seed {seed}, that of the samples in {request.out}")
        return seed
    seed = random.randrange(2**31)
    logger.info(f"--seed {seed}")
    return seed


def settings_of(request: Request, job: Job, source: Source) -> Fields:
    """What the samples of a job depend on: not its batch size nor, with one prompt, their number."""
    settings: Fields = dataclasses.asdict(job.rules.filters)
    settings |= {name: getattr(request, name) for name in ("stop", "lines", "stanzas", "length", "no_repeat")}
    settings |= {"best_of": job.best_of, "dtype": request.dtype, "seed": job.rules.seed}
    if job.best_of > 1:
        settings["by"] = job.by
    if job.limits:
        settings |= dataclasses.asdict(job.limits) | {"tries": job.tries}
    if job.corpus:
        settings["corpus_words"] = len(job.corpus)
    if job.formed:
        settings |= {"form": str(job.formed.form), "particles": job.formed.particles}
        if job.formed.dictionary:
            settings["dictionary"] = job.formed.digest[:16]
    settings |= {"prompts": job.prompts.digest(), "weights": checkpoint_paths.hash_of(source.prefix)}
    settings |= {"checkpoint": source.prefix}
    if (request.out or "").endswith(".txt"):
        settings["include_prompt"] = job.include_prompt
    return settings


def ids_of(enc: Encoder, prompt: Prompt) -> list[int]:
    """The ids of a prompt, after end-of-text if the prompt begins a poem.

    They are those that the encoder would have made had the text continued with a word. In a dataset the last character
    of white space before a word is not merged with others: a line end has an id of its own, and a space is part of the
    id of the word, so `prompt.held` is not among the ids. `<|endoftext|>` in the text is one id, as in a dataset.
    """
    ids = [enc.end_of_text] if prompt.begins else []
    for piece in prompt.pieces:
        body, last = (piece[:-1], piece[-1]) if piece[-1].isspace() else (piece, "")
        ids += enc.encode(body, special=True) + enc.encode(last.removesuffix(" "))
    return ids


def ids_unlike(enc: Encoder) -> Callable[[bytes], np.ndarray]:
    """A function of some bytes that gives the ids, int [any number], that do not begin with them."""

    @functools.cache
    def unlike(beginning: bytes) -> np.ndarray:
        tokens = enumerate(enc.vocabulary.token_bytes)
        return np.array([id for id, token in tokens if not token.startswith(beginning)], int)

    return unlike
