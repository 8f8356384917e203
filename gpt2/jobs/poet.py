"""A model that writes verse, from Python: `gpt2.load("run1").write("O rose,", lines=8, n=3)`; see docs/python.md."""

import dataclasses
import functools
import math
import os
from collections.abc import Iterator

import encoder
from encoder.reference import Encoder
from gpt2.formats import foreign
from gpt2.jobs.job import Job, ids_of, settings_of
from gpt2.jobs.request import Request
from gpt2.jobs.sample_file import Fields
from gpt2.jobs.source import find_source
from gpt2.jobs.terminal import Growing
from gpt2.sampling.batch import write_ids
from gpt2.sampling.engines import Engine, EngineSpec
from gpt2.sampling.scoring import log_probabilities
from poems import prompts
from poems.prompts import Prompt
from system import console
from system.errors import UserError
from system.flags import Value, flags_of, unknown_flag


@dataclasses.dataclass(frozen=True)
class Poem:
    """A text that a model wrote.

    Attributes:
      text: without the prompt.
      prompt: what it continues, with the prefix that was made of author, title and the like.
      logprobs: the log-probability of each token before any filter, in nats.
      why: what ended it: "end of text", "length", "lines", "stanzas", "stop" or "form"; "no try fits" for an empty one.
      number: of the poem, from 1; the same seed and number give the same poem.
      settings: what made it, as files of samples note it.
    """

    text: str
    prompt: str
    logprobs: list[float]
    why: str
    number: int
    settings: Fields = dataclasses.field(repr=False)

    def __str__(self) -> str:
        return self.prompt + self.text


@dataclasses.dataclass(frozen=True)
class Score:
    """How likely a model finds a text: the log-probability of the whole in nats, and how many tokens and characters."""

    logprob: float
    tokens: int
    characters: int

    @property
    def perplexity(self) -> float:
        """Of a token; NaN for an empty text."""
        return math.exp(-self.logprob / self.tokens) if self.tokens else math.nan

    @property
    def bits_per_character(self) -> float:
        """The fewer, the likelier; NaN for an empty text."""
        return -self.logprob / math.log(2) / self.characters if self.characters else math.nan


class Poet:
    """A model or a run, made ready to write.

    Attributes:
      request: the flags that hold wherever a call gives no others.
    """

    def __init__(self, request: Request):
        """Raises a FileNotFoundError or a UserError if there is no such model, or a file of it is damaged."""
        if request.model_name is not None:
            request = dataclasses.replace(request, model_name=foreign.own_name(request.model_name, request.models_dir))
        self.request = request
        self.source = find_source(request)
        self.spec = EngineSpec(
            self.source.prefix,
            self.source.model_folder,
            request.dtype,
            request.engine,
            strategy=request.strategy,
            tpu=request.tpu,
            verify=request.verify,
        )
        self._engine: Engine | None = None

    @functools.cached_property
    def enc(self) -> Encoder:
        return encoder.load_encoder(self.source.model_folder)

    def write(self, prompt: str = "", *, n: int = 1, **flags: Value) -> list[Poem]:
        """Poems that continue a prompt.

        Args:
          n: how many.
          flags: those of sample.py, such as author="Emily Dickinson", lines=8, form="sonnet", temperature=0.9, seed=1.
        Raises:
          UserError: an unknown flag, or a value that it does not take.
        """
        return list(self.poems(prompt, n=n, **flags))

    def poems(self, prompt: str = "", *, n: int = 1, **flags: Value) -> Iterator[Poem]:
        """The same, each as soon as it is written."""
        request, job = self._job(prompt, nsamples=n, **flags)
        settings = settings_of(request, job, self.source)
        for sample, given in job.samples(self.engine(job), job.prompts.numbers(job.prompts.first)):
            text = job.text(sample, given)
            yield Poem(text, given.text, sample.logprobs, sample.why, sample.number, settings)

    def stream(self, prompt: str = "", **flags: Value) -> Iterator[str]:
        """One poem, piece by piece as it is written.

        Raises:
          UserError: an unknown flag, or one that needs whole poems: best_of, a form, min_rhyme and the like.
        """
        _, job = self._job(prompt, nsamples=1, **flags)
        if job.best_of > 1 or job.limits or job.formed:
            raise UserError("a poem in a form, or the best of several, is known at its end; write() gives it")
        (task,) = job.tasks(job.prompts.numbers(job.prompts.first))
        growing = Growing(job, job.prompts.prompt_of(task.number))
        yield from filter(None, (growing.add(id) for id in write_ids(self.engine(job), task, job.rules)))
        yield growing.end()

    def score(self, text: str, prompt: str = "", **about: str) -> Score:
        """How likely the model finds a text after a prompt.

        Args:
          about: author, title, tags, book: the prefix before it.
        Raises:
          UserError: a text that cannot be encoded, or a prefix that the model was not trained with.
        """
        return self.score_laid_out(prompts.lay_out(prompt, about, self.source.layout, 1), text)

    def score_laid_out(self, prompt: Prompt, text: str) -> Score:
        """The same after a prompt that is laid out already."""
        before = ids_of(self.enc, prompt) or [self.enc.end_of_text]
        ids = self.enc.encode(prompt.held + text, special=True)
        if self._engine is None:
            self._engine = self.spec.open(1)
        return Score(sum(log_probabilities(self._engine, before, ids)), len(ids), len(text))

    def engine(self, job: Job) -> Engine:
        """The engine for a job, opened if there is none of its number of rows."""
        if self._engine is None or self._engine.rows != job.rows:
            self._engine = job.open(self.spec)
        return self._engine

    def _job(self, prompt: str, **flags: Value) -> tuple[Request, Job]:
        request = with_flags(self.request, prompt=prompt, **flags)
        job = Job.of(request, self.enc, self.source)
        # A poem from Python has its log-probabilities, as one in a .jsonl has.
        return request, dataclasses.replace(job, rules=dataclasses.replace(job.rules, logprobs=True))


def with_flags(request: Request, **flags: Value) -> Request:
    """A request with other values of some flags.

    Raises:
      UserError: an unknown flag, or a value that it does not take.
    """
    known = flags_of(Request)
    for name in flags:
        if name not in known:
            raise unknown_flag(name, known, help_of="sample.py --help")
    values: dict = flags  # which Request checks itself
    return dataclasses.replace(request, **values)


def load(name: str | None = None, **flags: Value) -> Poet:
    """A model to write with.

    Args:
      name: a run of the folder checkpoint, a model of the folder models, the path of either or of a Hugging Face
        folder, or hf://owner/name; by default what sample.py takes.
      flags: those of sample.py that hold in all calls, such as dtype="int8", models_dir="models".
    Raises:
      FileNotFoundError, UserError: there is no such model, or a file of it is damaged.
    """
    console.show_messages_in_python()
    request = with_flags(Request(), **flags)
    if name is None:
        return Poet(request)
    if foreign.is_on_hub(name) or foreign.is_hugging_face(name):
        return Poet(dataclasses.replace(request, model_name=name))
    if os.sep in name:
        return Poet(dataclasses.replace(request, restore_from=name))
    if os.path.exists(os.path.join(request.checkpoint_dir, name)):
        return Poet(dataclasses.replace(request, run_name=name))
    return Poet(dataclasses.replace(request, model_name=name))
