"""Samples in a form: several particles each, rows of one batch, drawn again by weight as the text comes (Monte Carlo).

Each particle is a text of its own that a guide keeps in the form: it says which ids may come next, and what is held
against each. What that takes away of the model's distribution is the particle's weight; wherever all particles of a
sample have come to the next mark of the guide, as many are drawn from them by weight, and rows that go take over the
texts of rows that stay (sequential Monte Carlo, as Lew et al., "Sequential Monte Carlo Steering of Large Language
Models using Probabilistic Programs", 2023). Like any sample, one is a function of (seed, number, prompt).
"""

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Protocol, Self

import numpy as np

from gpt2.sampling.batch import Row, Rules, Sample, Task, start_rows, step_rows
from gpt2.sampling.choosing import RANDOM_BITS, draw, random_bits
from gpt2.sampling.engines import Engine
from gpt2.sampling.filters import kept

FORM, NO_WORD = "form", "no word fits"  # why a sample ended
# In nats: a particle that much less likely than another that has come to the mark is not drawn, so nobody waits for it.
# Of 8 particles one is drawn so rarely that the others' shares hardly change.
HOPELESS = 5.0
DRAWS = 2**31  # Positions from here on count the draws of particles, so that their random bits are their own.


class Guided(Protocol):
    """A text that is kept in a form.

    Attributes:
      ended: whether it is complete.
      mark: how far it is, in steps at which particles are drawn again.
    """

    @property
    def ended(self) -> bool: ...

    @property
    def mark(self) -> tuple[int, int]: ...

    def choices(self) -> tuple[np.ndarray, np.ndarray]:
        """The ids that may come next, and the price of each in nats: int and float32 [any number]."""

    def take(self, id: int) -> float:
        """Goes on with an id that may come next, and returns what speaks for the text now, in nats: 0 or less."""

    def copy(self) -> Self:
        """The same text so far, to be continued in another way."""


@dataclasses.dataclass
class Particle:
    """One of the texts of which a sample is chosen.

    Attributes:
      weight: the logarithm of its weight since particles were last drawn; -inf where no id may come next.
      logits: float32 [n_vocab] after its last id; None until the engine has read that.
      mark: that of its text.
    """

    row: Row
    guided: Guided
    weight: float = 0.0
    logits: np.ndarray | None = None

    def __post_init__(self) -> None:
        self.mark = self.guided.mark

    @property
    def is_done(self) -> bool:
        return self.guided.ended or self.weight == -np.inf

    @property
    def n_read(self) -> int:
        """How many of its ids the engine has read."""
        return len(self.row.ids) - (self.logits is None)

    def choose(self, bits: int) -> int | None:
        """Goes on with one of the ids that may come next, and returns it; None if there is none."""
        logits = self.logits
        assert logits is not None, "its last id was read"
        ids, prices = self.guided.choices()
        filters = self.row.rules.filters
        changed = self.row.changed(logits)
        temperature = filters.temperature or 1.0
        scaled = changed[ids] / temperature - prices
        if not len(ids) or scaled.max() == -np.inf:
            self.weight = -np.inf
            return None
        self.weight += _log_sum(scaled) - _log_sum(changed / temperature)
        some, rest = kept(scaled * temperature, filters)
        id = int(ids[scaled.argmax() if filters.temperature == 0 else draw(some, rest, bits)])
        self.row.take(id, logits)
        self.weight += self.guided.take(id)
        self.mark = self.guided.mark
        self.logits = None
        return id

    def copy(self) -> "Particle":
        """Another that stands where this one does, of no weight yet."""
        return Particle(self.row.copy(), self.guided.copy(), logits=self.logits)


