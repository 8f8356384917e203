"""Samples on the terminal: one after the other, as they are written."""

import codecs
from collections.abc import Iterator

from gpt2.jobs.job import Job
from gpt2.jobs.sample_file import header
from gpt2.sampling.batch import Sample
from gpt2.sampling.engines import Engine
from poems.prompts import Prompt


def show_samples(job: Job, engine: Engine) -> Iterator[tuple[Sample, Prompt]]:
    """Prints the samples of a job, with a batch of one as they are written; gives each one, with its prompt."""
    first = job.prompts.first
    if job.batch_size > 1 or job.best_of > 1 or job.limits or job.formed:
        for sample, prompt in job.samples(engine, job.prompts.numbers(first)):
            print(f"{heading(job, sample.number)}{job.text(sample, prompt)}", flush=True)
            yield sample, prompt
        return
    printer = Printer(job)
    for sample, prompt in job.samples(engine, job.prompts.numbers(first), printer.add):
        printer.end(sample.number)
        yield sample, prompt


def heading(job: Job, number: int) -> str:
    """What is printed before the text of a sample."""
    prompt = job.prompts.prompt_of(number)
    return header(number) + (prompt.text if prompt and job.include_prompt else "")


class Growing:
    """The text of one sample while it is written: never half a character, nor what its end takes back."""

    def __init__(self, job: Job, prompt: Prompt | None):
        self.job, self.held = job, prompt.held.encode() if prompt else b""
        self.ids: list[int] = []
        self.shown = 0
        self.decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")

    def add(self, id: int) -> str:
        """What an id adds that is sure to stay."""
        self.ids.append(id)
        text = self._text()
        return self._new(text[: self.job.endings.settled(text)])

    def end(self) -> str:
        """What was held back."""
        text = self._text()
        return self._new(text[: self.job.endings.find(text)[0]], final=True)

    def _text(self) -> bytes:
        return self.job.enc.decode_bytes(self.ids).removeprefix(self.held)

    def _new(self, text: bytes, final: bool = False) -> str:
        new = self.decoder.decode(text[self.shown :], final)
        self.shown = max(self.shown, len(text))
        return new


class Printer:
    """Prints one sample after another id by id."""

    def __init__(self, job: Job):
        self.job = job
        self.growing: Growing | None = None

    def add(self, number: int, id: int) -> None:
        """Prints what an id adds."""
        print(self._begun(number).add(id), end="", flush=True)

    def end(self, number: int) -> None:
        """Prints what was held back, and a line end."""
        print(self._begun(number).end(), flush=True)
        self.growing = None

    def _begun(self, number: int) -> Growing:
        if self.growing is None:
            self.growing = Growing(self.job, self.job.prompts.prompt_of(number))
            print(heading(self.job, number), end="", flush=True)
        return self.growing
