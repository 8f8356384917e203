"""Poems in tables, a poem a row: CSV files, also those with tabs or semicolons between the columns.

Columns are known by name, in any order and case, as in `,Title,Poem,Poet,Tags` and `,Author,Title,Poetry Foundation
ID,Content`, the headings of two copies of the Poetry Foundation's site, or `text` alone. Other columns are ignored.
"""

import csv
import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from poems.poem import LINE_END, LONGEST, Poem, clean_text
from poems.sources.account import Rows
from system.errors import UserError

TEXT = ("poem", "content", "text", "lines")  # the names of the column of poems; the first that is there counts
SEPARATORS = ",\t;|"
AUTHOR = ("poet", "author")
MOST_ABOVE = 20  # lines in which the heading is looked for, to tell what separates the columns
UNCLOSED = 1 << 24  # Characters; a field this long is a quote that nothing closes.

# What Python's csv reports as wrong (CPython, Modules/_csv.c), by a word or two of it, and what that means in a file.
CAUSES = {
    "unexpected end": "a quote is opened and never closed; close it",
    "expected after": "a quote is closed in the middle of a field, in line {at}; close each quote, double those inside",
    "field limit": f"a field of over {UNCLOSED:,} characters, expected a poem; is its quote not closed?",
    "new-line": "a line end \\r in the middle of a row; put the field into quotes, or save the table again",
}

# The buttons beside a poem, which the scrapers took for a part of its title.
BUTTONS = re.compile(r"\b(?:launch|play) (?:audio|video)(?: in a new window)?$", re.IGNORECASE)
# Tags are joined by commas; these have commas of their own.
TAGS_WITH_COMMAS = ("Gay, Lesbian, Queer", "Seas, Rivers, & Streams", "Stars, Planets, Heavens")
UNDECODED = re.compile("[\ud800-\udfff]")  # what the error handler "surrogateescape" makes of bytes
TAG = re.compile("|".join([*map(re.escape, TAGS_WITH_COMMAS), r"[^,\s][^,]*"]))


def read_table(lines: Iterable[str], rows: Rows) -> Iterator[Poem]:
    """The poems of a CSV file.

    Args:
      lines: of the file, as `open(path, newline="\\n")` gives them, bytes that do not decode as surrogates.
      rows: the account to keep; it also names the file.
    Raises:
      ValueError: there is no column of poems, a quote is not closed, there are too many bad rows or no good one.
    """
    lines = iter(lines)
    first = list(itertools.islice(lines, MOST_ABOVE))
    found = read_fields(itertools.chain(first, lines), rows.path, separator_of("".join(first)))
    names = find_heading(fields for _, fields in found)
    check_columns(names, rows.path)
    for line, fields in found:
        rows.n += 1
        row = dict(zip(names, fields, strict=False))
        ragged = len(fields) != len(names)
        if reason := f"not the {len(names)} columns of the heading" if ragged else why_bad(row):
            rows.skip(line, reason, " ".join(fields)[:1000].encode(errors="replace").decode())
        else:
            yield poem_of(row, f"{rows.path}:{line}")
    rows.end()


def read_fields(lines: Iterable[str], path: str, separator: str = ",") -> Iterator[tuple[int, list[str]]]:
    """The rows of a CSV file that are not empty: the line where each begins, and its fields.

    Raises:
      ValueError: naming the line, since a quote too few or too many takes the rows that follow into one field.
    """
    csv.field_size_limit(UNCLOSED)
    reader = csv.reader(lines, strict=True, delimiter=separator)
    while True:
        line = reader.line_num + 1
        try:
            fields = next(reader, None)
        except csv.Error as error:
            raise UserError(f"{path}, line {line}: {_cause(error, reader.line_num)}") from None
        if fields is None:
            return
        if fields:
            yield line, fields


def line_ends(head: str) -> str | None:
    """What `open` takes as `newline` for a CSV file that begins so.

    Real files have "\\r\\r\\n" inside fields, one line end; only where the heading ends in "\\r" alone, as on an old
    Mac, is that one too.
    """
    first = LINE_END.search(head)
    return None if first and first[0] == "\r" else "\n"


