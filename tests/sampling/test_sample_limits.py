"""sample.py --min_rhyme and the like: only texts that keep the limits of curate.py become samples."""

import json

import pytest

from poetics.curating.candidates import Candidate
from poetics.curating.sieve import Limits, fault_of

ASKED = ("--lines", 2, "--length", 20, "--tries", 6, "--min_known", 0.5)


def rows_of(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture
def limited(place, run_here):
    def run(*arguments):
        return run_here("sample.py", "--model_name", "small", "--seed", 4, *arguments)

    return run


def test_the_texts_that_keep_the_limits_are_kept(limited, place):
    done = limited(*ASKED, "--nsamples", 4, "--out", "some.jsonl", "--batch_size", 3)
    assert done.returncode == 0, done.stderr
    limited(*ASKED[:4], "--nsamples", 24, "--out", "all.jsonl", "--batch_size", 20)
    every, limits = rows_of(place / "all.jsonl"), Limits(min_lines=1, open_ends=True, min_known=0.5)
    good = [fault_of(Candidate("", row), limits, None) is None for row in every]
    expected = [next((i for i in range(start, start + 6) if good[i]), None) for start in range(0, 24, 6)]
    found = rows_of(place / "some.jsonl")
    assert [row["text"] for row in found] == ["" if i is None else every[i]["text"] for i in expected]
    assert {row["why"] for row in found} <= {"lines", "length", "end of text", "no try fits"}
    n_kept = 4 - expected.count(None)
    assert f"texts were written, of which {n_kept} are kept; " in done.stderr


def test_they_are_the_same_after_a_restart(limited, place):
    limited(*ASKED, "--nsamples", 5, "--out", "all.jsonl")
    limited(*ASKED, "--nsamples", 2, "--out", "some.jsonl", "--batch_size", 2)
    done = limited(*ASKED, "--nsamples", 5, "--out", "some.jsonl", "--batch_size", 4)
    assert done.returncode == 0, done.stderr
    assert (place / "some.jsonl").read_text() == (place / "all.jsonl").read_text()
    done = limited(*ASKED[:-1], 0.6, "--nsamples", 6, "--out", "some.jsonl")
    assert "holds samples whose min_known is 0.5, not 0.6" in done.stderr


def test_poems_in_a_form_keep_limits_too(limited, place):
    asked = ("--form", "haiku", "--particles", 3, "--nsamples", 3, "--tries", 4, "--min_metre", 0)
    limited(*asked, "--out", "one.jsonl")
    done = limited(*asked, "--out", "three.jsonl", "--batch_size", 3)
    assert done.returncode == 0, done.stderr
    assert (place / "one.jsonl").read_text() == (place / "three.jsonl").read_text()


def test_what_stands_in_the_corpus_is_not_kept(limited, place):
    limited("--length", 20, "--out", "first.jsonl")
    (place / "corpus.txt").write_text(rows_of(place / "first.jsonl")[0]["text"])
    asked = ("--length", 20, "--max_copied", 0, "--corpus", "corpus.txt", "--tries", 2, "--out", "second.jsonl")
    done = limited(*asked)
    assert done.returncode == 0, done.stderr
    assert rows_of(place / "second.jsonl")[0]["settings"]["corpus_words"] > 0


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (("--min_rhyme", 2), "--min_rhyme is 2.0, expected at most 1"),
        (("--tries", 0, "--min_rhyme", 0.5), "--tries is 0, expected at least 1"),
        (("--min_rhyme", 0.5, "--best_of", 2), "--best_of is given with limits such as --min_rhyme"),
        (("--corpus", "poems.txt"), "--corpus is given without --max_copied"),
        (("--max_copied", 0), "there is no corpus to look for copies in"),
    ],
)
def test_limits_that_cannot_be_are_told_in_one_line(limited, asked, message):
    done = limited(*asked)
    assert done.returncode in (1, 2)
    assert message in done.stderr
    assert done.stderr.count("\n") <= 2
