"""Retrains a GPT-2 on poems: python train.py --dataset poetry.npz"""

import functools
import logging
import math
import os
import time

from gpt2 import checkpoint_paths
from gpt2.distributed import workers
from gpt2.runs import settings
from gpt2.runs.start import check_n_ctx, find_start, sizes_of, why_over
from gpt2.swarm.exchange import in_words, join_swarm, make_exchange
from gpt2.training.schedule import is_time, learning_rate_at, steps_at_once
from system import command_line, lock, machine, tensorflow_start
from system.errors import UserError
from system.signals import catch_signals

logger = logging.getLogger("gpt2")


def main(
    *,
    dataset: str | None = None,
    model_name: str | None = None,
    models_dir: str = "models",
    run_name: str | None = None,
    checkpoint_dir: str = "checkpoint",
    sample_dir: str = "samples",
    restore_from: str | None = None,
    encoding: str = "utf-8",
    device: str = "auto",
    batch_size: int | None = None,
    learning_rate: float | None = None,
    schedule: str | None = None,
    warmup: int | None = None,
    decay: float = 0.2,
    optimizer: str = "adam",
    weight_decay: float = 0.01,
    clip_norm: float = 0.0,
    accumulate_gradients: int = 1,
    memory_saving_gradients: bool = False,
    only_train_transformer_layers: bool = False,
    dtype: str = "float32",
    n_ctx: int | None = None,
    noise: float = 0.0,
    steps: int | None = None,
    epochs: float | None = None,
    seed: int = 0,
    deterministic: bool = False,
    sample_every: int | None = None,
    sample_length: int | None = None,
    sample_num: int = 1,
    sample_prompts: str | None = None,
    top_k: int = 40,
    top_p: float = 0.0,
    save_every: int = 1000,
    save_minutes: float | None = None,
    keep: int = 5,
    keep_hours: float = 0.0,
    val_dataset: str | None = None,
    val_every: int = 200,
    val_batch_size: int = 2,
    val_batch_count: int = 40,
    patience: int = 0,
    loss_jump: float = 0.0,
    on_bad_loss: str = "stop",
    plan: bool = False,
    strategy: str = "auto",
    tpu: str | None = None,
    steps_per_call: int = 1,
    swarm: str | None = None,
    swarm_every: int = 500,
    swarm_outer: str = "nesterov",
    swarm_patience: int = 300,
) -> None:
    """Retrains a GPT-2 on poems.

    The run lies in checkpoint/RUN_NAME, which sample.py takes as --run_name. Ctrl-C saves and ends; the same command
    goes on, wherever it once began. Where no model is named and models/124M is not there, the demo is trained from
    nothing.

    Args:
      dataset: an .npz of prepare_corpus.py, or text: a file, a folder, a glob in quotes. Text is encoded once.
      model_name: the model to start from. Default: 124M.
      models_dir: the folder of the model folders.
      run_name: the name of the run. Default: run1.
      checkpoint_dir: the folder of the run folders.
      sample_dir: where samples written while training go, in a folder of the run's name.
      restore_from: latest goes on with the run, or starts as fresh; fresh starts from the weights of the model;
        scratch from random ones; a path from the weights there. Default: latest.
      encoding: of a dataset that is text.
      device: auto, cpu, or gpu, which goes on with no other.
      batch_size: windows in a step. Default: 1.
      learning_rate: of the optimizer, at its highest. Default: 2e-5.
      schedule: of the learning rate after the warm-up: constant; linear or cosine, falling to 0 at the end; or
        wsd, which is constant and falls to 0 over the last part of --steps, or stays constant until --steps is given.
        Default: constant.
      warmup: steps over which the learning rate rises to its height. Default: 0.
      decay: the share of --steps over which wsd falls to 0.
      optimizer: adam, sgd, adamw, adafactor, which needs almost no memory of its own, or muon, which learns fastest
        from nothing.
      weight_decay: of adamw and muon, on matrices only.
      clip_norm: scale a gradient down to this global norm, 0 for never.
      accumulate_gradients: batches whose mean gradient makes one step.
      memory_saving_gradients: compute each block again for its gradient, in less memory and more time.
      only_train_transformer_layers: leave the embeddings and the last norm as they are.
      dtype: float32, bfloat16 for all but the optimizer, or mixed: bfloat16 with weights in float32.
      n_ctx: tokens of a window. Default: the model's.
      noise: the share of the tokens going in that are replaced by any other, 0 to 1.
      steps: the run ends when its counter is there. Default: it goes on until Ctrl-C.
      epochs: the same, counted in passes over the dataset: in each, every token is trained on once.
      seed: of the windows, the samples and random weights.
      deterministic: make a GPU compute the same bits each time, as a CPU does anyway; slower.
      sample_every: steps between samples, 0 for none; a sample is drawn with the same random numbers each time, so
        that it can be compared with the one before. Default: 100.
      sample_length: tokens of a sample. Default: the window's, half of it with a prompt.
      sample_num: samples at a time, of each prompt.
      sample_prompts: a file with a prompt a line, to be gone on from as well as from nothing.
      top_k: of the samples.
      top_p: of the samples.
      save_every: steps between saves.
      save_minutes: also save when so many minutes have passed.
      keep: how many of the newest saves are kept; the best on held-out text is kept besides.
      keep_hours: also keep one save for good for every so many hours, 0 for none.
      val_dataset: what to validate on. Default: what the dataset holds out.
      val_every: steps between validations, 0 for none.
      val_batch_size: windows in a batch of the validation.
      val_batch_count: batches of a validation, at most.
      patience: end when so many validations have brought nothing better, 0 for never.
      loss_jump: a loss so many nats above the mean of the hundred before it is bad, 0 for any that is a number.
      on_bad_loss: stop, or roll_back to the last save and go on with the windows that come after.
      plan: only tell how much memory this takes, whether it fits, and which flags make it fit.
      strategy: one device; mirrored, all GPUs of this machine; multi_worker, the machines that TF_CONFIG or Slurm tells
        of; tpu; or auto, whichever is there. A batch is shared out, so it means the same on any number of devices.
      tpu: the name of a TPU, or local for this machine's.
      steps_per_call: steps between two looks of Python at what happens, which a TPU would wait for.
      swarm: a folder, maybe remote, in which runs that know nothing else of each other average their weights.
      swarm_every: steps of this run between two averages.
      swarm_outer: nesterov moves the average with momentum, average takes the plain mean.
      swarm_patience: seconds to wait for the other members of the swarm.
    """
    given = dict(locals())
    flags = settings.settle(given)
    if settings.is_demo(given) and model_name is None:
        logger.info(
            f"{os.path.join(models_dir, '124M')} is not here, so this is the demo: --model_name demo --run_name demo"
        )
    folder = os.path.join(flags.checkpoint_dir, flags.run_name)
    with lock.Lock(folder, wanted=not plan and workers.is_chief(flags.strategy)) as held:
        begin(flags, given, folder, held)


