"""Every token is trained on once an epoch, in an order that is a function of seed and step."""

import numpy as np
import pytest

from encoder.dataset.reader import Tokens
from gpt2.training import windows


def corpus(lengths):
    """Documents whose tokens are all different: 0, 1, 2 and on."""
    ends = np.cumsum(lengths)
    spans = np.stack([np.zeros(len(lengths), int), ends - lengths, ends], axis=1)
    return Tokens([np.arange(ends[-1])], spans), ends


def training_batch(tokens, batch, seq, first, seed):
    return windows.Windows(tokens=tokens, seq=seq, seed=seed, batch=batch).of_step(first)[0]


def poems(n, seed=0):
    return corpus(np.random.default_rng(seed).integers(3, 30, n))


@pytest.mark.parametrize("lengths", [[1000], [2, 1], [7] * 100, [500, 3, 3, 3], [64] * 10, [5, 900, 5]])
@pytest.mark.parametrize("seq", [1, 2, 16, 64])
@pytest.mark.parametrize("batch", [1, 3])
def test_every_token_is_predicted_once_an_epoch(lengths, seq, batch):
    tokens, _ = corpus(np.array(lengths))
    n = len(tokens)
    seq = min(seq, n - 1)
    epochs = 4
    steps = windows.steps_of_epochs(epochs, n, batch * seq)
    predicted = [training_batch(tokens, batch, seq, step * batch, seed=5)[:, 1:] for step in range(steps)]
    times = np.bincount(np.concatenate(predicted).ravel(), minlength=n)
    # The windows at the end of the last epoch are shuffled, and some may reach into the next one.
    assert times.sum() == steps * batch * seq
    assert (abs(times - epochs) <= 1).all()
    assert times.sum() - epochs * n < batch * seq
    assert (times != epochs).sum() <= 2 * batch * seq


def test_whole_epochs_predict_every_token_exactly_so_many_times():
    tokens, _ = poems(40)
    n, seq = len(tokens), 16
    numbers = range(n)  # n windows of 16 tokens are 16 epochs.
    predicted = [training_batch(tokens, 1, seq, number, seed=1)[0, 1:] for number in numbers]
    assert (np.bincount(np.concatenate(predicted), minlength=n) == seq).all()


def test_a_token_is_predicted_from_the_one_before_it():
    tokens, ends = poems(40)
    for step in range(50):
        row = training_batch(tokens, 1, 16, step, seed=1)[0]
        follows = row[1:] == row[:-1] + 1
        begins = np.isin(row[:-1], ends - 1)  # After the end of a poem comes the beginning of any other.
        assert (follows | begins).all()
        assert np.isin(row[1:][~follows], [0, *ends]).all()


def test_a_share_of_windows_begins_where_a_poem_begins():
    tokens, ends = poems(2000)
    starts = [training_batch(tokens, 1, 128, step, seed=1)[0, 0] for step in range(len(tokens) // 128)]
    share = np.isin(starts, ends - 1).mean()  # The token that goes in first is the end of the poem before.
    by_chance = 2000 / len(tokens)
    assert by_chance < 0.1
    assert share > 0.4


def test_a_batch_is_a_function_of_seed_and_step():
    tokens, _ = poems(100)

    def batch(step, seed):
        windows.epoch_of.cache_clear()
        windows.window_order.cache_clear()
        return training_batch(tokens, batch=4, seq=16, first=4 * step, seed=seed)

    first = batch(3, 1)
    assert first.shape == (4, 17)
    assert first.dtype == np.int32
    batch(900, 1)
    np.testing.assert_array_equal(first, batch(3, 1))
    assert (first != batch(4, 1)).any()
    assert (first != batch(3, 2)).any()


def test_each_epoch_has_an_order_of_its_own():
    tokens, _ = poems(100)
    orders = [windows.read(tokens, 16, 1, epoch * len(tokens), len(tokens)).tolist() for epoch in range(3)]
    assert len({tuple(order) for order in orders}) == 3
    assert all(sorted(order) == list(range(len(tokens))) for order in orders)


def test_accumulated_batches_are_those_of_one_large_batch():
    tokens, _ = poems(100)
    large = training_batch(tokens, 8, 16, 24, seed=1)
    small = [training_batch(tokens, 4, 16, first, seed=1) for first in (24, 28)]
    np.testing.assert_array_equal(large, np.concatenate(small))


def test_noise_replaces_a_share_of_what_goes_in_and_nothing_of_what_is_predicted():
    tokens, _ = poems(200)
    sizes = {"tokens": tokens, "seq": 100, "batch": 8, "n_batches": 2}
    calm = windows.Windows(**sizes, seed=1).of_step(7)

    def noisy(first, seed):
        return windows.Windows(**sizes, seed=seed, noise=0.3, n_vocab=1000).of_step(first)

    found = noisy(7, seed=1)
    assert found.shape == (2, 8, 2, 100)
    assert found.dtype == np.int32
    np.testing.assert_array_equal(found[..., 1, :], calm[..., 1:])
    replaced = found[..., 0, :] != calm[..., :-1]
    assert abs(replaced.mean() - 0.3 * 0.999) < 0.035  # 3 standard errors
    assert set(np.unique(found[..., 0, :][replaced])) <= set(range(1000))
    np.testing.assert_array_equal(found, noisy(7, seed=1))
    places = [noisy(first, seed)[..., 0, :] for first, seed in ((8, 1), (7, 2))]
    assert all((other != found[..., 0, :]).any() for other in places)


def test_shares_of_a_batch_are_its_rows_and_have_its_noise():
    tokens, _ = poems(40)
    sizes = {"tokens": tokens, "seq": 8, "seed": 1, "batch": 3, "n_batches": 2}
    for noise in (0.0, 0.5):
        step = windows.Windows(**sizes, noise=noise, n_vocab=1000)
        whole = step.of_step(18)
        assert whole.shape == ((2, 3, 9) if noise == 0 else (2, 3, 2, 8))
        for rows in ([0], [1, 2], [2]):
            np.testing.assert_array_equal(step.of_step(18, np.array(rows)), whole[:, rows])


def test_the_windows_of_several_steps_are_those_of_one_after_the_other():
    tokens, _ = poems(40)
    step = windows.Windows(tokens=tokens, seq=8, seed=1, batch=3, n_batches=2, noise=0.5, n_vocab=1000)
    several = step.of_steps(3, 12, np.array([0, 2]))
    for number in range(3):
        np.testing.assert_array_equal(several[number], step.of_step(12 + 6 * number, np.array([0, 2])))
