"""The samples that a run writes while it trains."""

import logging
import os
from collections.abc import Sequence

import tensorflow as tf

from gpt2.sampling.batch import sample_length
from gpt2.sampling.sampler import Sampler
from system import files

logger = logging.getLogger("gpt2")


def make_write_samples(flags, model, enc, prompts: Sequence[str]):
    """A function of the step that writes samples into the run's folder of samples, and shows them.

    A sample is drawn with the same random numbers each time, so that one can see what training changes. Nothing that
    goes wrong here ends the run.
    """
    n_ctx = flags.n_ctx or model.hparams.n_ctx
    starts = [(prompt, enc.encode(prompt)) for prompt in prompts]
    lengths = []
    for _, ids in starts:
        default = max(1, min(n_ctx // 2, n_ctx - len(ids)) if ids else n_ctx - 1)
        lengths.append(sample_length(model.hparams, ids, flags.sample_length or default))
    sampler = Sampler(model, 1, top_k=flags.top_k, top_p=flags.top_p, seed=flags.seed)
    folder = os.path.join(flags.sample_dir, flags.run_name)

    def write_samples(step, show, events):
        try:
            texts = [
                prompt + enc.decode(sampled)
                for (prompt, ids), length in zip(starts, lengths, strict=True)
                for sampled in sampler.samples(ids, flags.sample_num, length)
            ]
            text = "\n".join(
                f"======== SAMPLE {number} ========\n{text}\n" for number, text in enumerate(texts, start=1)
            )
            files.make_folder(folder)
            with files.open_file(os.path.join(folder, f"samples-{step}"), "w") as file:
                file.write(text)
            events.text(step, "samples", text)
            show(text)
        except (OSError, ValueError, tf.errors.OpError) as error:  # A full disk, a closed terminal, one without UTF-8.
            logger.info(f"the samples of step {step} were not written or shown ({error}); training goes on")

    return write_samples
