"""What is learnt from verse, learnt here from verse made up for it."""

import collections
import lzma
import random

import numpy as np
import pytest

from poetics.learning import learn_customs, learn_metre, make_data
from poetics.metre import metre_bits, stress
from poetics.rhyme import customs
from poetics.sounds import dictionary


def test_ends_that_stand_near_each_other_more_than_far_apart_are_customary(monkeypatch):
    monkeypatch.setattr(learn_customs, "MOST_TIMES", 1000)  # three pairs of words stand for many
    rng = random.Random(0)
    near = [("love", "prove"), ("above", "move"), ("dove", "groove")]
    fillers = ["stone", "tree", "night", "gold", "hill", "lamp", "wing", "fire", "chain", "mouth", "desk", "salt"]
    lines: list[str] = []
    for _ in range(600):
        pair = rng.choice(near)
        lines += [f"a line on {pair[0]}", f"a line on {pair[1]}"] if rng.random() < 0.1 else rng.choices(fillers, k=2)
    table = learn_customs.learn(lines)
    love, prove = ("AH", "V"), ("UW", "V")
    assert table[customs.key(love, prove, customs.compare_letters("love", "prove"))] > 2
    assert customs.key(("OW", "N"), ("AY", "T"), customs.DIFFERENT) not in table  # other consonants


def test_words_that_verse_puts_off_the_beat_weigh_little():
    stanza = ["The curfew tolls the knell of parting day", "The lowing herd wind slowly o'er the lea"]
    weights = learn_metre.learn_weights(stanza * 300)
    assert weights["the"] < weights["knell"]
    assert weights["the"] < weights["herd"]
    assert set(weights) >= {"the", "day", "lea"}


def test_tables_are_ratios_of_shares_that_sum_to_one():
    rng = random.Random(1)
    words = ["delight", "beauty", "the", "of", "rose", "away", "evening", "sing", "and", "light"]
    lines = [" ".join(rng.choices(words, k=rng.randint(4, 9))) for _ in range(1500)]
    arrays = learn_metre.learn_tables(lines)
    shuffled = metre_bits.shuffled_ways(lines, seed=1)
    for length in (8, 10):
        shares = 2 ** arrays[f"share_{length}"]
        assert shares.sum() == pytest.approx(1, abs=1e-3)
        codes = metre_bits.encode([way for way in shuffled if len(way) == length])
        chance = learn_metre._shares_of_kinds(codes)
        assert (2 ** arrays[f"table_{length}"] * chance).sum(-1) == pytest.approx(np.ones((5, length)), abs=1e-4)


def test_the_word_list_has_what_verse_uses_with_counts_and_sounds(tmp_path, monkeypatch):
    monkeypatch.setattr(dictionary, "DATA", str(tmp_path))
    said = make_data.pronunciations(["rose R OW1 Z", "rose(2) R OW1 S # odd", "modem M OW1 D EH2 M"])
    assert said == {"rose": ["R OW1 Z", "R OW1 S"], "modem": ["M OW1 D EH2 M"]}
    make_data.write_words(said, collections.Counter({"rose": 40, "ywis": 9, "modem": 1, "hapax": 1}))
    with lzma.open(tmp_path / "words.txt.xz", "rt") as file:
        assert file.read() == "rose\t5\tR OW1 Z|R OW1 S\nywis\t3\t"


def test_the_files_that_ship_are_whole():
    words = dictionary.load()
    assert len(words.said) > 40_000
    assert all(stress.weight(word).isdigit() for word in ("the", "rose", "nosuchword"))
    assert dictionary.usual_end("plight", False)[-1] == "T"
    with open(f"{dictionary.DATA}/CMUDICT_LICENSE", encoding="utf-8") as file:
        assert "Carnegie Mellon" in file.read()