def heading_of(head: str) -> list[str]:
    """The names of the columns of a CSV file that begins so."""
    separator = separator_of(head)
    return find_heading(next(csv.reader([line], delimiter=separator), []) for line in head.splitlines())


def separator_of(head: str) -> str:
    """What is between the columns of a table that begins so: by its heading, or by `sep=;` above it."""
    marked = re.match(r"\ufeff?\"?sep=([,;|\t])", head)
    if marked:
        return marked[1]
    lines = [line for line in head.splitlines()[:MOST_ABOVE] if line.strip("\ufeff \t\r\n,;|")]
    headings = (line for line in lines if has_poems(column_names(re.split(r"[,\t;|]", line.replace('"', "")))))
    return max(SEPARATORS, key=next(headings, lines[0] if lines else "").count)


def has_poems(names: Iterable[str]) -> bool:
    """Whether one of the columns of these names is of poems."""
    return not set(TEXT).isdisjoint(names)


def find_heading(rows: Iterable[list[str]], is_heading: Callable[[list[str]], bool] = has_poems) -> list[str]:
    """The names of the columns: the first row that is a heading, below empty rows, captions and Excel's `sep=,`.

    No row after it is read. If none is a heading, the first that is not empty.
    """
    named = (names for names in map(column_names, rows) if any(names) and not names[0].startswith("sep="))
    first = next(named, [])
    below = itertools.chain([first], itertools.islice(named, MOST_ABOVE))
    return next(filter(is_heading, below), first)


def check_columns(names: list[str], path: str) -> None:
    """Raises a ValueError if there is no column of poems among those of these names."""
    if not has_poems(names):
        raise UserError(
            f"{path}: the columns are {', '.join(filter(None, names)) or 'none'}, "
            "expected one called Poem, Content or Text, and perhaps Title, Poet or Author, and Tags"
        )


def column_names(heading: Iterable[str]) -> list[str]:
    """The names of columns, in lower case."""
    return [name.strip("\ufeff \t\r\n").lower() for name in heading]


def is_table(head: str) -> bool:
    """Whether a file that begins so is a CSV file with a column of poems."""
    names = heading_of(head)
    return len(names) > 1 and bool(set(TEXT) & set(names)) and bool({"title", *AUTHOR} & set(names))


def clean_title(title: str) -> str:
    """A title in one line and without the page's buttons."""
    return BUTTONS.sub("", " ".join(title.split())).rstrip()


def split_tags(tags: str) -> tuple[str, ...]:
    """The tags that a comma joins, also those with commas of their own."""
    return tuple(tag.strip() for tag in TAG.findall(tags))


def _cause(error: csv.Error, at: int) -> str:
    """What is wrong with a row of which the line number `at` was the last one read."""
    return next((cause.format(at=at) for words, cause in CAUSES.items() if words in str(error)), str(error))


def why_bad(row: Mapping[str, str]) -> str | None:
    """Why a row, of strings by the names of their columns, holds no poem; None if it does."""
    text = "".join(row.values())
    if len(text) > LONGEST:
        return f"longer than {LONGEST:,} characters"
    if "\0" in text:
        return "a zero byte"
    if UNDECODED.search(text):
        return "not of the encoding; give it, such as --encoding cp1252"
    return None if _first(row, TEXT).strip() else "no poem"


def poem_of(row: Mapping[str, str], place: str) -> Poem:
    """The poem of a good row."""
    title, author = clean_title(row.get("title", "")), " ".join(_first(row, AUTHOR).split())
    tags = split_tags(row.get("tags", ""))
    return Poem(clean_text(_first(row, TEXT)), title, author, tags, place=place, is_row=True)


def _first(row: Mapping[str, str], names: Iterable[str]) -> str:
    """The field of the first of these columns that there is."""
    return next((row[name] for name in names if name in row), "")
