import itertools

import numpy as np
import pytest

from poetics.metre import feet, metre_bits, stress


def lines_of(text: str) -> list[str]:
    return [line.strip() for line in text.split("\n")]


SONNET = lines_of("""Shall I compare thee to a summer's day?
Thou art more lovely and more temperate:
Rough winds do shake the darling buds of May,
And summer's lease hath all too short a date""")
LIMERICK = lines_of("""There was an Old Man with a beard,
Who said, "It is just as I feared!
Two Owls and a Hen, four Larks and a Wren,
Have all built their nests in my beard!\"""")
HIAWATHA = lines_of("""By the shores of Gitche Gumee,
By the shining Big-Sea-Water,
Stood the wigwam of Nokomis,
Daughter of the Moon, Nokomis.""")
BRIGADE = lines_of("""Cannon to right of them,
Cannon to left of them,
Cannon in front of them
Volleyed and thundered""")


@pytest.mark.parametrize(
    ("lines", "foot", "beats"),
    [(SONNET, "iambic", 5), (LIMERICK[:2], "anapestic", 3), (HIAWATHA, "trochaic", 4), (BRIGADE, "dactylic", 2)],
)
def test_a_poem_goes_in_its_foot_with_so_many_beats_a_line(lines, foot, beats):
    found = feet.metre(lines)
    assert found.foot == foot
    assert [reading.beats for reading in found.readings].count(beats) >= len(lines) - 1


def test_a_regular_line_is_read_as_anyone_reads_it():
    assert feet.metre(SONNET).readings[2].stresses == "ws" * 5
    assert feet.metre(BRIGADE).readings[0].stresses == "swwsww"


def cheapest(way, foot):
    """The least cost over every pattern of beats, each reckoned by itself."""
    best = feet.NEVER
    for pattern in itertools.product("ws", repeat=len(way)):
        beats = [i for i, mark in enumerate(pattern) if mark == "s"]
        if not beats or beats[0] > 3 or len(way) - 1 - beats[-1] > 2:
            continue
        gaps = [b - a - 1 for a, b in itertools.pairwise(beats)]
        if any(gap > 2 for gap in gaps):
            continue
        cost = foot.opening[beats[0]] + foot.ending[len(way) - 1 - beats[-1]]
        cost += sum((foot.after_first if beats[0] == i == 0 else foot.between)[gap] for i, gap in enumerate(gaps))
        cost += sum((feet.ON if mark == "s" else feet.OFF)[kind] for mark, kind in zip(pattern, way, strict=True))
        best = min(best, cost)
    return best


@pytest.mark.parametrize("line", ["Shall I compare thee to a", "Cannon to right of them", "O heavenly majesty", "Love"])
def test_the_reading_found_is_the_cheapest_of_all(line):
    for name, readings in feet.read([line]).items():
        expected = min(cheapest(way, feet.FEET[name]) for way in stress.line_ways(line))
        assert readings[0].cost == pytest.approx(expected)


def test_a_line_without_syllables_or_with_too_many_has_no_reading():
    assert [reading.stresses for reading in feet.read(["* * *", "la " * 50, "la"])["iambic"]] == ["", "", "s"]


def test_readings_do_not_depend_on_the_lines_beside():
    together = feet.read(SONNET + LIMERICK)
    for i, line in enumerate(SONNET + LIMERICK):
        assert all(feet.read([line])[foot][0] == together[foot][i] for foot in feet.FEET)


def test_verse_has_bits_of_metre_and_the_same_words_shuffled_have_fewer():
    assert np.nanmean(metre_bits.bits(SONNET)) > 4
    shuffled = [np.nanmean(metre_bits.shuffled_bits(SONNET, seed)) for seed in range(20)]
    assert np.mean(shuffled) < 1


def test_prose_has_less_metre_than_none():
    prose = lines_of("""Nothing in the letter of the law prevents
        the committee from making an adjustment to
        the estimate before the end of this year
        and informing the directors concerned in it""")
    assert np.nanmean(metre_bits.bits(prose)) < 0


def test_bits_are_the_ratio_that_the_tables_give():
    way = "0S" + "wS" * 3
    table, shares = metre_bits._tables()[8]
    kinds = [stress.SYLLABLES.index(letter) for letter in way]
    terms = [2 ** (shares[k] + sum(table[k][i][kind] for i, kind in enumerate(kinds))) for k in range(len(shares))]
    assert metre_bits.bits_of_ways([(way,)])[0] == pytest.approx(np.log2(sum(terms)))


def test_lines_too_short_or_too_long_have_no_bits():
    assert np.isnan(metre_bits.bits(["", "love me", "la " * 30])).all()
