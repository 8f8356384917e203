"""Where stanzas and poems end, in well-known verse whose empty lines were taken out."""

import itertools

import numpy as np
import pytest

from poetics.stanzas import stanza_ends as rule
from poetics.stanzas.line_ends import FAR, Evidence, capitals_begin, end_signs, look_at, nearest_rhymes
from poetics.stanzas.poem_ends import poem_ends
from poetics.stanzas.stanza_ends import likeness, stanza_ends, unrhymed

BLAKE = """\
Tyger Tyger, burning bright,
In the forests of the night;
What immortal hand or eye,
Could frame thy fearful symmetry?

In what distant deeps or skies.
Burnt the fire of thine eyes?
On what wings dare he aspire?
What the hand, dare seize the fire?

And what shoulder, & what art,
Could twist the sinews of thy heart?
And when thy heart began to beat,
What dread hand? & what dread feet?

What the hammer? what the chain,
In what furnace was thy brain?
What the anvil? what dread grasp,
Dare its deadly terrors clasp!
"""
HOUSMAN = """\
Loveliest of trees, the cherry now
Is hung with bloom along the bough,
And stands about the woodland ride
Wearing white for Eastertide.

Now, of my threescore years and ten,
Twenty will not come again,
And take from seventy springs a score,
It only leaves me fifty more.

And since to look at things in bloom
Fifty springs are little room,
About the woodlands I will go
To see the cherry hung with snow.
"""
HERRICK = """\
Gather ye rosebuds while ye may,
Old time is still a-flying:
And this same flower that smiles to-day
To-morrow will be dying.

The glorious lamp of heaven, the sun,
The higher he's a-getting,
The sooner will his race be run,
And nearer he's to setting.

That age is best which is the first,
When youth and blood are warmer;
But being spent, the worse, and worst
Times still succeed the former.
"""
MILTON = """\
Of Man's first disobedience, and the fruit
Of that forbidden tree whose mortal taste
Brought death into the World, and all our woe,
With loss of Eden, till one greater Man
Restore us, and regain the blissful seat,
Sing, Heavenly Muse, that, on the secret top
Of Oreb, or of Sinai, didst inspire
That shepherd who first taught the chosen seed
In the beginning how the heavens and earth
Rose out of Chaos: or, if Sion hill
Delight thee more, and Siloa's brook that flowed
Fast by the oracle of God, I thence
Invoke thy aid to my adventurous song,
That with no middle flight intends to soar
Above th' Aonian mount, while it pursues
Things unattempted yet in prose or rhyme.
"""


def lines_and_ends(text):
    """The lines without empty ones, and which of them end a stanza."""
    stanzas = [stanza.split("\n") for stanza in text.strip().split("\n\n")]
    ends = [number == len(stanza) - 1 for stanza in stanzas for number in range(len(stanza))]
    return [line for stanza in stanzas for line in stanza], ends


@pytest.mark.parametrize("poem", [BLAKE, HOUSMAN, HERRICK, MILTON])
def test_the_stanzas_of_a_poem_are_found_without_its_empty_lines(poem):
    lines, ends = lines_and_ends(poem)
    assert stanza_ends(look_at(lines)).tolist() == ends


def test_rhymes_alone_divide_where_every_line_ends_in_a_comma():
    lines, ends = lines_and_ends(HERRICK)
    lines = [line.rstrip(".,;:!?") + "," for line in lines]
    assert stanza_ends(look_at(lines)).tolist() == ends


@pytest.mark.parametrize("lines", [[], ["One line alone,"], ["Two lines,", "of verse."]])
def test_the_last_line_always_ends_a_stanza_and_a_poem(lines):
    ends = stanza_ends(look_at(lines))
    poems = poem_ends(lines, look_at(lines), ends)
    assert len(ends) == len(poems) == len(lines)
    assert ends[-1:].tolist() == poems[-1:].tolist() == [True] * bool(lines)


def test_the_nearest_rhyme_is_looked_for_on_both_sides():
    before, after = nearest_rhymes(["the night", "the day", "so bright", "away", "of orange"])
    assert before.tolist() == [FAR, FAR, 2, 2, FAR]
    assert after.tolist() == [2, 2, FAR, FAR, FAR]


def test_a_full_stop_says_more_for_an_end_than_a_comma_and_capitals_more_than_both():
    stop, comma, capitals = (
        end_signs([line, after])[0]
        for line, after in (("the day.", "The"), ("the day,", "The"), ("the day.", "WHEN I have fears"))
    )
    assert comma < 0 < stop < capitals


