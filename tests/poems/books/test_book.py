import collections
import pathlib
import re
import textwrap

import pytest

from poems.books.book import is_book, read_books
from poems.poem import Book, Dropped, Poem

DATA = pathlib.Path(__file__).parents[1] / "data"

# ruff: noqa: RUF001 (the quotes are the book's)
# The lists of contents of the two books, their sections left out and their lines put together where they go on.
MCCRAE = """
In Flanders Fields|The Anxious Dead|The Warrior|Isandlwana|The Unconquered Dead|The Captain|The Song of the Derelict
Quebec|Then and Now|Unsolved|The Hope of My Heart|Penance|Slumber Songs|The Oldest Drama|Recompense|Mine Host|Equality
Anarchy|Disarmament|The Dead Master|The Harvest of the Sea|The Dying of Pere Pierre|Eventide
Upon Watts' Picture "Sic Transit"|A Song of Comfort|The Pilgrims|The Shadow of the Cross|The Night Cometh|In Due Season
"""
WILDE = """
Hélas!|Sonnet To Liberty|Ave Imperatrix|To Milton|Louis Napoleon|Sonnet on the Massacre of the Christians in Bulgaria
Quantum Mutata|Libertatis Sacra Fames|Theoretikos|THE GARDEN OF EROS|Requiescat|Sonnet on approaching Italy|San Miniato
Ave Maria Gratia Plena|Italia|Sonnet written in Holy Week at Genoa|Rome Unvisited|Urbs Sacra Æterna
Sonnet on hearing the Dies Iræ sung in the Sistine Chapel|Easter Day|E Tenebris|Vita Nuova|Madonna Mia|The New Helen
THE BURDEN OF ITYS|Impression du Matin|Magdalen Walks|Athanasia|Serenade|Endymion|La Bella Donna della mia Mente|Chanson
CHARMIDES|Les Silhouettes|La Fuite de la Lune|The Grave of Keats|Theocritus: A Villanelle|In the Gold Room: A Harmony
Ballade de Marguerite|The Dole of the King’s Daughter|Amor Intellectualis|Santa Decca|A Vision|Impression de Voyage
The Grave of Shelley|By the Arno|Fabien dei Franchi|Phèdre|Portia|Queen Henrietta Maria|Camma|PANTHEA
Impression: Le Réveillon|At Verona|Apologia|Quia Multum Amavi|Silentium Amoris|Her Voice|My Voice|Tædium Vitæ|HUMANITAD
ΓΛΥΚΥΠΙΚΡΟΣ ΕΡΩΣ|From Spring Days to Winter|Tristitiæ|The True Knowledge|Le Jardin|La Mer|Under the Balcony
The Harlot’s House|Le Jardin des Tuileries|On the Sale by Auction of Keats’ Love Letters|The New Remorse|Le Panneau
Les Ballons|Canzonet|Symphony in Yellow|In the Forest|To my Wife: With a Copy of my Poems
With a Copy of ‘A House of Pomegranates’|Roses and Rue|Désespoir|Pan: Double Villanelle|THE SPHINX
THE BALLAD OF READING GAOL|RAVENNA
"""

HEADER = """The Project Gutenberg EBook of Some Verse

Title: Some Verse
       With a Note

Author: A. Poet

Release Date: May, 2004 [EBook #77]

*** START OF THIS PROJECT GUTENBERG EBOOK SOME VERSE ***




"""
FOOTER = "\n\n\nEnd of the Project Gutenberg EBook of Some Verse\n\nlicence\n"
VERSE = "  The sea is calm to-night,\n    The tide is full,\n"
LONGER = "  The sea is calm to-night,\n    The tide is full,\n\n  The moon lies fair\n    Upon the straits;\n"
PROSE = """The method of the poems in this small book illustrates better than
any theory how poetry may assume the attire of reality, and yet in
speech of the simplest, become in spirit the sheer quality of beauty.
"""


def read(name):
    lines = (DATA / name).read_text(encoding="utf-8-sig").split("\n")
    return split(read_books(lines, name, {}))


def split(found):
    found = list(found)
    return [one for one in found if isinstance(one, Poem)], [one for one in found if isinstance(one, Dropped)]


def cut(body, books=None, path="some.txt", header=HEADER):
    return split(read_books((header + body + FOOTER).split("\n"), path, books or {}))


def titles(body):
    return [poem.title for poem in cut(body)[0]]


@pytest.mark.parametrize(("name", "contents"), [("353.txt", MCCRAE), ("1057-0.txt", WILDE)])
def test_the_poems_of_a_books_list_of_contents_are_found_under_their_titles(name, contents):
    found = [poem.title for poem in read(name)[0]]
    wanted = re.split(r"[|\n]", contents.strip())
    assert set(found) == set(wanted)


