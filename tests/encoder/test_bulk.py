# ruff: noqa: RUF001 (letters that look like others are what is tested)
import itertools
import json
import os
import random
import unittest.mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import encoder
from encoder import bulk, chunks, hash_table, pattern, reference, trainer, vocabulary
from encoder.bulk import BulkEncoder

VERSE = """\
And what's he then that says I play the villain?
'Tis true--they'll say it's THE KING'S, I'd've guessed; we're 'em, you've 1,001 nights...

  Ô temps, suspends ton vol ! et vous, heures propices,
\tSuspendez votre cours !\xa0» L’été, où j’ai rêvé ; naïf ― « ça »

Μῆνιν ἄειδε, θεά, Πηληϊάδεω Ἀχιλῆος
οὐλομένην, ἣ μυρί’ Ἀχαιοῖς ἄλγε’ ἔθηκεν·

白日依山盡,黃河入海流。\u3000欲窮千里目,更上一層樓。
    [Illustration: _Tyger_] * * * * *\r
It’s — “quoted” … 3½ ٣٤ Ⅷ 🖋👩‍👩‍👧 e\u0301 unfathomablenesses incomprehensibilities   \n
"""
# What the pattern tells apart, at its borders: white space of 1, 2 and 3 bytes, letters, numbers and signs of 1 to 4,
# combining marks, contractions and what only looks like them, bytes that other code uses as ends or fillings, and
# pieces around the sizes of the tables.
FRAGMENTS = [
    *("a", "B", "é", "α", "語", "𝔘", "s", "re", "hello", "the night's", "e\u0301", " Ὀρφεύς", "ǅ", "ª"),
    *(" ", "  ", "\n", "\n\n", "\r\n", "\t", "\v", "\x85", "\xa0", "\u1680", "\u2028", "\u3000", " \u3000 "),
    *("'", "''", "’", "'s", "'S", "'t", "'re", "'r", "'ve", "'v", "'ll", "'l", "'m", "'d", "'s's", " 's"),
    *("9", "1234", "٣", "½", "Ⅷ", "𝟗", "!", "?!", "—", "…", "🖋", "\u0301", "\u200d", "_", "<|endoftext|>"),
    *("\0", "\0" * 9, "\x1c", "\x7f", "\ufeff", "\ufffd", "\U0010ffff", "\xfe", "\xff"),
    *("abcdefg", "abcdefgh", "abcdefghi", "x" * 15, "x" * 16, "x" * 17, "x" * 31, "x" * 32, "x" * 33, "xy" * 40),
]
NASTY = "".join(random.Random(1).choices(FRAGMENTS, k=120))
FRAGMENT_TEXTS = st.lists(st.sampled_from(FRAGMENTS), max_size=60).map("".join)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=200) | FRAGMENT_TEXTS


@pytest.fixture(scope="session")
def bulk_enc(enc):
    """One that has met more and more pieces, test by test."""
    return BulkEncoder(enc)


@pytest.fixture
def small(monkeypatch):
    """Windows, blocks, chunks and tables so small that a short text needs many."""
    for module, name, value in (
        (pattern, "WINDOW", 50),
        (chunks, "BLOCK", 20),
        (chunks, "FIRST", 30),
        (chunks, "LARGEST", 100),
        (bulk, "ROWS", (64, 32, 32)),
    ):
        monkeypatch.setattr(module, name, value)


def test_the_ids_are_those_of_gpt_2(bulk_enc, reference_folder):
    with open(os.path.join(reference_folder, os.pardir, "bpe_cases.json"), encoding="utf-8") as file:
        cases = json.load(file)
    assert [bulk_enc.encode(case["text"]).tolist() for case in cases] == [case["ids"] for case in cases]


@pytest.mark.parametrize("text", ["", VERSE, NASTY, *VERSE.splitlines(keepends=True)])
def test_the_ids_are_those_of_the_reference(bulk_enc, enc, text):
    ids = bulk_enc.encode(text)
    assert ids.dtype == np.uint16
    assert ids.tolist() == enc.encode(text)


@given(text=TEXTS)
def test_the_ids_of_any_text_are_those_of_the_reference(bulk_enc, enc, text):
    assert bulk_enc.encode(text).tolist() == enc.encode(text)


@pytest.mark.slow
def test_the_ids_of_ten_thousand_random_texts_are_those_of_the_reference(bulk_enc, enc):
    dice = random.Random(2)
    for _ in range(10_000):
        text = "".join(dice.choices(FRAGMENTS, k=dice.randint(0, 80)))
        assert bulk_enc.encode(text).tolist() == enc.encode(text)


