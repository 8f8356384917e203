"""No words in a row come twice, and the penalty's exemptions are what has no word in it."""

import re

import numpy as np
import pytest

import encoder
from gpt2.jobs.no_repeat import NoRepeat, wordless


@pytest.fixture(scope="module")
def enc(reference_folder):
    return encoder.load_encoder(reference_folder)


def repeats(text, n):
    """Whether the last n words came before, by the text alone."""
    text = re.sub(rb"\xe2[\x80\x81][\x80-\xbf]", b" ", text.lower())  # general punctuation
    words = re.findall(rb"[0-9a-z\x80-\xff]+", text)
    grams = [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]
    return len(grams) > len(set(grams))


TEXTS = {
    1: ["Th", "the,"],
    2: ["", "The rose, the", "no, to be or not to", "a a", "the red ros "],
    3: ["A\nrose is a rose", "To be, or not to b", "to be or not to be"],
    4: ["“the bright sea” and", "the bright sea—and the brigh"],
}


@pytest.mark.parametrize(("n", "text"), [(n, text) for n, texts in TEXTS.items() for text in texts])
def test_just_the_ids_that_would_repeat_words_are_banned(enc, n, text):
    ids = tuple(enc.encode(text))
    banned = set(NoRepeat(enc, n)(ids)(None).tolist())
    before = enc.decode_bytes(ids)
    assert not repeats(before, n)
    for id in range(0, enc.end_of_text, 7):
        assert (id in banned) == repeats(before + enc.decode_bytes([id]), n), enc.decode([id])
    for id in banned:
        assert repeats(before + enc.decode_bytes([id]), n), enc.decode([id])


def test_no_text_that_avoids_the_banned_ids_repeats_itself(enc):
    words = enc.encode(" the rose of the red wind and a rose, there\nre red theatre atre The")
    draw = np.random.default_rng(0)
    for n in (1, 2, 3):
        feed = NoRepeat(enc, n)(())
        ids: list[int] = []
        banned = feed(None)
        for _ in range(150):
            allowed = [id for id in words if id not in banned]
            if not allowed:
                break
            ids.append(int(draw.choice(allowed)))
            banned = feed(ids[-1])
            assert not repeats(enc.decode_bytes(ids), n)


@pytest.mark.parametrize("text", ["“the bright sea” and the bright", "the bright sea—and the bright"])
def test_curly_quotes_and_dashes_end_a_word(enc, text):
    [sea] = enc.encode(" sea")
    assert sea in NoRepeat(enc, 3)(tuple(enc.encode(text)))(None)


@pytest.mark.parametrize("sign", ["“", "”", "\u2018", "\u2019", "—", "…"])
def test_all_ids_of_curly_quotes_and_dashes_are_exempt(enc, sign):
    exempt = wordless(enc)
    for text in (sign, f" {sign}", f"sea{sign}", f".{sign}\n"):
        for id in enc.encode(text):
            assert exempt[id] or enc.decode([id]) == "sea"


def test_what_has_no_word_is_exempt(enc):
    exempt = wordless(enc)
    for text, expected in {"\n": True, ",": True, " —": True, " the": False, "é": False, "7": False}.items():
        [id] = enc.encode(text)
        assert exempt[id] == expected, text
    assert exempt[enc.end_of_text]
