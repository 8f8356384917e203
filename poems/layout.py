"""Layouts: what of a poem the model sees, and which of it is a prefix, given when sampling and never written by it.

    plain    the poem as it is
    prefix   1322|I celebrate myself,            on every line the book's number, or the author
    poem     "Song of Myself", by Walt Whitman [Nature, Life]
             I celebrate myself,                 the poem below, its stanzas apart by an empty line

Nothing is written at the end of a poem; end of text is an id, and not ours.
"""

import dataclasses
from collections.abc import Iterator

from poems.poem import Poem
from system.errors import UserError

NAMES = ("plain", "prefix", "poem")
FIELDS = ("book", "author")  # what the layout `prefix` may put before a line
BAR = "|"


@dataclasses.dataclass(frozen=True)
class Layout:
    """What the model sees of a poem.

    Attributes:
      field: of `prefix`, what comes first; the other one replaces it where it is unknown.
      rules: the cleaning rules that mend titles and authors, so that those of a prompt are spelled as the dataset's.
    """

    name: str = "plain"
    field: str = "book"
    rules: tuple[str, ...] = ()

    def __post_init__(self):
        if self.name not in NAMES:
            raise UserError(f"--layout is {self.name}, expected one of {', '.join(NAMES)}")
        if self.field not in FIELDS:
            raise UserError(f"the prefix is to be {self.field}, expected {' or '.join(FIELDS)}")


@dataclasses.dataclass(frozen=True, slots=True)
class LaidOut:
    """A poem in a layout.

    Attributes:
      text: all of it; its pieces are what to encode.
      prefixes: where the prefixes are: first character, and the one after the last.
    """

    text: str
    prefixes: tuple[tuple[int, int], ...] = ()

    def pieces(self) -> Iterator[str]:
        """The text, cut after each prefix, to be encoded piece by piece.

        GPT-2's pattern ends one of its own pieces wherever a prefix begins, but takes the end of a prefix and a sign
        at the beginning of a line for one.
        """
        start = 0
        for _, end in self.prefixes:
            yield self.text[start:end]
            start = end
        yield self.text[start:]


def lay_out(poem: Poem, layout: Layout, is_rest: bool = False) -> LaidOut:
    """The text of a poem in a layout.

    Args:
      is_rest: whether it is the rest of a poem that is given in parts, so that it has no heading of its own.
    """
    if not poem.text or layout.name == "plain" or (layout.name == "poem" and is_rest):
        return LaidOut(poem.text)
    prefix = prefix_of(layout, poem.author, poem.title, poem.tags, poem.book)
    return _line_by_line(poem.text, prefix) if layout.name == "prefix" else _headed(poem.text, prefix)


def prefix_of(
    layout: Layout, author: str = "", title: str = "", tags: tuple[str, ...] | list[str] = (), book: str = ""
) -> str:
    """The prefix of a poem, to train and to sample with; what is not known may be left empty.

    The bar and the line end that set it off belong to it, and are all of it where nothing is known.
    """
    author = _in_one_line(author)
    if layout.name == "plain":
        return ""
    if layout.name == "prefix":
        book = _in_one_line(book)
        first, second = (book, author) if layout.field == "book" else (author, book)
        return (first or second).replace(BAR, "/") + BAR
    parts = []
    if title := _in_one_line(title).replace('"', "'"):
        parts.append(f'"{title}"' + (", " if author else ""))
    if author:
        parts.append(f"by {author}")
    if subjects := ", ".join(filter(None, map(_in_one_line, tags))):
        parts.append(f" [{subjects}]" if parts else f"[{subjects}]")
    return "".join(parts) + "\n"


def describe(layout: Layout) -> dict:
    """What is noted with a dataset, so that sampling knows the layout."""
    field = {"field": layout.field} if layout.name == "prefix" else {}
    return {"name": layout.name} | field | ({"rules": list(layout.rules)} if layout.rules else {})


def find_layout(described: dict) -> Layout:
    """The layout that `describe` described.

    Raises:
      UserError: there is no such layout.
    """
    rules = described.get("rules", [])
    if not isinstance(rules, list) or not all(isinstance(rule, str) for rule in rules):
        raise UserError(f"rules is {str(rules)[:40]!r}, expected a list of names")
    return Layout(described.get("name", ""), described.get("field", "book"), tuple(rules))


def _line_by_line(text: str, prefix: str) -> LaidOut:
    """The prefix before every line; the empty lines between stanzas stay empty."""
    lines, prefixes, place = [], [], 0
    for line in text.split("\n"):
        if not line or line.isspace():
            lines.append(line)
        else:
            lines.append(prefix + line)
            prefixes.append((place, place + len(prefix)))
        place += len(lines[-1]) + 1
    return LaidOut("\n".join(lines), tuple(prefixes))


def _headed(text: str, prefix: str) -> LaidOut:
    return LaidOut(prefix + text, ((0, len(prefix)),))


def _in_one_line(text: str) -> str:
    return " ".join(text.split())
