"""Where a training run meets the other members of its swarm."""

import logging
import os
import socket

logger = logging.getLogger("gpt2")


def join_swarm(flags, model, enc, step: int):
    """The run as a member of a swarm, whose average the model then has."""
    from encoder import vocabulary
    from gpt2.swarm.member import Member
    from system import files

    name = f"{socket.gethostname()}-{flags.run_name}"
    member = Member(flags.swarm, name, model.hparams, flags.swarm_every, flags.swarm_outer, flags.swarm_patience)
    number = member.join(model.weights, step)
    if not files.exists(os.path.join(flags.swarm, "encoder.json")):
        vocabulary.write_vocabulary(flags.swarm, enc.vocabulary)
    run = os.path.join(flags.checkpoint_dir, flags.run_name)
    files.copy(os.path.join(run, "layout.json"), os.path.join(flags.swarm, "layout.json"))
    logger.info(f"{name} joined the swarm in {flags.swarm} after its round {number}")
    return member


def make_exchange(flags, strategy, member, model, of_all):
    """A function of the step: what a round of the swarm came to that ends with it, if one does.

    Other workers than the chief, whose member is None, get the weights that it then has, and no report.
    """
    from gpt2.distributed import collectives

    if not flags.swarm:
        return lambda step: None
    copy_from_chief = collectives.make_copy_from_chief(strategy, model.weights)
    copy_from_chief()

    def exchange(step: int) -> dict | None:
        if not of_all(bool(member and member.is_due(step)))[0]:
            return None
        report = member.exchange(model.weights, step) if member else None
        copy_from_chief()
        return report

    return exchange


def in_words(report: dict) -> str:
    """What a round of a swarm came to, in a line."""
    left_out = "".join(f"; left out {name}: {reason}" for name, reason in report["left_out"].items())
    return f"round {report['round']} of the swarm: {', '.join(report['counted']) or 'nobody'}{left_out}"
