"""Samples written in a batch whose rows are filled again as they end, by either engine.

A sample is a function of (seed, its number, its prompt): the same at any batch size and after any restart. It knows
ids alone; what is to end it at a line or to keep words from coming again is given to it by those who know text.
"""

import dataclasses
import itertools
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from gpt2.hparams import HParams
from gpt2.sampling.choosing import check_finite, choose, log_probability
from gpt2.sampling.filters import Filters, penalise
from system.errors import UserError

END_OF_TEXT, LENGTH = "end of text", "length"  # Why a sample ended; a rule gives its own words.


@dataclasses.dataclass(frozen=True)
class Task:
    """A sample to be written: its number, what it goes on from, and how many tokens it may have."""

    number: int
    prompt: tuple[int, ...]
    length: int


@dataclasses.dataclass(frozen=True)
class Sample:
    """A sample that is written.

    Attributes:
      ids: without the prompt and without end-of-text.
      logprobs: the log-probability of each id, before filters; empty unless asked for.
      why: what ended it.
    """

    number: int
    ids: list[int]
    logprobs: list[float]
    why: str

    @property
    def logprob(self) -> float:
        """The mean log-probability of its ids; that of a sample without any is -inf."""
        return float(np.mean(self.logprobs)) if self.logprobs else -np.inf


@dataclasses.dataclass(frozen=True)
class Rules:
    """What a writer goes by.

    Attributes:
      filters, seed: see `gpt2.sampling.choosing.choose`.
      ending: makes, for each sample, a function that is given its ids one by one and says why it ends, or None.
      banning: makes, for each prompt, a function that is given the ids one by one, None at first, and gives the ids
        that must not come next.
      exempt: bool [n_vocab], the ids that the repetition penalty leaves alone.
      logprobs: whether the samples are to have them.
    """

    filters: Filters = dataclasses.field(default_factory=Filters)
    seed: int = 0
    ending: Callable[[], Callable[[int], str | None]] | None = None
    banning: Callable[[tuple[int, ...]], Callable[[int | None], np.ndarray]] | None = None
    exempt: np.ndarray | None = None
    logprobs: bool = False


class _Row:
    """A sample while it is written."""

    def __init__(self, task: Task, rules: Rules, n_ctx: int, end_of_text: int):
        self.task, self.rules, self.n_ctx, self.end_of_text = task, rules, n_ctx, end_of_text
        self.ids: list[int] = []
        self.logprobs: list[float] = []
        self.window = list(task.prompt)
        self.seen = set(task.prompt)
        self.ending = rules.ending() if rules.ending else None
        self.banning = rules.banning(task.prompt) if rules.banning else None
        self.banned = self.banning(None) if self.banning else ()

    def changed(self, logits):
        """The logits [n_vocab] with the penalty and without the banned ids."""
        penalty = self.rules.filters.repetition_penalty
        if penalty != 1:
            seen = np.fromiter(self.seen, int)
            logits = penalise(logits, seen if self.rules.exempt is None else seen[~self.rules.exempt[seen]], penalty)
        if len(self.banned):
            without = logits.copy()
            without[self.banned] = -np.inf
            logits = without if np.isfinite(without.max()) else logits  # Something must come.
        return logits

    @property
    def position(self) -> int:
        """Of the id that comes next, in the whole text."""
        return len(self.task.prompt) + len(self.ids)

    def guess(self, logits, ahead: int) -> int | None:
        """The id that these logits give, so many ids after the next; None where none follows it. See `Speculation`."""
        if len(self.ids) + ahead + 1 >= self.task.length or len(self.window) + ahead >= self.n_ctx:
            return None
        chosen = choose(
            [self.changed(logits)], self.rules.filters, self.rules.seed, [self.task.number], [self.position + ahead]
        )
        return None if chosen[0] == self.end_of_text else int(chosen[0])

    def take(self, token: int, logits) -> str | None:
        """Adds the id that was chosen by these logits, and says why the sample ends with it, if it does."""
        if token == self.end_of_text:
            return END_OF_TEXT
        if self.rules.logprobs:
            self.logprobs.append(log_probability(logits, token))
        self.ids.append(token)
        self.window.append(token)
        self.seen.add(token)
        why = self.ending(token) if self.ending else None
        if why is None and self.banning:
            self.banned = self.banning(token)
        return why or (LENGTH if len(self.ids) == self.task.length else None)


