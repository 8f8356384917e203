"""The samples that a run writes while it trains."""

import logging
import os
from typing import TYPE_CHECKING

import tensorflow as tf

from gpt2.model import GPT2
from gpt2.runs.run import Run
from gpt2.runs.settings import Settings
from gpt2.runs.start import Start
from gpt2.sampling.batch import sample_length
from gpt2.sampling.filters import Filters
from gpt2.sampling.sampler import Sampler
from gpt2.training.schedule import is_time
from system import files

if TYPE_CHECKING:
    from gpt2.distributed.replicas import Replicas

logger = logging.getLogger("gpt2")


class SampleWriter:
    """Writes samples into the run's folder of samples, and shows them.

    A sample is drawn with the same random numbers each time, so that the samples show what training changes.
    """

    def __init__(self, settings: Settings, start: Start, model: GPT2, replicas: "Replicas"):
        """The samples of a run, of which only the chief writes any.

        Raises:
          UserError: a prompt leaves no room in the window.
        """
        self.every = settings.sample_every if replicas.is_chief else 0
        self.n_each, self.enc = settings.sample_num, start.enc
        self.folder = os.path.join(settings.sample_dir, settings.run_name)
        n_ctx = settings.n_ctx or model.hparams.n_ctx
        self.prompts: list[tuple[str, list[int], int]] = []  # the text, its ids, and how many to add
        for prompt in start.prompts:
            ids = start.enc.encode(prompt)
            default = max(1, min(n_ctx // 2, n_ctx - len(ids)) if ids else n_ctx - 1)
            length = sample_length(model.hparams, ids, settings.sample_length or default)
            self.prompts.append((prompt, ids, length))
        self.sampler = Sampler(model, Filters(top_k=settings.top_k, top_p=settings.top_p), seed=settings.seed)

    def write_if_due(self, run: Run) -> None:
        """Writes and shows samples if it is time for some. Nothing that goes wrong with them ends the run."""
        if not is_time(self.every, run.step):
            return
        try:
            text = self.sampled()
            files.make_folder(self.folder)
            with files.open_file(os.path.join(self.folder, f"samples-{run.step}"), "w") as file:
                file.write(text)
            run.show(text)
        except (OSError, ValueError, tf.errors.OpError) as error:  # A full disk, a closed terminal, one without UTF-8.
            logger.info(f"the samples of step {run.step} were not written or shown ({error}); training continues")

    def sampled(self) -> str:
        """New samples, each under its number."""
        texts = [
            prompt + self.enc.decode(sampled)
            for prompt, ids, length in self.prompts
            for sampled in self.sampler.samples(ids, self.n_each, length)
        ]
        return "\n".join(f"======== SAMPLE {number} ========\n{text}\n" for number, text in enumerate(texts, start=1))
