"""Texts to be judged, out of files: samples as sample.py writes them, or verse in a plain text file."""

import json
import re
from collections.abc import Sequence

from poetics.sounds.words import words
from system import files
from system.errors import UserError

HEADER = re.compile(r"^=+ SAMPLE (\d+) =+$", re.MULTILINE)
END_OF_TEXT = "<|endoftext|>"
PASSAGE = 14  # lines of verse that is in one piece
LONGEST_LINE = 200  # characters, on an average

Record = dict[str, object]
Text = tuple[str, ...]  # the lines that have words


def read_texts(path: str) -> list[Text]:
    """The texts of a file.

    They are the samples of a `.jsonl` or of a `.txt` with headers; else poems with `<|endoftext|>` between; else the
    whole, cut into passages of 14 lines.

    Raises:
      UserError: the file has no line of verse, or is no JSON where its name ends in .jsonl.
    """
    found = [text for text in (lines_of(str(record["text"])) for record in read_records(path)) if text]
    if not found:
        raise UserError(f"{path}: no line with a word in it, expected samples or verse; name another file")
    return found


def read_records(path: str) -> list[Record]:
    """The texts of a file as `read_texts` finds them, each an object with `number`, `text` and what else a .jsonl has.

    Raises:
      UserError: the file is not UTF-8, or no JSON where its name ends in .jsonl.
    """
    content = files.read_text(path)
    if path.endswith(".jsonl"):
        rows = enumerate(content.split("\n"), start=1)
        return [{"number": number} | _record_of(path, number, row) for number, row in rows if row.strip()]
    if headers := list(HEADER.finditer(content)):
        ends = [header.start() for header in headers[1:]] + [len(content)]
        parts = [content[header.end() : end].strip("\n") for header, end in zip(headers, ends, strict=True)]
        return [{"number": int(header[1]), "text": part} for header, part in zip(headers, parts, strict=True)]
    return [{"number": number, "text": part} for number, part in enumerate(_split(content), start=1)]


def passages(texts: Sequence[str], n_passages: int, n_lines: int) -> list[Text]:
    """Passages of n lines that begin at places evenly spread over texts, as many as fit without overlap."""
    found: list[Text] = []
    step = max(sum(map(len, texts)) / n_passages, 1.0)
    skip = step / 2
    for text in texts:
        at = skip
        while at < len(text):
            start = text.find("\n", int(at)) + 1
            piece = text[start : start + n_lines * LONGEST_LINE] if start else ""
            lines = lines_of(piece)[:n_lines]
            if len(lines) == n_lines:
                found.append(lines)
            at += max(step, len("\n".join(lines)) + 1)
        skip = at - len(text)
    return found


def lines_of(text: str) -> Text:
    """The lines of a text that have words, without spaces around."""
    return tuple(line.strip() for line in text.split("\n") if words(line))


def _split(content: str) -> list[str]:
    """The texts of a file without headers."""
    if END_OF_TEXT in content:
        return content.split(END_OF_TEXT)
    lines = [line for line in content.split("\n") if words(line)]
    return ["\n".join(lines[i : i + PASSAGE]) for i in range(0, len(lines), PASSAGE)]


def _record_of(path: str, number: int, row: str) -> Record:
    """The object in a line of a .jsonl."""
    try:
        found = files.parse_json(row, "an object with a text", {"text": str})
        json.dumps(found, ensure_ascii=False).encode()  # which half of a surrogate pair, written \ud800, cannot be
        return found
    except ValueError as error:
        raise UserError(
            f"{path}, line {number}: {row[:40]!r}, expected an object with a text; give a file that sample.py wrote"
        ) from error
