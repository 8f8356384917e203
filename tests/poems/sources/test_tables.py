import csv
import gzip
import io
import pathlib
import re

import pytest

from poems.poem import Dropped
from poems.sources.account import Rows
from poems.sources.formats import read_poems
from poems.sources.tables import clean_text, clean_title, heading_of, is_table, read_table, split_tags

DATA = pathlib.Path(__file__).parents[1] / "data"
HEADING = "Title,Poem,Poet,Tags\r\n"


def read(text, rows=None):
    return list(read_table(io.StringIO(text, newline="\n"), rows or Rows("poems.csv")))


@pytest.mark.parametrize(
    ("name", "text", "author"), [("poems-foundation.csv", "Content", "Author"), ("poems-tags.csv", "Poem", "Poet")]
)
def test_every_line_and_every_stanza_break_of_both_shapes_is_read(name, text, author):
    data = (DATA / name).read_bytes().decode()
    wanted = [row for row in csv.DictReader(io.StringIO(data, newline="")) if row[text].strip()]
    rows = Rows(name)
    poems = read(data, rows)
    plain = [re.sub("\r*\n", "\n", row[text].replace("\xa0", " ")).strip("\n") for row in wanted]
    assert [poem.text for poem in poems] == [f"{one}\n" for one in plain]
    assert [poem.author for poem in poems] == [row[author] for row in wanted]
    assert rows.bad == {"no poem": 1}
    assert not any("Launch" in poem.title or "  " in poem.title or "\n" in poem.title for poem in poems)


@pytest.mark.parametrize(
    "text",
    [
        "Author,Title,Poetry Foundation ID,Content\nA. Poet,One,1,verse\n",
        ",Author,Title,Poetry Foundation ID,Content\n0,A. Poet,One,1,verse\n",
        "TITLE,poem,Poet\nOne,verse,A. Poet\n",
        "\ufeffpoet,Content,title\r\nA. Poet,verse,One\r\n",
    ],
)
def test_columns_are_known_by_name(text):
    assert [(poem.title, poem.author, poem.text) for poem in read(text)] == [("One", "A. Poet", "verse\n")]


def test_a_poem_is_placed_at_the_line_where_its_row_begins():
    poems = read(HEADING + 'One,"a\r\r\nb\r\r\n",A,\r\nTwo,c,B,\r\n')
    assert [poem.place for poem in poems] == ["poems.csv:2", "poems.csv:5"]


@pytest.mark.parametrize(
    "title",
    [
        "Crossing the Bar",
        "\r\r\n                    Crossing the Bar\r\r\n                ",
        "Crossing the Bar\n \n \n  \n   Launch Audio in a New Window",
        "Crossing the\n \n Bar Launch Audio in a New Window",
        "Crossing the Bar\n  Play Audio",
    ],
)
def test_a_title_is_one_line_without_the_buttons_of_the_page(title):
    assert clean_title(title) == "Crossing the Bar"


def test_a_poem_has_plain_line_ends_and_indentation_and_one_empty_line_between_stanzas():
    text = "\r\r\na  b\r\r\n\xa0\xa0c\xa0d\r\r\n \xa0\r\r\n\r\r\n  e \r\r\n"
    assert clean_text(text) == "a  b\n  c\xa0d\n\n  e \n"


def test_tags_are_split_at_the_commas_between_them():
    assert split_tags("Nature,Seas, Rivers, & Streams,Arts & Sciences,Stars, Planets, Heavens") == (
        *("Nature", "Seas, Rivers, & Streams", "Arts & Sciences", "Stars, Planets, Heavens"),
    )
    assert split_tags("Gay, Lesbian, Queer,Love") == ("Gay, Lesbian, Queer", "Love")
    assert split_tags("Love, Nature") == ("Love", "Nature")
    assert split_tags("") == ()


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("One,,A,\r\n", "no poem"),
        ('One,"\r\r\n\r\r\n",A,\r\n', "no poem"),
        ("One,verse\r\n", "not the 4 columns of the heading"),
        ("One,verse,A,,\r\n", "not the 4 columns of the heading"),
        ("One,ver\0se,A,\r\n", "a zero byte"),
        ("One,ver\udce9se,A,\r\n", "not of the encoding; give it, such as --encoding cp1252"),
        (f"One,{'x' * 5_000_000},A,\r\n", "longer than 1,048,576 characters"),
    ],
)
def test_a_bad_row_is_skipped_and_named_by_its_line(row, reason):
    told: list[Dropped] = []
    rows = Rows("poems.csv", told.append)
    assert [poem.title for poem in read(f"{HEADING}First,verse,A,\r\n{row}Last,verse,A,\r\n", rows)] == [
        "First",
        "Last",
    ]
    assert rows.bad == {reason: 1}
    assert (told[0].place, told[0].reason) == ("poems.csv:3", reason)


