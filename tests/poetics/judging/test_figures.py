import dataclasses

import numpy as np
import pytest

from poetics.judging import diversity, features, figures, likeness, real_verse
from poetics.judging.copies import Index
from poetics.judging.labels import labels_of

COUPLETS = (
    "The rose is red, the day is bright,",
    "And every star will shine at night;",
    "The silver moon above the sea",
    "Has made a song for you and me.",
)
PROSE = ("The committee met on", "Tuesday and agreed to", "postpone the matter of", "the drains until spring")


def test_rhyme_lift_is_what_goes_beyond_the_chance_of_the_same_lines():
    found = figures.measure([COUPLETS] * 3 + [PROSE] * 3)
    assert (found.texts, found.lines, found.rhyme) == (6, 24, 0.5)
    assert found.lift == pytest.approx((0.5 - found.chance) / (1 - found.chance))
    assert found.forms == {"couplets": 0.5}


def test_copies_are_counted_over_all_words():
    found = figures.measure([COUPLETS, PROSE])
    index = Index([("book", COUPLETS[0] + " " + COUPLETS[1])])
    copies = [index.find("\n".join(text)) for text in (COUPLETS, PROSE)]
    with_copies = figures.with_copies(found, copies)
    n_words = sum(len(line.split()) for line in (*COUPLETS, *PROSE))
    assert (with_copies.longest, with_copies.copied) == (15, pytest.approx(15 / n_words))


def test_texts_are_cut_to_given_lengths_without_overlap():
    source = [tuple(f"{text}.{line}" for line in range(5)) for text in range(3)]
    cut = figures.of_same_lengths(source, [2, 2, 3, 50, 4])
    assert cut == [source[0][:2], source[0][2:4], source[1][:3]]


def test_words_that_nobody_uses_are_not_known():
    assert diversity.known_words([("the rose unwithered",)]) == 1
    assert diversity.known_words([("xqzt the",)]) == 0.5
    assert diversity.known_words([]) == 0


def test_distinct_counts_different_runs_of_words_of_so_many():
    assert diversity.distinct([("a b a b",)], 1) == 0.5
    assert diversity.distinct([("a b a b",)], 2) == 2 / 3
    assert diversity.distinct([("a b", "c d e f")], 1, of_words=2) == 1
    assert diversity.distinct([], 2) == 0


def test_a_line_repeated_in_its_text_counts_and_one_of_another_text_does_not():
    assert diversity.repeated_lines([("O rose!", "o Rose", "thou art sick"), ("O rose",)]) == 0.25


def test_real_verse_is_told_from_the_same_lines_in_any_order_and_not_from_itself():
    texts = real_verse.texts(14)[:240]
    real = np.array([features.features(text) for text in texts])
    assert real.shape == (240, len(features.NAMES))
    assert abs(likeness.told_apart(real[::2], real[1::2]) - 0.5) < 0.1
    lines = [line for text in texts for line in text]
    rng = np.random.default_rng(0)
    shuffled = [lines[i] for i in rng.permutation(len(lines))]
    mixed = np.array([features.features(shuffled[i : i + 14]) for i in range(0, len(lines), 14)])
    assert likeness.told_apart(real, mixed) > 0.95


def test_the_regression_finds_what_parts_two_sides():
    rng = np.random.default_rng(1)
    real, samples = rng.normal(size=(300, 3)), rng.normal(size=(100, 3))
    real[:, 1] += 2
    fitted = likeness.fit(real, samples)
    assert np.abs(fitted.weights).argmax() == 1
    assert fitted.weights[1] > 0
    # The best area for two normal distributions two deviations apart.
    assert likeness.told_apart(real, samples) == pytest.approx(0.921, abs=0.03)
    # At the minimum the gradient is zero: moving any weight makes the penalised loss larger.
    assert all(_loss(fitted, real, samples) < _loss(_moved(fitted, i), real, samples) for i in range(3))


def _moved(fitted, i):
    weights = fitted.weights.copy()
    weights[i] += 0.01
    return fitted._replace(weights=weights)


def _loss(fitted, real, samples):
    n = len(real) + len(samples)
    losses = np.log1p(np.exp(-fitted.log_odds(real))).mean() + np.log1p(np.exp(fitted.log_odds(samples))).mean()
    return n / 2 * losses + likeness.PENALTY / 2 * (fitted.weights**2).sum()


def test_too_few_texts_are_refused():
    with pytest.raises(ValueError, match="expected at least 5 of each"):
        likeness.told_apart(np.zeros((4, 2)), np.zeros((9, 2)))
    assert figures.with_likeness(figures.measure([COUPLETS]), [COUPLETS], [PROSE]).told_apart is None


def test_every_figure_has_a_label_or_is_told_in_words():
    names = {field.name for field in dataclasses.fields(figures.Figures)}
    assert names == set(labels_of(figures.Figures)) | {"feet", "forms"}
