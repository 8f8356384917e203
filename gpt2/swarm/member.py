"""A member of a swarm: it shares nothing with the others but a folder, where each publishes its weights now and then.

The folder is a model folder: `checkpoint` names the newest average, `average-NAME-ROUND`. `members/NAME` is one too,
with the weights that the member published in its last rounds and `member.json`, which says what it is doing.

A round begins with the average of the one before. Each member trains from there by itself, publishes the weights that
it has reached, and waits until those that began the round with it have published theirs, or its patience is over. The
first of them by name makes the new average; if that one fails, the next one does. A member that joins in the middle of
a round, or is late, trains from the newest average until the others begin a round, and is counted from that one on.
"""

import contextlib
import dataclasses
import json
import os
import time
from collections.abc import Iterable, Mapping

import numpy as np
import tensorflow as tf

from gpt2.bundle import read_tensor
from gpt2.checkpoint import assign, in_float32, remove_old, write_bundle
from gpt2.checkpoint_paths import find_prefix, step_of, write_pointer
from gpt2.hparams import HParams, find_hparams, write_hparams
from gpt2.swarm import averaging
from system import files
from system.errors import UserError

POLL = 0.5  # Seconds between looks into the folder while waiting.
LOOK_EVERY = 10  # Steps between looks into the folder while training, for a member that is not in step with the others.
KEPT_ROUNDS = 3  # Of averages and of publications, so that none is removed while it is read.

gfile = tf.io.gfile


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rules:
    """How a member takes part.

    Attributes:
      every: steps of a round.
      outer: how the average moves, `average` or `nesterov`; see `averaging.OUTER`.
      patience: seconds to wait for the others at the end of a round.
    """

    every: int
    outer: str = "nesterov"
    patience: float = 300


