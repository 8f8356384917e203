"""Samples into a file, as many as you like: what it lacks, by one process or by several."""

import functools
import itertools
import logging
import time

from tqdm import tqdm

from gpt2.jobs import sample_file, worker_files
from gpt2.jobs.job import Job, Prompts
from system.console import SCREEN
from system.errors import UserError

logger = logging.getLogger("gpt2")

REFRESH = 0.2  # Seconds after which the rate is shown anew, also where no sample has ended.


def complete(
    job: Job, open_engine, asked: Prompts, prefix: str, out: str, settings, worker: int, n_workers: int
) -> None:
    """Writes the samples that a file lacks: one worker into it, each of several into a part that the first joins."""

    def shown(number):
        return job.shown(asked.prompt_of(number))

    write = functools.partial(save_samples, job, open_engine, asked, prefix)
    total = asked.total
    if n_workers == 1 and not worker_files.find_parts(out):
        file = sample_file.Out(out, settings, shown)
        first = file.n_written + 1
        write(file, itertools.count(first) if total is None else range(first, total + 1))
        return
    if total is None:
        raise UserError(f"{out}: workers left parts of it, which are joined at its end; say how many --nsamples")
    held = worker_files.Parts(out, settings, shown)
    if mine := [number for number in held.missing(total) if (number - 1) % n_workers == worker]:
        write(worker_files.Part(worker_files.part_of(out, worker), settings), mine)
    if worker == 0:
        held.look()
        if held.missing(total):
            logger.info(f"waits for the other workers, until it has not heard of them for {worker_files.PATIENCE} s")
        held.wait(total, n_workers)
        held.join(total)


def save_samples(job: Job, open_engine, asked: Prompts, prefix: str, file, numbers) -> None:
    """Writes the samples of these numbers into a file, after those that it holds, and closes it."""
    if file.n_written:
        logger.info(f"{file.path} holds {file.n_written} samples already, and is gone on with")
    if not numbers:
        file.close()
        return
    engine = open_engine()
    total = None if isinstance(numbers, itertools.count) else file.n_written + len(numbers)
    start, n_tokens, shown = time.monotonic(), 0, 0.0
    with tqdm(total=total, initial=file.n_written, unit="sample", disable=None, dynamic_ncols=True, file=SCREEN) as bar:

        def count(number, id):
            nonlocal n_tokens, shown
            n_tokens += 1
            file.show_life()
            if n_tokens % engine.rows == 0 and (now := time.monotonic()) > shown + REFRESH:
                bar.set_postfix({"tokens/s": f"{n_tokens / (now - start):,.0f}"})
                shown = now

        for sample, prompt in job.samples(engine, asked, numbers, count):
            written = {"seed": job.rules.seed, "number": sample.number, "prompt": prompt.text}
            written |= {"text": job.endings.text(sample.ids), "ids": sample.ids, "why": sample.why}
            if job.rules.logprobs:
                rounded = [round(value, 4) for value in sample.logprobs]
                written |= {"logprobs": rounded, "logprob": round(sample.logprob, 4) if rounded else None}
            file.write(written | {"checkpoint": prefix})
            bar.update()
    file.close()
