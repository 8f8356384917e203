"""Retrains a GPT-2 on poems: python train.py --dataset poetry.npz"""

import os
import signal
import sys
import time

from gpt2 import command_line, find, settings
from gpt2.schedule import learning_rate_at


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
    batch_size: int | None = None,
    learning_rate: float | None = None,
    schedule: str | None = None,
    warmup: int | None = None,
    optimizer: str = "adam",
    weight_decay: float = 0.01,
    clip_norm: float = 0.0,
    accumulate_gradients: int = 1,
    memory_saving_gradients: bool = False,
    only_train_transformer_layers: bool = False,
    dtype: str = "float32",
    n_ctx: int | None = None,
    steps: int | None = None,
    seed: int = 0,
    sample_every: int | None = None,
    sample_length: int | None = None,
    sample_num: int = 1,
    top_k: int = 40,
    top_p: float = 0.0,
    save_every: int = 1000,
    val_dataset: str | None = None,
    val_every: int = 200,
    val_batch_size: int = 2,
    val_batch_count: int = 40,
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
      batch_size: windows in a step. Default: 1.
      learning_rate: of the optimizer, at its highest. Default: 2e-5.
      schedule: of the learning rate after the warm-up: constant, or linear or cosine, falling to 0 at --steps.
        Default: constant.
      warmup: steps over which the learning rate rises to its height. Default: 0.
      optimizer: adam, sgd, adamw or adafactor, which needs almost no memory of its own.
      weight_decay: of adamw, on matrices only.
      clip_norm: scale a gradient down to this global norm, 0 for never.
      accumulate_gradients: batches whose mean gradient makes one step.
      memory_saving_gradients: compute each block again for its gradient, in less memory and more time.
      only_train_transformer_layers: leave the embeddings and the last norm as they are.
      dtype: float32, bfloat16 for all but the optimizer, or mixed: bfloat16 with weights in float32.
      n_ctx: tokens of a window. Default: the model's.
      steps: the run ends when its counter is there. Default: it goes on until Ctrl-C.
      seed: of the windows, the samples and random weights.
      sample_every: steps between samples, 0 for none; sample 1 is drawn with the same random numbers each time, so
        that it can be compared with the one before. Default: 100.
      sample_length: tokens of a sample. Default: the window's.
      sample_num: samples at a time.
      top_k: of the samples.
      top_p: of the samples.
      save_every: steps between saves.
      val_dataset: what to validate on. Default: what the dataset holds out.
      val_every: steps between validations, 0 for none.
      val_batch_size: windows in a batch of the validation.
      val_batch_count: batches of a validation, at most.
    """
    given = dict(locals())
    flags = settings.settle(given)
    if settings.is_demo(given) and model_name is None:
        say(f"{os.path.join(models_dir, '124M')} is not here, so this is the demo: --model_name demo --run_name demo")
    folder = os.path.join(flags.checkpoint_dir, flags.run_name)
    save = find.last_save(folder)
    changes: list[str] = []
    if save:
        flags, changes = settings.go_on(flags, given, folder)
    weights, model_folder = find_start(flags, save)
    import encoder

    enc = encoder.load_encoder(model_folder)
    dataset = find_dataset(flags.dataset, flags.encoding, enc)
    command_line.start_tensorflow()
    import tensorflow as tf

    from encoder import vocabulary
    from gpt2 import data, run_folder, training
    from gpt2.optimizers import OPTIMIZERS

    model = load(flags, weights, model_folder, enc)
    step = find.step_of(save) if save else 0
    if flags.steps is not None and step >= flags.steps:
        say(f"{folder} is at step {step} already; to go on, give more --steps")
        return
    tokens, held_out = open_datasets(flags, dataset, model, enc, model_folder)
    kwargs = {"weight_decay": flags.weight_decay} if flags.optimizer == "adamw" else {}
    trained = [name for name in model.weights if "/h" in name or not flags.only_train_transformer_layers]
    optimizer = OPTIMIZERS[flags.optimizer]({name: model.weights[name] for name in trained}, seed=flags.seed, **kwargs)
    updates = run_folder.restore_slots(folder, optimizer.slots) if save else 0
    if updates is None:
        say(f"{folder} has no state of an optimizer, so that begins anew")
        updates = 0
    write_samples = make_write_samples(flags, model, enc)
    for line in changes:
        say(line)
    run_folder.create(folder, model, vars(flags))
    vocabulary.write(folder, enc.vocabulary)

    seq = min(flags.n_ctx or model.hparams.n_ctx, len(tokens) - 1)
    shape = [flags.accumulate_gradients, flags.batch_size, seq + 1]
    train_step = training.make_train_step(model, optimizer, trained, flags.clip_norm)
    evaluate = training.make_evaluate(model)
    log = run_folder.Log(folder, step)
    signals = catch_signals()
    bar = progress_bar(flags, step)
    saved = step
    while not signals and step != flags.steps:
        start = time.monotonic()
        batches = data.training_batch(tokens, shape[0] * shape[1], seq, step, flags.seed).reshape(shape)
        rate = learning_rate_at(step, flags.learning_rate, flags.schedule, flags.warmup, flags.steps)
        loss = train_step(tf.constant(batches), tf.constant(rate, tf.float32), tf.constant(updates))
        record = {"step": step + 1, "loss": float(loss), "learning_rate": rate}
        record["tokens_per_s"] = round(shape[0] * shape[1] * seq / (time.monotonic() - start), 1)
        check_loss(record, saved)
        step, updates = step + 1, updates + 1
        if held_out and is_time(flags.val_every, step):
            windows = data.validation_batches(held_out, flags.val_batch_size, flags.val_batch_count, seq)
            record["val_loss"] = evaluate(windows)
        log.append(record)
        show(bar, log.records)
        if is_time(flags.save_every, step):
            log.flush()
            run_folder.save(folder, step, model, optimizer.slots, updates)
            run_folder.draw_loss(folder, log.records)
            saved = step
        if is_time(flags.sample_every, step):
            write_samples(step, bar.write)
    bar.close()
    log.flush()
    if saved != step:
        run_folder.save(folder, step, model, optimizer.slots, updates)
    run_folder.draw_loss(folder, log.records)
    say(f"saved {folder} at step {step}; its loss is drawn in {os.path.join(folder, 'loss.png')}")


def find_start(flags, save: str | None) -> tuple[str | None, str]:
    """Where training starts: the prefix of the weights, None for random ones; and the folder of the vocabulary.

    Raises:
      FileNotFoundError: the weights, or their vocabulary, are not there.
    """
    from poems import files

    if save is None and flags.restore_from == "scratch":
        return None, files.model_folder(flags.model_name, flags.models_dir)
    if save is None and flags.restore_from in ("latest", "fresh"):
        save = files.model_folder(flags.model_name, flags.models_dir)
    prefix = find.find_prefix(save or flags.restore_from)
    return prefix, find.vocabulary_of(prefix, flags.model_name, flags.models_dir)


def find_dataset(path: str, encoding: str, enc, held_out: float = 0.05) -> str:
    """The path of an .npz: the one given, or that of the text given, which is encoded when it is first used."""
    if path.endswith(".npz"):
        from gpt2 import data

        return data.local_copy(path)
    from tqdm import tqdm

    from encoder import dataset
    from poems import sources

    source = sources.find(path, encoding)
    with tqdm(total=source.n_bytes, desc=f"encoding {path}", unit="B", unit_scale=True, disable=None, delay=1) as bar:
        return dataset.cached_dataset([source], enc, held_out, progress=bar.update)


def load(flags, weights: str | None, model_folder: str, enc):
    """The model to train, as the flags ask for it."""
    from gpt2 import checkpoint
    from gpt2.hparams import read_hparams
    from gpt2.model import GPT2, fresh_weights

    dtypes = settings.DTYPES[flags.dtype]
    if weights is None:
        model = GPT2(read_hparams(model_folder), fresh_weights(flags.seed), *dtypes)
    else:
        model = checkpoint.load_model(weights, model_folder, *dtypes)
    enc.check_size(model.hparams.n_vocab, model_folder)
    if flags.n_ctx and flags.n_ctx > model.hparams.n_ctx:
        raise ValueError(f"--n_ctx is {flags.n_ctx}, expected at most {model.hparams.n_ctx}, that of the model")
    model.recompute = flags.memory_saving_gradients
    return model


def open_datasets(flags, path: str, model, enc, model_folder: str):
    """The tokens to train on and those to validate on, maybe none; says how many."""
    from gpt2 import data

    def opened(path):
        dataset = data.open_dataset(path, model.hparams.n_vocab)
        data.check_vocabulary(dataset, enc.fingerprint, path, model_folder)
        return dataset

    dataset = opened(path)
    tokens, held_out = dataset.training, dataset.held_out
    if flags.val_dataset:
        validation = opened(find_dataset(flags.val_dataset, flags.encoding, enc, held_out=0.0))
        held_out = validation.held_out or validation.training
    if len(tokens) < 2:
        raise ValueError(f"{path}: {len(tokens)} tokens to train on, expected at least 2; prepare more text")
    about = f"{len(held_out):,} held out" if held_out else "none held out, so no validation"
    say(f"{flags.model_name}, {model.hparams.n_params:,} parameters; {len(tokens):,} tokens to train on, {about}")
    return tokens, held_out


def make_write_samples(flags, model, enc):
    """A function of the step that writes samples into the run's folder of samples, and shows them.

    A sample is drawn with the same random numbers each time, so that one can see what training changes. Nothing that
    goes wrong here ends the run.
    """
    import tensorflow as tf

    from gpt2.sampling import Sampler, sample_length
    from poems import files

    length = sample_length(model.hparams, [], flags.sample_length or (flags.n_ctx or model.hparams.n_ctx) - 1 or 1)
    sampler = Sampler(model, 1, top_k=flags.top_k, top_p=flags.top_p, seed=flags.seed)
    folder = os.path.join(flags.sample_dir, flags.run_name)

    def write_samples(step, show):
        try:
            samples = enumerate(sampler.samples([], flags.sample_num, length), start=1)
            text = "".join(f"======== SAMPLE {number} ========\n{enc.decode(ids)}\n" for number, ids in samples)
            files.make_folder(folder)
            with files.open_file(os.path.join(folder, f"samples-{step}"), "w") as file:
                file.write(text)
            show(text)
        except (OSError, ValueError, tf.errors.OpError) as error:  # A full disk, a closed terminal, one without UTF-8.
            say(f"the samples of step {step} were not written or shown ({error}); training goes on")

    return write_samples


def is_time(every: int, step: int) -> bool:
    """Whether something done every so many steps, 0 being never, is due."""
    return every > 0 and step % every == 0


def check_loss(record: dict, saved: int) -> None:
    """Raises a ValueError if the loss is no number; the weights are not worth saving then."""
    if not record["loss"] < float("inf"):
        raise ValueError(
            f"the loss at step {record['step']} is {record['loss']}; the save of step {saved} is untouched, "
            "go on from it with a lower --learning_rate"
        )


def progress_bar(flags, step: int):
    """A bar of steps, with the time left where --steps says how many."""
    from tqdm import tqdm

    every = 0.5 if sys.stderr.isatty() else 30
    return tqdm(total=flags.steps, initial=step, unit="step", mininterval=every, maxinterval=every, dynamic_ncols=True)


def show(bar, records: list[dict]) -> None:
    """Moves the bar one step on: loss, its mean over the last hundred steps, held-out loss, tokens a second."""
    recent = [record["loss"] for record in records[-100:]]
    figures = {"loss": f"{recent[-1]:.2f}", "avg": f"{sum(recent) / len(recent):.2f}"}
    figures["tokens/s"] = f"{records[-1]['tokens_per_s']:,.0f}"
    validated = next((record for record in reversed(records) if "val_loss" in record), None)
    if validated:
        figures["held out"] = f"{validated['val_loss']:.2f}"
    bar.set_postfix(figures, refresh=False)
    bar.update()


def catch_signals() -> list[int]:
    """A list that Ctrl-C, SIGTERM or SIGHUP is put into, to end the loop after its step; a second one ends at once."""
    caught: list[int] = []

    def catch(number, frame):
        if caught:
            raise KeyboardInterrupt
        caught.append(number)
        say("saving after this step; once more to end at once, without")

    for name in ("SIGINT", "SIGTERM", "SIGHUP"):  # SIGHUP, the terminal is gone, is not on Windows.
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), catch)
    return caught


def say(text: str) -> None:
    """A message, away from the results."""
    print(f"train.py: {text}", file=sys.stderr)


if __name__ == "__main__":
    command_line.run(main)
