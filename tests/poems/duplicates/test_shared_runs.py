import random

import numpy as np
import pytest

from poems.duplicates.shared_runs import RUN, Runs

POEM = ["I strove with none, for none was worth my strife,", "Nature I loved, and next to Nature, Art;"]
OTHER = ["I warmed both hands before the fire of life,", "It sinks, and I am ready to depart."]
FILLING = ["The curfew tolls the knell of parting day"] * 3


def test_a_reprint_is_found_in_spite_of_case_signs_and_line_ends():
    again = ["i strove WITH none for none", "was -- worth my strife nature, I loved,"]
    shared = Runs([*POEM, *FILLING, *OTHER, *again]).shared_with([(0, 2)])
    assert np.flatnonzero(shared).tolist() == [7, 8]


@pytest.mark.parametrize(("n_words", "is_shared"), [(RUN - 1, False), (RUN, True)])
def test_seven_words_in_a_row_are_no_reprint_and_eight_are(n_words, is_shared):
    words = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
    lines = [" ".join(words), "between them is a line of other words", " ".join(words[:n_words]) + " else"]
    assert Runs(lines).shared_with([(0, 1)]).tolist() == [False, False, is_shared]


def test_a_range_does_not_count_as_its_own_reprint():
    assert not Runs([*POEM, *POEM, *FILLING]).shared_with([(0, 4)]).any()
    assert Runs([*POEM, *POEM, *FILLING]).share_elsewhere(0, 4) == 0


def test_the_share_elsewhere_counts_words():
    lines = [*POEM, *OTHER, *FILLING, POEM[0] + " and other words"]  # 10 of the 34 words of the first four lines
    n_words = sum(len(line.replace(",", "").split()) for line in [*POEM, *OTHER])
    assert Runs(lines).share_elsewhere(0, 4) == pytest.approx(10 / n_words)


def test_lines_are_found_as_by_comparing_all_words_with_all():
    rng = random.Random(0)
    lines = [" ".join(rng.choice(["a", "b"]) for _ in range(rng.randrange(6))) for _ in range(200)]
    first, end = 60, 70
    words = [(word, number) for number, line in enumerate(lines) for word in line.split()]
    eights = [tuple(zip(*words[i : i + RUN], strict=True)) for i in range(len(words) - RUN + 1)]
    inside = {run for run, numbers in eights if first <= numbers[0] and numbers[-1] < end}
    expected = {
        number
        for run, numbers in eights
        if run in inside and not (first <= numbers[0] and numbers[-1] < end)
        for number in numbers
    }
    shared = Runs(lines).shared_with([(first, end)])
    assert set(np.flatnonzero(shared)) == expected


@pytest.mark.parametrize("lines", [[], ["few words"], ["", ""]])
def test_texts_too_short_for_a_run_share_nothing(lines):
    assert Runs(lines).shared_with([(0, len(lines))]).tolist() == [False] * len(lines)
    assert Runs(lines).share_elsewhere(0, len(lines)) == 0
