import json
import os
import random
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import encoder
from encoder import reference, vocabulary

SPECIAL = "<|endoftext|>"
WHOLE_CHARACTERS = st.characters(exclude_categories=["Cs"])
TEXTS = st.text(WHOLE_CHARACTERS, max_size=300)
RUNS = st.lists(
    st.tuples(st.sampled_from(["a", "ab", " ", "\n", "'s", "…", "語", "🖋", "é", "e\u0301", "9"]), st.integers(1, 300)),
    max_size=5,
).map(lambda runs: "".join(text * times for text, times in runs))


@pytest.fixture(scope="session")
def cases(reference_folder):
    with open(os.path.join(reference_folder, os.pardir, "bpe_cases.json"), encoding="utf-8") as file:
        return json.load(file)


def test_the_ids_are_those_of_gpt_2(enc, cases):
    assert len(cases) == 308
    assert [enc.encode(case["text"]) for case in cases] == [case["ids"] for case in cases]


def test_gpt_2s_ids_decode_to_their_texts(enc, cases):
    assert [enc.decode(case["ids"]) for case in cases] == [case["text"] for case in cases]


def test_a_model_is_found_by_its_name(reference_folder):
    models_dir, name = os.path.split(reference_folder)
    assert encoder.get_encoder(name, models_dir).encode("Hello world") == [15496, 995]


def test_a_model_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="124M"):
        encoder.get_encoder(models_dir=str(tmp_path))


def test_importing_the_encoder_leaves_tensorflow_alone():
    code = "import sys, encoder.trainer; sys.exit('tensorflow' in sys.modules or 'gpt2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@given(text=TEXTS | RUNS)
def test_any_text_comes_back(enc, text):
    assert enc.decode(enc.encode(text)) == text


@given(text=TEXTS | RUNS)
def test_pieces_merge_as_in_openais_loop(enc, merge_slowly, text):
    slow = [token for piece in reference.PATTERN.findall(text) for token in merge_slowly(piece)]
    assert [enc.vocabulary.tokens[id] for id in enc.encode(text)] == slow


def hostile(length):
    signs = "".join(random.Random(7).choices("!?.,;:-'\"()…—", k=length))
    return ["a" * length, "ab" * (length // 2), "the" * (length // 3), signs, " " * length, "語" * length]


@pytest.mark.parametrize("number", range(6))
def test_a_long_piece_merges_as_in_openais_loop(enc, merge_slowly, number):
    text = hostile(3000)[number]
    slow = [token for piece in reference.PATTERN.findall(text) for token in merge_slowly(piece)]
    assert [enc.vocabulary.tokens[id] for id in enc.encode(text)] == slow


@pytest.mark.parametrize("number", range(6))
def test_a_very_long_piece_comes_back(enc, number):
    text = hostile(200_000)[number]
    assert enc.decode(enc.encode(text)) == text


def test_a_long_piece_is_not_kept_in_memory(enc):
    enc.encode("a rose " + "a" * 5000)
    assert max(map(len, enc._pieces)) < 5000


def test_a_full_cache_starts_anew_and_gives_the_same_ids(enc, monkeypatch):
    text = "Tiger Tiger, burning bright,\nIn the forests of the night;"
    expected = enc.encode(text)
    monkeypatch.setattr(reference, "CACHED_PIECES", 3)
    fresh = reference.Encoder(enc.vocabulary)
    assert fresh.encode(text) == expected
    assert len(fresh._pieces) <= 3


def test_the_last_id_is_end_of_text(enc):
    assert (enc.n_vocab, enc.end_of_text) == (50257, 50256)


def test_end_of_text_is_one_id_where_it_is_special(enc):
    assert enc.encode(f"Hello world{SPECIAL}{SPECIAL}Hello", special=True) == [15496, 995, 50256, 50256, 15496]


def test_end_of_text_is_plain_text_where_it_is_not_special(enc):
    assert enc.encode(SPECIAL) == [27, 91, 437, 1659, 5239, 91, 29]  # As the original encoded it.


def test_end_of_text_decodes_to_its_name(enc):
    assert enc.decode([15496, 50256, 15496]) == f"Hello{SPECIAL}Hello"


@given(parts=st.lists(TEXTS.filter(lambda text: SPECIAL not in text), min_size=1, max_size=4))
def test_special_end_of_text_parts_the_texts_around_it(enc, parts):
    ids = enc.encode(SPECIAL.join(parts), special=True)
    expected = enc.encode(parts[0])
    for part in parts[1:]:
        expected += [50256, *enc.encode(part)]
    assert ids == expected


def test_arrays_decode_as_lists_do(enc):
    assert enc.decode(np.array([15496, 995], np.uint16)) == "Hello world"


def test_a_cut_character_decodes_to_the_replacement_character(enc):
    ids = enc.encode("語")
    assert [enc.decode(ids[:-1]), enc.decode(ids[1:])[-1]] == ["\ufffd", "\ufffd"]


@given(ids=st.lists(st.integers(0, 50256), max_size=50))
def test_any_ids_decode_as_python_decodes_their_bytes(enc, ids):
    assert enc.decode(ids) == enc.decode_bytes(ids).decode("utf-8", errors="replace")


@pytest.mark.parametrize("id", [-1, 50257, 65535])
def test_an_id_outside_the_vocabulary_is_an_error_that_names_it(enc, id):
    with pytest.raises(ValueError, match=f"token id {id}, expected 0 to 50256"):
        enc.decode([15496, id])


@pytest.mark.parametrize("special", [False, True])
def test_a_lone_surrogate_is_an_error_that_gives_its_offset(enc, special):
    with pytest.raises(ValueError, match=r"lone surrogate U\+D834 at character 23"):
        enc.encode(f"Verses 12{SPECIAL}\n\ud834, and more", special=special)


def test_the_fingerprint_tells_vocabularies_apart(enc):
    other = reference.Encoder(vocabulary.from_merges([("a", "b")]))
    assert other.fingerprint != enc.fingerprint
