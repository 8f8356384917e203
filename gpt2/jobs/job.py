"""A job of sampling: which samples go on from which prompt, and how they are written."""

import bisect
import dataclasses
import hashlib
import itertools
import json
import math
from typing import Any

from gpt2.sampling import batch
from system.errors import UserError


class Prompts:
    """The prompts that samples go on from, as many from each as it says: numbered from 1 on, through all of them.

    Attributes:
      prompts: in their order.
      total: how many samples; None where the last prompt asks for samples without end.
    """

    def __init__(self, prompts):
        self.prompts = list(prompts)
        counts = [prompt.nsamples for prompt in self.prompts]
        self.total = sum(counts) if all(counts) else None
        self._ends = list(itertools.accumulate(count or math.inf for count in counts))

    def prompt_of(self, number: int):
        """The prompt of the sample of this number; None after the last."""
        place = bisect.bisect_left(self._ends, number)
        return self.prompts[place] if place < len(self.prompts) else None

    def digest(self) -> str:
        """What tells these prompts from others; how many samples go on from a single one does not matter."""
        many = len(self.prompts) > 1
        told = [(prompt.pieces, prompt.begins, prompt.nsamples if many else None) for prompt in self.prompts]
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]


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

    def check(self, prompts) -> str | None:
        """A line that says so if the window will slide; raises a ValueError for a prompt that is none or too long."""
        n_ctx = self.hparams.n_ctx
        longest = 0
        for prompt in prompts:
            try:
                ids = ids_of(self.enc, prompt)
                longest = max(longest, len(ids) + batch.sample_length(self.hparams, ids, self.length))
            except ValueError as error:
                raise UserError(f"{prompt.source}: {error}" if prompt.source else str(error)) from None
        if longest > n_ctx + 1:
            return f"when the window of {n_ctx} tokens is full, its last half is read again and the rest forgotten"
        return None

    def samples(self, engine, asked: Prompts, numbers, on_token=None):
        """Pairs of a sample and its prompt, of the samples of these numbers, in their order.

        The numbers go on from one prompt to the next; of each group of `best_of` tasks one becomes a sample.
        """
        tasks, begun = itertools.tee(self.tasks(asked, numbers))
        samples = batch.write_samples(engine, tasks, self.rules, on_token)
        in_order = batch.in_order(samples, (task.number for task in begun))
        for sample in batch.best_of(in_order, self.best_of):
            yield sample, asked.prompt_of(sample.number)

    def tasks(self, asked: Prompts, numbers):
        """The tasks of the samples of these numbers, until there is no prompt for one."""
        known: dict[Any, tuple] = {}
        for number in numbers:
            prompt = asked.prompt_of(number)
            if prompt is None:
                return
            if prompt not in known:
                ids = ids_of(self.enc, prompt)
                length = batch.sample_length(self.hparams, ids, self.length)
                known[prompt] = batch.start_of(ids, self.hparams), length
            for task in range((number - 1) * self.best_of + 1, number * self.best_of + 1):
                yield batch.Task(task, *known[prompt])

    def shown(self, prompt) -> str:
        """What stands between the header of a sample and its text; nothing where there is no such sample."""
        return prompt.text if prompt and self.include_prompt else ""


def ids_of(enc, prompt) -> list[int]:
    """The ids of a prompt, after end-of-text where it begins a poem."""
    begin = [enc.end_of_text] if prompt.begins else []
    return [*begin, *itertools.chain.from_iterable(map(enc.encode, prompt.pieces))]