class Group:
    """The particles of one sample.

    Attributes:
      first: the row of the engine of particle 0.
      particles: by their numbers; not those that will take over the text of another.
      heirs: which these are, by the number of the other, until its last id was read.
      ahead: how particles that wait at a mark go on from there, if they are drawn.
      mark: what all of them have reached.
    """

    def __init__(self, task: Task, first: int, particles: list[Particle]):
        self.task, self.first, self.n = task, first, len(particles)
        self.particles = dict(enumerate(particles))
        self.heirs: dict[int, list[int]] = {}
        self.ahead: dict[int, Particle] = {}
        self.mark = particles[0].mark
        self.worth: list[float] = []  # of each draw, see `Sample.ess`

    @property
    def rows(self) -> range:
        """Those of its particles."""
        return range(self.first, self.first + self.n)

    def due(self) -> list[int]:
        """The particles that go on: those that have not come to the next mark."""
        return [k for k in self.particles if self.is_due(k)]

    def is_due(self, k: int) -> bool:
        """Whether a particle goes on."""
        return not self.particles[k].is_done and not self._has_come(k) and self.has_hope(k)

    def is_waiting(self, k: int) -> bool:
        """Whether a particle waits at a mark for others."""
        return not self.particles[k].is_done and self._has_come(k) and self.has_hope(k)

    def has_hope(self, k: int) -> bool:
        """Whether a particle may be drawn: weights only fall, so one that is hopeless stays so."""
        best = max((self.particles[j].weight for j in self.particles if self._has_come(j)), default=-np.inf)
        return -np.inf < self.particles[k].weight >= best - HOPELESS

    def _has_come(self, k: int) -> bool:
        return self.particles[k].mark > self.mark

    def choose(self, seed: int, particles: Mapping[int, Particle]) -> dict[int, int]:
        """Chooses the next ids of some particles, by their numbers; those of which no id may come next are left out."""
        numbers = [self.task.number * self.n + k for k in particles]
        bits = random_bits(seed, numbers, [particle.row.position for particle in particles.values()]).tolist()
        chosen = {k: particle.choose(own) for (k, particle), own in zip(particles.items(), bits, strict=True)}
        return {k: id for k, id in chosen.items() if id is not None}

    def draw(self, seed: int, n: int) -> np.ndarray:
        """Draws n particles by weight, evenly spread: int [n], ascending."""
        (bits,) = random_bits(seed, [self.task.number * self.n], [DRAWS + len(self.worth) + 1])
        logs = np.array([self.particles[k].weight for k in range(self.n)])
        weights = np.where(logs >= logs.max() - HOPELESS, np.exp(logs - logs.max()), 0.0)
        self.worth.append(float(weights.sum() ** 2 / (weights**2).sum()))
        sums = np.cumsum(weights)
        shares = (float(bits) / 2**RANDOM_BITS + np.arange(n)) / n
        return np.minimum(np.searchsorted(sums / sums[-1], shares, side="right"), len(weights) - 1)

    def draw_anew(self, seed: int) -> None:
        """Draws as many particles as there are; those drawn more than once have those that were not as heirs."""
        counts = np.bincount(self.draw(seed, self.n), minlength=self.n)
        sources = np.repeat(np.arange(self.n), np.maximum(counts - 1, 0)).tolist()
        for k, source in zip(np.flatnonzero(counts == 0).tolist(), sources, strict=True):
            del self.particles[k]
            self.ahead.pop(k, None)
            self.heirs.setdefault(source, []).append(k)
        for particle in self.particles.values():
            particle.weight = 0.0
        self.mark = min(particle.mark for particle in self.particles.values())

    def run_ahead(self, seed: int, k: int) -> Particle | None:
        """How a particle that waits goes on, with an id that is not read; None if that must not be known yet."""
        waiting = self.particles[k]
        if waiting.logits is None:
            return waiting
        ahead = self.ahead.setdefault(k, waiting.copy())
        if ahead.mark > waiting.mark or len(ahead.row.window) >= ahead.row.n_ctx:
            return None
        if not ahead.is_done and ahead.logits is not None:
            self.choose(seed, {k: ahead})
        return None if ahead.is_done else ahead


def write_guided(
    engine: Engine,
    tasks: Iterable[Task],
    rules: Rules,
    begin: Callable[[Task], Guided],
    *,
    n_particles: int,
    on_token: Callable[[int, int], None] | None = None,
) -> Iterator[Sample]:
    """Writes samples, each with its particles, and yields each as soon as it ends.

    Args:
      engine: with a multiple of n_particles rows.
      begin: begins the text of a task.
      on_token: is called with the number of the sample and an id of its first particle.
    """
    crowd = _Crowd(engine, rules, begin, n_particles)
    tasks = iter(tasks)
    try:
        while crowd.fill(tasks):
            crowd.read()
            for number, id in crowd.choose():
                if on_token:
                    on_token(number, id)
            yield from crowd.draw()
    finally:
        crowd.free()


