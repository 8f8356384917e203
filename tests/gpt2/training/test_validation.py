"""The loss on held-out text counts each token once, and can leave out those that are no verse."""

import numpy as np
import pytest

from encoder.dataset.reader import Tokens
from gpt2.hparams import HParams
from gpt2.model import GPT2, fresh_weights
from gpt2.training.validation import make_validate, window_starts

SIZES = HParams(n_vocab=30, n_ctx=8, n_embd=8, n_head=2, n_layer=1)


@pytest.fixture(scope="module")
def model():
    model = GPT2(SIZES, fresh_weights(seed=2))
    for weight in model.weights.values():
        weight.assign(weight * 8)  # far from uniform
    return model


def tokens_of(ids):
    return Tokens([np.array(ids)], np.array([[0, 0, len(ids)]]))


def losses_by_hand(model, ids, seq):
    """The loss of each token but the first, by the logits of the window that it lies in."""
    found = []
    for start in range(0, len(ids) - 1, seq):
        window = ids[start : start + seq + 1]
        logits = model(np.array([window[:-1]])).numpy()[0].astype(np.float64)
        logits -= np.log(np.exp(logits).sum(axis=-1, keepdims=True))
        found += [-logits[i, label] for i, label in enumerate(window[1:])]
    return np.array(found)


def test_each_token_counts_once_also_those_of_the_last_incomplete_batch(model):
    ids = np.random.default_rng(0).integers(0, 30, 8 * 5 + 4).tolist()
    expected = losses_by_hand(model, ids, 8)
    assert len(expected) == len(ids) - 1
    found = make_validate(model, tokens_of(ids), batch=4, count=100, seq=8)()
    assert found == {"val_loss": pytest.approx(expected.mean(), rel=1e-5)}


def test_bits_a_character_and_the_loss_without_prefixes(model):
    random = np.random.default_rng(1)
    ids = random.integers(0, 30, 30)
    is_prefix = random.random(30) < 0.3
    characters = random.integers(0, 5, 30)
    losses, verse = losses_by_hand(model, ids.tolist(), 8), ~is_prefix[1:]
    found = make_validate(
        model, tokens_of(ids), batch=2, count=100, seq=8, characters=characters, is_prefix=is_prefix
    )()
    expected = {
        "val_loss": losses.mean(),
        "val_bits": losses.sum() / np.log(2) / characters[ids[1:]].sum(),
        "val_verse_loss": losses[verse].mean(),
        "val_verse_bits": losses[verse].sum() / np.log(2) / characters[ids[1:]][verse].sum(),
    }
    assert found == pytest.approx(expected, rel=1e-5)


def test_few_windows_are_spread_from_end_to_end_without_overlap():
    starts = window_starts(1001, 50, 7)
    assert len(starts) == 7
    assert (starts[0], starts[-1]) == (0, 950)
    assert (np.diff(starts) >= 50).all()
    assert window_starts(9, 50, 7) == [0]
    assert window_starts(102, 50, 7) == [0, 50, 100]
