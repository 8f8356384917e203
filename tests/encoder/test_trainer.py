import collections
import itertools
import os
import random
import subprocess
import sys

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

import encoder
from encoder import reference, trainer, vocabulary
from encoder.trainer import train_vocabulary

VERSE = (
    """Tyger Tyger, burning bright,
In the forests of the night;
What immortal hand or eye,
Could frame thy fearful symmetry?
Über allen Gipfeln ist Ruh, in allen Wipfeln spürest du kaum einen Hauch;
白日依山盡,黃河入海流。欲窮千里目,更上一層樓。
"""
    + "a" * 37
    + "\n\n\n   "
    + "-" * 20
)
OPENAIS_PATTERN = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"


def train_plainly(texts, n_vocab):
    """The merges, every pair counted afresh each time; None when the pairs do not suffice."""
    tokens = sorted(vocabulary.BYTE_CHARACTERS)
    pieces = []
    for text in texts:
        for part in text.split("<|endoftext|>"):
            for piece in regex.findall(OPENAIS_PATTERN, part):
                pieces.append([tokens.index(vocabulary.BYTE_CHARACTERS[byte]) for byte in piece.encode()])
    merges = []
    while len(tokens) < n_vocab - 1:
        counts = collections.Counter(pair for piece in pieces for pair in itertools.pairwise(piece))
        if not counts:
            return None
        pair = min(counts, key=lambda pair: (-counts[pair], pair))
        pieces = [merge_plainly(piece, pair, len(tokens)) for piece in pieces]
        merges.append((tokens[pair[0]], tokens[pair[1]]))
        tokens.append("".join(merges[-1]))
    return tuple(merges)


def merge_plainly(piece, pair, result):
    merged, i = [], 0
    while i < len(piece):
        found = tuple(piece[i : i + 2]) == pair
        merged.append(result if found else piece[i])
        i += 2 if found else 1
    return merged


def test_the_merges_are_those_of_a_plain_trainer():
    assert train_vocabulary([VERSE], 420).merges == train_plainly([VERSE], 420)


@given(
    texts=st.lists(st.text("ab' \nβ", max_size=60) | st.text(st.characters(exclude_categories=["Cs"])), max_size=4),
    extra=st.integers(0, 12),
)
def test_the_merges_of_any_text_are_those_of_a_plain_trainer(texts, extra):
    expected = train_plainly(texts, 257 + extra)
    if expected is None:
        with pytest.raises(ValueError, match="expected at most"):
            train_vocabulary(texts, 257 + extra)
    else:
        assert train_vocabulary(texts, 257 + extra).merges == expected


def test_a_trained_vocabulary_is_laid_out_as_openais():
    trained = train_vocabulary([VERSE], 300)
    assert trained.tokens[:256] == tuple(sorted(vocabulary.BYTE_CHARACTERS))
    assert trained.tokens[256:-1] == tuple(left + right for left, right in trained.merges)
    assert trained.tokens[-1] == "<|endoftext|>"
    assert len(trained.tokens) == 300


def test_a_trained_vocabulary_is_read_from_its_folder_and_texts_come_back(tmp_path):
    trained = train_vocabulary([VERSE], 400)
    vocabulary.write_vocabulary(str(tmp_path), trained)
    enc = encoder.load_encoder(str(tmp_path))
    assert enc.vocabulary == trained
    assert enc.fingerprint == trained.fingerprint
    assert enc.decode(enc.encode(VERSE)) == VERSE
    assert enc.encode("Tyger<|endoftext|>", special=True)[-1] == 399


def test_each_learnt_token_encodes_to_its_own_id():
    enc = reference.Encoder(train_vocabulary([VERSE], 400))
    whole = [(id, enc.decode([id])) for id in range(256, 399)]
    assert all(enc.encode(text) == [id] for id, text in whole if "\ufffd" not in text)


