"""Samples into a file, as many as you like: those that it lacks, by one process or by several."""

import logging
import time
from collections.abc import Iterable

from tqdm import tqdm

from gpt2.jobs import worker_files
from gpt2.jobs.job import Job
from gpt2.jobs.sample_file import Fields, SampleFile, Writer
from gpt2.jobs.worker_files import Part, Parts, Workers
from gpt2.sampling.batch import Sample
from gpt2.sampling.engines import EngineSpec
from poems.prompts import Prompt
from system.console import SCREEN
from system.errors import UserError

logger = logging.getLogger("gpt2")

REFRESH = 0.2  # Seconds after which the rate is shown again, even if no sample has ended.


def complete(job: Job, spec: EngineSpec, file: SampleFile, workers: Workers) -> None:
    """Writes the samples that a file lacks: one worker into it, each of several into a part that the first joins."""
    total = job.prompts.total
    if workers.count == 1 and not worker_files.find_parts(file.path):
        writer = Writer(file)
        save_samples(job, spec, writer, job.prompts.numbers(writer.n_written + 1), total)
        return
    if total is None:
        raise UserError(f"{file.path}: workers left parts of it, which are joined at its end; say how many --nsamples")
    parts = Parts(file)
    if mine := list(filter(workers.is_mine, parts.missing(total))):
        part = Part(file, workers.index)
        save_samples(job, spec, part, mine, part.n_written + len(mine))
    if workers.index == 0:
        parts.look()
        if parts.missing(total):
            logger.info(f"waits for the other workers, until it has not heard of them for {worker_files.PATIENCE} s")
        parts.wait(total, workers)
        parts.join(total)


def save_samples(job: Job, spec: EngineSpec, file: Writer | Part, numbers: Iterable[int], total: int | None) -> None:
    """Writes the samples of these numbers into a file, after those that it contains, and closes it.

    total: how many the file will contain; None for no end.
    """
    if file.n_written:
        logger.info(f"{file.path} holds {file.n_written} samples already, and is continued")
    if total is None or total > file.n_written:
        engine = job.open(spec)
        with Progress(file, total, job.batch_size) as progress:
            for sample, prompt in job.samples(engine, numbers, progress.count):
                file.write(fields_of(job, sample, prompt) | {"checkpoint": spec.prefix})
                progress.bar.update()
    file.close()


def fields_of(job: Job, sample: Sample, prompt: Prompt) -> Fields:
    """A sample as an object of JSON, without its settings."""
    fields: Fields = {"seed": job.rules.seed, "number": sample.number, "prompt": prompt.text}
    fields |= {"text": job.text(sample, prompt), "ids": sample.ids, "why": sample.why}
    if job.rules.logprobs:
        rounded = [round(value, 4) for value in sample.logprobs]
        fields |= {"logprobs": rounded, "logprob": round(sample.logprob, 4) if rounded else None}
    if job.formed:
        fields |= {"form": str(job.formed.form), "ess": round(sample.ess, 2) if sample.ess else None}
    return fields


class Progress:
    """A bar of samples that shows tokens a second, and the file's sign of life."""

    def __init__(self, file: Writer | Part, total: int | None, batch_size: int):
        self.file, self.batch_size = file, batch_size
        self.start, self.n_tokens, self.shown = time.monotonic(), 0, 0.0
        self.bar = tqdm(
            total=total, initial=file.n_written, unit="sample", disable=None, dynamic_ncols=True, file=SCREEN
        )

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.close()

    def count(self, number: int, id: int) -> None:
        """Counts an id of the sample of this number."""
        self.n_tokens += 1
        self.file.show_life()
        if self.n_tokens % self.batch_size == 0 and (now := time.monotonic()) > self.shown + REFRESH:
            self.bar.set_postfix({"tokens/s": f"{self.n_tokens / (now - self.start):,.0f}"})
            self.shown = now