class Member:
    """One model that trains in a swarm.

    Attributes:
      round: the round that it is in, from 1 on.
      settled: whether it has begun this round with the others, and is counted at its end.
    """

    def __init__(self, folder: str, name: str, hparams: HParams, rules: Rules):
        """A member that has not joined yet.

        Raises:
          UserError: the swarm is one of models of other sizes, or the folder is that of something else.
        """
        self.folder, self.name, self.hparams, self.rules = folder, name, hparams, rules
        self.home = home_of(folder, name)
        self.round, self.began, self.settled = 0, 0, False
        if round_of(folder) is None:
            return
        prefix = find_prefix(folder)
        if not files.exists(f"{prefix}.json"):
            raise UserError(f"{folder}: the folder of a model or a run, expected that of a swarm; name a new one")
        if (found := find_hparams(prefix)) != hparams:
            raise UserError(f"{folder}: a swarm of {found}, expected {hparams}; name another folder or model")

    def join(self, weights: Mapping[str, tf.Variable], step: int) -> int:
        """Gives the weights the values of the average, or starts a swarm with theirs.

        Returns:
          The round of that average; 0 in a new swarm, whose founders are all that join before its first round is over.
        """
        gfile.makedirs(self.home)
        for folder in (self.folder, self.home):
            write_hparams(folder, self.hparams)
        if round_of(self.folder) is None:
            self._write_average(0, in_float32(weights), {"counted": [], "left_out": {}})
        return self._begin(weights, step, settled=round_of(self.folder) == 0)["round"]

    def is_due(self, step: int) -> bool:
        """Whether this member's round is over: after its steps, or, if it is not in step, with that of the others."""
        if step - self.began >= self.rules.every:
            return True
        return not self.settled and step % LOOK_EVERY == 0 and (round_of(self.folder) or 0) >= self.round

    def exchange(self, weights: Mapping[str, tf.Variable], step: int) -> dict:
        """Publishes the weights, and gives them the values of the new average, once there is one.

        Returns:
          `round`, the names of those `counted` in its average, and of those `left_out` with the reason. Its own name is
          in neither if the round was over before.
        """
        if (round_of(self.folder) or 0) >= self.round:
            return self._begin(weights, step, settled=not self.settled)
        self.publish(weights)
        start = time.monotonic()
        while not self.conclude(time.monotonic() - start):
            time.sleep(POLL)
        return self._begin(weights, step, settled=True)

    def leave(self) -> None:
        """Says goodbye, so that no other member waits for this one."""
        self._note({})

    def publish(self, weights: Mapping[str, tf.Variable]) -> None:
        """Puts the weights where the others find them; they count once `checkpoint` names them."""
        write_bundle(os.path.join(self.home, f"round-{self.round}"), in_float32(weights))
        write_pointer(self.home, f"round-{self.round}")
        remove_old(self.home, "round", KEPT_ROUNDS, self.round)

    def conclude(self, waited: float) -> bool:
        """Whether the average of this round is there; makes it if it is this member's turn after `waited` seconds."""
        if (round_of(self.folder) or 0) >= self.round:
            return True
        states = {name: read_state(self.folder, name) for name in list_members(self.folder)}
        here = {name for name, state in states.items() if state.get("round") == self.round}
        # If all were stopped for a while, no member is in step with another, and all are counted.
        awaited = {name for name in here if states[name]["settled"]} or here
        published = {name for name in here if round_of(home_of(self.folder, name)) == self.round}
        missing = awaited - published
        # A member that was counted last and has not left may still be reading the average.
        behind = {name for name in map(str, read_report(self.folder)["counted"]) if states.get(name)} - here
        turn = sorted(published).index(self.name)
        if waited < self.rules.patience * (turn + bool(missing or behind)):
            return False
        left_out = dict.fromkeys(missing, f"nothing of round {self.round} after {waited:.0f} s")
        left_out |= dict.fromkeys(here - awaited, "a newcomer, counted from its first whole round on")
        left_out |= dict.fromkeys(behind, f"has not begun round {self.round}")
        self._average((awaited & published) or published, left_out)
        return True

    def _average(self, members: Iterable[str], left_out: Mapping[str, str]) -> None:
        """Makes the average of this round from what these members published."""
        paths = {name: home_of(self.folder, name) for name in members}
        mean, counted, bad = averaging.mean_of(paths, self.hparams)
        # The average stays as it is if no member's weights are good.
        settings = averaging.OUTER[self.rules.outer if counted else "average"]
        old = find_prefix(self.folder)
        state = os.path.join(self.folder, os.path.basename(old).replace("average", "momentum", 1))
        has_momentum = gfile.exists(state + ".index")
        average, momentum = {}, {}
        for name in averaging.tensors_of(old):
            before = read_tensor(old, name)
            moved = read_tensor(state, name) if has_momentum else np.zeros_like(before)
            average[name], momentum[name] = averaging.outer_step(before, mean.pop(name, before), moved, *settings)
        report = {"counted": counted, "left_out": {**left_out, **bad}}
        self._write_average(self.round, average, report, momentum if averaging.OUTER[self.rules.outer][1] else {})

    def _write_average(self, number: int, average: Mapping, report: dict, momentum: Mapping | None = None) -> None:
        """Writes the weights that all begin the next round with; they count once `checkpoint` names them."""
        # With the member's name, so that two members that do this at once do not write into one file.
        name = f"average-{self.name}-{number}"
        if momentum:
            write_bundle(os.path.join(self.folder, name.replace("average", "momentum", 1)), momentum)
        write_bundle(os.path.join(self.folder, name), average)
        files.write_file(os.path.join(self.folder, f"{name}.json"), json.dumps(report).encode())
        write_pointer(self.folder, name)
        for kind in ("average", "momentum"):
            remove_old(self.folder, f"{kind}-{self.name}", KEPT_ROUNDS, number)

    def _begin(self, weights: Mapping[str, tf.Variable], step: int, settled: bool) -> dict:
        """Begins a round with the newest average; returns the report of the round before."""
        prefix = find_prefix(self.folder)
        assign(weights, prefix)
        report = read_report(prefix)
        self.round, self.began, self.settled = step_of(prefix) + 1, step, settled
        self._note({"round": self.round, "settled": settled, "step": step})
        return {"round": step_of(prefix), **report}

    def _note(self, state: dict) -> None:
        files.write_file(os.path.join(self.home, "member.json"), json.dumps(state).encode())


def home_of(folder: str, name: str) -> str:
    """The folder of a member."""
    return os.path.join(folder, "members", name)


def list_members(folder: str) -> list[str]:
    """The names of all that ever joined."""
    return sorted(name.strip("/") for name in gfile.listdir(os.path.join(folder, "members")))


def round_of(folder: str) -> int | None:
    """The round of the weights that count in a swarm's or a member's folder; None if there are none."""
    try:
        return step_of(find_prefix(folder))
    except (ValueError, FileNotFoundError):
        return None


def read_report(path: str) -> dict:
    """The members `counted` in an average and those `left_out`; by its prefix, or of the newest in a swarm's folder."""
    keys = {"counted": list, "left_out": dict}
    return files.read_json(f"{find_prefix(path)}.json", "who was counted", "name a new folder with --swarm", keys)


def read_state(folder: str, name: str) -> dict:
    """The state of a member by its own account: `round`, `settled`, `step`; empty if it cannot be read."""
    expected = "what a member of a swarm is doing"
    with contextlib.suppress(UserError, OSError, tf.errors.OpError):
        state = files.read_json(os.path.join(home_of(folder, name), "member.json"), expected, "remove it")
        files.check_keys(state, {"round": int, "settled": bool, "step": int}, expected)
        return state
    return {}
