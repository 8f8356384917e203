"""Guesses save passes and never change a logit: whatever the draft is worth, what comes back is our model's."""

import numpy as np
import pytest

from gpt2.lite.speculation import MOST, Speculation, worth_guessing

N_VOCAB = 20
TABLE = np.random.default_rng(0).normal(size=[700, N_VOCAB, N_VOCAB]).astype(np.float32)


class Models:
    """Ours, whose logits depend on all ids before, and a draft that is right so often."""

    def __init__(self, right):
        self.right = right
        self.ids: list[int] = []
        self.guessed: list[int] = []
        self.passes = self.drafts = 0

    def logits(self, ids):
        return np.sum([TABLE[place, id] for place, id in enumerate(ids)], axis=0, dtype=np.float32)

    def check(self, ids):
        self.passes += 1
        self.ahead = ids
        return np.array([self.logits(self.ids + ids[: n + 1]) for n in range(len(ids))])

    def draft(self, id, ahead):
        self.drafts += 1
        self.guessed = [*(self.guessed if ahead else self.ids), id]
        logits = self.logits(self.guessed)
        return logits if np.random.default_rng(self.drafts).random() < self.right else -logits


def greedy(models, n, speculation=None):
    """So many ids, each the likeliest after those before it: the logits after each, and what found them."""
    speculation = speculation or Speculation(models.draft, models.check)
    id, found = 3, []
    for _ in range(n):
        logits = speculation.step(id, lambda logits, ahead: int(logits.argmax()))
        models.ids.append(id)
        found.append(logits)
        id = int(logits.argmax())
    return np.array(found), speculation


@pytest.mark.parametrize("right", [0, 0.5, 0.9, 1])
def test_the_logits_are_those_of_our_model(right):
    models = Models(right)
    found, _ = greedy(models, 60)
    np.testing.assert_array_equal(found, [models.logits(models.ids[: n + 1]) for n in range(60)])


def test_right_guesses_save_passes():
    models = Models(right=1)
    greedy(models, 300)
    assert models.passes < 300 / MOST


def test_who_guesses_wrong_stops_guessing_and_tries_again():
    models = Models(right=0)
    _, speculation = greedy(models, 60)
    stopped = models.drafts
    greedy(models, 100, speculation)
    assert models.drafts - stopped < 10
    models.right = 1
    passes = models.passes
    greedy(models, 400, speculation)
    assert models.passes - passes < 300


def test_another_text_takes_nothing_from_the_last():
    models = Models(right=1)
    _, speculation = greedy(models, 2)
    assert speculation.checked
    speculation.forget()
    models.ids = [7]
    np.testing.assert_array_equal(speculation.step(5, lambda logits, ahead: None), models.logits([7, 5]))


def test_nothing_is_guessed_where_nothing_follows():
    models = Models(right=1)
    Speculation(models.draft, models.check).step(3, lambda logits, ahead: None if ahead == 1 else 4)
    assert models.ahead == [3, 4]


def test_the_more_guesses_are_right_the_more_are_worth_their_time():
    numbers = [worth_guessing(share) for share in (0, 0.3, 0.7, 0.9, 1)]
    assert numbers == sorted(numbers)
    assert (numbers[0], numbers[-1]) == (0, MOST)
