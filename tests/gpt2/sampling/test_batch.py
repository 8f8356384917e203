"""Rows are filled again as samples end, rules are kept, and nothing depends on the batch; with an engine in NumPy."""

import itertools

import numpy as np
import pytest
from numpy_engine import HPARAMS, N_CTX, N_VOCAB, Engine, logits_after

from gpt2.sampling.batch import (
    END_OF_TEXT,
    LENGTH,
    Rules,
    Sample,
    Task,
    best_of,
    in_order,
    sample_length,
    start_of,
    write_samples,
)
from gpt2.sampling.choosing import log_probability
from gpt2.sampling.filters import Filters
from gpt2.sampling.scoring import log_probabilities


def no_end(prompt):
    """Bans end-of-text, so that samples are as long as they may be."""
    return lambda id: np.array([N_VOCAB - 1])


def tasks(n, length=12):
    return (Task(number, (4, number % 3), length) for number in range(1, n + 1))


def written(rows, n=23, **rules):
    return list(in_order(write_samples(Engine(rows), tasks(n), Rules(**rules)), itertools.count(1)))


def test_samples_do_not_depend_on_the_batch_and_come_in_order():
    alone = written(1)
    assert [sample.number for sample in alone] == list(range(1, 24))
    assert written(7) == written(20) == alone
    assert list(in_order(write_samples(Engine(7, most=4), tasks(23), Rules()), itertools.count(1))) == alone
    assert {sample.why for sample in alone} == {END_OF_TEXT, LENGTH}


def test_samples_differ_by_number_and_by_seed():
    same = [Task(number, (4,), 12) for number in (1, 2)]
    first, second = in_order(write_samples(Engine(2), same, Rules(seed=7)), itertools.count(1))
    other, _ = in_order(write_samples(Engine(2), same, Rules(seed=8)), itertools.count(1))
    assert first.ids != second.ids
    assert first.ids != other.ids


def test_a_job_goes_on_from_any_sample():
    rest = (Task(number, (4, number % 3), 12) for number in range(9, 24))
    assert list(in_order(write_samples(Engine(5), rest, Rules()), itertools.count(9))) == written(5)[8:]


def test_the_batch_is_full_while_there_are_samples_to_write():
    engine = Engine(4)
    lengths = np.random.default_rng(2).integers(1, 13, 60).tolist()
    work = (Task(number, (4,), length) for number, length in enumerate(lengths, start=1))
    samples = list(write_samples(engine, work, Rules(banning=no_end)))
    assert sorted(len(sample.ids) for sample in samples) == sorted(lengths)
    assert sum(lengths) / engine.steps > 3.8  # ids at a time, of 4; the last ones end alone


def test_rows_that_wait_come_first_in_the_next_step():
    engine = Engine(4, most=3)
    texts = dict.fromkeys(range(1, 5), 0)
    lags = []

    def on_token(number, id):
        texts[number] += 1
        lags.append(max(texts.values()) - min(texts.values()))

    list(write_samples(engine, [Task(number, (4,), 12) for number in texts], Rules(banning=no_end), on_token))
    assert max(lags) == 2  # inside of a step
    assert engine.steps == 4 * 12 / 3 - 1  # the last ids of all need none


