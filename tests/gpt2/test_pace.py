"""How many rows a step takes: the number that makes the most ids a second, found by trying."""

import math

import pytest

from gpt2.pace import Pace


def run(pace, n, seconds, steps=300):
    """The widths of so many steps of n rows; seconds(width) is what each takes, the first twice as long."""
    widths = []
    for _ in range(steps):
        width = pace.width(n)
        pace.note(width, seconds(width) * (1 if width in widths else 2))
        widths.append(width)
    return widths


def tiles(width, tile=7):
    """As LiteRT takes: the weights are read once, and each tile of rows takes as long, full or not."""
    return 0.009 + 0.008 * math.ceil(width / tile)


@pytest.mark.parametrize(("n", "best"), [(1, 1), (3, 3), (7, 7), (8, 7), (9, 7), (12, 12), (16, 14), (20, 20)])
def test_full_tiles_are_preferred_where_they_are_faster(n, best):
    widths = run(Pace(), n, tiles)
    assert min(widths) >= 3 / 4 * n
    assert widths[20:].count(best) >= 0.96 * len(widths[20:])


def test_all_rows_go_where_a_step_takes_as_long_for_any_number():
    assert set(run(Pace(), 8, lambda width: 0.02)[20:]) == {8}


def test_slow_steps_change_nothing_for_long():
    pace = Pace()
    run(pace, 8, lambda width: 2 * tiles(width), 3)  # while all rows are tried
    run(pace, 8, lambda width: tiles(width, tile=8))
    assert pace.width(8) == 8
    pace.note(8, 1.0)
    assert pace.width(8) == 8