def write_samples(
    engine, tasks: Iterable[Task], rules: Rules, on_token: Callable[[int, int], None] | None = None
) -> Iterator[Sample]:
    """Writes samples, `engine.rows` at a time, and yields each `Sample` as soon as it ends.

    Args:
      engine: a `LiteEngine`, an `XlaEngine` or a `SpreadEngine`.
      on_token: is called with the number of the sample and each of its ids.
    """
    n_ctx, end_of_text = engine.hparams.n_ctx, engine.hparams.n_vocab - 1
    logits = np.empty([engine.rows, engine.hparams.n_vocab], np.float32)
    rows: dict[int, _Row] = {}
    tasks = iter(tasks)
    try:
        while True:
            starts: dict[tuple[int, ...], list[int]] = {}
            for place in range(engine.rows):
                if place not in rows and (task := next(tasks, None)):
                    rows[place] = _Row(task, rules, n_ctx, end_of_text)
                    starts.setdefault(task.prompt, []).append(place)
            for prompt, places in starts.items():
                logits[places] = engine.start(places, prompt)
                check_finite(logits[places])
            if not rows:
                return
            turn = list(rows)[: engine.width(len(rows))]
            places = sorted(turn)
            changed = [rows[place].changed(logits[place]) for place in places]
            numbers = [rows[place].task.number for place in places]
            positions = [rows[place].position for place in places]
            tokens = dict(zip(places, choose(changed, rules.filters, rules.seed, numbers, positions), strict=True))
            for place, token in tokens.items():
                row = rows[place]
                why = row.take(int(token), logits[place])
                if on_token and (why != END_OF_TEXT):
                    on_token(row.task.number, row.ids[-1])
                if why:
                    del rows[place]
                    engine.free(place)
                    yield Sample(row.task.number, row.ids, row.logprobs, why)
            for place in turn:
                if place in rows:
                    rows[place] = rows.pop(place)  # behind those that wait
            going = [place for place in places if place in rows]
            full = [place for place in going if len(rows[place].window) > n_ctx]
            if due := [place for place in going if place not in full]:
                guess = rows[0].guess if engine.rows == 1 else None
                logits[due] = engine.step(due, [tokens[place] for place in due], guess)
            for place in full:
                # Positions are absolute, so keys and values that were shifted would be wrong: they are computed again.
                rows[place].window = rows[place].window[-max(n_ctx // 2, 1) :]
                logits[place] = engine.start([place], tuple(rows[place].window))
    finally:
        for place in rows:  # Who stops in the middle, as Ctrl-C does, leaves the engine to others.
            engine.free(place)


def in_order(samples: Iterable[Sample], numbers: Iterable[int]) -> Iterator[Sample]:
    """Samples in the order of these numbers, of which each comes once."""
    waiting: dict[int, Sample] = {}
    numbers = iter(numbers)
    number = next(numbers, None)
    for sample in samples:
        waiting[sample.number] = sample
        while number in waiting:
            yield waiting.pop(number)
            number = next(numbers, None)


def best_of(samples: Iterable[Sample], n: int) -> Iterator[Sample]:
    """Of each n samples in a row the likeliest by its mean log-probability, numbered from what the first n give."""
    samples = iter(samples)
    while group := list(itertools.islice(samples, n)):
        best = max(group, key=lambda sample: sample.logprob)
        yield dataclasses.replace(best, number=(best.number - 1) // n + 1)


def sample_length(hparams: HParams, prompt, length: int | None) -> int:
    """How many tokens a sample may have: the length asked for, else the window's without a prompt, half with one.

    Raises:
      ValueError: it is not positive, or the prompt, ids, is longer than the window.
    """
    if (over := len(prompt) - hparams.n_ctx) > 0:
        raise UserError(
            f"a prompt of {len(prompt)} tokens is {over} more than the window of {hparams.n_ctx}; shorten it by {over}"
        )
    if length is None:
        length = max(1, hparams.n_ctx // 2 if prompt else hparams.n_ctx - 1)
    if length < 1:
        raise UserError(f"length is {length}, expected at least 1")
    return length


def start_of(prompt, hparams: HParams) -> tuple[int, ...]:
    """What a sample goes on from: the ids of the prompt, or end-of-text, after which a new text begins.

    Raises:
      ValueError: an id outside the vocabulary.
    """
    wrong = next((token for token in prompt if not 0 <= token < hparams.n_vocab), None)
    if wrong is not None:
        raise UserError(f"token id {wrong}, expected ids from 0 to {hparams.n_vocab - 1} (n_vocab {hparams.n_vocab})")
    return tuple(prompt) or (hparams.n_vocab - 1,)


def check_batch_size(batch_size: int) -> None:
    """Raises a ValueError for a batch without a row."""
    if batch_size < 1:
        raise UserError(f"batch_size is {batch_size}, expected at least 1")
