"""Prompts become the ids that a dataset has, and samples are numbered through all prompts."""

import itertools

import numpy as np
import pytest

import encoder
from gpt2.hparams import HParams
from gpt2.jobs.endings import Endings
from gpt2.jobs.job import Job, Prompts, ids_of, ids_unlike
from gpt2.sampling.batch import Rules
from poems import layout, prompts
from poems.layout import Layout
from poems.poem import Poem
from poems.prompts import Prompt


@pytest.fixture(scope="module")
def enc(reference_folder):
    return encoder.load_encoder(reference_folder)


def prompt_of(text, nsamples=1, begins=False):
    return Prompt((text,) if text else (), begins, nsamples)


SPACES = ["".join(ends) for n in (0, 1, 2, 3) for ends in itertools.product(" \n\t", repeat=n)]


@pytest.mark.parametrize("spaces", SPACES)
def test_a_prompt_has_the_ids_of_the_text_as_it_goes_on(enc, spaces):
    for text in ("The night is dark and", "The sea sings over the hill,", "", "«"):
        prompt = prompt_of(text + spaces)
        for word in ("zeal", "Thou", "7"):
            whole = enc.encode(text + spaces + word)
            if spaces:
                assert ids_of(enc, prompt) + enc.encode(prompt.held + word) == whole
            else:
                assert ids_of(enc, prompt) == enc.encode(text)


def test_an_empty_line_is_two_line_ends_as_in_every_stanza_break(enc):
    assert ids_of(enc, prompt_of("the hill,\n\n"))[-2:] == [198, 198]


def test_the_mark_between_poems_is_one_id(enc):
    assert ids_of(enc, prompt_of("<|endoftext|>O rose")) == [50256, *enc.encode("O rose")]


@pytest.mark.parametrize("text", ["I sing\n\n\nthe body", "I sing\n \n\nthe body", "I sing\nthe body\n\n'Tis"])
@pytest.mark.parametrize("described", [Layout("prefix", "author"), Layout("poem")])
def test_a_described_prompt_has_the_ids_of_the_dataset(enc, text, described):
    trained = layout.lay_out(Poem(text, author="Walt Whitman"), described)
    prompt = prompts.lay_out(text, {"author": "Walt Whitman"}, described, 1)
    pieces = [enc.encode(piece) for piece in trained.pieces()]
    assert ids_of(enc, prompt) == [enc.end_of_text, *itertools.chain.from_iterable(pieces)]


def test_ids_unlike_a_space_are_all_that_would_not_begin_with_it(enc):
    unlike = set(ids_unlike(enc)(b" ").tolist())
    assert all((id in unlike) != enc.decode_bytes([id]).startswith(b" ") for id in range(enc.n_vocab))


def test_samples_are_numbered_through_all_prompts():
    first, second = prompt_of("a", 2), prompt_of("b", 3)
    found = Prompts([first, second])
    assert [found.prompt_of(number) for number in range(1, 7)] == [first] * 2 + [second] * 3 + [None]
    assert list(found.numbers(4)) == [4, 5]
    later = Prompts([first, second], first=10)
    assert [later.prompt_of(number) for number in range(10, 16)] == [first] * 2 + [second] * 3 + [None]
    assert list(later.numbers(10)) == [10, 11, 12, 13, 14]


def test_samples_without_end_have_no_last_number():
    endless = Prompts([prompt_of("a", 0)], first=3)
    assert endless.total is None
    assert list(itertools.islice(endless.numbers(3), 2)) == [3, 4]
    assert endless.prompt_of(10**12) == prompt_of("a", 0)


class Engine:
    """Writes the likeliest of random logits that depend on the position; its rows are independent."""

    def __init__(self, hparams):
        self.hparams, self.rows = hparams, 2
        self.table = np.random.default_rng(0).normal(size=[hparams.n_ctx, hparams.n_vocab]).astype(np.float32)
        self.lengths = [0, 0]

    def start(self, rows, ids):
        for row in rows:
            self.lengths[row] = len(ids)
        return self.table[len(ids)]

    def width(self, n, more=0):
        return n

    def step(self, rows, tokens, guess=None):
        for row in rows:
            self.lengths[row] += 1
        return np.array([self.table[self.lengths[row]] for row in rows])

    def fork(self, rows, sources, behind=0):
        raise NotImplementedError

    def free(self, row):
        pass

    def score(self, ids):
        raise NotImplementedError


@pytest.fixture
def make_job(enc):
    hparams = HParams(n_vocab=enc.n_vocab, n_ctx=40, n_embd=4, n_head=1, n_layer=1)

    def make(text, nsamples=6, **endings):
        rules = Rules(seed=3, unlike=ids_unlike(enc), ending=Endings(enc, **endings) or None)
        made = Job(enc, hparams, rules, Endings(enc, **endings), Prompts([prompt_of(text, nsamples)]), length=6)
        return made, Engine(hparams)

    return make


@pytest.mark.parametrize("text", ["dark and ", "dark and  ", " ", "dark,\n "])
def test_a_space_at_the_end_of_a_prompt_is_part_of_the_first_id(make_job, enc, text):
    made, engine = make_job(text)
    for sample, prompt in made.samples(engine, range(1, 7)):
        assert enc.decode(sample.ids[:1]).startswith(" ")
        assert " " + made.text(sample, prompt) == enc.decode(sample.ids)


def test_a_space_that_the_prompt_has_is_no_stop(make_job):
    made, engine = make_job("dark and ", stop=" ")
    assert all(made.text(sample, prompt) for sample, prompt in made.samples(engine, range(1, 7)))