@pytest.mark.parametrize("name", ["353.txt", "1057-0.txt"])
def test_every_line_of_a_book_is_in_a_poem_or_a_title_or_among_what_is_dropped(name):
    poems, dropped = read(name)
    lines = collections.Counter(line.strip() for line in (DATA / name).read_text(encoding="utf-8-sig").split("\n"))
    found = collections.Counter(line.strip() for one in [*poems, *dropped] for line in one.text.split("\n"))
    lines[""] = found[""] = 0
    assert found - lines == collections.Counter()
    words = " ".join(poem.title for poem in poems).casefold().replace("tristitiæ", "tristitæ")
    for title in lines - found:
        assert title.casefold() in words or title in ("I", "II", "III")


def test_an_essay_of_prose_is_dropped_with_the_verse_that_it_quotes():
    poems, dropped = read("353.txt")
    assert not any("Captain of infantry" in poem.text or "University Magazine" in poem.text for poem in poems)
    essay = next(one.text for one in dropped if one.reason == "prose" and one.text.startswith("II. With the Guns"))
    assert 'the publication of "In Flanders' in essay
    assert sum(len(one.text) for one in dropped if one.reason == "prose") > 130_000


def test_a_poem_has_its_stanzas_its_indentation_its_place_and_what_the_header_says():
    poem = next(poem for poem in read("353.txt")[0] if poem.title == "The Harvest of the Sea")
    assert poem == Poem(
        "The earth grows white with harvest; all day long\n"
        " The sickles gleam, until the darkness weaves\n"
        "Her web of silence o'er the thankful song\n"
        " Of reapers bringing home the golden sheaves.\n"
        "\n"
        "The wave tops whiten on the sea fields drear,\n"
        " And men go forth at haggard dawn to reap;\n"
        "But ever 'mid the gleaners' song we hear\n"
        " The half-hushed sobbing of the hearts that weep.\n",
        "The Harvest of the Sea",
        "John McCrae",
        book="353",
        place="353.txt:734",
    )


def test_the_table_of_books_counts_for_more_than_the_header():
    assert cut(f"ONE\n\n\n{VERSE * 4}", {"77": Book("Another", "")})[0][0].author == "Another"


def test_a_book_without_a_number_in_its_header_has_that_of_its_name():
    header = HEADER.replace("[EBook #77]", "")
    assert cut(f"ONE\n\n\n{VERSE * 4}", path="here/1057-0.txt", header=header)[0][0].book == "1057"


@pytest.mark.parametrize(
    "mark",
    [
        "*** START OF THIS PROJECT GUTENBERG EBOOK SOME VERSE ***",
        "***START OF THE PROJECT GUTENBERG EBOOK SOME VERSE***",
        "*** START OF THE PROJECT GUTENBERG EBOOK SOME VERSE ***",
        "*END*THE SMALL PRINT! FOR PUBLIC DOMAIN ETEXTS*Ver.04.29.93*END*",
        "*END THE SMALL PRINT! FOR PUBLIC DOMAIN ETEXTS*Ver.04.29.93*END*",
    ],
)
def test_the_mark_above_a_book_may_be_spelled_in_all_the_ways_of_the_years(mark):
    text = HEADER.replace("*** START OF THIS PROJECT GUTENBERG EBOOK SOME VERSE ***", mark)
    assert is_book(text)
    assert [poem.title for poem in cut(f"ONE\n\n\n{VERSE * 4}", header=text)[0]] == ["ONE"]


SMALL_PRINT = """

The Legal Small Print

(Three Pages)

***START** SMALL PRINT! for PUBLIC DOMAIN ETEXTS***
Why is this "Small Print!" statement here?
*END THE SMALL PRINT! FOR PUBLIC DOMAIN ETEXTS*Ver.10/04/01*END*
"""
UNMARKED = {
    "named": HEADER[: HEADER.index("***")] + "*****This file should be named 77.txt or 77.zip*****\n\n\n\n",
    "corrected": HEADER[: HEADER.index("***")].replace("The Project Gutenberg EBook", "**The Project Gutenberg Etext")
    + "*** This etext should be named svrse10.txt ***\nCorrected EDITIONS get a new NUMBER, svrse11.txt.\n\n\n\n",
    "fields alone": HEADER[: HEADER.index("***")].replace("The Project", "Project") + "\n\n",
    "an apostrophe": HEADER[: HEADER.index("***")].replace("The Project Gutenberg", "Project Gutenberg's") + "\n\n",
}
BELOW = {
    "end and small print": FOOTER + SMALL_PRINT,
    "end alone": FOOTER,
    "a licence of 2004": FOOTER + "*** START: FULL LICENSE ***\nTHE FULL PROJECT GUTENBERG LICENSE\n",
}


