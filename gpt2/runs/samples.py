"""The samples that a run writes while it trains, and their figures as verse."""

import functools
import logging
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import tensorflow as tf

from encoder.dataset.reader import Tokens
from gpt2.model import GPT2
from gpt2.runs.run import Run
from gpt2.runs.settings import Settings
from gpt2.runs.start import Start
from gpt2.sampling.batch import sample_length
from gpt2.sampling.filters import Filters
from gpt2.sampling.sampler import Sampler
from gpt2.training.schedule import is_time
from poetics.judging import figures
from poetics.judging.copies import Index
from poetics.judging.verse_files import lines_of
from system import files

if TYPE_CHECKING:
    from gpt2.distributed.replicas import Replicas

logger = logging.getLogger("gpt2")

MOST = 4_000_000  # Tokens of verse in which copies are looked for: 1.5 s once, and 0.3 GB for as long.


class SampleWriter:
    """Writes samples into the run's folder of samples, and shows them.

    A sample is drawn with the same random numbers each time, so that the samples show what training changes.
    """

    def __init__(self, settings: Settings, start: Start, model: GPT2, replicas: "Replicas", training: Tokens):
        """The samples of a run, of which only the chief writes any.

        Args:
          training: what the run trains on, where copies are looked for.
        Raises:
          UserError: a prompt leaves no room in the window.
        """
        self.every = settings.sample_every if replicas.is_chief else 0
        self.n_each, self.enc, self.training = settings.sample_num, start.enc, training
        self.folder = os.path.join(settings.sample_dir, settings.run_name)
        n_ctx = settings.n_ctx or model.hparams.n_ctx
        self.prompts: list[tuple[str, list[int], int]] = []  # the text, its ids, and how many to add
        for prompt in start.prompts:
            ids = start.enc.encode(prompt)
            default = max(1, min(n_ctx // 2, n_ctx - len(ids)) if ids else n_ctx - 1)
            length = sample_length(model.hparams, ids, settings.sample_length or default)
            self.prompts.append((prompt, ids, length))
        self.sampler = Sampler(model, Filters(top_k=settings.top_k, top_p=settings.top_p), seed=settings.seed)

    def write_if_due(self, run: Run) -> dict[str, float]:
        """Writes and shows samples if it is time for some, and returns their figures for the record of the step.

        Nothing that goes wrong with them ends the run.
        """
        if not is_time(self.every, run.step):
            return {}
        try:
            samples = self.sampled()
            text = shown(samples)
            files.make_folder(self.folder)
            with files.open_file(os.path.join(self.folder, f"samples-{run.step}"), "w") as file:
                file.write(text)
            run.show(text)
            return self.figures([sample for _, sample in samples])
        except (OSError, ValueError, tf.errors.OpError) as error:  # A full disk, a closed terminal, one without UTF-8.
            logger.info(f"the samples of step {run.step} were not written or shown ({error}); training continues")
            return {}

    def sampled(self) -> list[tuple[str, str]]:
        """New samples, each as its prompt and what was written."""
        return [
            (prompt, self.enc.decode(sampled))
            for prompt, ids, length in self.prompts
            for sampled in self.sampler.samples(ids, self.n_each, length)
        ]

    def figures(self, texts: Sequence[str]) -> dict[str, float]:
        """Rhyme beyond chance, bits of metre a line, and the shares of real words and of copied ones.

        Without copies for a large corpus, and without anything for texts that have no word.
        """
        samples = [lines for lines in map(lines_of, texts) if lines]
        if not samples:
            return {}
        found = figures.measure(samples)
        if self.index:
            found = figures.with_copies(found, [self.index.find("\n".join(lines)) for lines in samples])
        named = {"rhyme_lift": found.lift, "metre": found.bits, "known": found.known, "copied": found.copied}
        return {f"sample_{name}": round(value, 4) for name, value in named.items() if value is not None}

    @functools.cached_property
    def index(self) -> Index | None:
        """The words of the verse that the run trains on; None if it is too long."""
        if len(self.training) > MOST:
            return None
        ids = self.training.read(0, len(self.training)).tolist()
        return Index([("training", self.enc.decode_bytes(ids).decode(errors="replace"))])


def shown(samples: Sequence[tuple[str, str]]) -> str:
    """Samples as they are printed, each after its prompt and under its number."""
    return "\n".join(
        f"======== SAMPLE {number} ========\n{prompt}{text}\n" for number, (prompt, text) in enumerate(samples, start=1)
    )
