import hashlib
import json
import os
import random
import re
import tracemalloc
import unicodedata
import zlib

import numpy as np
import pytest

from poems.duplicates import duplicates
from poems.duplicates.duplicates import Duplicates, highest, keys_of_sides
from poems.duplicates.signatures import SIZE, Signer, words_of
from poems.poem import Poem

PAIRS = os.path.join(os.path.dirname(os.path.dirname(__file__)), "data", "duplicates.ndjson")
TYGER = """\
Tyger Tyger, burning bright,
In the forests of the night;
What immortal hand or eye,
Could frame thy fearful symmetry?
"""
LAMB = """\
Little Lamb who made thee
Dost thou know who made thee
Gave thee life & bid thee feed.
By the stream & o'er the mead;
"""


@pytest.fixture(scope="module")
def pairs():
    with open(PAIRS, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def find(*texts, weights=None):
    with Duplicates() as taken:
        for text in texts:
            taken.add(text if isinstance(text, Poem) else Poem(text))
        return taken.find(weights and np.array(weights, float))


def signature(text):
    signer = Signer()
    signer.add(text)
    return signer.signature()


def triples(text):
    """As the source of the pairs says: letters only, lower case, no accents."""
    plain = "".join(letter for letter in unicodedata.normalize("NFD", text) if not unicodedata.combining(letter))
    words = re.findall(r"[^\W\d_]+", plain.lower())
    return set(zip(words, words[1:], words[2:], strict=False))


def invented(n_words, seed):
    """A text of words that no other has."""
    words = random.Random(seed)
    return " ".join("".join(words.choices("abcdefgh", k=6)) for _ in range(n_words)) + "\n"


def test_of_60_poems_in_two_editions_all_are_found(pairs):
    texts = [pair[side] for pair in pairs if pair["duplicate"] for side in "ab"]
    found = find(*texts)
    keys = highest(found.keys, found.alike)
    assert sum(keys[::2] == keys[1::2]) >= 57


def test_of_60_pairs_of_different_poems_none_is_taken_for_one(pairs):
    texts = [pair[side] for pair in pairs if not pair["duplicate"] for side in "ab"]
    found = find(*texts)
    keys = highest(found.keys, found.alike)
    assert not sum(keys[::2] == keys[1::2])


def test_signatures_are_as_alike_as_the_sets_of_triples(pairs):
    for pair in pairs:
        a, b = triples(pair["a"]), triples(pair["b"])
        estimate = (signature(pair["a"]) == signature(pair["b"])).mean()
        # Four standard deviations, of a share estimated from so many draws
        assert estimate == pytest.approx(len(a & b) / len(a | b), abs=4 * 0.5 / SIZE**0.5)


def test_words_are_letters_only_in_lower_case_without_accents():
    assert words_of("O'er Ménélas’ 2nd-best; ÉTÉ_x") == [b"o", b"er", b"menelas", b"nd", b"best", b"ete", b"x"]  # noqa: RUF001


def slow_signature(text):
    """The signature in plain Python."""
    random = hashlib.shake_128(b"MinHash").digest(1032)
    numbers = [int.from_bytes(random[i : i + 4], "little") for i in range(0, 1008, 4)]
    places = [int.from_bytes(random[i : i + 8], "little") | 1 for i in range(1008, 1032, 8)]
    values = []
    for words in triples(text):
        mixed = sum(zlib.crc32(word.encode()) * place for word, place in zip(words, places, strict=True)) % 2**64
        for factor in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
            mixed = (mixed ^ mixed >> 33) * factor % 2**64
        values.append(mixed >> 32)
    functions = zip(numbers[:126], numbers[126:], strict=True)
    return [min((value * (a | 1) + b) % 2**32 for value in values) % 2**16 for a, b in functions]


def test_signatures_never_change(pairs):
    # Held-out poems are chosen by them: other numbers would move poems from one side to the other.
    for text in (TYGER, LAMB, "Où sont les neiges d'antan?", pairs[0]["a"]):
        assert signature(text).tolist() == slow_signature(text)


def test_the_first_of_equal_texts_is_kept():
    found = find(LAMB, TYGER, LAMB, TYGER.upper(), LAMB)
    assert found.repeats.tolist() == [False, False, True, True, True]
    assert found.other.tolist() == [0, 1, 0, 1, 0]


def test_the_text_of_most_weight_is_kept():
    found = find(TYGER, LAMB, TYGER, TYGER, weights=[0.5, 1, 3, 3])
    assert found.repeats.tolist() == [True, False, False, True]
    assert found.other.tolist() == [2, 1, 2, 2]


def test_a_text_like_a_repeat_but_not_like_what_is_kept_stays():
    words = invented(400, 1).split()
    chain = [" ".join(words[start : start + 200]) for start in (0, 60, 120)]
    found = find(*chain)
    assert found.repeats.tolist() == [False, True, False]
    assert found.other.tolist() == [0, 0, 2]
    assert len(set(highest(found.keys, found.alike).tolist())) == 1


def test_of_many_equal_texts_one_is_kept():
    assert find(*[TYGER] * 100).repeats.sum() == 99


@pytest.mark.parametrize(
    ("texts", "repeats"),
    [
        ([], []),
        (["Eternal Pain!", "Eternal pain", "Eternal joy"], [False, True, False]),
        (["Pain", "", "pain", ""], [False, False, True, True]),
        (["1 2", "1 3", "* * *", "1 2"], [False, False, False, True]),
        (["a b", "b a"], [False, False]),
    ],
)
def test_texts_of_a_word_or_two_or_none_are_compared_whole(texts, repeats):
    assert find(*texts).repeats.tolist() == repeats


def test_a_text_in_parts_is_one_text():
    lines = (TYGER + LAMB).splitlines(keepends=True)
    parts = [Poem(line, more=True) for line in lines[:-1]] + [Poem(lines[-1])]
    assert find(TYGER + LAMB, *parts).repeats.tolist() == [False, True]


def test_a_poem_that_stands_in_a_book_is_found_before_it_or_after_it():
    book = Poem("".join([invented(2000, 1), TYGER, LAMB, invented(2000, 2)]))
    other = Poem(invented(60, 3))
    poem = Poem(TYGER + LAMB)
    for texts in ([poem, other, book], [book, other, poem]):
        found = find(*texts)
        assert found.inside.tolist() == [text is poem for text in texts]
        assert not found.repeats.any()
        assert found.other[texts.index(poem)] == texts.index(book)


@pytest.mark.parametrize("title", ["", "Complete Poems"])
def test_a_poem_with_a_title_is_kept_beside_a_book_that_has_it(title):
    book = Poem("".join([invented(2000, 1), TYGER, LAMB, invented(2000, 2)]), title=title)
    assert not find(book, Poem(TYGER + LAMB, title="The Tyger")).inside.any()
    assert find(book, Poem(TYGER + LAMB, author="William Blake")).inside.tolist() == [False, True]


@pytest.mark.parametrize(("n_titled", "is_dropped"), [(10, True), (9, True), (7, False)])
def test_a_book_most_of_which_are_poems_with_titles_gives_way_to_them(n_titled, is_dropped):
    poems = [invented(400, number) for number in range(10)]
    titled = [Poem(text, title=f"{number}") for number, text in enumerate(poems[:n_titled])]
    found = find("".join(poems), *titled)
    assert found.inside.tolist() == [is_dropped, *[False] * n_titled]
    assert found.other[0] == (1 if is_dropped else 0)


def test_poems_with_titles_that_are_not_trained_on_whole_take_the_place_of_no_book():
    poems = [invented(400, number) for number in range(10)]
    titled = [Poem(text, title=f"{number}") for number, text in enumerate(poems)]
    assert not find("".join(poems), *titled, weights=[1, *[0.5] * 10]).inside.any()


@pytest.mark.parametrize(
    "texts", [[Poem(TYGER), Poem(TYGER, title="The Tyger")], [Poem(TYGER, title="T"), Poem(TYGER)]]
)
def test_of_a_poem_with_a_title_and_the_same_without_the_one_with_it_is_kept(texts):
    assert find(*texts).repeats.tolist() == [not text.title for text in texts]


def test_a_book_that_is_not_trained_on_whole_does_not_take_the_place_of_its_poems():
    book = "".join([invented(2000, 1), TYGER, LAMB, invented(2000, 2)])
    assert find(book, TYGER + LAMB, weights=[0.5, 1]).inside.tolist() == [False, False]
    assert find(book, TYGER + LAMB, weights=[2, 1]).inside.tolist() == [False, True]


def test_a_poem_of_which_a_part_stands_in_a_book_is_kept_but_goes_with_it():
    shared = invented(300, 3)
    found = find(invented(4000, 1) + shared, shared + invented(150, 2))
    assert found.inside.tolist() == [False, False]
    assert found.within.tolist() == [[1, 0]]
    keys = keys_of_sides(found, np.ones(2, bool))
    assert keys.tolist() == [found.keys[0]] * 2
    assert keys_of_sides(found, np.array([False, True]))[1] == found.keys[1]


def test_a_book_most_of_which_stands_in_a_longer_one_goes_with_it():
    shared = invented(3000, 1)
    books = [invented(6000, 2) + shared, shared + invented(1000, 3), invented(4000, 4)]
    found = find(*books)
    assert not found.repeats.any()
    assert not found.inside.any()
    keys = keys_of_sides(found, np.ones(3, bool))
    assert keys[0] == keys[1] != keys[2]


def test_a_poem_that_shares_a_line_with_a_book_does_not_stand_in_it():
    line = TYGER.splitlines()[0]
    assert not find(invented(4000, 1) + line, f"{line}\n{invented(60, 2)}").inside.any()


def test_a_poem_in_a_book_that_is_itself_a_repeat_of_one_without_it_is_kept():
    rest = invented(4000, 1)
    assert find(rest, rest + TYGER + LAMB, TYGER + LAMB).inside.tolist() == [False, False, False]


def test_whatever_is_joined_has_the_highest_key():
    keys = np.array([5, 1, 7, 3, 9], np.uint64)
    assert highest(keys, np.array([[0, 1], [3, 1], [2, 4]])).tolist() == [5, 5, 9, 5, 9]


def test_a_text_keeps_its_key_as_a_corpus_grows():
    texts = [TYGER, LAMB, invented(60, 1)]
    keys = find(*texts).keys
    assert len(set(keys.tolist())) == 3
    assert (find(invented(60, 2), *texts).keys[1:] == keys).all()


def test_a_long_text_of_few_different_words_is_no_trouble():
    assert find("la " * 5000, TYGER, "la " * 9000, "la " * 7).repeats.tolist() == [False, False, True, True]


def test_the_memory_does_not_grow_with_the_length_of_a_text():
    part = invented(40_000, 1)

    def peak(n_parts):
        tracemalloc.start()
        find(*[Poem(part, more=number < n_parts) for number in range(1, n_parts + 1)])
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    assert peak(8) < 1.2 * peak(2)  # Without parts it would be four times as much.


def test_what_is_found_does_not_depend_on_how_many_triples_are_looked_up_at_once(monkeypatch):
    texts = [invented(4000, seed=number) for number in range(3)]
    poems = [" ".join(text.split()[100 * start : 100 * start + 400]) for start, text in enumerate(texts * 3)]
    whole = find(*texts, *poems)
    monkeypatch.setattr(duplicates, "LOOKED_UP", 50)
    parts = find(*texts, *poems)
    assert whole.inside.sum() == 9
    for name in ("inside", "other", "within"):
        np.testing.assert_array_equal(getattr(parts, name), getattr(whole, name))


def test_to_look_for_poems_in_books_takes_a_few_bytes_for_each_triple_of_the_books():
    n = 1 << 18
    samples = np.random.default_rng(1).integers(0, 1 << 30, n, dtype=np.uint32)
    tracemalloc.start()
    values, owners = duplicates._index(
        lambda *ends: iter([samples[slice(*ends)]]), np.array([0, n // 2]), np.array([n // 2, n // 2])
    )
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 40 * n  # NumPy's own functions, which number what they sort, took 81
    expected = sorted({(int(value), i // (n // 2)) for i, value in enumerate(samples)})
    np.testing.assert_array_equal(np.stack([values, owners], axis=1), expected)


def test_a_poem_is_found_in_a_book_of_which_only_a_part_is_looked_up(monkeypatch):
    monkeypatch.setattr(duplicates, "ENOUGH", 300)
    text = invented(8000, seed=1)
    found = find(text, " ".join(text.split()[1000:1400]), invented(400, seed=2), text)
    assert found.inside.tolist() == [False, True, False, False]
    assert found.repeats.tolist() == [False, False, False, True]


def test_found_has_a_place_for_every_text():
    found = find(TYGER, LAMB)
    assert [len(field) for field in (found.repeats, found.inside, found.other, found.keys)] == [2, 2, 2, 2]
    assert found.keys.dtype == np.uint64


@pytest.mark.parametrize("line", ["la la la\n", "a ", "na na na na hey hey goodbye\n", "!\n", "rose is a rose is a "])
def test_a_text_as_long_as_a_book_that_says_one_thing_over_and_over_is_compared(line):
    found = find(line * 100_000, TYGER, line * 90_000)
    assert not found.repeats[1]
    assert len(found.repeats) == 3
