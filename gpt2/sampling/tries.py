"""Samples that are what the user asks for: of each, texts are written one after another until one passes its checks.

Which try becomes a sample depends on the seed and its number alone, not on the batch: each try has a number of its own.
"""

import collections
import dataclasses
import logging
from collections.abc import Callable, Iterable, Iterator

from gpt2.sampling.batch import Sample, Task

logger = logging.getLogger("gpt2")

NO_TRY = "no try fits"  # why a sample is empty


class Tries:
    """The tasks of samples of these numbers, one try of each at a time: the next is there once one has failed.

    Attributes:
      n: how many tries each sample has.
      faults: how many texts had each fault.
    """

    def __init__(self, numbers: Iterable[int], tasks_of: Callable[[int], list[Task]], n: int):
        """tasks_of: gives the n tasks of a sample; none where there is no prompt for it."""
        self.numbers, self.tasks_of, self.n = iter(numbers), tasks_of, n
        self.left: dict[int, list[Task]] = {}  # of the samples that are being written
        self.failed: list[int] = []
        self.faults: collections.Counter[str] = collections.Counter()
        self.n_kept = 0

    def __iter__(self) -> Iterator[Task]:
        return self

    def __next__(self) -> Task:
        if self.failed:
            return self.left[self.failed.pop(0)].pop(0)
        number = next(self.numbers)
        self.left[number] = self.tasks_of(number)
        if not self.left[number]:
            raise StopIteration
        return self.left[number].pop(0)

    def number_of(self, sample: Sample) -> int:
        """The number of the sample of which this is a try."""
        return (sample.number - 1) // self.n + 1

    def judge(self, sample: Sample, fault: str | None) -> Sample | None:
        """A try as the sample that it is; None if it has a fault and another follows, an empty one after the last."""
        number = self.number_of(sample)
        if fault is None:
            self.n_kept += 1
            return dataclasses.replace(sample, number=number)
        self.faults[fault] += 1
        if self.left[number]:
            self.failed.append(number)
            return None
        return Sample(number, [], [], NO_TRY)

    def tell(self) -> None:
        """Logs how many texts were written and kept, and why the others were not."""
        n_drawn = self.n_kept + self.faults.total()
        reasons = "".join(f"; {count:,} {fault}" for fault, count in self.faults.most_common())
        logger.info(f"{n_drawn:,} texts were written, of which {self.n_kept:,} are kept{reasons}")


def fitting(
    tries: Tries, write: Callable[[Iterable[Task]], Iterator[Sample]], fault: Callable[[Sample], str | None]
) -> Iterator[Sample]:
    """The samples, each as soon as one of its tries has no fault; logs at the end how many had."""
    try:
        for sample in write(tries):
            if (judged := tries.judge(sample, fault(sample))) is not None:
                yield judged
    finally:
        tries.tell()
