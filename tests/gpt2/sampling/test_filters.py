"""Filters are the original's where it has them, and the papers' where it has not."""

import numpy as np
import pytest

from gpt2.sampling.filters import Filters, kept, penalise, top_k, top_p


@pytest.fixture(scope="module")
def reference(reference_folder):
    with np.load(f"{reference_folder}/reference.npz", allow_pickle=False) as figures:
        return dict(figures)


def many_logits(rows=30, n=3000, spread=3):
    return np.random.default_rng(0).normal(size=[rows, n]).astype(np.float32) * spread


def mask_of(ids, n):
    mask = np.zeros(n, bool)
    mask[ids] = True
    return mask


def softmax(logits):
    weights = np.exp(logits.astype(np.float64) - logits.max())
    return weights / weights.sum()


@pytest.mark.parametrize("k", [1, 5, 40])
def test_top_k_keeps_what_the_original_keeps(reference, k):
    found = [mask_of(top_k(row, k), len(row)) for row in reference["filter_logits"]]
    np.testing.assert_array_equal(found, reference[f"top_k_{k}"])


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9, 0.999])
def test_top_p_keeps_what_the_original_keeps_and_replaces_top_k(reference, p):
    found = [mask_of(kept(row, Filters(top_k=1, top_p=p))[0], len(row)) for row in reference["filter_logits"]]
    np.testing.assert_array_equal(found, reference[f"top_p_{p}"])


@pytest.mark.parametrize("k", [0, 64, 1000])
def test_top_k_of_0_or_of_the_whole_vocabulary_keeps_all(reference, k):
    for row in reference["filter_logits"]:
        assert top_k(row, k).tolist() == list(range(64))


@pytest.mark.parametrize("k", [1, 2, 40, 700, 2999])
def test_top_k_of_a_large_vocabulary_is_that_of_a_sort(k):
    for row in many_logits().round(1):  # rounded, so that many are equal
        np.testing.assert_array_equal(top_k(row, k), np.flatnonzero(row >= np.sort(row)[-k]))


@pytest.mark.parametrize("spread", [0.1, 3])
@pytest.mark.parametrize("p", [1e-9, 0.3, 0.9, 0.9999])
def test_top_p_of_a_large_vocabulary_is_that_of_a_sort(p, spread):
    for row in many_logits(rows=10, n=20_000, spread=spread):
        ordered = np.sort(softmax(row))[::-1]
        before = np.concatenate([[0], np.cumsum(ordered)[:-1]])
        least = ordered[before < p][-1]
        # Where the sum comes within rounding of p, one token more or less is right.
        assert abs(len(top_p(row, p)) - (softmax(row) >= least).sum()) <= 1


def test_top_p_of_1_keeps_every_token_that_has_a_chance():
    assert len(top_p(many_logits(1)[0], 1.0)) == 3000


@pytest.mark.parametrize("min_p", [0.02, 0.5, 1.0])
def test_min_p_keeps_tokens_so_many_times_as_likely_as_the_likeliest(min_p):
    for row in many_logits():
        p = softmax(row)
        np.testing.assert_array_equal(kept(row, Filters(top_k=0, min_p=min_p))[0], np.flatnonzero(p >= min_p * p.max()))


@pytest.mark.parametrize("mass", [0.2, 0.9, 0.99])
def test_typical_keeps_the_tokens_nearest_to_the_expected_surprise(mass):
    for row in many_logits():
        p = softmax(row)
        distance = np.abs(-np.log(p) - (p * -np.log(p)).sum())
        expected, sum = [], 0.0
        for token in np.argsort(distance):
            if sum >= mass:
                break
            expected.append(token)
            sum += p[token]
        np.testing.assert_array_equal(kept(row, Filters(top_k=0, typical=mass))[0], np.sort(expected))


def test_later_filters_see_what_earlier_ones_left():
    for row in many_logits():
        ids, logits = kept(row, Filters(temperature=2.0, top_k=40, typical=0.5))
        alone = np.full_like(row, -np.inf)
        alone[top_k(row, 40)] = row[top_k(row, 40)]
        p = softmax(alone / 2)
        with np.errstate(divide="ignore", invalid="ignore"):
            surprise = -np.log(p)
            distance = np.abs(surprise - np.nansum(p * surprise))
        order = np.argsort(distance)
        expected = order[: np.searchsorted(np.cumsum(p[order]), 0.5) + 1]
        np.testing.assert_array_equal(ids, np.sort(expected))
        assert logits.max() == 0


def test_the_penalty_makes_a_token_less_likely_whatever_its_sign():
    logits = np.array([2.0, -2.0, 0.0, 3.0], np.float32)
    np.testing.assert_array_equal(penalise(logits, np.array([0, 1, 2]), 2.0), np.array([1, -4, 0, 3], np.float32))
    np.testing.assert_array_equal(logits, np.array([2, -2, 0, 3], np.float32))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("penalty", [1e-6, 1, 1e6])
@pytest.mark.parametrize("temperature", [1e-50, 1e-6, 0.7, 100.0, 1e30])
def test_no_temperature_and_no_penalty_make_a_logit_other_than_a_number(temperature, penalty):
    for row in many_logits(rows=3):
        filters = Filters(temperature=temperature, repetition_penalty=penalty)
        ids, logits = kept(penalise(row, np.arange(0, len(row), 3), penalty), filters)
        assert len(ids) >= 40
        assert np.isfinite(logits).all()
        assert logits.max() == 0


@pytest.mark.filterwarnings("error")
def test_the_least_min_p_keeps_all_that_can_come():
    for row in many_logits(rows=3):
        assert len(kept(row, Filters(top_k=0, min_p=1e-300))[0]) == len(row)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"top_k": -1}, "top_k is -1"),
        ({"top_p": 1.5}, "top_p is 1.5"),
        ({"min_p": -0.1}, "min_p is -0.1"),
        ({"typical": 2.0}, "typical is 2.0"),
        ({"repetition_penalty": 0.0}, "repetition_penalty is 0.0"),
        ({"repetition_penalty": 1e-39}, r"repetition_penalty is 1e-39, expected 1e-06 to 1e\+06"),
        ({"repetition_penalty": 1e39}, r"repetition_penalty is 1e\+39"),
        ({"temperature": 1e39}, r"temperature is 1e\+39, expected 0 to 1e\+30"),
        ({"temperature": -1.0}, "temperature is -1.0"),
        ({"temperature": float("nan")}, "temperature is nan"),
    ],
)
def test_a_setting_out_of_its_range_is_an_error(settings, message):
    with pytest.raises(ValueError, match=message):
        Filters(**settings)
