import pytest

from poetics.sounds.words import last_word, words


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("\"'Tis o'er!\" he said--'Come'", ["'tis", "o'er", "he", "said", "come"]),
        ("Th' expense of spirit, lov’d and ’gainst", ["th'", "expense", "of", "spirit", "lov'd", "and", "'gainst"]),  # noqa: RUF001
        ("'Nay,' quoth the sad-eyed knight; 'runnin'!'", ["nay", "quoth", "the", "sad-eyed", "knight", "runnin'"]),
        ("Ça naïve café, 1916 * * *", ["ça", "naïve", "café"]),
        ("-- ... 42", []),
    ],
)
def test_apostrophes_stay_with_their_words_and_quotation_marks_go(line, expected):
    assert words(line) == expected


def test_the_last_word_of_a_line_is_its_last_word_however_long_the_line():
    line = "word " * 30 + "and then a wandering-voice, at last, 'twas o'er!--"
    assert last_word(line) == words(line)[-1] == "o'er"
    assert last_word("* * *") == ""
