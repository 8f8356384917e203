"""A sample depends on nothing but its seed, its number and its prompt."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

import gpt2
from gpt2.hparams import HParams
from gpt2.model import GPT2, fresh_weights
from gpt2.sampling.batch import sample_length
from gpt2.sampling.choosing import choose
from gpt2.sampling.filters import Filters
from gpt2.sampling.sampler import Sampler, sample

SMALL = HParams(n_vocab=50, n_ctx=32, n_embd=16, n_head=2, n_layer=2)
END_OF_TEXT = 49


@pytest.fixture(scope="module")
def reference(reference_folder):
    with np.load(f"{reference_folder}/reference.npz", allow_pickle=False) as figures:
        return dict(figures)


@pytest.fixture(scope="module")
def small():
    return GPT2(SMALL, initial=fresh_weights(seed=3))


def test_greedy_is_the_original_continuation(reference_folder, reference):
    expected = reference["greedy"][0].tolist()
    model = gpt2.load_model(reference_folder)
    assert [expected[:5] + next(sample(model, expected[:5], length=59, temperature=0))] == [expected]


@pytest.mark.parametrize("batch_size", [3])
def test_a_sample_does_not_depend_on_its_batch(small, batch_size):
    alone = list(sample(small, [4, 6], nsamples=8, batch_size=1, length=20, seed=7))
    assert list(sample(small, [4, 6], nsamples=8, batch_size=batch_size, length=20, seed=7)) == alone


def test_seven_samples_in_batches_of_three_are_seven(small):
    assert len(list(sample(small, [4], nsamples=7, batch_size=3, length=5))) == 7


def test_nsamples_0_goes_on(small):
    assert len(list(itertools.islice(sample(small, [4], nsamples=0, batch_size=2, length=5), 9))) == 9


def test_a_sample_ends_before_end_of_text(small):
    samples = list(sample(small, [4], nsamples=40, batch_size=8, length=30, temperature=5.0))
    assert all(END_OF_TEXT not in ids for ids in samples)
    assert any(len(ids) < 30 for ids in samples)


def test_the_steps_are_compiled_once_for_all_samples(small):
    sampler = Sampler(small, Filters(), batch_size=2)
    for length in (10, 12):
        list(sampler.samples([4, 5], 5, length))
    assert sampler.engine.decode.experimental_get_tracing_count() == 1
    assert sampler.engine.prefill.experimental_get_tracing_count() == 1


def test_a_sample_equals_one_written_without_keys_and_values(small):
    """Slow and plain: the whole text read again for every token."""
    ids = [4, 6, 9]
    for position in range(3, 23):
        logits = small(tf.constant([ids]))[:, -1]
        ids.append(int(choose(logits.numpy(), Filters(), 5, [1], [position])[0]))
    [written] = sample(small, ids[:3], length=20, seed=5)
    assert ids[3:] == written


def test_past_the_window_its_last_half_is_read_again(small):
    """Greedy, slow and plain: all that is in the window read again for every token."""
    ids, window = [4, 6], [4, 6]
    for _ in range(75):
        if len(window) > SMALL.n_ctx:
            window = window[-SMALL.n_ctx // 2 :]
        token = int(small(tf.constant([window])).numpy()[0, -1].argmax())
        ids.append(token)
        window.append(token)
    [written] = sample(small, [4, 6], length=75, temperature=0)
    assert END_OF_TEXT not in ids
    assert written == ids[2:]


def test_a_sample_is_as_long_as_the_window_or_half_of_it_unless_told():
    assert sample_length(SMALL, [], None) == 31
    assert sample_length(SMALL, [4], None) == 16
    assert sample_length(SMALL, [4] * 32, 100) == 100


@pytest.mark.parametrize(
    ("prompt", "settings", "message"),
    [
        ([4] * 40, {}, "a prompt of 40 tokens is 8 more than the window of 32"),
        ([], {"length": 0}, "length is 0, expected at least 1"),
        ([], {"length": -3}, "length is -3"),
        ([50], {}, "token id 50, expected ids from 0 to 49"),
        ([-1], {}, "token id -1"),
        ([], {"top_k": -1}, "top_k is -1"),
        ([], {"top_p": 1.5}, "top_p is 1.5"),
        ([], {"temperature": -1.0}, "temperature is -1.0"),
        ([], {"temperature": float("nan")}, "temperature is nan"),
        ([], {"batch_size": 0}, "batch_size is 0"),
    ],
)
def test_what_cannot_be_sampled_is_an_error(small, prompt, settings, message):
    with pytest.raises(ValueError, match=message):
        list(sample(small, prompt, **settings))