def test_too_many_bad_rows_are_an_error():
    with pytest.raises(ValueError, match=r"poems\.csv: 101 bad rows up to line 102 \(101 no poem\)"):
        read(HEADING + "One,,A,\r\n" * 200)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ('Two,"verse,A,\r\nThree,verse,A,\r\n', "line 3: a quote is opened and never closed"),
        ('Two,"verse,A,\r\nThree,"verse\nverse",A,\r\n', "line 3: a quote is closed .* of a field, in line 4"),
        ('Two,"a "verse" in quotes",A,\r\n', "line 3: a quote is closed .* of a field, in line 3"),
        ("Two,verse\rverse,A,\r\n", r"line 3: a line end \\r in the middle of a row; put the field into quotes"),
        ('Two,"verse,A,\r\n' + "Three,verse,A,\r\n" * 1_200_000, "line 3: a field of over .* is its quote not closed"),
    ],
)
def test_a_row_that_takes_others_into_itself_is_an_error_that_names_its_line_and_the_cause(rows, message):
    with pytest.raises(ValueError, match=rf"poems\.csv, {message}"):
        read(f"{HEADING}One,verse,A,\r\n{rows}")


def test_a_heading_in_quotes_that_are_not_closed_is_an_error():
    with pytest.raises(ValueError, match=r"poems\.csv, line 1: a quote is opened and never closed"):
        read('Title,Poem,"Poet\nOne,verse,A\n')


def test_quotes_inside_fields_are_read_as_they_stand():
    row = 'One,verse "so" he said,"O ""Anna"", O",\r\n'
    assert [(poem.text, poem.author) for poem in read(HEADING + row)] == [('verse "so" he said\n', 'O "Anna", O')]


def test_a_table_without_a_column_of_poems_is_refused():
    with pytest.raises(ValueError, match=r"the columns are title, number, expected one called Poem, Content"):
        read("Title,Number\nOne,verse\n")


@pytest.mark.parametrize("separator", [",", "\t", ";"])
@pytest.mark.parametrize("name", ["poems.csv", "poems.tsv", "poems.csv.gz"])
def test_columns_may_be_separated_by_commas_tabs_or_semicolons(tmp_path, separator, name):
    with (gzip.open if name.endswith("gz") else open)(tmp_path / name, "wt", newline="") as file:
        writer = csv.writer(file, delimiter=separator)
        writer.writerows([["title", "text", "author"], ["O, rose; rose", "one,\ttwo;\n\nthree", "A. Poet"]])
    (poem,) = read_poems(Rows(str(tmp_path / name)))
    assert (poem.title, poem.text, poem.author) == ("O, rose; rose", "one,\ttwo;\n\nthree\n", "A. Poet")


@pytest.mark.parametrize("heading", ["text", "Poem", "content", '"Text"', "\ufefftext"])
def test_a_table_may_have_one_column(tmp_path, heading):
    path = tmp_path / "poems.csv"
    path.write_text(f'{heading}\n"O rose,\nthou art sick"\na thorn\n', encoding="utf-8")
    poems = read_poems(Rows(str(path)))
    assert [poem.text for poem in poems] == ["O rose,\nthou art sick\n", "a thorn\n"]


@pytest.mark.parametrize(
    "above", ["\n", "\r\n\r\n", "sep=,\r\n", "sep=,\n\n", ",,,\n", " , \n\n", "\ufeffsep=,\n", '""\n', "\ufeff\n"]
)
def test_empty_rows_and_excels_line_above_the_heading_are_passed_over(above):
    text = f"{above}{HEADING}One,verse,A. Poet,\r\n"
    assert is_table(text)
    assert heading_of(text) == ["title", "poem", "poet", "tags"]
    assert [(poem.title, poem.text) for poem in read(text)] == [("One", "verse\n")]


@pytest.mark.parametrize(
    "above", ["My poems\n", "# exported in 2020\n\n", "Poems, and songs\nof one year\n", "a;b|c\n,\n"]
)
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_captions_above_the_heading_are_passed_over_whatever_is_between_the_columns(above, separator):
    text = above + "".join(separator.join(row) + "\n" for row in (("Title", "Poem"), ("One", "verse")))
    assert is_table(text)
    assert [(poem.title, poem.text) for poem in read(text)] == [("One", "verse\n")]


def test_a_row_whose_field_is_called_as_a_column_is_no_heading():
    assert [poem.text for poem in read("Title,Poem\nOne,verse\ntext,content\n")] == ["verse\n", "content\n"]
