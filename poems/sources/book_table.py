"""A table of books: who wrote the books that an NDJSON corpus knows by number only."""

import io

from poems import poem
from poems.sources.tables import find_heading, read_fields
from system import files
from system.errors import UserError

COLUMNS = {"gid", "author", "title"}


def read_books(path: str) -> dict[str, poem.Book]:
    """The books of a CSV with the columns gid, author and title, by their numbers.

    Raises:
      FileNotFoundError: it is not there.
      ValueError: it is no such table, has no books or gives one twice.
    """
    if not files.exists(path):
        raise FileNotFoundError(f"{path}: no such file, expected a table of books, gid,author,title")
    rows = read_fields(io.StringIO(files.read_text(path, "save the table as UTF-8"), newline=""), path)
    names = find_heading((fields for _, fields in rows), COLUMNS.issubset)
    if not COLUMNS.issubset(names):
        raise UserError(f"{path}: the columns are {', '.join(names) or 'none'}, expected gid, author and title")
    books: dict[str, poem.Book] = {}
    for line, row in rows:
        fields = dict(zip(names, map(str.strip, row), strict=False))
        gid = fields.get("gid", "").removesuffix(".0")  # as spreadsheets and pandas write numbers
        book = poem.Book(fields.get("author", ""), fields.get("title", ""))
        if books.setdefault(gid, book) != book:
            raise UserError(f"{path}, line {line}: book {gid} for the second time, expected it once")
    if not books:
        raise UserError(f"{path}: no row below its heading, expected gid, author and title of each book")
    return books
