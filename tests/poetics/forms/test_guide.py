"""A guide lets a text go on with the words that fit its form and with no others, whatever the tokens are cut like."""

import functools
import itertools
import random

import numpy as np
import pytest

from poetics.forms.form import find_form
from poetics.forms.guide import Guide, line_gain
from poetics.forms.lexicon import Lexicon, Places, place_all, verse_lexicon
from poetics.forms.trie import Trie
from poetics.metre import feet, stress
from poetics.rhyme.grades import Grade, grade
from poetics.sounds.words import last_word, words
from system.errors import UserError

# Whole words with their space, and pieces of which all words can be made.
PIECES = [
    *"abcdefghijklmnopqrstuvwxyz'-",
    *"ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    *"\n,.;:!?",
    " --",
    "--",
    "\ufffd",
    " ",
    "ing",
    "ed",
    "er",
]
SPACED = [f" {letter}" for letter in "abcdefghijklmnopqrstuvwxyz'"]
WHOLE = [" rose", " the", " and", " night", " light", " love", " heaven", " above", "The", "And", "Love"]
TEXTS = [*PIECES, *SPACED, *WHOLE, None]


@functools.cache
def guide_of(**asked):
    return Guide(TEXTS, find_form(**asked), verse_lexicon())


def written(guide, seed, prompt=""):
    """A text of tokens chosen at random among those that may come, the cheap ones more often."""
    rng = random.Random(seed)
    verse = guide.begin(prompt)
    text = prompt
    while not verse.ended:
        ids, prices = verse.choices()
        assert len(ids) == len(set(ids.tolist())) == len(prices)
        assert len(ids), f"nothing may follow {text!r}"
        (id,) = rng.choices(ids.tolist(), np.exp(-prices.astype(float)).tolist())
        verse.take(id)
        text += TEXTS[id]
    return text


@pytest.mark.parametrize("name", ["sonnet", "ballad", "limerick", "terza", "hiawatha", "haiku", "petrarchan"])
def test_whatever_is_chosen_the_poem_has_its_form(name):
    form = find_form(name)
    for seed in range(3):
        stanzas = [stanza.split("\n") for stanza in written(guide_of(name=name), seed).removesuffix("\n").split("\n\n")]
        assert len(stanzas) == len(form.breaks) + 1
        lines = list(itertools.chain.from_iterable(stanzas))
        for line, metre in zip(lines, form.metres, strict=True):
            lengths = {len(way) + start for way in stress.line_ways(line) for start in metre.starts}
            assert lengths & set(metre.ends), line
        for (line, letter), (other, second) in itertools.combinations(zip(lines, form.scheme, strict=True), 2):
            if letter == second != "X":
                assert grade(last_word(line), last_word(other)) is Grade.PERFECT
            elif letter != "X":  # a new letter is a new sound
                assert grade(last_word(line), last_word(other)) is not Grade.PERFECT


def test_every_word_is_one_that_verse_uses():
    known = set(verse_lexicon().words)
    assert set(words(written(guide_of(name="sonnet"), 1))) <= known


def test_a_line_that_ends_has_the_metre_that_was_asked_for():
    guide = guide_of(scheme="xxxxxxxxxxxxxxxxxxxx", metre="iambic5")
    lines = written(guide, 5).split("\n")[:-1]
    assert feet.metre(lines).foot == "iambic"


def test_the_last_line_ends_in_a_full_stop_or_the_like():
    assert written(guide_of(name="quatrain"), 2)[-2] in ".!?"


def test_the_beginning_of_a_line_that_is_given_counts():
    guide = guide_of(name="quatrain")
    text = written(guide, 4, "O fairest rose,")
    (first, *_) = text.split("\n")
    assert first.startswith("O fairest rose, ")
    assert 10 in map(len, stress.line_ways(first))


@pytest.mark.parametrize("prompt", ["", "\n", "   ", "Of"])
def test_a_prompt_without_a_word_is_the_beginning_of_a_line(prompt):
    ids, _ = guide_of(name="quatrain").begin(prompt).choices()
    assert any(TEXTS[id] == "T" for id in ids) == (prompt != "Of")


def test_a_prompt_longer_than_a_line_is_refused():
    with pytest.raises(UserError, match="is longer than a line of iambic5; shorten it"):
        guide_of(name="quatrain").begin("Shall I compare thee to a summer's day, or not")


