"""Where a training run meets the other members of its swarm."""

import logging
import os
import socket
from typing import TYPE_CHECKING

from encoder import vocabulary
from gpt2.distributed.replicas import Replicas
from gpt2.runs.learner import Learner
from gpt2.runs.settings import Settings
from gpt2.swarm.member import Member, Rules
from system import files

if TYPE_CHECKING:
    from encoder.reference import Encoder

logger = logging.getLogger("gpt2")


class Exchange:
    """Exchanges the weights of a run with its swarm, if it is in one.

    The chief is the member. Other workers get the weights that it then has.
    """

    def __init__(self, settings: Settings, replicas: Replicas, learner: Learner, enc: "Encoder"):
        """Joins the swarm, whose average the model then has.

        Raises:
          UserError: the swarm is one of models of other sizes, or the folder is that of something else.
        """
        self.is_wanted, self.replicas, self.weights = settings.swarm is not None, replicas, learner.model.weights
        self.member = join(settings, learner, enc) if settings.swarm and replicas.is_chief else None
        if self.is_wanted:
            self.copy_from_chief = replicas.make_copy_from_chief(self.weights)
            self.copy_from_chief()

    def at(self, step: int) -> dict:
        """The report of the round that ends with this step, under the name `swarm`; empty if none does."""
        if not self.is_wanted or not self.replicas.gather(bool(self.member and self.member.is_due(step)))[0]:
            return {}
        report = self.member.exchange(self.weights, step) if self.member else None
        self.copy_from_chief()
        if report is None:
            return {}
        logger.info(in_words(report))
        return {"swarm": report}

    def leave(self) -> None:
        """Leaves the swarm, so that no other member waits for this one."""
        if self.member:
            self.member.leave()


def join(settings: Settings, learner: Learner, enc: "Encoder") -> Member:
    """The run as a member of its swarm."""
    swarm = settings.swarm or ""
    name = f"{socket.gethostname()}-{settings.run_name}"
    rules = Rules(every=settings.swarm_every, outer=settings.swarm_outer, patience=settings.swarm_patience)
    member = Member(swarm, name, learner.model.hparams, rules)
    number = member.join(learner.model.weights, learner.state.step)
    if not files.exists(os.path.join(swarm, "encoder.json")):
        vocabulary.write_vocabulary(swarm, enc.vocabulary)
    files.copy(os.path.join(settings.folder, "layout.json"), os.path.join(swarm, "layout.json"))
    logger.info(f"{name} joined the swarm in {swarm} after its round {number}")
    return member


def in_words(report: dict) -> str:
    """The report of a round of a swarm, in a line."""
    left_out = "".join(f"; left out {name}: {reason}" for name, reason in report["left_out"].items())
    return f"round {report['round']} of the swarm: {', '.join(report['counted']) or 'nobody'}{left_out}"