@given(text=FRAGMENT_TEXTS)
def test_pieces_begin_where_the_pattern_begins_them(text):
    margin = bytes([pattern.END]) * pattern.MARGIN
    data = np.frombuffer(margin + text.encode() + margin, np.uint8)
    found = [start - pattern.MARGIN for starts in pattern.find_starts(data) for start in starts[:-1]]
    sizes = [len(piece[0].encode()) for piece in encoder.reference.PATTERN.finditer(text)]
    assert found == list(itertools.accumulate(sizes, initial=0))[:-1]


@pytest.mark.slow
def test_every_character_has_the_class_that_the_pattern_gives_it(bulk_enc, enc):
    """A letter before it and a number after it tell letters, numbers, signs and white space apart."""
    characters = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    text = "\n".join(f"a{character}1" for character in characters)
    assert bulk_enc.encode(text).tolist() == enc.encode(text)


@pytest.mark.parametrize("window", [1, 2, 3, 17, 64])
def test_windows_of_any_size_give_the_same_ids(bulk_enc, enc, monkeypatch, window):
    monkeypatch.setattr(pattern, "WINDOW", window)
    assert bulk_enc.encode(NASTY).tolist() == enc.encode(NASTY)


@pytest.mark.usefixtures("small")
def test_text_may_come_in_parts_that_end_anywhere(enc):
    streamed, expected = BulkEncoder(enc), enc.encode(NASTY)
    for at in range(len(NASTY) + 1):
        parts = streamed.encode_stream([NASTY[:at], NASTY[at:]])
        assert np.concatenate(list(parts)).tolist() == expected
    assert np.concatenate(list(streamed.encode_stream(NASTY))).tolist() == expected


@given(before=FRAGMENT_TEXTS, after=FRAGMENT_TEXTS)
def test_a_cut_does_not_change_ids_whatever_follows(enc, before, after):
    with unittest.mock.patch.object(chunks, "BLOCK", 2):
        places = list(chunks.find_cuts(before))
    for place in places:
        assert enc.encode(before[:place]) + enc.encode(before[place:] + after) == enc.encode(before + after)


def test_a_long_text_is_cut_in_small_chunks(monkeypatch):
    monkeypatch.setattr(chunks, "BLOCK", 100)
    monkeypatch.setattr(chunks, "FIRST", 100)
    monkeypatch.setattr(chunks, "LARGEST", 1000)
    for text in (VERSE * 20, "語、" * 2000, "a1" * 2000):
        found = list(chunks.cut([text]))
        assert b"".join(itertools.chain.from_iterable(found)).decode() == text
        assert max(sum(map(len, chunk)) for chunk in found) <= 1000 + 4 * 100


@pytest.mark.usefixtures("small")
def test_full_tables_start_anew_and_give_the_same_ids(enc):
    forgetful = BulkEncoder(enc)
    words = ["".join(random.Random(number).choices("abcdefghij", k=number % 40)) for number in range(3000)]
    for _ in range(2):
        text = " ".join(words)
        assert forgetful.encode(text).tolist() == enc.encode(text)
        assert all(table.load <= 0.5 for table in forgetful._tables)


def test_more_new_words_than_a_table_holds_are_encoded_all_the_same(enc, monkeypatch):
    monkeypatch.setattr(bulk, "ROWS", (16, 16, 16))
    monkeypatch.setattr(bulk, "POOL", 10)
    assert BulkEncoder(enc).encode(VERSE).tolist() == enc.encode(VERSE)


def test_pieces_that_were_made_to_collide_are_encoded_all_the_same(enc, monkeypatch):
    monkeypatch.setattr(hash_table, "MULTIPLIERS", np.zeros(4, np.uint64))
    colliding = BulkEncoder(enc)
    for _ in range(2):
        assert colliding.encode(VERSE + NASTY).tolist() == enc.encode(VERSE + NASTY)


def test_pieces_of_every_size_and_of_one_beginning_are_told_apart(bulk_enc, enc):
    text = " ".join(letter * size + end for size in range(45) for letter in "a\0語é" for end in ("", "b", "\0"))
    assert bulk_enc.encode(text).tolist() == enc.encode(text)