@pytest.mark.parametrize("header", UNMARKED)
@pytest.mark.parametrize("below", BELOW)
def test_a_book_without_a_mark_above_its_text_loses_nothing_but_header_and_small_print(header, below):
    body = f"ONE\n\n\n{VERSE * 4}\n\n\n\nTWO\n\n\n{VERSE.replace('calm', 'wild') * 4}"
    text = UNMARKED[header] + body + BELOW[below]
    assert is_book(text)
    poems, dropped = split(read_books((text * 2).split("\n"), "some.txt", {}))
    assert [(poem.title, poem.author) for poem in poems] == [("ONE", "A. Poet"), ("TWO", "A. Poet")] * 2
    assert "SMALL PRINT" not in "".join(poem.text for poem in poems)
    assert all(word not in one.text for one in dropped if one.reason != "licence" for word in ("named", "SMALL PRINT"))


@pytest.mark.parametrize("header", UNMARKED)
def test_a_book_without_any_mark_loses_its_header_alone(header):
    poems, dropped = split(read_books(f"{UNMARKED[header]}ONE\n\n\n{VERSE * 4}".split("\n"), "some.txt", {}))
    assert [poem.text for poem in poems] == [cut(f"ONE\n\n\n{VERSE * 4}")[0][0].text]
    assert all("ONE" not in one.text for one in dropped)


@pytest.mark.parametrize("first", ["Project Gutenberg was a dream", "The Project", "In Project Gutenberg of old"])
def test_a_poem_that_begins_with_the_name_is_no_book(first):
    assert not is_book(f"{first}\n{VERSE}")


def test_a_text_that_speaks_of_the_marks_is_no_book():
    assert not is_book("I saw *** START OF THIS PROJECT GUTENBERG EBOOK written there.\n")


def test_several_books_may_stand_in_one_file():
    text = HEADER + f"ONE\n\n\n{VERSE * 4}" + FOOTER
    lines = (text + text.replace("A. Poet", "B. Poet").replace("ONE", "TWO")).split("\n")
    assert [(poem.title, poem.author) for poem in split(read_books(lines, "", {}))[0]] == [
        ("ONE", "A. Poet"),
        ("TWO", "B. Poet"),
    ]


def test_headings_may_be_in_capitals_or_in_title_case():
    assert titles(f"ONE OF THEM\n\n\n{LONGER * 2}\n\n\nAnother with the Rest\n\n{VERSE * 4}") == [
        "ONE OF THEM",
        "Another with the Rest",
    ]


def test_a_title_in_capitals_is_spelled_as_the_list_of_contents_has_it():
    contents = "CONTENTS\n\nThe First of All    1\nThe Second    2\n\n\n\n"
    body = f"THE FIRST OF ALL\n\n\n{LONGER * 2}\n\n\nTHE SECOND\n\n\n{VERSE * 4}"
    assert titles(contents + body) == ["The First of All", "The Second"]


def test_a_heading_above_a_heading_is_the_title_of_a_section():
    poems, dropped = cut(f"SOME SECTION\n\n\nONE\n\n\n{LONGER * 2}\n\n\nTWO\n\n\n{VERSE * 4}")
    assert [poem.title for poem in poems] == ["ONE", "TWO"]
    assert ("section titles", "SOME SECTION\n") in [(one.reason, one.text) for one in dropped]


def test_a_subtitle_and_a_dedication_are_in_the_text_of_the_poem():
    poem = cut(f"ONE\n\n\n               (FOR MUSIC)\n\n               TO A FRIEND\n\n{LONGER * 2}")[0][0]
    assert poem.title == "ONE"
    assert poem.text.startswith("(FOR MUSIC)\n\nTO A FRIEND\n\nThe sea is calm to-night,\n  The tide is full,\n")


def test_a_place_below_a_poem_belongs_to_it():
    poems = cut(f"ONE\n\n\n{LONGER * 2}\nAVIGNON.\n\n\nTWO\n\n\n{VERSE * 4}")[0]
    assert [poem.title for poem in poems] == ["ONE", "TWO"]
    assert poems[0].text.endswith("\n\nAVIGNON.\n")


def test_roman_numerals_below_a_title_number_the_parts_of_its_poem():
    poems = cut(f"ONE\n\n\n          I.\n\n{LONGER}\n          II.\n\n{LONGER}")[0]
    assert [poem.title for poem in poems] == ["ONE"]
    assert poems[0].text.startswith("I.\n\nThe sea is calm")
    assert "\n\nII.\n\nThe sea is calm" in poems[0].text


