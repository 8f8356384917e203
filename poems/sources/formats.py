"""Reading a file of poems, whatever it holds: JSON, a table, a document, a book of Project Gutenberg's or text."""

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Literal

from poems.books.book import is_book, read_books
from poems.division import divide_text
from poems.documents.documents import held_whole, kind_of_document, read_document
from poems.long_texts import END_OF_TEXT, cut, in_parts, split_documents
from poems.poem import Book, Poem
from poems.sources.account import Rows
from poems.sources.encodings import find_encoding
from poems.sources.ndjson import EXPECTED, is_ndjson, read_ndjson
from poems.sources.other_formats import check_binary, check_format
from poems.sources.parquet import MAGIC, read_parquet
from poems.sources.records import is_array, is_records, read_array, read_lines
from poems.sources.tables import check_columns, heading_of, is_table, line_ends, read_table
from poems.sources.text_file import decoded, lines_of, open_unpacked, rows_of
from system.errors import UserError

NO_BOOKS: Mapping[str, Book] = {}

Kind = Literal["docx", "odt", "epub", "parquet", "rows", "records", "table", "book", "text"]


def read_poems(
    rows: Rows,
    encoding: str = "utf-8",
    books: Mapping[str, Book] = NO_BOOKS,
    divide: str | None = None,
    progress: Callable[[int], object] = lambda n_bytes: None,
) -> Iterator[Poem]:
    """The poems of a file; what else it holds goes to the account of it.

    The format is recognised from the first bytes, and from the name only if these do not show it, so that a file with a
    broken first row is still read as what it is called, and JSON or a table of something else is not read as text.
    Files packed by gzip are unpacked.

    Args:
      rows: the account to keep, which names the file.
      encoding: of text and tables that are not UTF-8 and do not declare their own; utf-8 if nobody knows.
      books: authors and titles by Project Gutenberg's numbers.
      divide: at what lines to divide plain text and documents, see `poems.division`; None if they are not divided.
      progress: called with the number of bytes of the file that were read since the last call.
    Raises:
      FileNotFoundError: it is not there.
      ValueError: it holds no poems, or has too many bad rows.
      UnreadableFile: it is damaged, or not of that encoding.
    """
    path = rows.path
    data, file = open_unpacked(path, progress)
    with file:
        kind = kind_of(data, path, encoding)
        encoding = find_encoding(data, encoding)
        head = data.decode(encoding, errors="replace")
        if kind in ("docx", "odt", "epub"):
            yield from split_at_marks(read_document(kind, file, path, divide))
        elif kind == "parquet":
            with held_whole(file, path) as whole:
                yield from split_at_marks(read_parquet(whole, rows))
        elif kind == "rows":
            yield from split_at_marks(read_ndjson(file, books, rows))
        elif kind == "records":
            text = decoded(file, rows, "utf-8")
            yield from split_at_marks(read_array(text, rows) if is_array(head) else read_lines(lines_of(text), rows))
        elif kind == "table":
            text = decoded(file, rows, encoding, "surrogateescape", translate=line_ends(head) is None)
            yield from split_at_marks(read_table(rows_of(text, path), rows))
        elif kind == "book":
            yield from _read_book(decoded(file, rows, encoding), rows, books)
        elif divide:
            yield from divide_text(lines_of(decoded(file, rows, encoding)), divide, path)
        else:
            yield from read_text(decoded(file, rows, encoding), path)


def kind_of(data: bytes, path: str, encoding: str) -> Kind:
    """What a file that begins so holds; "rows" are lines of verse in JSON, "records" poems.

    Raises:
      ValueError: nothing that is verse, saying what was expected.
    """
    document: Kind | None = "parquet" if data.startswith(MAGIC) else kind_of_document(data, path)
    if document:
        return document
    check_binary(data, path)
    head = data.decode(find_encoding(data, encoding), errors="replace")
    name = path.lower().removesuffix(".gz")
    if is_records(head) or (name.endswith((".jsonl", ".ndjson")) and any(map(is_records, head.splitlines()[1:]))):
        return "records"
    if name.endswith(".json") and not is_ndjson(head, of_verse=True):
        raise UserError(
            f'{path}: JSON without verse, expected poems, with "text", "poem" or "lines", or lines of verse, with '
            f"{EXPECTED}; leave it out"
        )
    if is_ndjson(head) or name.endswith((".ndjson", ".jsonl")):
        return "rows"
    if name.endswith((".csv", ".tsv")):
        check_columns(heading_of(head), path)
    if is_table(head) or name.endswith((".csv", ".tsv")):
        return "table"
    if "\0" in head:
        raise UserError(f"{path}: not text, found a zero byte; name files of plain text")
    check_format(head, path)
    return "book" if is_book(head) else "text"


def _read_book(blocks: Iterator[str], rows: Rows, books: Mapping[str, Book]) -> Iterator[Poem]:
    """The poems of a book of Project Gutenberg's; the rest is left out."""
    for found in read_books(lines_of(blocks), rows.path, books):
        if isinstance(found, Poem):
            if books:
                rows.books[found.book] = found.book in books
            yield found
        else:
            rows.drop(found)


def split_at_marks(poems: Iterable[Poem]) -> Iterator[Poem]:
    """The poems, those with `<|endoftext|>` in them cut there: what was written for one end of text is one."""
    for poem in poems:
        *whole, last = poem.text.split(END_OF_TEXT) if END_OF_TEXT in poem.text else [poem.text]
        for text in whole:
            yield dataclasses.replace(poem, text=f"{text.strip()}\n" if text.strip() else "", more=False)
        yield dataclasses.replace(poem, text=last.lstrip("\n")) if whole else poem


def read_text(blocks: Iterable[str], path: str) -> Iterator[Poem]:
    """The documents of plain text, which comes in blocks: one, or several with `<|endoftext|>` between them."""
    for document in split_documents(cut(blocks)):
        first = next(document).lstrip("\n")
        yield from in_parts((piece for pieces in ([first], document) for piece in pieces), Poem("", place=path))
