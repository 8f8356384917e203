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
    assert set(widths[20:]) == {best}


def test_all_rows_go_where_a_step_takes_as_long_for_any_number():
    assert set(run(Pace(), 8, lambda width: 0.02)[20:]) == {8}


def test_a_slow_step_now_and_then_changes_nothing():
    pace = Pace()
    pace.note(7, 1.0)
    run(pace, 8, tiles)
    pace.note(7, 1.0)
    assert pace.width(8) == 7