@pytest.mark.parametrize("piece", ["a", "ab", "語", "-", " ", "\n", "9", "é!"])
def test_a_very_long_piece_is_encoded(bulk_enc, enc, piece):
    text = f"x {piece * 30_000} y"
    assert bulk_enc.encode(text).tolist() == enc.encode(text)


def test_long_pieces_are_remembered_within_bounds(enc, monkeypatch):
    monkeypatch.setattr(bulk, "LONG_PIECES", 5)
    bounded = BulkEncoder(enc)
    text = " ".join("x" * size for size in [*range(33, 50), 2000])
    for _ in range(2):
        assert bounded.encode(text).tolist() == enc.encode(text)
    assert len(bounded._long) == 5


def test_an_error_while_learning_leaves_nothing_half_learnt(enc, monkeypatch):
    interrupted = BulkEncoder(enc)
    interrupted.encode("Tyger")
    merge = interrupted._merger.merge

    def interrupt(pieces):
        raise KeyboardInterrupt

    monkeypatch.setattr(interrupted._merger, "merge", interrupt)
    with pytest.raises(KeyboardInterrupt):
        interrupted.encode(VERSE)
    monkeypatch.setattr(interrupted._merger, "merge", merge)
    assert interrupted.encode(VERSE).tolist() == enc.encode(VERSE)


def test_a_vocabulary_of_ones_own_gives_the_ids_of_its_reference():
    own = reference.Encoder(trainer.train_vocabulary([VERSE], 600))
    assert BulkEncoder(own).encode(VERSE + NASTY).tolist() == own.encode(VERSE + NASTY)


def test_a_token_whose_own_bytes_merge_otherwise_is_not_taken_for_its_text():
    """`abc` is made of `ab` and `c`, but in the text abc, b and c merge first."""
    own = reference.Encoder(vocabulary.from_merges([("b", "c"), ("a", "b"), ("ab", "c")]))
    assert BulkEncoder(own).encode("abc ab").tolist() == own.encode("abc ab")


def test_a_vocabulary_without_merges_gives_bytes():
    own = reference.Encoder(vocabulary.from_merges([]))
    assert BulkEncoder(own).encode(NASTY).tolist() == own.encode(NASTY)


def encoded(bulk_enc, texts):
    """The ids of each of many texts, cut apart at the ends that None stands for."""
    parts = itertools.chain.from_iterable((text, None) for text in texts)
    ids = np.concatenate(list(bulk_enc.encode_stream(parts)))
    ends = np.flatnonzero(ids == bulk_enc._encoder.end_of_text) + 1  # No text gives this id.
    return [part.tolist() for part in np.split(ids, ends)[:-1]]


def test_many_texts_are_encoded_each_as_if_alone(bulk_enc, enc):
    texts = [*VERSE.splitlines(keepends=True), "", " ", "\n", "a\n", " a", "'s", "", "\u3000", "\xa0b", "re", "", NASTY]
    texts += [text[:at] for text in ("it's  \n", "a 'll\u3000\u3000b") for at in range(len(text) + 1)]
    assert encoded(bulk_enc, texts) == [[*enc.encode(text), enc.end_of_text] for text in texts]


@given(texts=st.lists(TEXTS, max_size=8))
def test_any_texts_are_encoded_each_as_if_alone(bulk_enc, enc, texts):
    assert encoded(bulk_enc, texts) == [[*enc.encode(text), enc.end_of_text] for text in texts]


def test_none_in_a_stream_gives_end_of_text(bulk_enc, enc):
    ids = np.concatenate(list(bulk_enc.encode_stream(["Hel", "lo", None, None, " wor", "ld"])))
    assert ids.tolist() == [*enc.encode("Hello"), enc.end_of_text, enc.end_of_text, *enc.encode(" world")]


@pytest.mark.usefixtures("small")
def test_the_ids_are_the_same_however_the_text_is_cut(enc):
    texts = [NASTY, VERSE, None, "a" * 1000, None, VERSE]
    expected = [*enc.encode(NASTY + VERSE), enc.end_of_text, *enc.encode("a" * 1000), enc.end_of_text]
    found = list(BulkEncoder(enc).encode_stream(texts))
    assert len(found) > 10
    assert np.concatenate(found).tolist() == expected + enc.encode(VERSE)


def test_a_lone_surrogate_is_an_error_that_names_it(bulk_enc):
    with pytest.raises(ValueError, match=r"lone surrogate U\+DCFE at character 6"):
        list(bulk_enc.encode_stream(["verse ", "\udcfe"]))
