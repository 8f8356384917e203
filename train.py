"""Retrains a GPT-2 on poems: python train.py --dataset poetry.npz"""

import os
import re
import signal
import sys
import time
import types

from gpt2 import command_line

# What --dtype means: the activations, the weights.
DTYPES = {"float32": ("float32", "float32"), "bfloat16": ("bfloat16", "bfloat16"), "mixed": ("bfloat16", "float32")}
# Where the command line says nothing.
DEFAULTS = {
    "model_name": "124M",
    "run_name": "run1",
    "restore_from": "latest",
    "batch_size": 1,
    "learning_rate": 2e-5,
    "schedule": "constant",
    "warmup": 0,
    "sample_every": 100,
}
# The same for the model `demo`: five minutes on two cores, from nothing.
DEMO = {
    "dataset": "demo.npz",
    "model_name": "demo",
    "run_name": "demo",
    "batch_size": 4,
    "learning_rate": 2e-3,
    "schedule": "cosine",
    "warmup": 100,
    "steps": 5000,
    "sample_every": 1000,
}


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
    goes on. Where no model is named and models/124M is not there, the demo is trained from nothing.

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
      sample_every: steps between samples, 0 for none. Default: 100.
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
    flags = settle({name: value for name, value in locals().items() if value is not None})
    folder = os.path.join(flags.checkpoint_dir, flags.run_name)
    weights, model_folder, enc = find_start(flags, folder)
    dataset = find_dataset(flags.dataset, flags.encoding, enc)
    command_line.start_tensorflow()
    import tensorflow as tf

    from encoder import vocabulary
    from gpt2 import data, run_folder, training
    from gpt2.optimizers import OPTIMIZERS
    from gpt2.schedule import learning_rate_at

    model, step = load(flags, weights, model_folder, enc, folder)
    if flags.steps is not None and step >= flags.steps:
        say(f"{folder} is at step {step} already; to go on, give more --steps")
        return
    tokens, held_out = open_datasets(flags, dataset, model, enc, model_folder)
    kwargs = {"weight_decay": flags.weight_decay} if flags.optimizer == "adamw" else {}
    trained = [name for name in model.weights if "/h" in name or not flags.only_train_transformer_layers]
    optimizer = OPTIMIZERS[flags.optimizer]({name: model.weights[name] for name in trained}, **kwargs)
    updates = run_folder.restore_slots(folder, optimizer.slots) if step else 0
    if updates is None:
        say(f"{folder} has no state of an optimizer, so that begins anew")
        updates = 0
    note_changes(folder, flags)
    run_folder.create(folder, model, vars(flags))
    vocabulary.write(folder, enc.vocabulary)

    seq = min(flags.n_ctx or model.hparams.n_ctx, len(tokens) - 1)
    shape = [flags.accumulate_gradients, flags.batch_size, seq + 1]
    train_step = training.make_train_step(model, optimizer, trained, flags.clip_norm)
    evaluate = training.make_evaluate(model)
    write_samples = make_write_samples(flags, model, enc)
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
            run_folder.save(folder, step, model, optimizer.slots, updates)
            run_folder.draw_loss(folder, log.records)
            saved = step
        if is_time(flags.sample_every, step):
            bar.write(write_samples(step))
    bar.close()
    if saved != step:
        run_folder.save(folder, step, model, optimizer.slots, updates)
    run_folder.draw_loss(folder, log.records)
    say(f"saved {folder} at step {step}; its loss is drawn in {os.path.join(folder, 'loss.png')}")


