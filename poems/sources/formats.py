"""Reading a file of poems, whatever it holds: lines of JSON, a table, a book of Project Gutenberg's or plain text."""

import codecs
import dataclasses
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from poems.books.book import is_book, read_books
from poems.long_texts import END_OF_TEXT, cut, in_parts, split_documents
from poems.poem import Book, Poem
from poems.sources.account import Rows
from poems.sources.ndjson import EXPECTED, is_ndjson, read_ndjson
from poems.sources.other_formats import check_format
from poems.sources.records import is_array, is_records, read_array, read_lines
from poems.sources.tables import check_columns, heading_of, is_table, line_ends, read_table
from poems.sources.text_file import decoded, is_utf8, lines_of, open_unpacked, rows_of
from system.errors import UserError

MARKS = {  # UTF-32 first, since its mark begins with that of UTF-16
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
    codecs.BOM_UTF8: "utf-8",
}
DECLARED = re.compile(rb"Character set encoding:\s*(UTF-8|ISO-8859-1|Windows-1252)\b", re.IGNORECASE)


def read_poems(
    path: str,
    encoding: str,
    books: Mapping[str, Book],
    rows: Rows,
    progress: Callable[[int], object] = lambda n_bytes: None,
) -> Iterator[Poem]:
    """The poems of a file; what else it holds goes to `rows`.

    The format is recognised from the first bytes, and from the name only if these do not show it, so that a file with a
    broken first row is still read as what it is called, and JSON or a table of something else is not read as text.
    Files packed by gzip are unpacked.

    Args:
      encoding: of text and tables that are not UTF-8 and do not declare their own; JSON is always UTF-8.
      books: authors and titles by Project Gutenberg's numbers.
      rows: the account to keep.
      progress: called with the number of bytes of the file that were read since the last call.
    Raises:
      FileNotFoundError: it is not there.
      ValueError: it is not text, not of that encoding, not a table of poems, or has too many bad rows.
    """
    data, file = open_unpacked(path, progress)
    encoding = find_encoding(data, encoding)
    with file:
        head = data.decode(encoding, errors="replace")
        kind = kind_of(head, path)
        if kind == "rows":
            yield from split_at_marks(read_ndjson(file, books, rows))
        elif kind == "records":
            text = decoded(file, path, "utf-8")
            yield from split_at_marks(read_array(text, rows) if is_array(head) else read_lines(lines_of(text), rows))
        elif kind == "table":
            with io.TextIOWrapper(file, encoding, errors="surrogateescape", newline=line_ends(head)) as lines:
                yield from split_at_marks(read_table(rows_of(lines, path), rows))
        elif kind == "book":
            for found in read_books(lines_of(decoded(file, path, encoding)), path, books):
                if isinstance(found, Poem):
                    if books:
                        rows.books[found.book] = found.book in books
                    yield found
                else:
                    rows.drop(found)
        else:
            yield from read_text(decoded(file, path, encoding), path)


def kind_of(head: str, path: str) -> str:
    """What a file that begins so holds: lines of verse or poems in JSON (rows, records), a table, a book or text.

    Raises:
      ValueError: nothing that is verse, saying what was expected.
    """
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


def find_encoding(head: bytes, encoding: str) -> str:
    """The encoding of a file that begins so: the one that it declares, or UTF-8 if it is that, or the one given."""
    return declared_encoding(head) or (encoding if not is_utf8(head) else "utf-8")


def declared_encoding(head: bytes) -> str | None:
    """The encoding that the first bytes of a file declare: by a byte order mark, or in a header of Gutenberg's."""
    for mark, name in MARKS.items():
        if head.startswith(mark):
            return name
    declared = DECLARED.search(head)
    return declared[1].decode().lower() if declared else None


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
