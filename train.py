"""Retrains a GPT-2 on poems: python train.py --dataset poetry.npz"""

import dataclasses
import logging
from typing import TYPE_CHECKING

from gpt2.distributed import workers
from gpt2.formats import foreign
from gpt2.runs.settings import Settings, settle
from system import command_line, lock, machine, signals, tensorflow_start

if TYPE_CHECKING:
    from gpt2.distributed.replicas import Replicas
    from gpt2.runs.learner import Step
    from gpt2.runs.run import Run
    from gpt2.runs.samples import SampleWriter
    from gpt2.runs.start import Start
    from gpt2.swarm.exchange import Exchange

logger = logging.getLogger("gpt2")


def main(settings: Settings) -> None:
    """Finds everything that can be missing before anything slow is started; then trains."""
    settings = settle(settings)
    settings = dataclasses.replace(settings, model_name=foreign.own_name(settings.model_name, settings.models_dir))
    if settings.plan:
        print_plan(settings)
        return
    with lock.Lock(settings.folder, wanted=workers.is_chief(settings.strategy)) as held:
        from gpt2 import checkpoint_paths
        from gpt2.runs import start as starts

        settings, start = starts.find_start(settings)
        room = machine.available(settings.device)
        machine.choose_device(settings.device)
        tensorflow_start.start_tensorflow(look_for_devices=not workers.is_multi_worker(settings.strategy))
        import tensorflow as tf

        from gpt2.distributed import restart
        from gpt2.distributed.replicas import Replicas

        if room[0] == "gpu" and not tf.config.list_physical_devices("GPU"):
            room = machine.available("cpu")
        with restart.with_the_others(), starts.naming_flags_that_fit(settings, *room):
            with restart.naming_who_is_missing():
                replicas = Replicas.find(settings.strategy, settings.tpu)
                step = checkpoint_paths.step_of(start.save) if start.save else 0
                replicas.check_same_step(step, settings.folder)
            train(settings, start, replicas, room, held)


def train(
    settings: Settings, start: "Start", replicas: "Replicas", room: tuple[str, float | None], held: lock.Lock
) -> None:
    """Loads the model and the data, checks that they fit together, prints what the run will be, and trains.

    Args:
      room: the kind of device and the bytes that it has free, see `machine.available`.
      held: the lock of the run's folder, which is taken before anything is written.
    """
    import tensorflow as tf

    from encoder import vocabulary
    from gpt2.runs import datasets, log, run_folder
    from gpt2.runs import start as starts
    from gpt2.runs.learner import Learner, Step
    from gpt2.runs.resume import moved, other_data
    from gpt2.runs.run import Run
    from gpt2.runs.samples import SampleWriter
    from gpt2.swarm.exchange import Exchange
    from gpt2.training import memory_plan

    replicas.check_batch_size(settings.batch_size)
    if replicas.is_tpu and settings.sample_every:
        logger.info("no samples while a TPU trains; sample.py writes them from the saves, on any device")
        settings = dataclasses.replace(settings, sample_every=0)
    machine.check_device(settings.device)
    if settings.deterministic:
        tf.config.experimental.enable_op_determinism()
    with replicas.strategy.scope():
        learner = Learner.load(settings, start)
    model, state = learner.model, learner.state
    start.enc.check_size(model.hparams.n_vocab, start.model_folder)
    starts.check_n_ctx(settings, model.hparams)
    data = datasets.open_data(settings, start, model.hparams)
    end = datasets.find_end(settings, state, data)
    if reason := starts.why_over(settings, state.step, end):
        logger.info(reason)
        return
    samples = SampleWriter(settings, start, model, replicas, data.training)
    here = machine.describe()
    changes = [*start.changes, *moved(settings.folder, here), *other_data(settings.folder, data.noted())]
    if replicas.is_chief:
        held.take()
        noted = settings.as_noted() | {"machine": here, "data": data.noted()}
        run_folder.create(settings.folder, model, noted, data.about.get("layout"))
        vocabulary.write_vocabulary(settings.folder, start.enc.vocabulary)
    replicas.wait()  # Now the folder is there for all.
    short = memory_plan.shortage(starts.demand_of(settings, model.hparams), *room)
    about = datasets.about_corpus(settings, state, data, end)
    for line in filter(None, (short, *changes, about_device(here), about)):
        logger.info(line)
    step = Step(settings, replicas, learner, data, end)
    exchange = Exchange(settings, replicas, learner, start.enc)
    if before := step.first_losses():
        logger.info(f"before the first step {log.held_out_loss(before)}")
    loop(step, Run(settings, state, replicas, end), exchange, samples)


def loop(step: "Step", run: "Run", exchange: "Exchange", samples: "SampleWriter") -> None:
    """Trains until the run is over or a signal comes, and leaves everything saved."""
    with signals.catching_signals() as caught:
        while not step.replicas.any(bool(caught) or run.is_over()):
            records = step.take(run.steps_until_due())
            for record in records:
                if bad := run.count(record):  # NaN, or a jump
                    break
                if record is records[-1]:
                    record |= exchange.at(run.step) | step.validate(run.step)
                    if bad := run.judge(record):  # NaN on held-out text
                        break
                    record |= samples.write_if_due(run)
                run.note(record)
            if bad:
                run.go_back(bad)
                continue
            run.save_if_due(record)
        run.finish()
        exchange.leave()
        step.replicas.wait()  # Nobody leaves before the chief has saved.
        run.draw()


def print_plan(settings: Settings) -> None:
    """Prints what memory training would take, without a dataset, weights, or any of that memory."""
    from gpt2.runs import start
    from gpt2.training import memory_plan

    demand = start.demand_of(settings, start.sizes_of(settings))
    for line in memory_plan.lines(demand, *machine.available(settings.device)):
        print(line)


def about_device(here: dict) -> str:
    """One line on what the run is computed on, and on a card that it is not computed on."""
    reason = machine.why_no_gpu()
    unseen = f"; the NVIDIA card is not used: {reason}" if reason else ""
    return f"on {here['device']}, {here['cores']} cores, TensorFlow {here['tensorflow']}{unseen}"


if __name__ == "__main__":
    command_line.run(main)
