import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from poems.cleaning import mending

HEADER = "The Project Gutenberg EBook of Poems\n\nTitle: Poems\n\n*** START OF THIS PROJECT GUTENBERG EBOOK POEMS ***\n"
FOOTER = "*** END OF THIS PROJECT GUTENBERG EBOOK POEMS ***\n\nUpdated editions will replace the previous one\n"
VERSE = "\nTyger Tyger, burning bright,\nIn the forests of the night;\n\n"
ALL = [
    mending.cut_licence,
    mending.mend_unicode,
    mending.straighten_quotes,
    mending.straighten_dashes,
    mending.remove_emphasis,
    mending.remove_furniture,
    mending.tidy_spaces,
    mending.normalize_indentation,
]


@pytest.mark.parametrize("mend", ALL)
def test_plain_verse_is_left_alone(mend):
    verse = "Tyger Tyger, burning bright,\nIn the forests of the night;\n\nWhat immortal hand or eye,\n  Could frame\n"
    assert mend(verse) == verse


@pytest.mark.parametrize("mend", ALL)
@given(text=st.text("aÉé1 _'`\"[]{}*|-&;.\n\t\f\u00a0\u00ad“—…"))
@example("a\u00adÉ“")
@example("}}")
@example(" \n  ")
@example("[[1]2]")
def test_mending_twice_is_mending_once(mend, text):
    once = mend(text)
    assert mend(once) == once


@pytest.mark.parametrize("word", ["CAFÉ“", "CAFÉ”", "CAFÉ’S", "MENÜ”", "NOÉ—", "Fuß”", "ZOÉ…", "“CANAPÉ” AND “RÊ”"])  # noqa: RUF001
def test_a_capital_before_a_quote_is_not_a_wrongly_decoded_letter(word):
    assert mending.mend_unicode(f"{word}\n") == f"{word}\n"


@pytest.mark.parametrize("letter", ["œ", "ē", "Ó", "Δ", "Д", "í", "é", "“", "—"])
def test_a_wrongly_decoded_letter_is_mended(letter):
    wrong = letter.encode().decode("cp1252") if letter not in "í" else "Ã\u00ad"
    assert mending.mend_unicode(f"caf{wrong} and {wrong}\n") == f"caf{letter} and {letter}\n"


@pytest.mark.parametrize("mend", ALL)
@pytest.mark.parametrize(
    "sign", [" ", "\n", "[", "{", "}", "*", "* ", "_", "`", "1", "   1", "\t", "\u00a0", "&", "-", "é "]
)
def test_a_long_run_of_one_sign_does_not_take_long(mend, sign):
    start = time.process_time()
    mend(f"a{sign * 100_000}b\n")
    assert time.process_time() - start < 2  # Quadratic time would be minutes.


def test_header_and_licence_of_a_gutenberg_book_are_cut():
    assert mending.cut_licence(HEADER + VERSE + FOOTER) == "\n" + VERSE


def test_of_several_books_every_licence_is_cut():
    assert mending.cut_licence((HEADER + VERSE + FOOTER) * 2) == ("\n" + VERSE) * 2


def test_the_small_print_of_old_books_is_cut():
    old = "***START**THE SMALL PRINT!**FOR PUBLIC DOMAIN ETEXTS**START***\n*END*THE SMALL PRINT!*Ver.04*END*\n"
    end = "End of the Project Gutenberg Etext of Poems\n"
    assert mending.cut_licence(old + VERSE + end) == "\n" + VERSE


@pytest.mark.parametrize(
    "mark", ["*END THE SMALL PRINT! FOR PUBLIC DOMAIN ETEXTS*END*", "*END*THE SMALL PRINT!*Ver.04*END*"]
)
def test_small_print_below_a_text_takes_nothing_of_it(mark):
    below = f"End of the Project Gutenberg Etext of Poems\n\n***START** SMALL PRINT!***\n{mark}\n"
    assert mending.cut_licence(VERSE + below) == VERSE


def test_a_licence_alone_at_the_end_is_cut():
    assert mending.cut_licence(VERSE + FOOTER) == VERSE


def test_a_poem_may_name_gutenberg():
    verse = "In Gutenberg's old workshop\nAt the end of Project Gutenberg\n"
    assert mending.cut_licence(verse) == verse


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("OÃ¹ sont les neiges d'antan?", "Où sont les neiges d'antan?"),
        ("Itâ€™s no go", "It’s no go"),  # noqa: RUF001
        ("cafe\u0301", "café"),
        ("ﬂowers", "flowers"),
        ("Smith &amp; Sons", "Smith & Sons"),
        ("a\x07b\x7f", "ab"),
        ("“Où est-il?”", "“Où est-il?”"),
        ("R&B; q", "R&B; q"),
    ],
)
def test_letters_are_mended(wrong, right):
    assert mending.mend_unicode(f"one\n{wrong}\n") == f"one\n{right}\n"