@pytest.mark.parametrize(("line", "begins"), [
    ("WHEN I have fears", True), ("I WANDERED lonely", True), ("'TIS the last rose", True), ("O WILD West Wind", True),
    ("When I have fears", False), ("I wandered lonely", False), ("O wild", False), ("", False),
])  # fmt: skip
def test_a_poem_s_first_word_may_be_in_capitals(line, begins):
    assert capitals_begin(line) is begins


def random_evidence(n, seed):
    rng = np.random.default_rng(seed)
    before = np.array([rng.choice([FAR, *range(1, min(i, 8) + 1)]) for i in range(n)])
    after = np.array([rng.choice([FAR, *range(1, min(n - 1 - i, 8) + 1)]) for i in range(n)])
    return Evidence(rng.normal(size=n), before, after, rng.integers(10, 60, n).astype(float))


def test_lines_without_a_rhyme_in_their_stanza_are_counted():
    evidence = random_evidence(40, seed=1)
    counts = unrhymed(evidence)
    for start in range(40):
        for length in range(1, min(24, 40 - start) + 1):
            inside = range(start, start + length)
            expected = sum(not (i - evidence.before[i] in inside or i + evidence.after[i] in inside) for i in inside)
            assert counts[start, length - 1] == expected


def slow_likeness(evidence, start, length):
    """The gain by lengths, at most 20 characters a line, and by rhymes within the stanza."""
    gain = 0.0
    for k in range(length):
        i, like = start + k, start + k - length
        apart = [min(abs(evidence.length[i] - evidence.length[j]), 20) for j in (i - 1, like)]
        gain += 0.024 * (apart[0] - apart[1])
        rhyme, likes = (evidence.before[j] if evidence.before[j] <= k else None for j in (i, like))
        gain += -0.8 if rhyme != likes else 0.0 if rhyme is None else 0.24 if rhyme == 1 else 0.8
    return gain


def test_a_stanza_is_like_the_one_before_it_in_line_lengths_and_rhymes():
    evidence = random_evidence(40, seed=2)
    gains = likeness(evidence)
    for start in range(40):
        for length in range(2, min(20, 40 - start) + 1):
            expected = slow_likeness(evidence, start, length) if start >= length else 0
            assert gains[start, length - 1] == pytest.approx(expected, abs=1e-4)


def slow_division(evidence):
    """The ends of the best of all divisions into stanzas and running verse, tried one by one."""
    n = len(evidence.signs)
    like, alone = likeness(evidence), unrhymed(evidence)
    best: tuple[float, list[int]] = (-np.inf, [])
    for cuts in itertools.product([False, True], repeat=n - 1):
        borders = [0, *(i + 1 for i, is_cut in enumerate(cuts) if is_cut), n]
        for kinds in itertools.product([True, False], repeat=len(borders) - 1):
            score, before, length_before = np.log(0.5), None, None
            for (start, end), is_stanza in zip(itertools.pairwise(borders), kinds, strict=True):
                change = {(True, False): 0.077, (False, True): 0.03, (True, True): 0.923, (False, False): 0.97}
                score += np.log(change[before, is_stanza]) if before is not None else 0
                score += evidence.signs[end - 1]
                length = end - start
                if is_stanza:
                    chance = rule.LENGTHS.get(length, rule.RARE_LENGTH)
                    again = np.log(0.25 + 0.75 * chance) + like[start, length - 1]
                    is_same = before is True and length == length_before
                    score += max(np.log(0.75 * chance), again) if is_same else np.log(0.75 * chance)
                    score -= 0.28 * alone[start, length - 1] + 3 * (alone[start, length - 1] == length)
                else:
                    far = (evidence.before[start:end] > 4) & (evidence.after[start:end] > 4)
                    score += np.log(0.05) + (length - 1) * np.log(0.95) - 0.3 * far.sum()
                before, length_before = is_stanza, length
            best = max(best, (score, borders[1:]))
    return best[1]


@pytest.mark.parametrize("seed", range(3))
def test_no_other_division_is_better(seed):
    evidence = random_evidence(8, seed)
    assert (np.flatnonzero(stanza_ends(evidence)) + 1).tolist() == slow_division(evidence)


def test_where_a_form_ends_and_another_begins_a_poem_ends():
    first, second = lines_and_ends(HERRICK)[0], lines_and_ends(MILTON)[0]
    lines = [*first, *second]
    evidence = look_at(lines)
    found = poem_ends(lines, evidence, stanza_ends(evidence))
    assert np.flatnonzero(found).tolist() == [len(first) - 1, len(lines) - 1]


def test_no_poem_ends_where_no_stanza_does():
    lines = [*lines_and_ends(BLAKE)[0], *lines_and_ends(HERRICK)[0]]
    evidence = look_at(lines)
    ends = stanza_ends(evidence)
    assert not (poem_ends(lines, evidence, ends) & ~ends).any()
