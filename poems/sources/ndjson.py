"""The Gutenberg Poetry Corpus as files of one JSON object a line.

Three shapes are about, told apart by what their rows hold:

    {"s": "a line of verse", "gid": "1322"}                   as published
    {"line": 74, "s": "a line of verse", "gid": "1322"}       with the number of the line in its book
    {"line": "a line of verse", "gutenberg_id": 1322}         as copied to Hugging Face
"""

import itertools
import json
from collections.abc import Iterator, Mapping
from typing import IO, NamedTuple

from poems.long_texts import in_parts
from poems.poem import LONGEST, UNKNOWN, Book, Poem
from poems.sources.account import Rows

BLOCK = 1 << 20  # Bytes read at once: some 12,000 rows, parsed as one JSON array.
BOM = "\ufeff".encode()
MOST_DIGITS = 19  # of the number of a line that is text; Python refuses to read one of thousands
EXPECTED = '"s" and "gid", or "line" and "gutenberg_id"'


class _Batch(NamedTuple):
    """Good rows, column by column."""

    lines: list[int] | range  # where in the file, from 1
    texts: list[str]
    gids: list[str]
    numbers: list[int] | None  # in their book; None without any


class _Run(NamedTuple):
    """Some lines of one book, with a line end each, and where in the file the book begins."""

    line: int
    gid: str
    text: str


class _BadRow(ValueError):
    """Why a row holds no line of verse."""


def read_ndjson(file: IO[bytes], books: Mapping[str, Book], rows: Rows) -> Iterator[Poem]:
    """The books of such a file, each one document, in parts if it is long.

    A number that does not follow the last one is a stanza break; `rows.gaps` counts how much was missing, since a
    dropped line leaves a gap as an empty one does. Without numbers there are no stanza breaks.

    Args:
      file: open, unpacked.
      books: their authors and titles, by number.
      rows: the account to keep; it also names the file.
    Raises:
      ValueError: too many bad rows, or no good one.
    """
    for (gid, line), runs in itertools.groupby(_runs(file, rows), key=lambda run: (run.gid, run.line)):
        if books:
            rows.books[gid] = gid in books
        book = books.get(gid, UNKNOWN)
        poem = Poem("", book.title, book.author, book=gid, place=f"{rows.path}:{line}")
        yield from in_parts((run.text for run in runs), poem)
    rows.end()


def is_ndjson(head: str, of_verse: bool = False) -> bool:
    """Whether a file that begins so has a JSON object in each line, perhaps one that is a line of verse."""
    head = head.lstrip("\ufeff\r\n\t ")
    if not head.startswith("{"):
        return False
    line, end, _ = head.partition("\n")
    try:
        row = json.loads(line)
        return isinstance(row, dict) and bool(not of_verse or _shape(row))
    except KeyError:
        return False
    except (ValueError, RecursionError):
        return not end and '":' in line and not of_verse  # a first line longer than what was looked at


def _runs(file: IO[bytes], rows: Rows) -> Iterator[_Run]:
    gid, line, number = None, 0, 0
    for batch in _batches(file, rows):
        if batch.numbers is None:
            rows.notes["no line numbers: books can be told apart, but neither their poems nor their stanzas"] = None
        start = 0
        for this, same in itertools.groupby(batch.gids):
            end = start + sum(1 for _ in same)
            texts = batch.texts[start:end]
            is_new = this != gid
            if is_new:
                gid, line = this, batch.lines[start]
            if batch.numbers is not None:
                numbers = batch.numbers[start:end]
                texts = _stanzas(texts, numbers, numbers[0] - 1 if is_new else number, rows)
                number = numbers[-1]
            yield _Run(line, this, "\n".join(texts) + "\n")
            start = end


def _stanzas(texts: list[str], numbers: list[int], last: int, rows: Rows) -> list[str]:
    """The lines, and an empty one wherever a number does not follow the last."""
    lines = []
    for text, number in zip(texts, numbers, strict=True):
        if number != last + 1:
            rows.gaps[max(number - last - 1, 0)] += 1
            lines.append("")
        lines.append(text)
        last = number
    return lines


def _batches(file: IO[bytes], rows: Rows) -> Iterator[_Batch]:
    first = 1
    for lines in _blocks_of_lines(file):
        rows.n += len(lines)
        yield from _fast(lines, first) or _slow(lines, first, rows)
        first += len(lines)


