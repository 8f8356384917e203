"""Samples on the terminal: one after the other as they are written, and a conversation that asks for prompts."""

import codecs
import dataclasses
import itertools
import logging
import sys

from gpt2.jobs.job import Job, Prompts
from gpt2.jobs.sample_file import header
from poems import prompts
from system.errors import UserError

logger = logging.getLogger("gpt2")


def show_samples(job: Job, engine, asked: Prompts) -> None:
    """Prints samples, with a batch of one as they are written."""
    if engine.rows > 1 or job.best_of > 1:
        for sample, prompt in job.samples(engine, asked, itertools.count(1)):
            print(f"{header(sample.number)}{job.shown(prompt)}{job.endings.text(sample.ids)}", flush=True)
        return
    stream = Stream(job, asked)
    for sample, _ in job.samples(engine, asked, itertools.count(1), stream.add):
        stream.end(sample.number)


class Stream:
    """Prints one sample after another id by id: never half a character, nor what the end of the sample takes back."""

    def __init__(self, job: Job, asked: Prompts):
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
        if not self.begun:
            self.begun, self.ids, self.printed = True, [], 0
            self.decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
            print(header(number) + self.job.shown(self.asked.prompt_of(number)), end="", flush=True)

    def _print(self, text, final=False):
        print(self.decoder.decode(text[self.printed :], final), end="", flush=True)
        self.printed = max(self.printed, len(text))


def converse(job: Job, engine, lay_out) -> None:
    """Asks for prompts until there are no more, and writes after each."""
    logger.info("a prompt a line, empty for none; \\ at its end continues it; Ctrl-C ends a sample, Ctrl-D ends all")
    number = 1
    while True:
        try:
            text = ask()
        except ValueError as error:
            logger.info(str(error))
            continue
        if text is None:
            return
        prompt = lay_out(text)
        # Samples before it count as its own, so that no two have one number.
        asked = Prompts([dataclasses.replace(prompt, nsamples=number - 1), prompt] if number > 1 else [prompt])
        stream = Stream(job, asked)
        try:
            if slides := job.check([prompt]):
                logger.info(slides)
            streams = engine.rows == 1 and job.best_of == 1
            for sample, _ in job.samples(engine, asked, itertools.count(number), stream.add if streams else None):
                if not streams:
                    for id in sample.ids:
                        stream.add(sample.number, id)
                stream.end(sample.number)
        except ValueError as error:
            logger.info(str(error))
        except KeyboardInterrupt:
            print(flush=True)
        number += prompt.nsamples


def ask() -> str | None:
    """A prompt from the terminal, or standard input; None at its end.

    Raises:
      ValueError: a line of it is not UTF-8.
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
