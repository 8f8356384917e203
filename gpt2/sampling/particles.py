"""Samples in a form: several particles each, rows of one batch, drawn anew by weight as the text comes (Monte Carlo).

Each particle is a text of its own that a guide keeps in the form: it says which ids may come next, and what is held
against each. What that takes away of the model's distribution is the particle's weight; wherever all particles of a
sample have come to the next mark of the guide, so many are drawn from them by weight, and rows that go take over the
texts of rows that stay (sequential Monte Carlo, as Lew et al., "Sequential Monte Carlo Steering of Large Language
Models using Probabilistic Programs", 2023). Like any sample, one is a function of (seed, number, prompt).
"""

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, Self

import numpy as np

from gpt2.sampling.batch import Row, Rules, Sample, Task, start_rows, step_rows
from gpt2.sampling.choosing import RANDOM_BITS, draw, random_bits
from gpt2.sampling.engines import Engine
from gpt2.sampling.filters import kept

FORM, NO_WORD = "form", "no word fits"  # why a sample ended
DRAWS = 2**31  # Positions from here on count the draws of particles, so that their random bits are their own.


class Guided(Protocol):
    """A text that is kept in a form.

    Attributes:
      ended: whether it is complete.
      mark: how far it is, in steps at which particles are drawn anew.
    """

    @property
    def ended(self) -> bool: ...

    @property
    def mark(self) -> tuple[int, int]: ...

    def choices(self) -> tuple[np.ndarray, np.ndarray]:
        """The ids that may come next, and the price of each in nats: int and float32 [any number]."""

    def take(self, id: int) -> float:
        """Goes on with an id that may come next, and returns what speaks for the text now, in nats."""

    def copy(self) -> Self:
        """The same text so far, to be continued in another way."""


@dataclasses.dataclass
class Particle:
    """One of the texts of which a sample is chosen.

    Attributes:
      weight: the logarithm of its weight since particles were last drawn; -inf where no id may come next.
    """

    row: Row
    guided: Guided
    weight: float = 0.0

    @property
    def is_done(self) -> bool:
        return self.guided.ended or self.weight == -np.inf

    def choose(self, logits: np.ndarray, bits: int) -> int | None:
        """Goes on with one of the ids that may come next, and returns it; None if there is none."""
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
        return id

    def copy(self) -> "Particle":
        """Another that stands where this one does, of no weight yet."""
        return Particle(self.row.copy(), self.guided.copy())


class Group:
    """The particles of one sample.

    Attributes:
      places: their rows of the engine.
      mark: what all of them have reached.
    """

    def __init__(self, task: Task, places: range, particles: list[Particle]):
        self.task, self.places, self.particles = task, places, particles
        self.mark = particles[0].guided.mark
        self.n_draws = 0

    def due(self) -> list[int]:
        """The particles that go on: those that have not come to the next mark."""
        return [k for k, p in enumerate(self.particles) if not p.is_done and p.guided.mark <= self.mark]

    def bits(self, seed: int, due: list[int]) -> list[int]:
        """Random bits for the next id of each particle that goes on."""
        numbers = [self.task.number * len(self.particles) + k for k in due]
        return random_bits(seed, numbers, [self.particles[k].row.position for k in due]).tolist()

    def draw(self, seed: int, n: int) -> np.ndarray:
        """Draws n particles by weight, evenly spread: int [n], ascending."""
        self.n_draws += 1
        number = self.task.number * len(self.particles)
        (bits,) = random_bits(seed, [number], [DRAWS + self.n_draws])
        weights = np.array([particle.weight for particle in self.particles])
        sums = np.cumsum(np.exp(weights - weights.max()))
        shares = (float(bits) / 2**RANDOM_BITS + np.arange(n)) / n
        return np.minimum(np.searchsorted(sums / sums[-1], shares, side="right"), len(weights) - 1)


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
            for number, id in crowd.choose():
                if on_token:
                    on_token(number, id)
            yield from crowd.draw()
    finally:
        crowd.free()


class _Crowd:
    """The samples that are being written, by the first of their rows."""

    def __init__(self, engine: Engine, rules: Rules, begin: Callable[[Task], Guided], n_particles: int):
        self.engine, self.rules, self.begin, self.n_particles = engine, rules, begin, n_particles
        self.groups: dict[int, Group] = {}
        self.logits = np.empty([engine.rows, engine.hparams.n_vocab], np.float32)

    def fill(self, tasks: Iterator[Task]) -> bool:
        """Starts tasks in the rows that are free; returns whether there is any sample to write."""
        new: dict[int, Row] = {}
        for first in range(0, self.engine.rows, self.n_particles):
            if first not in self.groups and (task := next(tasks, None)):
                places = range(first, first + self.n_particles)
                particle = Particle(Row(task, self.rules, self.engine.hparams), self.begin(task))
                self.groups[first] = group = Group(task, places, [particle.copy() for _ in places])
                new |= {place: particle.row for place, particle in zip(places, group.particles, strict=True)}
        start_rows(self.engine, self.logits, new)
        return bool(self.groups)

    def choose(self) -> list[tuple[int, int]]:
        """Chooses an id for each particle that goes on, and reads them; the first of each sample, with its number."""
        going: dict[int, Row] = {}
        shown = []
        for group in self.groups.values():
            due = group.due()
            for k, bits in zip(due, group.bits(self.rules.seed, due), strict=True):
                place, particle = group.places[k], group.particles[k]
                id = particle.choose(self.logits[place], bits)
                if id is not None and not particle.is_done:
                    going[place] = particle.row
                if id is not None and k == 0:
                    shown.append((group.task.number, id))
        step_rows(self.engine, self.logits, dict(sorted(going.items())))
        return shown

    def draw(self) -> list[Sample]:
        """Draws anew where all particles have come to a mark; the samples that end."""
        ended = []
        for first, group in list(self.groups.items()):
            if group.due():
                continue
            live = [particle for particle in group.particles if particle.weight > -np.inf]
            if live and not all(particle.guided.ended for particle in live):
                self._draw_anew(group)
                continue
            chosen = group.particles[group.draw(self.rules.seed, 1)[0] if live else 0]
            del self.groups[first]
            for place in group.places:
                self.engine.free(place)
            n_ids = len(chosen.row.ids) - bool(live)  # without the line end after the last line
            ids, logprobs = chosen.row.ids[:n_ids], chosen.row.logprobs[:n_ids]
            ended.append(Sample(group.task.number, ids, logprobs, FORM if live else NO_WORD))
        return ended

    def free(self) -> None:
        """Ends what is left."""
        for group in self.groups.values():
            for place in group.places:
                self.engine.free(place)

    def _draw_anew(self, group: Group) -> None:
        """Lets particles that are not drawn take over the texts of those that are drawn more than once."""
        counts = np.bincount(group.draw(self.rules.seed, self.n_particles), minlength=self.n_particles)
        gone = np.flatnonzero(counts == 0).tolist()
        sources = np.repeat(np.arange(self.n_particles), np.maximum(counts - 1, 0)).tolist()
        for k, source in zip(gone, sources, strict=True):
            group.particles[k] = group.particles[source].copy()
            self.logits[group.places[k]] = self.logits[group.places[source]]
        if gone:
            self.engine.fork([group.places[k] for k in gone], [group.places[k] for k in sources])
        for particle in group.particles:
            particle.weight = 0.0
        group.mark = min(particle.guided.mark for particle in group.particles)


def _log_sum(logits: np.ndarray) -> float:
    """The logarithm of the sum of the exponentials of logits [any number]."""
    greatest = logits.max()
    return float(greatest + np.log(np.exp(logits - greatest).sum()))