@pytest.mark.parametrize(
    ("curly", "straight"),
    [
        ("“‘Tis he,” said she", '"\'Tis he," said she'),  # noqa: RUF001
        ("„So“", '"So"'),
        ("``Who's there?'' he cried", '"Who\'s there?" he cried'),
        ("`Twas brillig", "'Twas brillig"),
        ("«Qui vive?»", "«Qui vive?»"),
    ],
)
def test_quotes_are_straightened(curly, straight):
    assert mending.straighten_quotes(curly) == straight


@pytest.mark.parametrize(
    ("long", "straight"),
    [
        ("the Moth—the Eclipses—", "the Moth--the Eclipses--"),
        ("a – b", "a -- b"),  # noqa: RUF001
        ("1914–18", "1914-18"),  # noqa: RUF001
        ("well\u2011a\u2011day…", "well-a-day..."),
    ],
)
def test_dashes_are_straightened(long, straight):
    assert mending.straighten_dashes(long) == straight


def test_underscores_around_words_go_and_blanks_to_fill_in_stay():
    assert mending.remove_emphasis("_I_ took it, Mr. ____,\n_all of it_\n") == "I took it, Mr. ____,\nall of it\n"


@pytest.mark.parametrize(
    ("line", "left"),
    [
        ("And all is still. [12]", "And all is still."),
        ("[1] And all is still.", "And all is still."),
        ("And all [b] is still.", "And all [b] is still."),
        ("And all[A] is still.", "And all is still."),
        ("And [H]all is still.", "And [H]all is still."),
        ("And all is still.          45", "And all is still.          "),
        ("In the year 1815", "In the year 1815"),
        ("                XV\n      15", "                XV\n      15"),
        ("We two {34} together }", "We two together "),
        ("{So} be it}", "{So} be it}"),
        ("\fAnd all is still.", "And all is still."),
    ],
)
def test_furniture_in_a_line_is_removed(line, left):
    assert mending.remove_furniture(f"one\n{line}\ntwo\n") == f"one\n{left}\ntwo\n"


@pytest.mark.parametrize("line", ["[Pg 12]", "[Illustration: the old mill]", "Page 12", "  - 12 -", "{12}"])
def test_a_line_that_is_furniture_goes_without_breaking_the_stanza(line):
    assert mending.remove_furniture(f"one\n{line}\ntwo\n") == "one\ntwo\n"


def test_a_row_of_stars_is_a_stanza_break():
    assert mending.remove_furniture("one\n    *    *    *\ntwo\n") == "one\n\ntwo\n"


def test_blanks_are_plain_and_none_stand_at_the_end_of_lines():
    assert (
        mending.tidy_spaces("\u00a0\u00a0one two\u200b \t\n\tthree\u2003four\r\n")
        == "  one two\u200b\n    three four\n"
    )


@pytest.mark.parametrize("sign", ["\u00ad", "\u200b", "\u2060", "\ufeff"])
def test_invisible_characters_go_with_what_mends_letters_and_not_with_the_blanks(sign):
    assert mending.mend_unicode(f"in{sign}visible\n") == "invisible\n"
    assert mending.tidy_spaces(f"in{sign}visible\n") == f"in{sign}visible\n"


def test_one_empty_line_stands_between_stanzas_and_none_around_them():
    assert mending.tidy_spaces("\n \none\n \n\t\n\ntwo\n\n") == "one\n\ntwo\n"


@pytest.mark.parametrize(
    ("indented", "normal"),
    [
        ("    one\n      two\n    three\n", "one\n  two\nthree\n"),
        ("one\n    two\n        three\n", "one\n  two\n    three\n"),
        ("one\n     two\n\nthree\n", "one\n  two\n\nthree\n"),
        ("one\n  two\n   three\n", "one\n  two\n   three\n"),
        ("one\n two\nthree\n four\n", "one\n  two\nthree\n  four\n"),
        ("one\n" * 99 + " two\n", "one\n" * 99 + "two\n"),
        ("one\n                      two\n", "one\n                      two\n"),
        ("one\n        two\n          three\n        four\n", "one\ntwo\n  three\nfour\n"),
    ],
)
def test_indentation_is_kept_without_the_margin_in_steps_of_two(indented, normal):
    assert mending.normalize_indentation(indented) == normal
