"""sample.py --form: poems that have it, in English and in the words of a dictionary, the same at any batch size."""

import json

import pytest
from conftest import texts_of

from poetics.metre import stress
from poetics.rhyme.grades import Grade, grade
from poetics.sounds.words import last_word, words


@pytest.fixture
def formed(place, run_here):
    def run(*arguments):
        return run_here("sample.py", "--model_name", "small", "--seed", 4, "--particles", 3, *arguments)

    return run


@pytest.mark.parametrize("engine", ["lite", "xla"])
def test_a_poem_in_a_form_rhymes_and_has_its_syllables(formed, engine):
    done = formed("--scheme", "AA BB", "--metre", "iambic3", "--engine", engine)
    assert done.returncode == 0, done.stderr
    (text,) = texts_of(done.stdout).values()
    first, second, empty, third, fourth = text.split("\n")
    assert not empty
    for line, other in ((first, second), (third, fourth)):
        assert grade(last_word(line), last_word(other)) is Grade.PERFECT
    assert all(6 in map(len, stress.line_ways(line)) for line in (first, second, third, fourth))


def test_poems_in_a_form_are_the_same_at_any_batch_size_and_after_a_restart(formed, place):
    asked = ("--form", "haiku", "--prompt", "Tell me")
    formed(*asked, "--nsamples", 5, "--out", "all.jsonl")
    formed(*asked, "--nsamples", 2, "--out", "some.jsonl", "--batch_size", 2)
    done = formed(*asked, "--nsamples", 5, "--out", "some.jsonl", "--batch_size", 4)
    assert done.returncode == 0, done.stderr
    assert (place / "some.jsonl").read_text() == (place / "all.jsonl").read_text()
    rows = [json.loads(line) for line in (place / "all.jsonl").read_text().splitlines()]
    assert {row["why"] for row in rows} == {"form"}
    assert {row["form"] for row in rows} == {"XXX 5 syllables, 7 syllables, 5 syllables"}
    assert all(1 <= row["ess"] <= 3 for row in rows)
    assert len({row["text"] for row in rows}) == 5


def test_a_file_of_samples_in_one_form_is_not_continued_in_another(formed):
    formed("--form", "haiku", "--out", "x.jsonl")
    done = formed("--syllables", "5,7,5,7,7", "--out", "x.jsonl")
    assert "x.jsonl: holds samples whose form is 'XXX 5 syllables, 7 syllables, 5 syllables', not" in done.stderr


def test_the_best_of_poems_in_a_form_is_chosen_as_of_others(formed, place):
    formed("--form", "haiku", "--nsamples", 4, "--out", "all.jsonl")
    formed("--form", "haiku", "--nsamples", 2, "--best_of", 2, "--out", "best.jsonl")
    every = [json.loads(line)["text"] for line in (place / "all.jsonl").read_text().splitlines()]
    best = [json.loads(line)["text"] for line in (place / "best.jsonl").read_text().splitlines()]
    assert [text in every[start : start + 2] for text, start in zip(best, (0, 2), strict=True)] == [True, True]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (("--form", "sonet"), "--form is sonet, expected sonnet, petrarchan,"),
        (("--form", "haiku", "--lines", 3), "--lines is given with a form, which says itself where a poem ends"),
        (("--form", "haiku", "--length", 30), "--length is given with a form"),
        (("--forms", "forms.json"), "--forms is given without --form"),
        (("--form", "haiku", "--particles", 1), "--particles is 1, expected at least 2"),
        (("--form", "haiku", "--prompt", "Tell me of the mournful numbers"), "is longer than a line of 5 syllables"),
        (("--form", "x", "--forms", "missing.json"), "missing.json: no such file"),
        (("--dictionary", "words.txt"), "--dictionary is given without a form"),
        (("--form", "haiku", "--dictionary", "missing.txt"), "missing.txt: no such file"),
    ],
)
def test_a_form_that_cannot_be_is_told_in_one_line(formed, asked, message):
    done = formed(*asked)
    assert done.returncode in (1, 2)
    assert message in done.stderr
    assert done.stderr.count("\n") <= 2


# A language of four sounds.
DICTIONARY = """\
;;; as the CMU dictionary writes it
DUMI  D UW1 M IY0
RUMI  R UW1 M IY0
NUMI  N UW1 M IY0
SUMI  S UW1 M IY0
MI  M IY0
"""


def test_verse_in_another_language_has_the_words_of_its_dictionary(formed, place):
    (place / "words.txt").write_text(DICTIONARY)
    done = formed("--scheme", "AA", "--metre", "trochaic2", "--dictionary", "words.txt")
    assert done.returncode == 0, done.stderr
    (text,) = texts_of(done.stdout).values()
    lines = [words(line) for line in text.split("\n")]
    assert {word for line in lines for word in line} <= {"dumi", "rumi", "numi", "sumi", "mi"}
    assert lines[0][-1] != lines[1][-1]


def test_a_file_of_samples_is_not_continued_with_other_words(formed, place):
    asked = ("--form", "haiku", "--dictionary", "words.txt", "--out", "x.jsonl")
    (place / "words.txt").write_text(DICTIONARY)
    assert formed(*asked).returncode == 0
    (place / "words.txt").write_text(DICTIONARY + "LUMI  L UW1 M IY0\n")
    assert "x.jsonl: holds samples whose dictionary is" in formed(*asked).stderr


def test_a_form_that_rhymes_needs_a_dictionary_that_does(formed, place):
    (place / "words.txt").write_text("dumi\nrumi\n")
    done = formed("--form", "couplets", "--dictionary", "words.txt")
    assert "the form has rhymes, and no 4 words of the dictionary rhyme with each other" in done.stderr
