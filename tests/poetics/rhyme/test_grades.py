import pytest

from poetics.rhyme.grades import Grade, grade


@pytest.mark.parametrize(
    ("word", "other"),
    [
        ("night", "delight"),
        ("me", "thee"),
        ("majesty", "be"),
        ("story", "glory"),
        ("wandered", "squandered"),
        ("o'er", "more"),
        ("lov'd", "unlov'd"),
        ("fire", "desire"),
        ("four", "roar"),
        ("roses", "closes"),
        ("sorrow", "morrow"),
        ("deare", "heare"),
    ],
)
def test_words_with_the_same_sound_from_the_stress_on_rhyme_perfectly(word, other):
    assert grade(word, other) is grade(other, word) is Grade.PERFECT


@pytest.mark.parametrize(
    ("word", "other"),
    [
        ("love", "prove"),
        ("eternity", "die"),
        ("poverty", "eye"),
        ("instrument", "went"),
        ("temperate", "date"),
        ("blood", "good"),
        ("come", "home"),
        ("wind", "kind"),
        ("join", "divine"),
        ("river", "ever"),
    ],
)
def test_words_that_poets_print_as_rhymes_are_customary(word, other):
    assert grade(word, other) >= Grade.CUSTOMARY
    assert grade(other, word) == grade(word, other)


@pytest.mark.parametrize(
    ("word", "other"),
    [
        ("love", "night"),
        ("stone", "time"),
        ("cat", "cap"),
        ("day", "die"),
        ("running", "standing"),
        ("wonder", "window"),
        ("them", "hum"),
        ("orange", "silver"),
        ("", "love"),
        ("qqq", "zzz"),
    ],
)
def test_others_do_not_rhyme(word, other):
    assert grade(word, other) is Grade.NONE


def test_the_same_word_is_no_rhyme():
    assert grade("love", "love") is Grade.SAME
