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
    if job.batch_size > 1 or job.best_of > 1 or job.formed:
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


class Printer:
    """Prints one sample after another id by id: never half a character, nor what the end of the sample takes back."""

    def __init__(self, job: Job):
        self.job = job
        self.ids: list[int] = []
        self.begun = False

    def add(self, number: int, id: int) -> None:
        """Prints what an id adds."""
        self._begin(number)
        self.ids.append(id)
        text = self.job.enc.decode_bytes(self.ids).removeprefix(self.held)
        self._print(text[: self.job.endings.settled(text)])

    def end(self, number: int) -> None:
        """Prints what was held back, and a line end."""
        self._begin(number)
        text = self.job.enc.decode_bytes(self.ids).removeprefix(self.held)
        self._print(text[: self.job.endings.find(text)[0]], final=True)
        print(flush=True)
        self.begun = False

    def _begin(self, number: int) -> None:
        if not self.begun:
            self.begun, self.ids, self.printed = True, [], 0
            prompt = self.job.prompts.prompt_of(number)
            self.held = prompt.held.encode() if prompt else b""
            self.decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
            print(heading(self.job, number), end="", flush=True)

    def _print(self, text: bytes, final: bool = False) -> None:
        print(self.decoder.decode(text[self.printed :], final), end="", flush=True)
        self.printed = max(self.printed, len(text))
