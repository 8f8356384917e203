import json

import pytest

from poetics.curating.candidates import Candidate, Measured
from poetics.curating.ratings import Ratings, key_of, next_shown
from poetics.curating.terminal import layout, rate
from system.errors import UserError


def text(words, prompt=""):
    return Measured(Candidate("a.jsonl", {"number": 1, "text": words, "prompt": prompt}), None)


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "ratings.jsonl")


def answer(texts, path, keys, at_once=2):
    """Rates by these keys; after the last one standard input ends."""
    typed = iter(keys)

    def ask(question):
        try:
            return next(typed)
        except StopIteration:
            raise EOFError from None

    rate(texts, Ratings(path), at_once, ask)
    return Ratings(path)


def test_two_are_shown_only_of_one_prompt():
    a, b, c = text("one", "A"), text("two", "B"), text("three", "A")
    assert {one.candidate.text for one in next_shown([a, b, c], (), 2)} == {"one", "three"}
    assert next_shown([a, b, c], {key_of(a)}, 2) == (b,)
    assert next_shown([a, b, c], (), 1) == (a,)
    assert next_shown([a], {key_of(a)}, 2) == ()


def test_the_better_ranked_is_on_the_left_about_half_the_time():
    shown = [next_shown([text(f"better {i}"), text(f"worse {i}")], (), 2)[0].candidate.text for i in range(200)]
    assert 70 < sum(words.startswith("better") for words in shown) < 130  # 4 standard deviations of fair coins


def test_a_preference_keeps_one_and_is_a_pair_with_the_better_one_named(path):
    texts = [text(word) for word in ("one", "two", "three", "four", "five")]
    found = answer(texts, path, ["r", "b", "k"])
    with open(path, encoding="utf-8") as file:
        first, second = json.loads(file.readline())["samples"]
    assert found.verdicts() == {("", first): False, ("", second): True} | {
        ("", word): True for word in ("three", "four", "five")
    }
    assert found.pairs() == [{"query": "", "sample0": first, "sample1": second, "best": 1}]
    assert {first, second} == {"one", "two"}


def test_each_answer_is_in_the_file_at_once_and_nothing_is_asked_twice(path):
    texts = [text(word) for word in ("one", "two", "three", "four")]
    whole = answer(texts, path, ["l", "n"]).rows
    for keys in (["l"], ["n"], ["l"]):
        assert len(answer(texts, f"{path}.2", keys).rows) <= 2
    assert Ratings(f"{path}.2").rows == whole


def test_an_answer_can_be_taken_back_and_one_put_off_is_asked_later(path):
    texts = [text(word) for word in ("one", "two", "three")]
    found = answer(texts, path, ["k", "u", "u", "d", "s", "k"], at_once=1)
    assert found.verdicts() == {("", "one"): False, ("", "three"): True}
    assert answer(texts, path, ["x", "k"], at_once=1).verdicts()["", "two"]


def test_two_texts_stand_side_by_side_only_where_they_fit():
    pair = [text("Rose,\nthou art sick."), text("Tyger\nTyger\nburning")]
    assert layout(pair, 40) == "\n".join(
        ["Rose,            |   Tyger", "thou art sick.   |   Tyger", "                 |   burning"]
    )
    assert layout(pair, 20).splitlines()[:3] == ["LEFT", "Rose,", "thou art sick."]


@pytest.mark.parametrize(
    "line", ["{", '{"query": "", "samples": ["a"], "answer": "left"}', '{"query": "", "samples": ["a"], "answer": "?"}']
)
def test_a_file_of_something_else_is_refused(path, line):
    with open(path, "w") as file:
        file.write(line + "\n")
    with pytest.raises(UserError, match="line 1"):
        Ratings(path)
