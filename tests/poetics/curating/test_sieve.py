import dataclasses

import pytest

from poetics.curating.candidates import Candidate, Measured, measure
from poetics.curating.sieve import Limits, Seen, fault, is_finished, sift

LINES = ("The rose is red, the day is bright,", "And every star will shine at night;", "So ends", "the song.")


def candidate(text, **others):
    return Candidate("a.jsonl", {"number": 1, "text": text, **others})


def measured(text, **others):
    found = candidate(text, **others)
    return Measured(found, measure(found.lines) if found.lines else None)


@pytest.mark.parametrize(
    ("text", "why", "finished"),
    [
        ("He came and went.\n", "length", True),
        ('"Who goes?"', "lines", True),
        ("“Alas!”", "lines", True),
        ("He came and", "length", False),
        ("He came,", "lines", False),
        ("no marks at all", "end of text", True),
        ("no marks at all", None, False),
    ],
)
def test_a_text_is_finished_where_its_model_or_a_sentence_ended_it(text, why, finished):
    assert is_finished(candidate(text, why=why)) is finished


def test_texts_are_alike_if_they_share_most_runs_of_five_words():
    seen = Seen()
    seen.add(candidate("one two three four five six seven eight nine ten\neleven twelve"))
    assert seen.has(candidate("ONE two, three four five six seven eight\nnine ten"))
    assert not seen.has(candidate("one two three four five and then come quite other words instead"))
    assert not seen.has(candidate("eleven twelve"))
    seen.add(candidate("eleven twelve"))
    assert seen.has(candidate("Eleven\ntwelve!"))


def test_the_unfinished_line_of_a_prompt_belongs_to_the_first_line():
    found = candidate(" to a summer's day?\nThou art", prompt="Sonnet\n\nShall I compare thee")
    assert found.lines == ("Shall I compare thee to a summer's day?", "Thou art")
    assert found.whole == "Sonnet\n\nShall I compare thee to a summer's day?\nThou art"


def test_each_limit_drops_what_is_beyond_it():
    text = measured("\n".join(LINES))
    assert text.figures.rhyme == 0.5
    assert fault(text, Limits()) is None
    for limits in (
        Limits(min_lines=5),
        Limits(min_rhyme=0.51),
        Limits(min_metre=9.0),
        Limits(min_known=1.01),
        Limits(form="sonnet"),
    ):
        assert fault(text, limits)
    assert fault(measured("One line.\n" * 4), Limits(max_repeated=0.7)) == "repeat more than 0.7 of their lines"


def ranked(text, **figures):
    found = measured(text)
    return dataclasses.replace(found, figures=dataclasses.replace(found.figures, **figures))


def test_the_best_come_first_and_of_equals_the_one_more_like_verse():
    one, two, three = "The sun\nis\nso\nred.", "A moon\nof\nno\nlight.", "Her star\nat\nmy\nfeet."
    texts = [
        ranked(one, rhyme=0.5, likeness=-1),
        ranked(two, rhyme=0.9, likeness=-9),
        ranked(three, rhyme=0.5, likeness=2),
    ]
    found = sift(texts, Limits(), "rhyme", 2)
    assert [text.candidate.text for text in found.kept] == [two, three]
    assert [(text.text.candidate.text, text.reason) for text in found.dropped] == [(one, "rank below the best 2")]
    assert sift(texts, Limits(), "likeness", 1).kept == [texts[2]]


def test_of_two_texts_that_say_the_same_the_better_is_kept():
    verse = "\n".join(LINES)
    worse, better = ranked(verse, likeness=1), ranked(f"{verse}\n\n", likeness=2)
    for texts in ([worse, better], [better, worse]):
        found = sift(texts, Limits(), "likeness", 10)
        assert found.kept == [better]
        assert [text.reason for text in found.dropped] == ["say mostly what a better one says"]


def test_texts_without_a_word_are_dropped_whatever_the_limits():
    assert fault(measured("* * *\n12"), Limits(min_lines=1, open_ends=True))
