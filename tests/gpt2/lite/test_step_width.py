"""How many rows a step takes: the number that makes the most ids a second, found by trying."""

import math

import pytest

from gpt2.lite.step_width import Pace


def run(pace, n, seconds, steps=600):
    """The widths of so many steps of n rows; seconds(width) is what each takes, after another width twice as long."""
    widths = [0]
    for _ in range(steps):
        width = pace.width(n)
        pace.note(width, seconds(width) * (1 if width == widths[-1] else 2))
        widths.append(width)
    return widths[1:]


def tiles(width, tile=7):
    """As LiteRT takes: the weights are read once, and each tile of rows takes as long, full or not."""
    return 0.009 + 0.008 * math.ceil(width / tile)


def share(widths, width):
    return widths.count(width) / len(widths)


@pytest.mark.parametrize(("n", "best"), [(1, 1), (3, 3), (7, 7), (8, 7), (9, 7), (12, 12), (16, 14), (20, 20)])
def test_full_tiles_are_preferred_where_they_are_faster(n, best):
    widths = run(Pace(), n, tiles)
    assert min(widths) >= 3 / 4 * n
    assert share(widths[20:], best) > 0.97


@pytest.mark.parametrize("seconds", [lambda width: 0.02, lambda width: 0.02 * (width / 8) ** 1.1])
def test_all_rows_go_where_fewer_gain_little_or_nothing(seconds):
    assert share(run(Pace(), 8, seconds)[20:], 8) > 0.97


@pytest.mark.parametrize(("tile", "best"), [(7, 7), (8, 8)])
@pytest.mark.parametrize("slow", [7, 8])
def test_a_number_that_was_slow_while_it_was_tried_is_tried_again(tile, best, slow):
    def seconds(width):
        return tiles(width, tile)

    pace = Pace()
    run(pace, 8, lambda width: seconds(width) * (3 if width == slow else 1), 20)
    assert share(run(pace, 8, seconds, 1000)[400:], best) > 0.97


def test_a_slow_step_changes_nothing():
    pace = Pace()
    run(pace, 8, tiles, 50)
    pace.note(7, 1.0)
    assert pace.width(8) == 7
