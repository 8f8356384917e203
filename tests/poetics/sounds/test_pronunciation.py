import pytest

from poetics.sounds.dictionary import count_vowels
from poetics.sounds.pronunciation import pronounce


def said(word):
    return {" ".join(phones) for phones in pronounce(word).said}


@pytest.mark.parametrize("word", ["love", "again", "wind", "beauty"])
def test_words_of_the_dictionary_sound_as_it_says(word):
    assert pronounce(word).source == "dictionary"


def test_a_word_keeps_the_dictionarys_sound_and_gains_the_one_of_verse():
    assert {"W IH1 N D", "W AY1 N D"} <= said("wind")


@pytest.mark.parametrize(
    ("old", "modern"),
    [
        ("lov'd", "loved"),
        ("deare", "dear"),
        ("loue", "love"),
        ("ioy", "joy"),
        ("sunne", "sun"),
        ("teares", "tears"),
        ("kynd", "kind"),
        ("layd", "laid"),
        ("deem'd", "deemed"),
        ("blis", "bliss"),
        ("unlov'd", "unloved"),
        ("colour", "color"),
    ],
)
def test_older_spellings_sound_as_the_modern_ones(old, modern):
    assert said(old) & said(modern)


def test_an_accented_ed_is_a_syllable_and_a_clipped_one_is_not():
    assert {count_vowels(phones) for phones in pronounce("wingèd").said} == {2}
    assert {count_vowels(phones) for phones in pronounce("wing'd").said} == {1}


@pytest.mark.parametrize(
    ("word", "stem_vowel"), [("rideth", "AY1"), ("runneth", "AH1"), ("smiteth", "AY1"), ("crieth", "AY1")]
)
def test_a_stem_has_its_silent_e_or_its_double_consonant_back(word, stem_vowel):
    assert all(stem_vowel in phones for phones in pronounce(word).said)


def test_a_compound_has_its_main_stress_on_the_first_half():
    (phones,) = pronounce("silver-throated").said[:1]
    assert pronounce("moonbright").source == "compound"
    assert [phone for phone in pronounce("moonbright").said[0] if phone[-1] in "12"] == ["UW1", "AY2"]
    assert count_vowels(phones) == 4


def test_a_word_in_no_dictionary_ends_like_those_that_are_spelt_like_it():
    for word, end in [("thring", "IH1 NG"), ("vashting", "IH0 NG"), ("plove", "V"), ("smite", "AY1 T")]:
        assert all(" ".join(phones).endswith(end) for phones in pronounce(word).said)
    assert pronounce("plound").said[0][-3:] == ("AW1", "N", "D")
    assert pronounce("qq'").said == pronounce("'").said == ()
