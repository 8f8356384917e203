"""A dictionary of the user's says how words sound: as the CMU dictionary, in columns, or by a word alone."""

import pytest

from poetics.forms.form import find_form
from poetics.forms.guide import Guide
from poetics.forms.language import counted, read_dictionary
from poetics.forms.lexicon import Lexicon
from poetics.metre import stress
from poetics.sounds.words import words
from system.errors import UserError


@pytest.fixture
def read(tmp_path):
    def read(text):
        path = tmp_path / "words.txt"
        path.write_text(text, encoding="utf-8")
        return read_dictionary(str(path))

    return read


def test_phones_say_the_stresses_and_the_rhyme(read):
    told, language = read("NIGHT  N AY1 T\nTONIGHT  T AH0 N AY1 T # of today\nREAD  R EH1 D\nREAD(2)  R IY1 D\n")
    assert told == ["night", "tonight", "read"]
    assert language.ways("tonight") == ("wS",)
    assert language.ends("night") == language.ends("tonight") == (("AY", "T"),)
    assert language.ends("read") == (("EH", "D"), ("IY", "D"))


def test_columns_say_them_too(read):
    _, language = read("# Wort, Betonung, Reim\nnacht\t1\tacht\ngedicht\t01\ticht\nund\t0\nüber\t10\tüber\n")
    assert language.ways("gedicht") == ("wS",)
    assert language.ends("gedicht") == (("icht",),)
    assert language.ends("und") == ()
    assert language.ways("nacht") == (stress.HEAVY,)
    assert language.ways("über") == ("Sw",)


@pytest.mark.parametrize(
    ("word", "n"), [("poème", 2), ("été", 2), ("nacht", 1), ("молоко", 3), ("здравствуйте", 3), ("brr", 1)]
)
def test_of_a_word_alone_the_vowels_are_counted(read, word, n):
    told, language = read(f"{word}\n")
    assert told == [word]
    assert language.ways(word) == (counted(word),)
    assert len(counted(word)) == n
    assert language.ends(word) == ()


def test_of_a_text_all_words_are_counted(read):
    told, language = read("Über allen Gipfeln ist Ruh,\nin allen Wipfeln\nSPÜREST DU\n")
    assert told == ["über", "allen", "gipfeln", "ist", "ruh", "in", "wipfeln", "spürest", "du"]
    assert language.ways("allen") == ("pp",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nacht\t1\tacht\nlicht\tja\n", "words.txt, line 2: .*, expected a word, its stresses and its rhyme"),
        ("\n;;; nothing\n123\n", "words.txt: no words, expected a line for each"),
    ],
)
def test_what_is_no_dictionary_is_told(read, text, message):
    with pytest.raises(UserError, match=message):
        read(text)


def test_a_guide_writes_words_of_the_dictionary_alone(read):
    lexicon = Lexicon(*read("ö\t1\tö\nhö\t1\tö\nlö\t1\tö\nhallö\t01\tö\nha\t0\n"))
    texts = ["\n", " ", *"ahlöHÖ", *(f" {letter}" for letter in "hlö"), ".", None]
    verse = Guide(texts, find_form(scheme="AA", metre="iambic1"), lexicon).begin()
    text = ""
    while not verse.ended:
        ids, _ = verse.choices()
        id = int(ids[len(text) % len(ids)])
        verse.take(id)
        text += texts[id]
    first, second = (words(line) for line in text.removesuffix("\n").split("\n"))
    assert first[-1] != second[-1]
    assert {*first, *second} <= {"ö", "hö", "lö", "hallö", "ha"}
