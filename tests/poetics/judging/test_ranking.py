import math

import numpy as np
import pytest

from poetics.judging import features, ranking, real_verse
from poetics.judging.likeness import area_under_curve

RHYMED = "The rose is red, the day is bright,\nAnd every star will shine at night;\nThe silver moon above the sea\n"
RHYMED += "Has made a song for you and me."
PROSE = "The committee met on\nTuesday and agreed to\npostpone the matter of\nthe drains until spring"


@pytest.mark.parametrize("by", ["likeness", "rhyme", "metre"])
def test_a_rhymed_quatrain_is_better_than_prose_by_every_measure(by):
    assert ranking.quality(RHYMED, by) > ranking.quality(PROSE, by)


@pytest.mark.parametrize("by", ["likeness", "rhyme", "metre"])
def test_a_text_without_words_is_never_the_best(by):
    assert ranking.quality(" \n--\n", by) == -math.inf


@pytest.mark.parametrize("n_lines", [5, 14])
def test_verse_is_more_like_verse_than_the_same_words_in_any_order(n_lines):
    texts = real_verse.texts(n_lines)[:60]
    odds = []
    for words_in_order in (list, sorted):
        mixed = [[" ".join(words_in_order(line.split())) for line in text] for text in texts]
        odds.append([ranking.log_odds(lines) for lines in mixed])
    assert area_under_curve(*map(np.array, odds)) > 0.7


def test_lines_after_the_fourteenth_do_not_count():
    text = real_verse.texts(28)[0]
    assert ranking.log_odds(text) == ranking.log_odds(text[:14])


def test_words_rarer_than_those_of_verse_count_for_no_more_than_a_standard_deviation(monkeypatch):
    lines = real_verse.texts(14)[0]
    real = np.array([features.features(text) for text in real_verse.texts(14)])
    feature = features.NAMES.index("frequency of words")

    def log_odds_at(frequency):
        typical = real.mean(0)
        typical[feature] = frequency
        monkeypatch.setattr(features, "features", lambda lines: typical)
        return ranking.log_odds(lines)

    mean, spread = real[:, feature].mean(), real[:, feature].std()
    at_mean, rarer, rarest = map(log_odds_at, (mean, mean - spread, mean - 9 * spread))
    assert rarest == pytest.approx(rarer)
    assert rarer > at_mean > log_odds_at(mean + 9 * spread)
