"""A sample ends where the first of its rules is met, and what is shown before is never taken back."""

import random

import pytest

import encoder
from gpt2.jobs.endings import LINES, STANZAS, STOP, Endings


@pytest.fixture(scope="module")
def enc(small_model):
    return encoder.get_encoder("small", str(small_model))


def lines_plainly(text, n):
    """The text before the line end of its n-th line that is not blank; None without so many."""
    kept = []
    for line in text.split("\n")[:-1]:
        kept.append(line)
        n -= bool(line.strip())
        if n == 0:
            return "\n".join(kept)
    return None


def stanzas_plainly(text, n):
    """The text up to the blank line after its n-th stanza; None without it."""
    kept: list[str] = []
    for line in text.split("\n")[:-1]:
        n -= not line.strip() and bool(kept) and bool(kept[-1].strip())
        if n == 0:
            return "\n".join(kept).rstrip()
        kept.append(line)
    return None


def random_texts(n=400):
    draw = random.Random(0)
    return ["".join(draw.choices(["a", "bé ", "\n", "\n\n", " \n", "End", " ", "E"], k=30)) for _ in range(n)]


@pytest.mark.parametrize("n", [1, 2, 3])
def test_after_n_lines_that_are_not_blank(enc, n):
    for text in random_texts():
        end, why = Endings(enc, lines=n).find(text.encode())
        expected = lines_plainly(text, n)
        assert (text.encode()[:end].decode(), why) == ((text, None) if expected is None else (expected, LINES))


@pytest.mark.parametrize("n", [1, 2, 3])
def test_after_n_stanzas(enc, n):
    for text in random_texts():
        end, why = Endings(enc, stanzas=n).find(text.encode())
        expected = stanzas_plainly(text, n)
        assert (text.encode()[:end].decode(), why) == ((text, None) if expected is None else (expected, STANZAS))


def test_before_a_text(enc):
    assert Endings(enc, stop="End").find("a\nThé End".encode()) == (len("a\nThé ".encode()), STOP)
    assert Endings(enc, stop="End").find(b"a En d") == (6, None)


def test_at_whichever_comes_first(enc):
    endings = Endings(enc, stop="b", lines=2, stanzas=1)
    assert endings.find(b"a\nb\n\n") == (2, STOP)
    assert endings.find(b"a\nc\nb") == (3, LINES)
    assert endings.find(b"a\n\nc\nb\n") == (1, STANZAS)


def test_ids_are_watched_one_by_one(enc):
    text = "one\ntwo\nthree"
    feed = Endings(enc, lines=2)()
    ids = enc.encode(text)
    told = [feed(id) for id in ids]
    place = next(place for place, why in enumerate(told) if why)
    assert told[place] == LINES
    assert "two\n" in enc.decode(ids[: place + 1])
    assert "two\n" not in enc.decode(ids[:place])
    assert Endings(enc, lines=2).text(ids[: place + 1]) == "one\ntwo"


@pytest.mark.parametrize("rules", [{"stop": "End"}, {"lines": 2}, {"stanzas": 1}, {"stop": "\n\nE", "stanzas": 2}, {}])
def test_what_is_shown_is_never_taken_back(enc, rules):
    endings = Endings(enc, **rules)
    for text in random_texts(100):
        whole = text.encode()
        final = whole[: endings.find(whole)[0]]
        for length in range(len(whole) + 1):
            shown = whole[: endings.settled(whole[:length])]
            assert final.startswith(shown)


def test_without_rules_all_is_shown(enc):
    assert Endings(enc).settled(b"a\n ") == 3