def test_roman_numerals_with_titles_below_them_number_poems_of_their_own():
    body = f"SOME VERSE\n\n\n\nI\n\n1887\n\n{LONGER}\n\n\nII\n\n{LONGER}\n\n\nIII\n\nTHE RECRUIT\n\n{LONGER}"
    assert titles(body) == ["1887", "SOME VERSE, II", "THE RECRUIT"]


def test_many_roman_numerals_with_sonnets_below_them_number_poems():
    sonnet = "  From fairest creatures we desire increase,\n" * 14
    numerals = ["I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII", "XIII", "XIV"]
    body = "THE SONNETS\n\nby A. Poet\n\n\n\n" + "\n".join(f"  {numeral}\n\n{sonnet}" for numeral in numerals)
    assert titles(body) == [f"THE SONNETS, {numeral}" for numeral in numerals]


def test_prefaces_lists_notes_and_title_pages_are_dropped_and_named():
    body = (
        "Produced by Somebody\n\n\n\nSOME VERSE\n\nby A. Poet\n\n\n\n"
        f"PREFACE\n\n\n{PROSE}\n\n\nCONTENTS\n\nOne    1\n\n\n\n"
        f"ONE\n\n\n{LONGER * 2}\n[1] The sea is the Channel.\n\n\n\n"
        f"INDEX OF FIRST LINES\n\nThe moon lies fair\nThe sea is calm\n\n\nNOTES\n\n{PROSE}"
    )
    poems, dropped = cut(body)
    assert [poem.title for poem in poems] == ["One"]
    assert [one.reason for one in dropped] == [
        *("licence", "headings alone", "prose", "contents", "notes", "notes and lists", "notes and lists", "licence")
    ]


def test_a_poem_without_a_title_may_stand_far_below_a_preface():
    poems, _ = cut(f"PREFACE\n\n\n{PROSE}\n\n\n\n\n{VERSE * 4}\n\n\nONE\n\n\n{LONGER * 2}")
    assert [poem.title for poem in poems] == ["Some Verse With a Note", "ONE"]


def test_the_end_of_a_line_that_was_too_long_does_not_undo_the_margin():
    poem = cut(f"ONE\n\n\n{VERSE * 6}    For any dappled fawn, pluck these, and those fond flowers which\nare\n")[0][0]
    assert poem.text.startswith("The sea is calm to-night,\n  The tide is full,\n")
    assert poem.text.endswith("those fond flowers which\nare\n")


def test_an_ornament_between_stanzas_stays_and_one_below_the_last_is_dropped():
    poems, dropped = cut(f"ONE\n\n\n{LONGER}\n          * * * * *\n\n{LONGER}\n          * * * * *\n")
    assert poems[0].text.count("* * * * *") == 1
    assert [one.reason for one in dropped] == ["licence", "ornaments", "licence"]


def test_long_lines_of_verse_that_go_on_in_the_next_line_are_no_prose():
    line = "  I loafe and invite my soul, I lean and loafe at my ease observing a\n      spear of summer grass.\n"
    assert titles(f"ONE\n\n\n{line * 6}") == ["ONE"]


def test_a_list_of_contents_may_stand_at_the_end():
    poems, dropped = cut(f"THE FIRST\n\n\n{LONGER * 3}\n\n\nTABLE DES MATIÈRES\n\nThe First    1\n")
    assert [poem.title for poem in poems] == ["The First"]
    assert [one.reason for one in dropped] == ["licence", "contents", "licence"]


@pytest.mark.parametrize("mark", ["\n<|endoftext|>\n\n", "<|endoftext|>\n", "\n\n\n  <|endoftext|>\n\n\n\n"])
def test_a_mark_between_poems_ends_a_poem_and_is_in_none(mark):
    poems, _ = cut(f"SONG\n\n\n{LONGER}{mark}{LONGER}{mark}\n\nODE\n\n\n{LONGER}")
    assert [(poem.title, poem.text) for poem in poems] == [
        (title, textwrap.dedent(LONGER)) for title in ("SONG", "", "ODE")
    ]


def test_a_mark_inside_a_line_ends_a_poem_there():
    poems, _ = cut(f"SONG\n\n\n{LONGER}  One<|endoftext|>two\n  three\n  four\n")
    assert [poem.text for poem in poems] == [f"{textwrap.dedent(LONGER)}One\n", "two\n  three\n  four\n"]
    line = HEADER.count("\n") + len(f"SONG\n\n\n{LONGER}".splitlines()) + 1
    assert poems[1].place == f"some.txt:{line}"