def settle(given: dict) -> types.SimpleNamespace:
    """The flags with their defaults, checked as far as they can be before anything is loaded.

    Raises:
      ValueError: naming the flag, what it is and what it may be.
    """
    from gpt2.schedule import SCHEDULES
    from poems import files

    models_dir = given["models_dir"]
    unnamed = not {"model_name", "run_name"} & given.keys() and not files.has_model("124M", models_dir)
    if unnamed:
        say(f"{os.path.join(models_dir, '124M')} is not here, so this is the demo: --model_name demo --run_name demo")
    demo = unnamed or given.get("model_name") == "demo"
    defaults = DEFAULTS | DEMO if demo else DEFAULTS
    flags = types.SimpleNamespace(
        **({"steps": None, "sample_length": None, "val_dataset": None, "n_ctx": None} | defaults | given)
    )
    if demo and "restore_from" not in given and not is_begun(os.path.join(flags.checkpoint_dir, flags.run_name)):
        flags.restore_from = "scratch"
    if not re.fullmatch(r"[^/\\*?\[\]{}]+", flags.run_name):
        raise ValueError(f"--run_name is {flags.run_name!r}, expected a name without / \\ * ? [ ] {{ }}")
    if "dataset" not in vars(flags):
        raise ValueError("--dataset is missing; give an .npz of prepare_corpus.py, or a file or folder of text")
    least = {
        "batch_size": 1,
        "steps": 0,
        "sample_every": 0,
        "sample_num": 1,
        "save_every": 1,
        "val_every": 0,
        "warmup": 0,
        "accumulate_gradients": 1,
        "clip_norm": 0,
        "weight_decay": 0,
        "n_ctx": 1,
    }
    for name, number in (least | {"val_batch_size": 1, "val_batch_count": 1}).items():
        if getattr(flags, name) is not None and getattr(flags, name) < number:
            raise ValueError(f"--{name} is {getattr(flags, name)}, expected at least {number}")
    if not 0 < flags.learning_rate < float("inf"):
        raise ValueError(f"--learning_rate is {flags.learning_rate}, expected a positive number such as 2e-5")
    choices = {"optimizer": ("adam", "sgd", "adamw", "adafactor"), "schedule": SCHEDULES, "dtype": tuple(DTYPES)}
    for name, known in choices.items():
        if getattr(flags, name) not in known:
            raise ValueError(f"--{name} is {getattr(flags, name)}, expected {' or '.join(known)}")
    if flags.schedule != "constant" and flags.steps is None:
        raise ValueError(f"--schedule {flags.schedule} falls to 0 at --steps, which is missing; say how many")
    return flags


def find_start(flags, folder: str):
    """Where training starts: the weights (None for random ones), the folder of the model, and its encoder.

    Raises:
      FileNotFoundError: the model, or its vocabulary, is not there.
      ValueError: the run has begun, and another start is asked for.
    """
    import encoder
    from poems import files

    begun = is_begun(folder)
    if begun and flags.restore_from != "latest":
        raise ValueError(
            f"{folder}: a run that has begun, which --restore_from {flags.restore_from} would overwrite; "
            "go on with --restore_from latest, or name another --run_name"
        )
    if flags.restore_from == "scratch":
        weights = None
    elif flags.restore_from in ("latest", "fresh"):
        weights = folder if begun else files.model_folder(flags.model_name, flags.models_dir)
    else:
        weights = flags.restore_from
    # The runs of 2019 have no vocabulary of their own.
    if weights and files.exists(os.path.join(weights, "encoder.json")):
        model_folder = weights
    else:
        model_folder = files.model_folder(flags.model_name, flags.models_dir)
    return weights, model_folder, encoder.load_encoder(model_folder)


def is_begun(folder: str) -> bool:
    """Whether a run folder holds a save to go on from."""
    from poems import files

    return files.exists(os.path.join(folder, "checkpoint"))


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


def load(flags, weights: str | None, model_folder: str, enc, folder: str):
    """The model to train, and the step that it is at."""
    from gpt2 import checkpoint, run_folder
    from gpt2.hparams import read_hparams
    from gpt2.model import GPT2, fresh_weights

    if weights is None:
        model = GPT2(read_hparams(model_folder), fresh_weights(flags.seed), *DTYPES[flags.dtype])
    else:
        model = checkpoint.load_model(weights, model_folder, *DTYPES[flags.dtype])
    enc.check_size(model.hparams.n_vocab, model_folder)
    if flags.n_ctx and flags.n_ctx > model.hparams.n_ctx:
        raise ValueError(f"--n_ctx is {flags.n_ctx}, expected at most {model.hparams.n_ctx}, that of the model")
    model.recompute = flags.memory_saving_gradients
    if weights is None:
        return model, 0
    return model, run_folder.step_of(checkpoint.find_prefix(folder)) if weights == folder else 0


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


def note_changes(folder: str, flags) -> None:
    """Says which settings of a run differ from those it was left with."""
    from gpt2 import run_folder

    for name, before in run_folder.read_settings(folder).items():
        now = getattr(flags, name, None)
        if now != before and name != "restore_from":
            say(f"--{name} was {before}, and is {now} now")


def make_write_samples(flags, model, enc):
    """A function of the step that writes samples into the run's folder of samples, and gives their text."""
    from gpt2.sampling import Sampler, sample_length
    from poems import files

    length = sample_length(model.hparams, [], flags.sample_length or (flags.n_ctx or model.hparams.n_ctx) - 1 or 1)
    sampler = Sampler(model, 1, top_k=flags.top_k, top_p=flags.top_p, seed=flags.seed)
    folder = os.path.join(flags.sample_dir, flags.run_name)
    files.make_folder(folder)

    def write_samples(step):
        samples = enumerate(sampler.samples([], flags.sample_num, length), start=1)
        text = "".join(f"======== SAMPLE {number} ========\n{enc.decode(ids)}\n" for number, ids in samples)
        with files.open_file(os.path.join(folder, f"samples-{step}"), "w") as file:
            file.write(text)
        return text

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
