"""A sample with limits is the first of its tries that keeps them, whatever is written beside it."""

import itertools

import pytest
from numpy_engine import Engine

from gpt2.sampling.batch import Rules, Task, in_order, write_samples
from gpt2.sampling.filters import Filters
from gpt2.sampling.tries import NO_TRY, Tries, fitting

N_TRIES = 5
RULES = Rules(seed=3, filters=Filters(top_k=0))


def tasks_of(number):
    if number > 12:
        return []
    return [Task(n, (4, 1), 6) for n in range((number - 1) * N_TRIES + 1, number * N_TRIES + 1)]


def fault(sample):
    return "begin with an odd id" if sample.ids[0] % 2 else "are too high" if sum(sample.ids) > 60 else None


def kept(rows, numbers=range(1, 13)):
    engine = Engine(rows)
    tries = Tries(numbers, tasks_of, N_TRIES)
    found = fitting(tries, lambda tasks: write_samples(engine, tasks, RULES), fault)
    return list(in_order(found, numbers)), tries


@pytest.mark.parametrize("rows", [1, 3, 7, 20])
def test_a_sample_is_the_first_of_its_tries_without_a_fault(rows):
    tasks = itertools.chain.from_iterable(map(tasks_of, range(1, 13)))
    every = list(in_order(write_samples(Engine(7), tasks, RULES), itertools.count(1)))
    groups = [every[start : start + N_TRIES] for start in range(0, len(every), N_TRIES)]
    expected = [next((sample.ids for sample in group if fault(sample) is None), []) for group in groups]
    assert 3 < len([ids for ids in expected if ids]) < 12, "some samples have a good try, and not all"
    found, _ = kept(rows)
    assert [sample.number for sample in found] == list(range(1, 13))
    assert [sample.ids for sample in found] == expected
    assert [sample.why == NO_TRY for sample in found] == [not ids for ids in expected]


def test_samples_that_were_written_before_change_no_other():
    assert kept(3, range(6, 13))[0] == kept(2)[0][5:]


def test_how_many_were_written_and_kept_is_told(messages):
    found, tries = kept(4)
    n_kept = len([sample for sample in found if sample.ids])
    n_drawn = n_kept + tries.faults.total()
    (line,) = messages()
    assert line.startswith(f"{n_drawn} texts were written, of which {n_kept} are kept; ")
    assert f"{tries.faults['are too high']} are too high" in line
    assert n_drawn < 12 * N_TRIES


def test_samples_end_where_there_is_no_prompt_for_them():
    found, _ = kept(3, range(10, 99))
    assert [sample.number for sample in found] == [10, 11, 12]