def begin(flags, given: dict, folder: str, held: lock.Lock) -> None:
    """Finds what to train, and on what, before anything slow is started; then trains."""
    if flags.plan:
        show_plan(flags, given, folder)
        return
    save = checkpoint_paths.last_save(folder)
    changes: list[str] = []
    if save:
        flags, changes = settings.go_on(flags, given, folder)
    weights, model_folder = find_start(flags, save)
    import encoder
    from gpt2.runs import datasets

    enc = encoder.load_encoder(model_folder)
    prompts = read_prompts(flags.sample_prompts)
    path = datasets.find_dataset(flags.dataset, flags.encoding, enc)
    from gpt2.training import memory_plan

    available = machine.available(flags.device)
    machine.choose_device(flags.device)
    tensorflow_start.start_tensorflow(look_for_devices=not workers.is_multi_worker(flags.strategy))
    import tensorflow as tf

    from gpt2.distributed import collectives, restart
    from gpt2.distributed import strategy as distribution

    if available[0] == "gpu" and not tf.config.list_physical_devices("GPU"):
        available = machine.available("cpu")
    with restart.with_the_others():
        with restart.naming_who_is_missing():
            devices = distribution.find_strategy(flags.strategy, flags.tpu)
            steps_found = collectives.make_values_of_all(devices)(checkpoint_paths.step_of(save) if save else 0)
        collectives.check_same_step(steps_found, folder)
        try:
            train(flags, devices, save, weights, model_folder, enc, prompts, path, changes, available, held)
        except tf.errors.ResourceExhaustedError as error:
            if "No space left" in error.message:  # of a disk
                raise
            remedy = memory_plan.remedy(sizes_of(flags, given, folder), flags, *available)
            raise OSError(f"out of memory; what {folder} holds is untouched; {remedy}") from None


