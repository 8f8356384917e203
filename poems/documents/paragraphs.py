"""From the paragraphs of a document to its poems."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal, NamedTuple

from poems.division import divide_text
from poems.long_texts import in_parts
from poems.poem import Poem, clean_text, plain_indentation

PAGE_END = "\f"
DEEPEST = 20  # styles that are based on one another
NO_VERSE = ("date", "toc")  # styles of paragraphs, or how their names begin, that are in no poem

Kind = Literal["verse", "title", "author", "none"]


class Paragraph(NamedTuple):
    """A paragraph.

    Attributes:
      text: its lines, with `PAGE_END` where a page is ended by hand.
      kind: a title begins a poem; an author is of all poems that follow; none is in no poem.
    """

    text: str
    kind: Kind = "verse"


class Style(NamedTuple):
    """A style of paragraphs, with what it says itself.

    Attributes:
      name: as the program calls it in English.
      parent: the key of the style that it is based on.
      is_heading: whether it belongs into the outline.
      begins_page, ends_page: whether its paragraphs do.
    """

    name: str = ""
    parent: str = ""
    is_heading: bool = False
    begins_page: bool = False
    ends_page: bool = False

    @property
    def kind(self) -> Kind | None:
        """What its name says of its paragraphs."""
        name = self.name.lower().replace("_20_", " ")
        if name.startswith("heading") or name == "title" or self.is_heading:
            return "title"
        if name == "author":
            return "author"
        return "none" if name.split(" ")[0] in NO_VERSE else None


class Look(NamedTuple):
    """What a style comes to, together with those that it is based on."""

    kind: Kind = "verse"
    begins_page: bool = False
    ends_page: bool = False


def look_of(key: str, styles: Mapping[str, Style]) -> Look:
    """What the style of this key comes to; a key without a style is verse."""
    chain: dict[str, Style] = {}
    while key in styles and key not in chain and len(chain) < DEEPEST:
        chain[key] = styles[key]
        key = styles[key].parent
    kinds = (style.kind for style in chain.values())
    kind: Kind = next(filter(None, kinds), "verse")
    begins = any(style.begins_page for style in chain.values())
    return Look(kind, begins, any(style.ends_page for style in chain.values()))


def poems_of(paragraphs: Iterable[Paragraph], path: str, author: str = "", divide: str | None = None) -> Iterator[Poem]:
    """The poems: each begins with a title or a page, and ends before the next one.

    Args:
      path: of the document; a poem's place is the number of its first paragraph in it.
      author: of the document.
      divide: at what lines to divide them further, see `poems.division`.
    """
    title, first = "", 1
    held: list[str] = []
    for number, (text, kind) in enumerate(paragraphs, start=1):
        for page, part in enumerate(text.split(PAGE_END)):
            is_title = kind == "title" and bool(part.strip())
            if page or is_title:
                yield from _poems(held, Poem("", title, author, place=f"{path}:{first}"), divide)
                title, held, first = _one_line(part) if is_title else "", [], number
            if kind == "author":
                author = _one_line(part) or author
            elif kind == "verse" or not part.strip():
                held.append(part)
    yield from _poems(held, Poem("", title, author, place=f"{path}:{first}"), divide)


def lines_of(paragraphs: Iterable[str]) -> list[str]:
    """The lines of a poem's paragraphs.

    A paragraph of several lines is a stanza; others are lines, between which an empty one ends a stanza. In a poem that
    has some of the first and none that is empty, every paragraph is a stanza.
    """
    texts = [text.strip("\n") if text.strip() else "" for text in paragraphs]
    within = "\0".join(texts).strip("\0").split("\0")  # without the empty ones at both ends
    apart = "" not in within and any("\n" in text for text in within)
    lines: list[str] = []
    was_stanza = False
    for text in within:
        is_stanza = apart or "\n" in text
        if (is_stanza or was_stanza) and lines and lines[-1]:
            lines.append("")
        lines += map(plain_indentation, text.split("\n"))
        was_stanza = is_stanza
    return lines


def _poems(held: list[str], poem: Poem, divide: str | None) -> Iterator[Poem]:
    """The poem of some paragraphs, if they have text; or those into which it is divided, the first under its title."""
    lines = lines_of(held)
    if divide:
        title = poem.title
        for part in divide_text(lines, divide, poem.place):
            yield dataclasses.replace(part, title=part.title or title, author=poem.author, place=poem.place)
            title = title if part.more else ""
    elif any(lines):
        yield from in_parts([clean_text("\n".join(lines))], poem)


def _one_line(text: str) -> str:
    return " ".join(text.split())