def test_an_own_vocabulary_writes_its_text_in_fewer_ids_than_bytes():
    enc = reference.Encoder(train_vocabulary([VERSE], 400))
    assert len(enc.encode(VERSE)) < len(VERSE.encode()) / 2


def test_the_same_text_gives_the_same_vocabulary_whatever_the_hash_seed(tmp_path):
    (tmp_path / "verse.txt").write_text(VERSE, encoding="utf-8")
    code = (
        "import sys; from encoder.trainer import train_vocabulary; "
        "print(train_vocabulary(open(sys.argv[1], encoding='utf-8'), 380).fingerprint)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "verse.txt")]
    found = {
        subprocess.check_output(command, env={**os.environ, "PYTHONHASHSEED": seed}) for seed in ("0", "1", "7", "99")
    }
    assert len(found) == 1


def test_the_order_of_the_texts_does_not_matter():
    lines = VERSE.splitlines(keepends=True)
    shuffled = random.Random(1).sample(lines, len(lines))
    assert train_vocabulary(shuffled, 350) == train_vocabulary(lines, 350)


def test_of_pairs_equally_common_the_lowest_is_merged_first():
    assert train_vocabulary(["zy ba ab"], 259).merges == (("a", "b"), ("b", "a"))


def test_merges_never_cross_pieces():
    trained = train_vocabulary(["ab1ab1ab1"], 258)
    assert trained.merges == (("a", "b"),)
    with pytest.raises(ValueError, match="expected at most 258"):
        train_vocabulary(["ab1ab1ab1"], 259)


def test_end_of_text_is_not_learnt():
    with pytest.raises(ValueError, match="expected at most 257"):
        train_vocabulary(["<|endoftext|>" * 50 + "a<|endoftext|>b"], 258)


def test_a_single_text_need_not_stand_in_a_list():
    assert train_vocabulary(VERSE, 300) == train_vocabulary([VERSE], 300)


def test_too_little_text_is_an_error_that_says_how_far_it_would_reach():
    with pytest.raises(ValueError, match=r"n_vocab is 4096, expected at most 259, .*; give more text"):
        train_vocabulary(["abc"], 4096)
    assert train_vocabulary(["abc"], 259).merges == (("a", "b"), ("ab", "c"))


@pytest.mark.parametrize("n_vocab", [-1, 0, 256, 65537])
def test_a_size_out_of_range_is_an_error(n_vocab):
    with pytest.raises(ValueError, match=f"n_vocab is {n_vocab}, expected 257 to 65536"):
        train_vocabulary([VERSE], n_vocab)


def test_the_smallest_vocabulary_is_the_bytes_and_end_of_text():
    assert train_vocabulary([], 257).merges == ()


def test_the_biggest_vocabulary_fills_16_bits(tmp_path):
    letters = random.Random(3)
    words = " ".join("".join(letters.choices("abcdefghij", k=12)) for _ in range(20_000))
    vocabulary.write_vocabulary(str(tmp_path), train_vocabulary([words], 65536))
    enc = encoder.load_encoder(str(tmp_path))
    assert enc.end_of_text == 65535
    assert enc.decode(enc.encode(words)) == words


def test_a_long_piece_is_learnt_from_as_a_plain_trainer_does():
    text = "".join(random.Random(5).choices("ab", k=3000)) + " " + "c" * 1000
    assert train_vocabulary([text], 300).merges == train_plainly([text], 300)


def test_a_very_long_piece_is_learnt_from():
    text = "".join(random.Random(5).choices("!?.,;:-()", k=100_000))
    assert len(train_vocabulary([text], 4096).merges) == 4096 - 257


def test_a_lone_surrogate_is_an_error_that_gives_its_offset():
    with pytest.raises(ValueError, match=r"lone surrogate U\+DC80 at character 6"):
        train_vocabulary(["sound", "verse \udc80"], 300)


def test_pieces_are_counted_over_all_texts():
    assert trainer.count_pieces(["a b", " b<|endoftext|> b"]) == {b"a": 1, b" b": 3}
