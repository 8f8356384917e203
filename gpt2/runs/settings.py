"""The settings of a run: the flags of train.py with their defaults, checked before anything is loaded."""

import dataclasses
import logging
import os
from collections.abc import Mapping
from typing import Annotated, Literal

from gpt2 import checkpoint_paths
from gpt2.distributed.workers import Strategy
from gpt2.training.memory_plan import Dtype, Optimizer
from gpt2.training.schedule import Kind
from system import model_folders
from system.errors import UserError
from system.flags import Above, AtLeast, AtMost, check_flags

logger = logging.getLogger("gpt2")

# What a training takes where no flag says otherwise, found by sweeps: docs/benchmarks.md, "A recipe".
FROM_POET: Mapping[str, object] = {"learning_rate": 3e-4, "batch_size": 8}
FROM_SCRATCH: Mapping[str, object] = {
    "batch_size": 8,
    "optimizer": "muon",
    "learning_rate": 3e-3,
    "schedule": "wsd",
    "warmup": 100,
    "weight_decay": 0.1,
    "clip_norm": 1.0,
}
# What train.py does if nothing is named: two minutes on two cores, after which the model that ships has another voice.
DEMO: Mapping[str, object] = {
    "dataset": "demo.npz",
    "model_name": model_folders.SHIPPED,
    "run_name": "demo",
    "schedule": "linear",
    "warmup": 20,
    "steps": 120,
    "val_every": 50,
    "sample_every": 0,
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """Retrains a GPT-2 on poems.

    The run is stored in checkpoint/RUN_NAME, and sample.py --run_name RUN_NAME writes with it. Ctrl-C saves and ends
    the run; the same command resumes it.

    Attributes:
      The verse
        dataset: an .npz of prepare_corpus.py; or text: a file, a folder, or a glob in quotes, which is encoded once.
          Without --dataset, --model_name, --run_name and --restore_from, the demo is trained.
        encoding: of a dataset that is text.
        n_ctx: tokens of a window. Default: as many as the model can see.
        noise: the share of the tokens going in that are replaced by random ones.
      The run
        model_name: the model to start from; poet is the small one that comes with the project. Also a Hugging Face
          folder or hf://owner/name.
        models_dir: the folder of the model folders.
        run_name: the name of the run.
        checkpoint_dir: the folder of the run folders.
        restore_from: latest resumes the run, or starts as fresh; fresh starts from the weights of the model; scratch
          from random ones, with the defaults that docs/training.md names; a path from the weights there.
        steps: the run ends when its counter reaches this. Default: it trains until Ctrl-C.
        epochs: as --steps, counted in passes over the dataset: in each, every token is trained on once.
        seed: of the windows, the samples and random weights.
      The updates
        batch_size: windows in a batch. For poet the default is 8.
        accumulate_gradients: batches whose mean gradient makes one step.
        optimizer: adafactor needs almost no memory of its own; muon learns fastest from nothing.
        learning_rate: of the optimizer, at its highest. For poet the default is 3e-4.
        schedule: the learning rate after the warm-up: constant; linear or cosine, which fall to 0 at the end; or wsd,
          which falls to 0 over the last part, and stays constant until --steps or --epochs is given.
        warmup: steps over which the learning rate rises to its highest.
        decay: the share of --steps over which wsd falls to 0.
        weight_decay: of adamw and muon, on matrices only.
        clip_norm: scale a gradient down to this global norm; 0 never does.
        only_train_transformer_layers: leave the embeddings and the last norm as they are.
      Memory and devices
        plan: only print how much memory training takes, whether it fits, and which flags make it fit.
        memory_saving_gradients: compute each block again for its gradient: less memory, more time.
        dtype: float32; bfloat16 for all but the optimizer; or mixed, bfloat16 with weights in float32.
        device: gpu is an error if there is none.
        strategy: one device; mirrored, all GPUs of this machine; multi_worker, the machines that TF_CONFIG or Slurm
          names; tpu; or auto, whichever is there. A batch is shared out, so it means the same on any number of devices.
        tpu: the name of a TPU, or local for this machine's.
        steps_per_call: steps per call into TensorFlow; a TPU idles between calls, so give it many.
        deterministic: make a GPU compute the same bits each time, as a CPU does anyway; slower.
      Samples while it trains
        sample_every: steps between samples, 0 for none. Each time a sample is drawn with the same random numbers, so
          that it can be compared with the one before.
        sample_length: tokens of a sample. Default: a window's, half of it with a prompt.
        sample_num: samples of each prompt.
        sample_prompts: a file with a prompt a line; each is continued, besides samples without a prompt.
        sample_dir: the folder of the samples, which get a folder of the run's name there.
        top_k: draw from the k likeliest tokens, 0 for all.
        top_p: draw from the likeliest tokens that together have this probability, in place of top_k; 0 for off.
      Saves
        save_every: steps between saves.
        save_minutes: also save when this many minutes have passed.
        keep: how many of the newest saves are kept, besides the best on held-out verse.
        keep_hours: also keep one save permanently every this many hours, 0 for none.
      Held-out verse and bad losses
        val_dataset: what to validate on. Default: what the dataset holds out.
        val_every: steps between validations, 0 for none.
        val_batch_size: windows in a batch of the validation.
        val_batch_count: batches of a validation, at most.
        patience: end after this many validations without a better one, 0 for never.
        loss_jump: a loss this many nats above the mean of the hundred before it is bad, 0 for any that is finite.
        on_bad_loss: stop, or roll_back to the last save and continue with the windows that come after.
      A swarm
        swarm: a folder, possibly remote, in which runs that share nothing else average their weights.
        swarm_every: steps of this run between two averages.
        swarm_outer: nesterov moves the average with momentum, average takes the plain mean.
        swarm_patience: seconds to wait for the other members of the swarm.
    """

    dataset: Annotated[str | None, "POETRY.npz"] = None
    model_name: Annotated[str, "NAME"] = "124M"
    models_dir: Annotated[str, "FOLDER"] = "models"
    run_name: Annotated[str, "NAME"] = "run1"
    checkpoint_dir: Annotated[str, "FOLDER"] = "checkpoint"
    sample_dir: Annotated[str, "FOLDER"] = "samples"
    restore_from: Annotated[str, "latest|fresh|scratch|PATH"] = "latest"
    encoding: Annotated[str, "NAME"] = "utf-8"
    device: Literal["auto", "cpu", "gpu"] = "auto"
    batch_size: Annotated[int, AtLeast(1)] = 1
    learning_rate: Annotated[float, Above(0)] = 2e-5
    schedule: Kind = "constant"
    warmup: Annotated[int, AtLeast(0)] = 0
    decay: Annotated[float, AtLeast(0), AtMost(1)] = 0.2
    optimizer: Optimizer = "adam"
    weight_decay: Annotated[float, AtLeast(0)] = 0.01
    clip_norm: Annotated[float, AtLeast(0)] = 0.0
    accumulate_gradients: Annotated[int, AtLeast(1)] = 1
    memory_saving_gradients: bool = False
    only_train_transformer_layers: bool = False
    dtype: Dtype = "float32"
    n_ctx: Annotated[int | None, AtLeast(1)] = None
    noise: Annotated[float, AtLeast(0), AtMost(1)] = 0.0
    steps: Annotated[int | None, AtLeast(0)] = None
    epochs: Annotated[float | None, Above(0)] = None
    seed: int = 0
    deterministic: bool = False
    sample_every: Annotated[int, AtLeast(0)] = 100
    sample_length: Annotated[int | None, AtLeast(1)] = None
    sample_num: Annotated[int, AtLeast(1)] = 1
    sample_prompts: Annotated[str | None, "FILE"] = None
    top_k: Annotated[int, AtLeast(0)] = 40
    top_p: Annotated[float, AtLeast(0), AtMost(1)] = 0.0
    save_every: Annotated[int, AtLeast(1)] = 1000
    save_minutes: Annotated[float | None, Above(0)] = None
    keep: Annotated[int, AtLeast(1)] = 5
    keep_hours: Annotated[float, AtLeast(0)] = 0.0
    val_dataset: Annotated[str | None, "POETRY.npz"] = None
    val_every: Annotated[int, AtLeast(0)] = 200
    val_batch_size: Annotated[int, AtLeast(1)] = 2
    val_batch_count: Annotated[int, AtLeast(1)] = 40
    patience: Annotated[int, AtLeast(0)] = 0
    loss_jump: Annotated[float, AtLeast(0)] = 0.0
    on_bad_loss: Literal["stop", "roll_back"] = "stop"
    plan: bool = False
    strategy: Strategy = "auto"
    tpu: Annotated[str | None, "NAME"] = None
    steps_per_call: Annotated[int, AtLeast(1)] = 1
    swarm: Annotated[str | None, "FOLDER"] = None
    swarm_every: Annotated[int, AtLeast(1)] = 500
    swarm_outer: Literal["nesterov", "average"] = "nesterov"
    swarm_patience: Annotated[int, AtLeast(0)] = 300
    given: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        check_flags(self)

    @property
    def folder(self) -> str:
        """The folder of the run."""
        return os.path.join(self.checkpoint_dir, self.run_name)

    @property
    def windows_per_step(self) -> int:
        """How many windows a step trains on."""
        return self.accumulate_gradients * self.batch_size

    def as_noted(self) -> dict:
        """The settings as settings.json holds them."""
        return {name: value for name, value in dataclasses.asdict(self).items() if name != "given"}


def settle(settings: Settings) -> Settings:
    """The settings with what follows from the flags together, checked as far as possible before anything is loaded.

    Raises:
      UserError: naming the flag, its value and what it may be.
    """
    if is_demo(settings):
        settings = with_defaults(settings, DEMO)
    settings = with_defaults(settings, recipe(settings.restore_from, settings.model_name))
    checkpoint_paths.check_name(settings.run_name, "--run_name")
    checkpoint_paths.check_path(settings.checkpoint_dir)
    if settings.dataset is None and not settings.plan:
        raise UserError("--dataset is missing; give an .npz of prepare_corpus.py, or a file or folder of text")
    if {"epochs", "steps"} <= settings.given:
        raise UserError("--steps and --epochs are both given, expected one of them")
    if settings.tpu and settings.strategy == "auto":
        settings = dataclasses.replace(settings, strategy="tpu")
    if settings.epochs is not None:
        return dataclasses.replace(settings, steps=None)
    if settings.schedule in ("linear", "cosine") and settings.steps is None:
        raise UserError(f"--schedule {settings.schedule} falls to 0 at --steps, which is missing; give --steps N")
    return settings


def with_defaults(settings: Settings, defaults: Mapping[str, object]) -> Settings:
    """The settings with these values for the flags that were not given."""
    changes = {name: value for name, value in defaults.items() if name not in settings.given}
    return dataclasses.replace(settings, **changes)  # type: ignore[arg-type]


def recipe(restore_from: str, model_name: str) -> Mapping[str, object]:
    """What a training takes that starts so, where no flag says otherwise."""
    if restore_from == "scratch":
        return FROM_SCRATCH
    return FROM_POET if model_name == model_folders.SHIPPED else {}


def is_demo(settings: Settings) -> bool:
    """Whether no flag names anything, which means the demo; a message says so.

    Raises:
      UserError: a dataset alone is named, which means 124M, and that is not there.
    """
    if {"model_name", "run_name", "restore_from"} & settings.given:
        return False
    if settings.plan and settings.dataset:
        return False  # 124M, whose sizes are known without its files
    command: model_folders.Command = "train.py --dataset" if settings.dataset else "train.py"
    choice = model_folders.choose_model(command, settings.models_dir, settings.checkpoint_dir)
    if choice.message:
        logger.info(choice.message)
    return choice.model_name == model_folders.SHIPPED
