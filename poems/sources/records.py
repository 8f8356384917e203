"""Poems in JSON, an object a poem: a line each, as in `{"text": "..."}`, or in an array, as PoetryDB gives them.

The names of a poem's parts are those of the columns of a table (see `poems.sources.tables`). The text is a string, or a
list of its lines, in which an empty one is a stanza break.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping

from poems.poem import LONGEST, Poem
from poems.sources.account import Rows
from poems.sources.tables import TEXT, poem_of, why_bad
from system.errors import UserError

BEGINNING = re.compile(r"\ufeff?\s*(\[?)\s*(?=\{)")
BETWEEN = ", \t\r\n"
NAME = re.compile(r'[{,]\s*"(\w+)"\s*:\s*["\[]')
LONG_HEAD = 16_000  # Characters; the first bytes of a longer file are at least as many.
LONGEST_VALUE = 2 * LONGEST  # Characters of an object that are held in memory while its end is looked for.


def is_records(head: str) -> bool:
    """Whether a file that begins so has JSON objects that are poems, in lines, in an array or one alone."""
    found = _first_object(head)
    return isinstance(found, dict) and "gid" not in found and bool(set(TEXT) & set(_strings(found)))


def is_array(head: str) -> bool:
    """Whether the objects in a file that begins so are in an array, or one is broken into several lines."""
    begins = BEGINNING.match(head)
    if begins is None or begins[1]:
        return begins is not None
    try:
        json.loads(head[begins.end() :].split("\n", 1)[0])
    except (ValueError, RecursionError):
        return _first_object(head) is not None
    return False


def read_lines(lines: Iterable[str], rows: Rows) -> Iterator[Poem]:
    """The poems of a file with an object in each line.

    Raises:
      UserError: too many bad rows, or no good one.
    """
    for number, line in enumerate(lines, start=1):
        if line.strip("\ufeff \t\r"):
            yield from _read(line.removeprefix("\ufeff"), number, rows)
    rows.end()


def read_array(blocks: Iterable[str], rows: Rows) -> Iterator[Poem]:
    """The poems of an array of objects, or of one object.

    Args:
      blocks: the text of the file; never more than one object and one block of it is held.
    Raises:
      UserError: too many bad objects, no good one, or no JSON, naming the line.
    """
    line = 1
    for found, n_lines in _values(iter(blocks), rows.path):
        yield from take(found, line, rows)
        line += n_lines
    rows.end()


def _values(blocks: Iterator[str], path: str) -> Iterator[tuple[object, int]]:
    """Each value of an array, and how many line ends it and what follows it have."""
    held, number, decoder = "", 1, json.JSONDecoder()
    while (begins := BEGINNING.match(held)) is None and (more := next(blocks, "")):
        held += more
    held = held[begins.end() :] if begins else held
    while held and not held.startswith("]"):
        try:
            found, end = decoder.raw_decode(held)
        except (ValueError, RecursionError):
            more = next(blocks, "") if len(held) < LONGEST_VALUE else ""
            if not more:
                raise UserError(f"{path}, object {number}: not whole JSON; save the file again") from None
            held += more
            continue
        n_lines, rest = held.count("\n", 0, end), held[end:]
        while not rest.lstrip(BETWEEN) and (more := next(blocks, "")):
            rest += more
        held, number = rest.lstrip(BETWEEN), number + 1
        yield found, n_lines + rest.count("\n", 0, len(rest) - len(held))


def _read(text: str, line: int, rows: Rows) -> Iterator[Poem]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        rows.n += 1
        rows.skip(line, "not JSON", text)
    else:
        yield from take(found, line, rows)


def take(found: object, line: int, rows: Rows) -> Iterator[Poem]:
    """The poem that an object is, if it is one; otherwise a bad row of the account."""
    rows.n += 1
    row = _strings(found) if isinstance(found, dict) else {}
    reason = why_bad(row) if row else "not a JSON object"
    if reason:
        rows.skip(line, reason, str(found)[:1000].encode(errors="replace").decode())
    else:
        yield poem_of(row, f"{rows.path}:{line}")


def _strings(found: Mapping[str, object]) -> dict[str, str]:
    """The parts of an object that are text, or a list of text, under their names in lower case."""
    row = {}
    for name, value in found.items():
        if isinstance(value, str):
            row[name.lower()] = value
        elif isinstance(value, list) and all(isinstance(part, str) for part in value):
            row[name.lower()] = (", " if name.lower() == "tags" else "\n").join(value)
    return row


def _first_object(head: str) -> object:
    """The first object of a file that begins so; where only a part of it is there, the names in that; else None."""
    begins = BEGINNING.match(head)
    if begins is None:
        return None
    try:
        return json.JSONDecoder().raw_decode(head, begins.end())[0]
    except RecursionError:
        return None
    except ValueError:
        whole = len(head) < LONG_HEAD
        return None if whole else dict.fromkeys(NAME.findall(head), "")