def train(flags, strategy, save, weights, model_folder: str, enc, prompts, path, changes, available, held) -> None:
    """Loads what training takes, looks whether it goes together, tells what it will be, and goes on from there."""
    import tensorflow as tf

    from encoder import vocabulary
    from gpt2.distributed import collectives
    from gpt2.distributed import strategy as distribution
    from gpt2.runs import datasets, learner, run_folder, samples
    from gpt2.training import memory_plan, replicas, windows

    folder = os.path.join(flags.checkpoint_dir, flags.run_name)
    replicas.check_batch_size(strategy, flags.batch_size)
    if distribution.is_tpu(strategy) and flags.sample_every:
        logger.info("no samples while a TPU trains; sample.py writes them from the saves, on any device")
        flags.sample_every = 0
    machine.check_device(flags.device)
    if flags.deterministic:
        tf.config.experimental.enable_op_determinism()
    with strategy.scope():
        state, optimizer, trained = learner.load(flags, weights, model_folder, save)
    model = state.model
    enc.check_size(model.hparams.n_vocab, model_folder)
    check_n_ctx(flags, model.hparams)
    corpus, held_out, is_prefix = datasets.open_datasets(flags, path, model, enc, model_folder)
    tokens = corpus.training
    seq = min(flags.n_ctx or model.hparams.n_ctx, len(tokens) - 1)
    tokens_per_step = flags.accumulate_gradients * flags.batch_size * seq
    steps, used = flags.steps, (state.windows - state.left_out) * seq
    if flags.epochs is not None:
        steps = state.step + windows.steps_of_epochs(flags.epochs, len(tokens), tokens_per_step, used)
    if flags.patience and not (held_out and flags.val_every):
        raise UserError(
            f"--patience {flags.patience} counts validations, and there are none; give --val_every, or a dataset "
            "with text held out, or --val_dataset"
        )
    if reason := why_over(flags, folder, state.step, steps):
        logger.info(reason)
        return
    write_samples = samples.make_write_samples(flags, model, enc, prompts)
    here = machine.describe()
    data = {"tokens": len(tokens), "sha256": corpus.about.get("npz_sha256")}
    lines = [*changes, *settings.moved(folder, here), *settings.other_data(folder, data), about_device(here)]
    of_all = collectives.make_values_of_all(strategy)
    if distribution.worker_of(strategy) == 0:
        held.take()
        run_folder.create(folder, model, vars(flags) | {"machine": here, "data": data}, corpus.about.get("layout"))
        vocabulary.write_vocabulary(folder, enc.vocabulary)
    of_all(state.step)  # Now the folder is there for all.
    if short := memory_plan.shortage(model.hparams, flags, *available):
        logger.info(short)
    to_use = None if steps is None else used + (steps - state.step) * tokens_per_step
    for line in (*lines, datasets.about_corpus(flags, model, tokens, held_out, steps, to_use, tokens_per_step)):
        logger.info(line)
    take = make_take(flags, strategy, state, optimizer, trained, tokens, seq, steps)
    validate = make_validate(flags, strategy, model, enc, held_out, is_prefix, seq)
    take_steps(flags, strategy, state, steps, tokens_per_step, enc, take, validate, write_samples, of_all)


def make_take(flags, strategy, state, optimizer, trained, tokens, seq: int, steps: int | None):
    """A function that makes so many steps at once, and gives the loss before each and its learning rate."""
    import tensorflow as tf

    from gpt2.training import replicas, windows

    train_steps = replicas.make_train_steps(strategy, state.model, optimizer, trained, flags.clip_norm)
    read = windows.make_read(flags, tokens, seq, state.model.hparams.n_vocab)

    def take(count: int) -> list[tuple[float, float]]:
        shares = replicas.share_out(strategy, flags.batch_size, lambda rows: read(rows, state.windows))
        coming = range(state.step, state.step + flags.steps_per_call)
        schedule = functools.partial(learning_rate_at, peak=flags.learning_rate, schedule=flags.schedule)
        rates = [schedule(step, warmup=flags.warmup, steps=steps, decay=flags.decay) for step in coming]
        scalars = (tf.constant(rates, tf.float32), tf.constant(state.updates), tf.constant(count))
        losses = train_steps(shares, *scalars).numpy().tolist()
        return list(zip(losses, rates, strict=True))[:count]

    return take