def _blocks_of_lines(file: IO[bytes]) -> Iterator[list[bytes]]:
    """The lines of a file, some thousand at a time; of a line that is too long, enough to tell that it is."""
    held = b""
    while block := file.read(BLOCK):
        *lines, held = (held + block).split(b"\n")
        held = held[: LONGEST + 1]
        if lines:
            yield lines
    if held:
        yield [held]


def _fast(lines: list[bytes], first: int) -> list[_Batch] | None:
    """The rows if all are good and of one shape, parsed as one array; else None."""
    try:
        # A line end is not allowed inside a JSON string, so a broken string never runs on into the next row.
        found = json.loads("[" + b",\n".join(lines).removeprefix(BOM).decode() + "]")
        if len(found) != len(lines) or len(set(map(len, found))) != 1 or max(map(len, lines)) > LONGEST:
            return None
        text_key, gid_key, number_key = _shape(found[0])
        texts = [row[text_key] for row in found]
        gids = [row[gid_key] for row in found]
        numbers = None if number_key is None else [row[number_key] for row in found]
        if not all(map(str.strip, texts)) or (numbers is not None and set(map(type, numbers)) != {int}):
            return None
        joined = "".join(texts)
        joined.encode()
    except (ValueError, KeyError, TypeError, RecursionError):  # UnicodeError is a ValueError
        return None
    kinds = set(map(type, gids))
    if "\0" in joined or kinds not in ({str}, {int}):
        return None
    return [_Batch(range(first, first + len(lines)), texts, gids if kinds == {str} else list(map(str, gids)), numbers)]


def _slow(lines: list[bytes], first: int, rows: Rows) -> Iterator[_Batch]:
    """The good ones of the rows, looked at one by one; the others are counted."""
    good: list[tuple[int, str, str, int | None]] = []
    for line, data in enumerate(lines, start=first):
        if line == 1:
            data = data.removeprefix(BOM)
        if not data.strip():
            rows.n -= 1  # an empty line is no row
            continue
        try:
            good.append((line, *_parse(data)))
        except _BadRow as error:
            rows.skip(line, str(error), data[:1000].decode(errors="replace"))
    for numbered, same in itertools.groupby(good, key=lambda row: row[3] is not None):
        places, texts, gids, numbers = map(list, zip(*same, strict=True))
        yield _Batch(places, texts, gids, numbers if numbered else None)  # type: ignore[arg-type]


def _parse(data: bytes) -> tuple[str, str, int | None]:
    """The text, book and line number of one row.

    Raises:
      _BadRow: saying why it has none.
    """
    if len(data) > LONGEST:
        raise _BadRow(f"longer than {LONGEST:,} bytes")
    try:
        row = json.loads(data.decode())
    except UnicodeDecodeError:
        raise _BadRow("not UTF-8") from None
    except (ValueError, RecursionError):
        raise _BadRow("not JSON") from None
    if not isinstance(row, dict):
        raise _BadRow("not a JSON object")
    try:
        text_key, gid_key, number_key = _shape(row)
    except KeyError:
        raise _BadRow(f"not the columns {EXPECTED}") from None
    text, gid, number = row[text_key], row[gid_key], row[number_key] if number_key else None
    if isinstance(number, str) and number.strip().isdecimal() and len(number) < MOST_DIGITS:
        number = int(number)
    if not isinstance(text, str) or not text.strip():
        raise _BadRow("no text")
    if isinstance(gid, bool) or not isinstance(gid, str | int):
        raise _BadRow("no book number")
    if isinstance(number, bool) or not isinstance(number, int | None):
        raise _BadRow("the line number is not an integer")
    if "\0" in text:
        raise _BadRow("a zero byte")
    try:
        text.encode()
    except UnicodeError:
        raise _BadRow("half a character") from None
    return text, str(gid), number


def _shape(row: dict) -> tuple[str, str, str | None]:
    """Which keys hold the text, the book and the number of the line, if any.

    Raises:
      KeyError: none of the known ones.
    """
    if "s" in row and "gid" in row:
        return "s", "gid", "line" if "line" in row else None
    if "line" in row and "gutenberg_id" in row:
        return "line", "gutenberg_id", None
    raise KeyError