def test_ids_before_every_line_but_the_first_are_forced():
    verse = guide_of(scheme="AA AA", metre="iambic2").begin(before_lines=(7, 8))
    ids: list[int] = []
    while not verse.ended:
        choices, _ = verse.choices()
        ids.append(int(random.Random(len(ids)).choice(choices.tolist())))
        verse.take(ids[-1])
    newline = TEXTS.index("\n")
    ends = [place for place, id in enumerate(ids) if id == newline]
    first, second, empty, third, _ = ends
    assert empty not in (first + 1, third + 1)
    for end in (first, empty if empty > second else second, third):
        assert ids[end + 1 : end + 3] == [7, 8]


def test_choices_are_those_of_the_slow_way():
    """Which single letters may follow a beginning: those with which a word goes on that fits, tried word by word."""
    guide = guide_of(scheme="xx", metre="iambic3")
    lexicon = verse_lexicon()
    verse = guide.begin()
    for letter in "Be":
        verse.take(TEXTS.index(letter))
    ids, _ = verse.choices()
    metre = guide.form.metres[0]
    fitting = {
        word
        for word, ways in zip(lexicon.words, lexicon.ways, strict=True)
        for way in ways
        for place, _ in place_all(way, metre)
        if place == 0 and (len(way) < 6 or (len(way) == 6 and word not in ("the",)))
    }
    expected = {word[2] for word in fitting if word.startswith("be") and len(word) > 2}
    assert {TEXTS[id] for id in ids if len(TEXTS[id]) == 1 and TEXTS[id].isalpha()} == expected & set(
        "abcdefghijklmnopqrstuvwxyz"
    )


def test_what_the_metre_costs_is_what_its_foot_says():
    metre = find_form(metre="iambic2").metres[0]
    (place, cost), *more = place_all("9", metre)
    assert (place, cost) == (0, feet.OFF["9"])
    assert more[0] == (1, feet.ON["9"])


def test_prices_add_up_to_those_of_the_words():
    """However a word is cut into tokens, it costs as much."""
    guide = guide_of(scheme="xx", metre="iambic3")
    verse = guide.begin()
    spent = 0.0
    for text in ["A", " rose", ","]:
        spent += price(verse, text)
    again = guide.begin()
    slow = sum(price(again, text) for text in ["A", " r", "o", "s", "e", ","])
    assert spent == pytest.approx(slow, abs=1e-5)


def price(verse, text):
    ids, prices = verse.choices()
    id = TEXTS.index(text)
    verse.take(id)
    return float(prices[ids.tolist().index(id)])


def test_a_line_that_is_in_another_foot_has_more_against_it_than_its_own_cost():
    metre = find_form(name="limerick").metres[0]
    own, other = "There was an Old Man with a beard", "The curfew tolls the knell of day"
    price = {line: line_gain(line, metre) / feet.read([line])["anapestic"][0].cost for line in (own, other)}
    assert price[other] < price[own] == pytest.approx(-2)
    assert line_gain(other, find_form(metre="iambic4").metres[0]) > line_gain(other, metre)


def test_a_copy_goes_its_own_way():
    verse = guide_of(name="quatrain").begin()
    verse.take(TEXTS.index("The"))
    other = verse.copy()
    other.take(TEXTS.index(" rose"))
    assert (verse.text, other.text) == ("The", "The rose")


def test_a_reduction_over_a_trie_is_that_of_all_words_below_each_node():
    some = sorted({*random.Random(1).sample(verse_lexicon().words, 300), "a"})
    trie = Trie(some)
    values = np.random.default_rng(2).integers(0, 100, (len(some), 3))
    found = trie.over(np.minimum, values)
    for length in range(4):
        for beginning in {word[:length] for word in some if len(word) >= length}:
            below = [value for word, value in zip(some, values, strict=True) if word.startswith(beginning)]
            assert (found[trie.walk(0, beginning)] == np.min(below, axis=0)).all()


def test_no_line_ends_where_no_word_can_finish_it():
    """Of a lexicon whose words of one beat all lean on the next, only a longer word ends a line."""
    lexicon = Lexicon(["the", "of", "and", "above", "below"])
    places = Places(lexicon, find_form(metre="iambic2").metres[0])
    assert places.at_end[lexicon.words.index("above"), 2] == 1 << 4
    guide = Guide(TEXTS, find_form(scheme="x", metre="iambic2"), lexicon)
    for seed in range(20):
        assert last_word(written(guide, seed).strip()) in ("above", "below")
