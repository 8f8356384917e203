"""Samples written in a batch whose rows are filled again as samples end, by any engine.

A sample is a function of (seed, its number, its prompt): the same at any batch size and after any restart. Only ids are
known here; the rules that end a sample at a line or keep words from being repeated are functions given by `gpt2.jobs`.
"""

import copy
import dataclasses
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import numpy as np

from gpt2.hparams import HParams
from gpt2.sampling.choosing import check_finite, choose, log_probability
from gpt2.sampling.engines import Engine
from gpt2.sampling.filters import Filters, penalise
from system.errors import UserError

END_OF_TEXT, LENGTH = "end of text", "length"  # Why a sample ended; a rule gives its own words.
NONE = np.array([], int)


@dataclasses.dataclass(frozen=True)
class Task:
    """A sample to be written.

    Attributes:
      prompt: the ids that it continues.
      length: the most ids that it may have.
      held: the bytes with which its first id must begin, since they were held back from the prompt.
    """

    number: int
    prompt: tuple[int, ...]
    length: int
    held: bytes = b""


@dataclasses.dataclass(frozen=True)
class Sample:
    """A sample that was written.

    Attributes:
      ids: without the prompt and without end-of-text.
      logprobs: the log-probability of each id, before filters, in nats; empty unless the rules ask for them.
      why: what ended it.
      ess: of a sample in a form, how many particles its draws were worth on an average (effective sample size).
    """

    number: int
    ids: list[int]
    logprobs: list[float]
    why: str
    ess: float | None = None

    @property
    def logprob(self) -> float:
        """The mean log-probability of its ids, in nats; -inf for a sample without any."""
        return float(np.mean(self.logprobs)) if self.logprobs else -np.inf


@dataclasses.dataclass(frozen=True)
class Rules:
    """How samples are written.

    Attributes:
      filters, seed: see `gpt2.sampling.choosing.choose`.
      ending: makes, for each sample, of the bytes held back from its prompt, a function that takes its ids one by one
        and returns why it ends, or None.
      banning: makes, for each prompt, a function that takes the ids one by one, None at first, and returns the ids,
        int [any number], that must not come next.
      unlike: gives the ids, int [any number], that do not begin with some bytes.
      exempt: bool [n_vocab], the ids that the repetition penalty leaves alone.
      logprobs: whether to compute the log-probabilities of the samples.
    """

    filters: Filters = dataclasses.field(default_factory=Filters)
    seed: int = 0
    ending: Callable[[bytes], Callable[[int], str | None]] | None = None
    banning: Callable[[tuple[int, ...]], Callable[[int | None], np.ndarray]] | None = None
    unlike: Callable[[bytes], np.ndarray] | None = None
    exempt: np.ndarray | None = None
    logprobs: bool = False


