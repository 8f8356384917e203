"""What a run trains: the model, its optimizer and its state; and the steps that it takes."""

import functools
import logging
import time
from typing import Any, NamedTuple

import tensorflow as tf

from gpt2 import checkpoint
from gpt2.distributed import restart
from gpt2.distributed.replicas import Replicas
from gpt2.hparams import find_hparams, read_hparams
from gpt2.model import GPT2, fresh_weights
from gpt2.precision import bfloat16_is_fast
from gpt2.runs import saves
from gpt2.runs.datasets import Data
from gpt2.runs.settings import Settings
from gpt2.runs.start import Start
from gpt2.training import replicated_step, validation
from gpt2.training.memory_plan import DTYPES, Dtype
from gpt2.training.optimizers import OPTIMIZERS
from gpt2.training.schedule import is_time, learning_rate_at
from gpt2.training.updates import SGD
from gpt2.training.windows import Windows
from system.errors import UserError

logger = logging.getLogger("gpt2")


class Learner(NamedTuple):
    """What training changes.

    Attributes:
      state: the model, the slots of the optimizer, and how far the run is.
      optimizer: of the weights that are trained.
    """

    state: saves.State
    optimizer: SGD

    @property
    def model(self) -> GPT2:
        """The model."""
        return self.state.model

    @classmethod
    def load(cls, settings: Settings, start: Start) -> "Learner":
        """The learner of a new run, or as it was saved last; if that save is damaged, as it was saved before.

        Raises:
          UserError: no save of the run is good.
        """
        if start.save is None:
            return cls.load_from(settings, start.weights, start.model_folder, is_save=False)
        find_hparams(start.save, start.model_folder)  # If they are damaged, no save is to blame.
        for prefix in saves.good_saves(start.save):
            try:
                return cls.load_from(settings, prefix, start.model_folder, is_save=True)
            except (ValueError, OSError) as error:
                logger.info(f"{str(error).partition(';')[0]}; looking for a save before it")
        raise UserError(f"{start.save}: no good save is left in this run; begin another with --run_name NAME")

    @classmethod
    def load_from(cls, settings: Settings, weights: str | None, model_folder: str, is_save: bool) -> "Learner":
        """The learner with the weights of this prefix.

        Args:
          weights: the prefix, None for random weights.
          model_folder: whose hparams.json to use if there is none beside the weights.
          is_save: whether the weights are a save of this run, with a state beside them.
        """
        dtypes = DTYPES[dtype_here(settings)]
        if weights is None:
            model = GPT2(read_hparams(model_folder), fresh_weights(settings.seed), *dtypes)
        else:
            model = checkpoint.load_model(weights, model_folder, *dtypes)
        model.recompute = settings.memory_saving_gradients
        kwargs: dict[str, Any] = {"seed": settings.seed}
        if settings.optimizer in ("adamw", "muon"):
            kwargs["weight_decay"] = settings.weight_decay
        if settings.optimizer == "muon":
            kwargs["dtype"] = dtypes[0]
        trained = [name for name in model.weights if "/h" in name or not settings.only_train_transformer_layers]
        weights_trained = {name: model.weights[name] for name in trained}
        optimizer = OPTIMIZERS[settings.optimizer](weights_trained, **kwargs)
        state = saves.State(model, optimizer.slots)
        if weights and is_save and not saves.restore_state(weights, state):
            logger.info(f"{weights} has no state of an optimizer, so the optimizer starts without one")
        return cls(state, optimizer)


def dtype_here(settings: Settings) -> Dtype:
    """--dtype; float32 in place of mixed, which takes longer on a CPU without instructions for bfloat16."""
    if settings.dtype != "mixed" or bfloat16_is_fast():
        return settings.dtype
    logger.info(
        "--dtype mixed: this CPU has no instructions for bfloat16, so the products are of float32, as fast here"
    )
    return "float32"


class Step:
    """Takes the steps of a run, and validates after them.

    Attributes:
      replicas: on which it does so.
    """

    def __init__(self, settings: Settings, replicas: Replicas, learner: Learner, data: Data, end: int | None):
        """The steps of a run.

        Args:
          end: the step at which the run ends, None for never.
        """
        self.settings, self.replicas, self.state, self.end = settings, replicas, learner.state, end
        self.windows = Windows(
            tokens=data.training,
            seq=data.seq,
            seed=settings.seed,
            batch=settings.batch_size,
            n_batches=settings.accumulate_gradients,
            noise=settings.noise,
            n_vocab=learner.model.hparams.n_vocab,
        )
        trained = list(learner.optimizer.weights)
        self.train_steps = replicated_step.make_train_steps(
            replicas, learner.model, learner.optimizer, trained, settings.clip_norm
        )
        self.own_share: dict = {}
        if replicas.has_others:
            self.own_share = {"worker": replicas.worker, "rows": replicas.rows_here(settings.batch_size)}
        self.losses = None
        if data.held_out and settings.val_every:
            self.losses = validation.make_validate(
                learner.model,
                data.held_out,
                batch=settings.val_batch_size,
                count=settings.val_batch_count,
                seq=data.seq,
                characters=data.characters,
                is_prefix=data.is_prefix,
                compiled=functools.partial(replicated_step.compiled_on_each, replicas),
            )

    def take(self, count: int) -> list[dict]:
        """Takes some steps at once, at most --steps_per_call.

        Returns:
          A record of each step: `step`, `loss` before its update (nats a token), `learning_rate`, `tokens_per_s`; with
          other workers also the number of this one and its `rows` of a batch.
        """
        begun, settings, state = time.monotonic(), self.settings, self.state
        most = settings.steps_per_call
        shares = self.replicas.share_out(
            settings.batch_size, lambda rows: self.windows.of_steps(most, state.windows, rows)
        )
        rates = [self.learning_rate(step) for step in range(state.step, state.step + most)]
        scalars = (tf.constant(rates, tf.float32), tf.constant(state.updates), tf.constant(count))
        losses = self.train_steps(shares, *scalars).numpy().tolist()
        tokens_per_s = round(count * self.windows.in_step * self.windows.seq / (time.monotonic() - begun), 1)
        restart.forget_starts()
        return [
            {"step": state.step + number, "loss": loss, "learning_rate": rate, "tokens_per_s": tokens_per_s}
            | self.own_share
            for number, loss, rate in zip(range(1, count + 1), losses, rates, strict=False)
        ]

    def learning_rate(self, step: int) -> float:
        """The learning rate of the update that follows `step` others."""
        kind, peak, warmup = self.settings.schedule, self.settings.learning_rate, self.settings.warmup
        return learning_rate_at(step, peak, kind, warmup, self.end, decay=self.settings.decay)

    def first_losses(self) -> dict[str, float]:
        """The losses on held-out text before the first step of a run that does not begin with random weights."""
        return self.losses() if self.losses and self.state.step == 0 and self.settings.restore_from != "scratch" else {}

    def validate(self, step: int) -> dict[str, float]:
        """The losses on held-out text, if a validation is due after this step; see `validation.make_validate`."""
        return self.losses() if self.losses and is_time(self.settings.val_every, step) else {}
