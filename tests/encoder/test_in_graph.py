# ruff: noqa: RUF001 (letters that look like others are what is tested)
import json
import os
import random

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from encoder import vocabulary
from encoder.in_graph import GraphEncoder
from encoder.reference import Encoder
from encoder.trainer import train_vocabulary

pytest.importorskip("tensorflow_text", reason="tensorflow-text has no wheel for this system")

VERSE = (
    "'Tis the Tyger's night;\n\n  the tyger burns, the tyger's bright:\r\n\tthey'll burn, I've 1,001 nights… Ô temps!\n"
)
# White space of 1 to 3 bytes, letters, numbers and signs of 1 to 4, contractions and what only looks like them.
FRAGMENTS = [
    *(" ", "  ", "\n", "\n\n", "\r\n", "\t", "\x1c", "\x85", "\xa0", "\u1680", "\u2028", "\u3000", " \u3000 "),
    *("a", "The", "é", "α", "語", "𝔘", "e\u0301", "ª", "s", "re", "9", "1234", "٣", "½", "Ⅷ", "𝟗"),
    *("'", "''", "’", "'s", "'S", "'t", "'re", "'r", "'ve", "'v", "'ll", "'l", "'m", "'d", "'s's", " 's", "  's"),
    *("!", "?!", "—", "🖋", "\u200d", "_", "\0", "\0\0", "\x7f", "\ufeff", "\ufffd", "\uffff", "\U0010ffff", "▁"),
    *("<|endoftext|>", "x" * 40, "xy" * 40),
]
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=100) | st.lists(
    st.sampled_from(FRAGMENTS), max_size=40
).map("".join)


@pytest.fixture(scope="module")
def graph(enc):
    return GraphEncoder(enc)


@pytest.fixture(scope="module")
def cases(reference_folder):
    with open(os.path.join(reference_folder, os.pardir, "bpe_cases.json"), encoding="utf-8") as file:
        return json.load(file)


def test_the_ids_are_those_of_gpt_2(graph, cases):
    assert graph.encode([case["text"] for case in cases]).to_list() == [case["ids"] for case in cases]


def test_gpt_2s_ids_decode_to_their_texts(graph, cases):
    texts = graph.decode(tf.ragged.constant([case["ids"] for case in cases], dtype=tf.int32))
    assert [text.decode() for text in texts.numpy()] == [case["text"] for case in cases]


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("The end.\n\nNext", [464, 886, 13, 198, 198, 10019]),
        ("The end.\n\n", [464, 886, 13, 628]),
        ("<|endoftext|>", [27, 91, 437, 1659, 5239, 91, 29]),
        ("", []),
    ],
)
def test_stanza_breaks_and_end_of_text_are_encoded_as_gpt_2_does(graph, text, ids):
    assert graph.encode([text]).to_list() == [ids]


@given(texts=st.lists(TEXTS, max_size=8))
def test_the_ids_of_any_texts_are_those_of_the_reference(graph, enc, texts):
    ids = graph.encode(tf.constant(texts, tf.string))
    assert ids.dtype == tf.int32
    assert ids.to_list() == [enc.encode(text) for text in texts]


@pytest.mark.slow
def test_every_character_has_the_class_that_the_pattern_gives_it(graph, enc):
    """A letter before it and a number after it tell letters, numbers, signs and white space apart.

    Beyond the first two planes there are long runs of one kind, of which every hundredth is enough.
    """
    codes = [*range(0xD800), *range(0xE000, 0x20000), *range(0x20000, 0x110000, 100)]
    characters = map(chr, codes)
    text = "\n".join(f"a{character}1" for character in characters)
    assert np.array_equal(graph.encode([text]).values, enc.encode(text))


@pytest.mark.parametrize("piece", ["a", "ab", "語", "?!-", " ", "\n", "9", "é!"])
def test_a_very_long_piece_is_encoded(graph, enc, piece):
    text = f"x {piece * 30_000} y"
    assert graph.encode([text]).to_list() == [enc.encode(text)]


@given(rows=st.lists(st.lists(st.integers(0, 50256) | st.integers(94, 255), max_size=30), max_size=8))
def test_any_ids_decode_as_python_decodes_their_bytes(graph, enc, rows):
    texts = graph.decode(tf.ragged.constant(rows, ragged_rank=1, dtype=tf.int32))
    assert [text.decode() for text in texts.numpy()] == [enc.decode(ids) for ids in rows]


@pytest.mark.parametrize("text", [b"a\xff", b"\xe8\xaa", b"\xed\xa0\xb4", b"\xc0\x80", b"\xf4\x90\x80\x80"])
def test_a_text_that_is_not_utf_8_is_refused(graph, text):
    with pytest.raises(tf.errors.InvalidArgumentError, match="Invalid formatting"):
        graph.encode([b"Tyger", text])


@pytest.mark.parametrize("id", [-1, 50257])
def test_an_id_outside_the_vocabulary_is_refused(graph, id):
    with pytest.raises(tf.errors.InvalidArgumentError, match=f"{id} is not in"):
        graph.decode(tf.ragged.constant([[15496, id]], dtype=tf.int32))


def shuffled(learnt):
    """The same tokens under other ids."""
    *tokens, end = learnt.tokens
    return vocabulary.Vocabulary((*random.Random(1).sample(tokens, len(tokens)), end), learnt.merges)


@pytest.mark.parametrize(
    "learnt",
    [
        train_vocabulary([VERSE], 300),
        shuffled(train_vocabulary([VERSE], 290)),
        vocabulary.from_merges([("a" * 2**power, "a" * 2**power) for power in range(9)]),
        vocabulary.from_merges([]),
    ],
    ids=["learnt", "shuffled", "long tokens", "bytes alone"],
)
def test_another_vocabulary_gives_its_own_ids(learnt):
    enc, texts = Encoder(learnt), [VERSE, "a" * 3000, *FRAGMENTS]
    assert GraphEncoder(enc).encode(texts).to_list() == [enc.encode(text) for text in texts]


def test_a_vocabulary_with_a_token_that_its_bytes_do_not_give_is_refused():
    never_abc = vocabulary.from_merges([("a", "b"), ("b", "c"), ("a", "bc")])
    with pytest.raises(ValueError, match=r"token 'abc': its bytes merge to \['ab', 'c'\], expected the token itself"):
        GraphEncoder(Encoder(never_abc))


@pytest.fixture(scope="module")
def served(graph, tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("served"))
    tf.saved_model.save(graph, folder, signatures=graph.encode)
    return tf.saved_model.load(folder)


def test_a_saved_model_encodes_a_batch_and_gives_it_back(served, enc):
    texts = [VERSE, "", "The end.\n\nNext"]
    ids = served.encode(tf.constant(texts))
    assert ids.to_list() == [enc.encode(text) for text in texts]
    assert [text.decode() for text in served.decode(ids).numpy()] == texts


def test_a_saved_model_serves_a_batch_by_its_signature(served):
    (ids,) = served.signatures["serving_default"](tf.constant(["Hello world", "", "The end.\n\nNext"])).values()
    assert ids.to_list() == [[15496, 995], [], [464, 886, 13, 198, 198, 10019]]