class Row:
    """A sample while it is written.

    Attributes:
      ids, logprobs: see `Sample`.
      window: the ids that the model sees.
      banned: ids that must not come next, int [any number].
    """

    def __init__(self, task: Task, rules: Rules, hparams: HParams):
        self.task, self.rules, self.n_ctx, self.end_of_text = task, rules, hparams.n_ctx, hparams.n_vocab - 1
        self.ids: list[int] = []
        self.logprobs: list[float] = []
        self.window = list(task.prompt)
        self.seen = set(task.prompt)
        self.ending = rules.ending(task.held) if rules.ending else None
        self.banning = rules.banning(task.prompt) if rules.banning else None
        self.banned = self.banning(None) if self.banning else NONE
        if task.held and rules.unlike:
            self.banned = np.union1d(self.banned, rules.unlike(task.held))

    def changed(self, logits: np.ndarray) -> np.ndarray:
        """The logits [n_vocab] with the penalty and without the banned ids."""
        penalty = self.rules.filters.repetition_penalty
        if penalty != 1:
            seen = np.fromiter(self.seen, int)
            logits = penalise(logits, seen if self.rules.exempt is None else seen[~self.rules.exempt[seen]], penalty)
        if len(self.banned):
            without = logits.copy()
            without[self.banned] = -np.inf
            logits = without if np.isfinite(without.max()) else logits  # Some id must come.
        return logits

    def copy(self) -> "Row":
        """The same sample so far, to be continued in another way."""
        row = copy.copy(self)
        row.ids, row.logprobs, row.window = self.ids.copy(), self.logprobs.copy(), self.window.copy()
        row.seen = self.seen.copy()
        if self.rules.banning:  # which follows one text: another begins, and gets what came so far
            row.banning = self.rules.banning(self.task.prompt)
            for id in (None, *self.ids):
                row.banning(id)
        return row

    @property
    def position(self) -> int:
        """The position of the next id in the whole text, the prompt included."""
        return len(self.task.prompt) + len(self.ids)

    def guess(self, logits: np.ndarray, ahead: int) -> int | None:
        """The id that these logits [n_vocab] choose, `ahead` ids after the next; None if none follows it: a `Guess`."""
        if len(self.ids) + ahead + 1 >= self.task.length or len(self.window) + ahead >= self.n_ctx:
            return None
        chosen = choose(
            [self.changed(logits)], self.rules.filters, self.rules.seed, [self.task.number], [self.position + ahead]
        )
        return None if chosen[0] == self.end_of_text else int(chosen[0])

    def take(self, token: int, logits: np.ndarray) -> str | None:
        """Adds the id that was chosen by these logits [n_vocab], and returns why the sample ends with it, or None."""
        if token == self.end_of_text:
            return END_OF_TEXT
        if self.rules.logprobs:
            self.logprobs.append(log_probability(logits, token))
        self.ids.append(token)
        self.window.append(token)
        self.seen.add(token)
        why = self.ending(token) if self.ending else None
        if why is None:
            self.banned = self.banning(token) if self.banning else NONE
        return why or (LENGTH if len(self.ids) == self.task.length else None)


def write_samples(
    engine: Engine, tasks: Iterable[Task], rules: Rules, on_token: Callable[[int, int], None] | None = None
) -> Iterator[Sample]:
    """Writes samples, `engine.rows` at a time, and yields each as soon as it ends.

    Args:
      on_token: is called with the number of the sample and each of its ids.
    """
    batch = _Batch(engine, rules, on_token)
    tasks = iter(tasks)
    try:
        while batch.fill(tasks):
            going, ended = batch.choose()
            yield from ended
            batch.step(going)
    finally:
        batch.free()  # A caller that stops in the middle, as Ctrl-C does, leaves the engine to others.


def write_ids(engine: Engine, task: Task, rules: Rules) -> Iterator[int]:
    """The ids of one sample, each as soon as it is chosen."""
    new: list[int] = []
    batch = _Batch(engine, rules, lambda number, id: new.append(id))
    tasks = iter([task])
    try:
        while batch.fill(tasks):
            going, _ = batch.choose()
            yield from new
            new.clear()
            batch.step(going)
    finally:
        batch.free()


def start_rows(engine: Engine, logits: np.ndarray, rows: Mapping[int, Row]) -> None:
    """Lets rows of an engine continue their prompts: fills their logits float32 [engine.rows, n_vocab]."""
    starts: dict[tuple[int, ...], list[int]] = {}
    for place, row in rows.items():
        starts.setdefault(row.task.prompt, []).append(place)
    for prompt, places in starts.items():
        logits[places] = engine.start(places, prompt)
        check_finite(logits[places])


