"""New ids from a model in memory: what notebooks call, and training for its samples."""

import itertools
from collections.abc import Iterator

from gpt2.model import GPT2
from gpt2.sampling.batch import Rules, Task, check_batch_size, in_order, sample_length, start_of, write_samples
from gpt2.sampling.filters import Filters
from gpt2.sampling.xla_engine import XlaEngine


def sample(
    model: GPT2,
    prompt: list[int],
    nsamples: int = 1,
    batch_size: int = 1,
    length: int | None = None,
    *,
    temperature: float = 1.0,
    top_k: int = 40,
    top_p: float = 0.0,
    seed: int = 0,
) -> Iterator[list[int]]:
    """Samples in the order of their numbers, each without the prompt and ending before end-of-text.

    Args:
      prompt: ids to continue; without any, a sample begins a new text.
      nsamples: how many; 0 for no end.
      batch_size: how many are written at a time.
      length: the most tokens in one, by default see `sample_length`; past the window, the window slides.
      temperature, top_k, top_p: see `Filters`; a temperature of 0 takes the likeliest token.
    Raises:
      ValueError: a setting out of its range, an id outside the vocabulary, a prompt longer than the window.
    """
    sampler = Sampler(model, Filters(temperature, top_k, top_p), batch_size, seed)
    return sampler.samples(prompt, nsamples, sample_length(model.hparams, prompt, length))


class Sampler:
    """A model made ready to write samples, compiled once for all that it writes."""

    def __init__(self, model: GPT2, filters: Filters, batch_size: int = 1, seed: int = 0):
        check_batch_size(batch_size)
        self.rules = Rules(filters, seed)
        self.engine = XlaEngine(model, batch_size)

    def samples(self, prompt: list[int], nsamples: int, length: int) -> Iterator[list[int]]:
        """This many samples of at most this many tokens, each ending before end-of-text; 0 samples for no end."""
        start = start_of(prompt, self.engine.hparams)
        numbers = range(1, nsamples + 1) if nsamples else itertools.count(1)
        tasks = (Task(number, start, length) for number in numbers)
        return (sample.ids for sample in in_order(write_samples(self.engine, tasks, self.rules), itertools.count(1)))