def make_validate(flags, strategy, model, enc, held_out, is_prefix, seq: int):
    """A function giving the losses on held-out verse; None where there is none, or it is not wanted."""
    from gpt2.runs import datasets
    from gpt2.training import replicas, validation

    if not (held_out and flags.val_every):
        return None
    compiled = functools.partial(replicas.compiled_on_each, strategy)
    most = (flags.val_batch_size, flags.val_batch_count)
    return validation.make_validate(model, held_out, *most, seq, datasets.characters_of(enc), is_prefix, compiled)


def take_steps(flags, strategy, state, steps, tokens_per_step: int, enc, take, validate, write_samples, of_all) -> None:
    """Trains until it is done or a signal comes, and leaves everything saved."""
    from gpt2.distributed import restart
    from gpt2.distributed import strategy as distribution
    from gpt2.runs import log as watch
    from gpt2.runs import pictures, progress
    from gpt2.runs import run as keeper
    from gpt2.runs.log import Log
    from gpt2.training import replicas

    folder = os.path.join(flags.checkpoint_dir, flags.run_name)
    worker = distribution.worker_of(strategy)
    is_chief = worker == 0
    member = join_swarm(flags, state.model, enc, state.step) if flags.swarm and is_chief else None
    exchange = make_exchange(flags, strategy, member, state.model, of_all)
    # Of several workers each has a log, with what it did itself.
    log = Log(folder, state.step, "log.jsonl" if is_chief else f"log-worker-{worker}.jsonl")
    share = {}
    if distribution.is_multi_worker(strategy):
        share = {"worker": worker, "rows": replicas.rows_here(strategy, flags.batch_size)}
    events = pictures.Board(folder) if is_chief else None
    kept = keeper.Run(folder, flags, state, log, events)
    signals = catch_signals()
    bar = progress.progress_bar(steps, state.step, shown=is_chief)
    is_stale = False
    while not any(of_all(bool(signals) or state.step == steps or is_stale)):
        start, count = time.monotonic(), steps_at_once(flags, state.step, steps)
        last = state.step + count
        taken = take(count)
        tokens_per_s = round(count * tokens_per_step / (time.monotonic() - start), 1)
        restart.forget_starts()
        for loss, rate in taken:
            state.windows += flags.accumulate_gradients * flags.batch_size
            if wrong := watch.trouble(loss, log.records, flags.loss_jump):
                break
            state.step, state.updates = state.step + 1, state.updates + 1
            record = {"step": state.step, "loss": loss, "learning_rate": rate, "tokens_per_s": tokens_per_s} | share
            if state.step == last:
                if report := exchange(state.step):
                    record["swarm"] = report
                    logger.info(in_words(report))
                if validate and is_time(flags.val_every, state.step):
                    record |= validate()
                    if not math.isfinite(record["val_loss"]):
                        wrong = f"is {record['val_loss']} on held-out text"
                        break
            log.append(record)
            progress.show_step(bar, log.records)
            if events:
                events.scalars(record)
        if wrong:
            kept.go_back(wrong)
            continue
        is_stale = "val_loss" in record and watch.is_stale(log.records, flags.patience)
        kept.save_if_due(record)
        if is_time(flags.sample_every, state.step) and is_chief:
            write_samples(state.step, functools.partial(progress.print_above, bar), events)
    bar.close()
    if is_stale:
        logger.info(f"ends here: not better for {flags.patience} validations")
    kept.finish()
    if member:
        member.leave()
    of_all(state.step)  # Nobody leaves before the chief has saved.
    kept.draw()


def show_plan(flags, given: dict, folder: str) -> None:
    """Prints what memory training would take, without a dataset, weights, or any of that memory."""
    from gpt2.training import memory_plan
    from system import machine

    hparams = sizes_of(flags, given, folder)
    check_n_ctx(flags, hparams)
    for line in memory_plan.lines(hparams, flags, *machine.available(flags.device)):
        print(line)


def about_device(here: dict) -> str:
    """One line on what the run is computed on, and on the card that it is not computed on."""
    reason = machine.why_no_gpu()
    unseen = f"; the NVIDIA card is not used: {reason}" if reason else ""
    return f"on {here['device']}, {here['cores']} cores, TensorFlow {here['tensorflow']}{unseen}"


def read_prompts(path: str | None) -> list[str]:
    """The prompts to sample from: nothing, then the lines of the file."""
    from system import files

    if path is None:
        return [""]
    with files.open_file(path) as file:
        try:
            text = file.read().decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise UserError(f"{path}: byte {error.start} is not UTF-8; save the file as UTF-8") from None
    return ["", *filter(None, text.splitlines())]


if __name__ == "__main__":
    command_line.run(main)
