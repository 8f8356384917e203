"""Samples in a form depend on the seed, their number and their prompt alone, and follow the model within the form."""

import collections
import dataclasses

import numpy as np
import pytest
from numpy_engine import HPARAMS, N_CTX, N_VOCAB, Engine, logits_after

from gpt2.sampling.batch import Rules, Task, in_order
from gpt2.sampling.filters import Filters
from gpt2.sampling.particles import FORM, NO_WORD, write_guided

END = 0  # ends a line of the form below


@dataclasses.dataclass
class Lines:
    """Two lines, of two odd ids each with any number of even ones among them, at most one after another; then END."""

    done: int = 0
    odd: int = 0
    even: bool = False
    stuck: bool = False

    def choices(self):
        if self.stuck and self.done == 1 and self.odd == 1:
            return np.zeros(0, int), np.zeros(0, np.float32)
        ids = np.array([END]) if self.odd == 2 else np.arange(1, N_VOCAB - 1, 2)
        if not self.even and self.odd < 2:
            ids = np.concatenate([ids, np.arange(2, N_VOCAB - 1, 2)])
        return ids, np.zeros(len(ids), np.float32) + 0.5 * (ids % 3 == 0)

    def take(self, id):
        if id == END:
            self.done, self.odd, self.even = self.done + 1, 0, False
            return -0.25
        self.odd, self.even = self.odd + id % 2, id % 2 == 0
        return 0.0

    def copy(self):
        return dataclasses.replace(self)

    @property
    def ended(self):
        return self.done == 2

    @property
    def mark(self):
        return self.done, min(self.odd, 1)


def tasks(n):
    return [Task(number, (4, number % 3), 10**6) for number in range(1, n + 1)]


def written(batch_size, n=11, particles=4, begin=Lines, most=99, **rules):
    how = dataclasses.replace(Rules(seed=3, filters=Filters(top_k=0), logprobs=True), **rules)
    engine = Engine(batch_size * particles, most)
    samples = list(write_guided(engine, tasks(n), how, lambda task: begin(), n_particles=particles))
    assert not engine.windows, "every row was freed"
    return list(in_order(samples, range(1, n + 1)))


@pytest.mark.parametrize("rules", [{}, {"filters": Filters(temperature=0.5, top_k=3, repetition_penalty=1.3)}])
def test_a_sample_is_the_same_at_any_batch_size(rules):
    first = written(1, **rules)
    assert len({tuple(sample.ids) for sample in first}) > 5
    for batch_size in (3, 7, 20):
        assert written(batch_size, **rules) == first


@pytest.mark.parametrize("begin", [Lines, lambda: Lines(stuck=True)])
def test_a_sample_is_the_same_whatever_an_engine_reads_at_a_time(begin):
    """Also if no particle goes on while it waits for others, or all do."""
    first = written(2, begin=begin)
    for most in (1, 3, 5):
        assert written(2, begin=begin, most=most) == first


def test_particles_that_wait_go_on_where_that_takes_no_longer():
    class Waiting(Engine):
        def width(self, n, more=0):
            return n

    steps = []
    for kind in (Engine, Waiting):
        engine = kind(4)
        list(write_guided(engine, tasks(11), Rules(seed=3), lambda task: Lines(), n_particles=4))
        steps.append(engine.steps)
    assert steps[0] < 0.9 * steps[1]


def test_samples_that_were_written_before_change_no_other():
    engine = Engine(8)
    rules = Rules(seed=3, filters=Filters(top_k=0), logprobs=True)
    later = list(write_guided(engine, tasks(11)[5:], rules, lambda task: Lines(), n_particles=4))
    assert list(in_order(later, range(6, 12))) == written(2)[5:]


def test_every_sample_has_the_form_and_lacks_the_last_line_end():
    for sample in written(2, n=30):
        assert sample.why == FORM
        assert 1 <= sample.ess <= 4
        lines = "".join("o" if id % 2 else "e" if id else "\n" for id in sample.ids).split("\n")
        assert [line.count("o") for line in lines] == [2, 2]
        assert "ee" not in "".join(lines)


def test_log_probabilities_are_those_of_the_model():
    for sample in written(2):
        text = [4, sample.number % 3]
        for id, logprob in zip(sample.ids[: N_CTX - 2], sample.logprobs, strict=False):
            logits = logits_after(text)
            assert logprob == pytest.approx(logits[id] - np.log(np.exp(logits).sum()), abs=1e-4)
            text.append(id)


def test_many_particles_follow_the_model_within_the_form():
    """The share of each first id comes to that of the model over all texts of the form, summed exactly."""

    class Short(Lines):
        """A line of an odd id after at most one even one."""

        @property
        def ended(self):
            return self.odd == 1

    n = 1500
    rules = Rules(seed=5, filters=Filters(top_k=0))
    engine = Engine(32)
    given = [Task(number, (4, 1), 10**6) for number in range(1, n + 1)]
    found = collections.Counter(
        s.ids[0] for s in write_guided(engine, given, rules, lambda task: Short(), n_particles=32) if s.ids
    )
    odd = np.arange(1, N_VOCAB - 1, 2)

    def p(window):
        weights = np.exp(logits_after(window).astype(float))
        return weights / weights.sum()

    price = np.where(np.arange(N_VOCAB) % 3 == 0, np.exp(-0.5), 1.0)
    first = p([4, 1]) * price
    mass = {id: first[id] * (p([4, 1, id]) * price)[odd].sum() for id in range(2, N_VOCAB - 1, 2)}
    whole = sum(mass.values()) + first[odd].sum()
    # The id after which a sample ends is not in it, so those of one odd id alone have none.
    for id, expected in mass.items():
        assert found[id] / n == pytest.approx(expected / whole, abs=4 * np.sqrt(expected / whole / n) + 0.01)


def test_a_form_that_no_id_goes_on_with_ends_the_sample_there():
    (sample, *_) = written(1, n=2, begin=lambda: Lines(stuck=True))
    assert sample.why == NO_WORD
    assert END in sample.ids


def test_a_window_that_is_full_slides():
    @dataclasses.dataclass
    class Long(Lines):
        @property
        def ended(self):
            return self.done == 12

    (sample,) = written(1, n=1, begin=Long)
    assert len(sample.ids) > 2 * N_CTX
    assert written(3, n=1, begin=Long) == [sample]


def test_words_that_are_banned_do_not_come():
    def ban(prompt):
        seen = []

        def banned(id):
            seen.append(id)
            return np.unique([id for id in seen if id])  # no id twice, but the line end

        return banned

    for sample in written(2, banning=ban):
        ids = [id for id in sample.ids if id]
        assert len(ids) == len(set(ids))


def test_a_temperature_of_zero_takes_the_best_within_the_form():
    (sample,) = written(1, n=1, particles=2, filters=Filters(temperature=0, top_k=0))
    ids, prices = Lines().choices()
    assert sample.ids[0] == ids[(logits_after([4, 1])[ids] - prices).argmax()]
    assert HPARAMS.n_vocab == N_VOCAB