class _Crowd:
    """The samples that are being written.

    Attributes:
      groups: by the first of their rows.
      turn: all rows, first those that were not read for longest.
      logits: float32 [engine.rows, n_vocab], of each particle that is read.
    """

    def __init__(self, engine: Engine, rules: Rules, begin: Callable[[Task], Guided], n_particles: int):
        self.engine, self.rules, self.begin, self.n_particles = engine, rules, begin, n_particles
        self.groups: dict[int, Group] = {}
        self.turn = list(range(engine.rows))
        self.logits = np.empty([engine.rows, engine.hparams.n_vocab], np.float32)

    def fill(self, tasks: Iterator[Task]) -> bool:
        """Starts tasks in the rows that are free; returns whether there is any sample to write."""
        new = []
        for first in range(0, self.engine.rows, self.n_particles):
            if first not in self.groups and (task := next(tasks, None)):
                particle = Particle(Row(task, self.rules, self.engine.hparams), self.begin(task))
                new.append(Group(task, first, [particle.copy() for _ in range(self.n_particles)]))
        started = {group.first + k: particle for group in new for k, particle in group.particles.items()}
        start_rows(self.engine, self.logits, {row: particle.row for row, particle in started.items()})
        for row, particle in started.items():
            particle.logits = self.logits[row].copy()
        self.groups |= {group.first: group for group in new}
        return bool(self.groups)

    def read(self) -> None:
        """Reads the last ids of particles: of as many that go on as step at once, and of others that cost no time."""
        due = {
            group.first + k: group.particles[k]
            for group in self.groups.values()
            for k in group.due()
            if group.particles[k].logits is None
        }
        if not due:
            return
        rows = [row for row in self.turn if row in due]
        waiting = [(group, k) for group in self.groups.values() for k in group.particles if group.is_waiting(k)]
        width = self.engine.width(len(rows), len(waiting))
        going = {row: due[row] for row in rows[:width]}
        self.turn = [row for row in self.turn if row not in going] + list(going)
        for group, k in sorted(waiting, key=lambda place: -place[0].particles[place[1]].weight):
            if len(going) < width and (particle := group.run_ahead(self.rules.seed, k)):
                going[group.first + k] = particle
        going = dict(sorted(going.items()))
        step_rows(self.engine, self.logits, {row: particle.row for row, particle in going.items()})
        for row, particle in going.items():
            particle.logits = self.logits[row].copy()
        for group in self.groups.values():
            for k in [k for k in group.heirs if group.particles[k].logits is not None]:
                self._bequeath(group, k)

    def choose(self) -> list[tuple[int, int]]:
        """Chooses an id for each particle that goes on and is read; those of first particles, with their samples."""
        shown = []
        for group in self.groups.values():
            due = {k: group.particles[k] for k in group.due() if group.particles[k].logits is not None}
            chosen = group.choose(self.rules.seed, due)
            shown += [(group.task.number, chosen[0])] if 0 in chosen else []
        return shown

    def draw(self) -> list[Sample]:
        """Draws again where all particles have come to a mark; the samples that end."""
        ended = []
        for group in list(self.groups.values()):
            if group.due():
                continue
            live = [particle for k, particle in group.particles.items() if group.has_hope(k)]
            if not live or all(particle.guided.ended for particle in live):
                ended.append(self._end(group, live))
                continue
            group.draw_anew(self.rules.seed)
            for k in list(group.particles):
                if not group.is_due(k) or group.particles[k].logits is not None:
                    self._bequeath(group, k)
                if group.is_due(k) and k in group.ahead:
                    group.particles[k] = group.ahead.pop(k)
        return ended

    def free(self) -> None:
        """Ends what is left."""
        for group in self.groups.values():
            for row in group.rows:
                self.engine.free(row)

    def _bequeath(self, group: Group, k: int) -> None:
        """Lets the heirs of a particle continue its text."""
        if heirs := group.heirs.pop(k, []):
            particle = group.particles[k]
            behind = group.ahead.get(k, particle).n_read - particle.n_read
            rows = [group.first + heir for heir in heirs]
            self.engine.fork(rows, [group.first + k] * len(rows), behind)
            group.particles |= {heir: particle.copy() for heir in heirs}

    def _end(self, group: Group, live: list[Particle]) -> Sample:
        """One of the particles by weight, as the sample."""
        chosen = group.particles[int(group.draw(self.rules.seed, 1)[0]) if live else 0]
        del self.groups[group.first]
        for row in group.rows:
            self.engine.free(row)
        n_ids = len(chosen.row.ids) - bool(live)  # without the line end after the last line
        ids, logprobs = chosen.row.ids[:n_ids], chosen.row.logprobs[:n_ids]
        ess = float(np.mean(group.worth)) if group.worth else None
        return Sample(group.task.number, ids, logprobs, FORM if live else NO_WORD, ess)


def _log_sum(logits: np.ndarray) -> float:
    """The logarithm of the sum of the exponentials of logits [any number]."""
    greatest = logits.max()
    return float(greatest + np.log(np.exp(logits - greatest).sum()))