def step_rows(engine: Engine, logits: np.ndarray, rows: Mapping[int, Row]) -> None:
    """Lets rows of an engine, ascending, continue their last ids: fills their logits float32 [engine.rows, n_vocab]."""
    n_ctx = engine.hparams.n_ctx
    full = [place for place, row in rows.items() if len(row.window) > n_ctx]
    if due := [place for place in rows if place not in full]:
        guess = rows[0].guess if engine.rows == 1 else None
        logits[due] = engine.step(due, [rows[place].ids[-1] for place in due], guess)
    for place in full:
        # Positions are absolute, so keys and values that were shifted would be wrong: they are computed again.
        row = rows[place]
        row.window = row.window[-max(n_ctx // 2, 1) :]
        logits[place] = engine.start([place], tuple(row.window))


class _Batch:
    """The samples that are being written.

    Attributes:
      rows: the sample in each row of the engine, first those that have waited longest.
      logits: float32 [engine.rows, n_vocab], after the last id of each sample.
    """

    def __init__(self, engine: Engine, rules: Rules, on_token: Callable[[int, int], None] | None):
        self.engine, self.rules, self.on_token = engine, rules, on_token
        self.rows: dict[int, Row] = {}
        self.logits = np.empty([engine.rows, engine.hparams.n_vocab], np.float32)

    def fill(self, tasks: Iterator[Task]) -> bool:
        """Starts tasks in the rows that are free; returns whether there is any sample to write."""
        new = {}
        for place in range(self.engine.rows):
            if place not in self.rows and (task := next(tasks, None)):
                new[place] = Row(task, self.rules, self.engine.hparams)
        self.rows |= new
        start_rows(self.engine, self.logits, new)
        return bool(self.rows)

    def choose(self) -> tuple[list[int], list[Sample]]:
        """Chooses an id for as many rows as step at once: those that continue, ascending, and the samples that end."""
        turn = list(self.rows)[: self.engine.width(len(self.rows))]
        places = sorted(turn)
        rows = [self.rows[place] for place in places]
        changed = [row.changed(self.logits[place]) for place, row in zip(places, rows, strict=True)]
        numbers, positions = [row.task.number for row in rows], [row.position for row in rows]
        chosen = choose(changed, self.rules.filters, self.rules.seed, numbers, positions).tolist()
        ended = []
        for place, row, token in zip(places, rows, chosen, strict=True):
            why = row.take(token, self.logits[place])
            if self.on_token and why != END_OF_TEXT:
                self.on_token(row.task.number, token)
            if why:
                del self.rows[place]
                self.engine.free(place)
                ended.append(Sample(row.task.number, row.ids, row.logprobs, why))
        for place in turn:
            if place in self.rows:
                self.rows[place] = self.rows.pop(place)  # behind those that wait
        return [place for place in places if place in self.rows], ended

    def step(self, going: list[int]) -> None:
        """The logits after the ids that were chosen, of these rows, ascending."""
        step_rows(self.engine, self.logits, {place: self.rows[place] for place in going})

    def free(self) -> None:
        """Ends what is left."""
        for place in self.rows:
            self.engine.free(place)


def in_order(samples: Iterable[Sample], numbers: Iterable[int]) -> Iterator[Sample]:
    """Samples in the order of these numbers, each of which occurs once."""
    waiting: dict[int, Sample] = {}
    numbers = iter(numbers)
    number = next(numbers, None)
    for sample in samples:
        waiting[sample.number] = sample
        while number in waiting:
            yield waiting.pop(number)
            number = next(numbers, None)


def best_of(samples: Iterable[Sample], n: int, quality: Callable[[Sample], float] | None = None) -> Iterator[Sample]:
    """Of each n samples in a row the best; the one of the first n is number 1.

    quality: of a sample, more being better; the mean log-probability decides among equals, and without a quality.
    """
    samples = iter(samples)
    while group := list(itertools.islice(samples, n)):
        best = max(group, key=lambda sample: (quality(sample) if quality else 0.0, sample.logprob))
        yield dataclasses.replace(best, number=(best.number - 1) // n + 1)


def sample_length(hparams: HParams, prompt: Sequence[int], length: int | None) -> int:
    """The most tokens of a sample: `length`, by default the window's without a prompt (ids), half of it with one.

    Raises:
      ValueError: the length is not positive, or the prompt is longer than the window.
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


def start_of(prompt: Sequence[int], hparams: HParams) -> tuple[int, ...]:
    """The ids that a sample continues: those of the prompt, or end-of-text, after which a new text begins.

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