def plainly(task, seed=0):
    """The ids without end-of-text, one sample by itself, its window read again for each."""
    from gpt2.sampling.choosing import choose

    ids, window = [], list(task.prompt)
    for position in range(len(task.prompt), len(task.prompt) + task.length):
        if len(window) > N_CTX:
            window = window[-N_CTX // 2 :]
        logits = logits_after(window)
        logits[-1] = -np.inf
        token = int(choose([logits], Filters(), seed, [task.number], [position])[0])
        ids.append(token)
        window.append(token)
    return ids


def test_who_stops_in_the_middle_leaves_no_row_behind():
    engine = Engine(4)
    for _ in write_samples(engine, tasks(23), Rules(banning=no_end)):
        break
    assert engine.windows == {}


def test_an_interrupt_in_a_step_leaves_no_row_behind(monkeypatch):
    engine = Engine(4)

    def interrupted(rows, tokens, guess=None):
        raise KeyboardInterrupt

    monkeypatch.setattr(engine, "step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        next(write_samples(engine, tasks(23), Rules()))
    assert engine.windows == {}


@pytest.mark.parametrize("most", [99, 2])
@pytest.mark.parametrize("n_prompt", [1, 15, 16])
def test_the_window_slides_by_half(n_prompt, most):
    work = [Task(number, tuple(range(n_prompt)), 60) for number in range(1, 12)]
    found = list(in_order(write_samples(Engine(3, most), work, Rules(banning=no_end)), itertools.count(1)))
    assert [sample.ids for sample in found] == [plainly(task) for task in work]


def test_a_rule_ends_a_sample_with_the_id_it_was_told_of():
    def ending(held):
        fed = []

        def feed(id):
            fed.append(id)
            return "third" if len(fed) == 3 else None

        return feed

    for sample, free in zip(written(4, ending=ending), written(4), strict=True):
        assert sample.ids == free.ids[:3]
        assert sample.why == ("third" if len(free.ids) >= 3 else END_OF_TEXT)


def test_banned_ids_do_not_come():
    samples = written(4, banning=lambda prompt: lambda id: np.array([3, 5] if id is None else [id]))
    for sample in samples:
        assert sample.ids[:1] not in ([3], [5])
        assert all(a != b for a, b in zip(sample.ids, sample.ids[1:], strict=False))


def test_the_first_id_begins_with_the_bytes_that_were_held_back():
    held = [Task(number, (4,), 12, b"x") for number in range(1, 12)]
    rules = Rules(unlike=lambda begin: np.arange(5) if begin == b"x" else np.arange(5, N_VOCAB))
    found = list(write_samples(Engine(3), held, rules))
    assert all(sample.ids[0] >= 5 for sample in found if sample.ids)
    assert any(id < 5 for sample in found for id in sample.ids)
    free = [Task(task.number, task.prompt, task.length) for task in held]
    assert list(write_samples(Engine(3), free, rules)) == list(write_samples(Engine(3), free, Rules()))


def test_something_comes_when_all_is_banned():
    assert written(2, n=2, banning=lambda prompt: lambda id: np.arange(N_VOCAB)) == written(2, n=2)


def test_the_penalty_counts_what_is_in_the_text_and_leaves_the_exempt_alone():
    exempt = np.arange(N_VOCAB) % 2 == 0
    filters = Filters(temperature=0, repetition_penalty=1.7)
    [sample] = write_samples(Engine(1), [Task(1, (4, 7), 12)], Rules(filters, exempt=exempt))
    window = [4, 7]
    for id in sample.ids:
        logits = logits_after(window)
        for seen in set(window):
            if seen % 2:
                logits[seen] = logits[seen] / 1.7 if logits[seen] > 0 else logits[seen] * 1.7
        assert id == logits.argmax()
        window.append(id)


def test_log_probabilities_are_those_of_the_model_before_filters():
    for sample, task in zip(
        written(3, filters=Filters(temperature=0.5, top_k=3), logprobs=True), tasks(23), strict=True
    ):
        window = list(task.prompt)
        for id, logprob in zip(sample.ids, sample.logprobs, strict=True):
            assert logprob == pytest.approx(log_probability(logits_after(window), id), abs=1e-6)
            window.append(id)
        if sample.ids:
            assert sample.logprob == pytest.approx(np.mean(sample.logprobs))


def test_the_best_of_each_few_is_kept():
    samples = written(4, n=12, logprobs=True)
    kept = list(best_of(samples, 3))
    assert [sample.number for sample in kept] == [1, 2, 3, 4]
    for place, sample in enumerate(kept):
        assert sample.logprob == max(one.logprob for one in samples[3 * place : 3 * place + 3])


def test_a_sample_without_ids_is_no_best():
    empty, other = Sample(1, [], [], END_OF_TEXT), Sample(2, [1], [-9.0], LENGTH)
    assert [sample.ids for sample in best_of([empty, other], 2)] == [[1]]


def test_each_id_is_told_as_it_is_chosen():
    told = []
    samples = list(write_samples(Engine(3), tasks(5), Rules(), lambda number, id: told.append((number, id))))
    for sample in samples:
        assert [id for number, id in told if number == sample.number] == sample.ids


@pytest.mark.parametrize("n", [1, 5, 15, 16, 17, 40])
def test_a_text_is_scored_window_by_window(n):
    ids = np.random.default_rng(1).integers(0, N_VOCAB, n).tolist()
    found = list(log_probabilities(Engine(1), [19], ids))
    whole = [19, *ids]
    assert len(found) == n
    for place, logprob in enumerate(found):
        end = place + 1
        # The first window begins at 0, the next ones where half a window is known before their first id.
        start = 0 if end <= N_CTX else N_CTX + 1 + (end - N_CTX - 1) // 9 * 9 - 8
        assert logprob == pytest.approx(log_probability(logits_after(whole[start:end]), whole[end]), abs=1e-6)


def test_what_a_sample_goes_on_from():
    assert start_of([], HPARAMS) == (19,)
    assert start_of([3, 4], HPARAMS) == (3, 4)
    for wrong in (-1, 20):
        with pytest.raises(ValueError, match=f"token id {wrong}, expected ids from 0 to 19"):
            start_of([wrong], HPARAMS)


def test_how_long_a_sample_may_be():
    assert [sample_length(HPARAMS, ids, None) for ids in ([], [1], [1] * 16)] == [15, 8, 8]
    assert sample_length(HPARAMS, [1], 1000) == 1000
    with pytest.raises(ValueError, match="a prompt of 18 tokens is 2 more than the window of 16"):
        sample_length(HPARAMS, [1] * 18, None)
    with pytest.raises(ValueError, match="length is 0"):
        sample_length(HPARAMS, [], 0)
