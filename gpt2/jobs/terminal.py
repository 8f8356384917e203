"""Samples on the terminal: one after the other as they are written, and a conversation that asks for prompts."""

import codecs
import dataclasses
import logging
import sys
from collections.abc import Callable

from gpt2.jobs.job import Job, Prompts
from gpt2.jobs.sample_file import header
from gpt2.sampling.engines import Engine
from poems import prompts
from poems.prompts import Prompt
from system.errors import UserError

logger = logging.getLogger("gpt2")


def show_samples(job: Job, engine: Engine) -> None:
    """Prints the samples of a job, with a batch of one as they are written."""
    first = job.prompts.first
    if job.batch_size > 1 or job.best_of > 1:
        for sample, prompt in job.samples(engine, job.prompts.numbers(first)):
            print(f"{heading(job, sample.number)}{job.text(sample, prompt)}", flush=True)
        return
    printer = Printer(job)
    for sample, _ in job.samples(engine, job.prompts.numbers(first), printer.add):
        printer.end(sample.number)


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


def converse(job: Job, engine: Engine, lay_out: Callable[[str], Prompt]) -> None:
    """Asks for prompts until there are no more, and writes after each, numbering the samples through all of them.

    lay_out: makes a prompt of a text.
    """
    logger.info("a prompt a line, empty for none; \\ at its end continues it; Ctrl-C ends a sample, Ctrl-D ends all")
    number = 1
    while True:
        try:
            text = ask()
        except UserError as error:
            logger.info(str(error))
            continue
        if text is None:
            return
        try:
            answer = dataclasses.replace(job, prompts=Prompts([lay_out(text)], first=number))
            answer.check()
            number += answer.prompts.total or 0
            show_samples(answer, engine)
        except UserError as error:
            logger.info(str(error))
        except KeyboardInterrupt:
            print(flush=True)


def ask() -> str | None:
    """A prompt from the terminal, or standard input; None at its end.

    Raises:
      UserError: a line of it is not UTF-8.
    """
    lines: list[str] = []
    while not lines or lines[-1].endswith("\\"):
        if lines:
            lines[-1] = lines[-1].removesuffix("\\")
        line = read_line()
        if line is None:
            return "\n".join(lines) if lines else None
        lines.append(line)
    return "\n".join(lines)


def read_line() -> str | None:
    """A line from the terminal, or standard input; None at its end."""
    if sys.stdin.isatty():
        try:
            return input("> ")
        except EOFError:
            return None
        except UnicodeDecodeError as error:
            raise UserError(f"the terminal: byte {error.start} is not UTF-8; give the text as UTF-8") from None
    raw = sys.stdin.buffer.readline()
    return prompts.decode(raw, "standard input").removesuffix("\n") if raw else None
