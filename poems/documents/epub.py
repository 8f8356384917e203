"""The paragraphs of an electronic book: the pages of an .epub in the order in which they are read."""

import html.entities
import io
import posixpath
import re
import urllib.parse
import zipfile
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from poems.documents.archive import MOST_XML, Event, open_member, outside, read_xml
from poems.documents.paragraphs import PAGE_END, Paragraph
from system.errors import UserError

CONTAINER = "META-INF/container.xml"
PROTECTION = "META-INF/rights.xml"
HEADINGS = frozenset(("h1", "h2", "h3", "h4", "h5", "h6"))
# Elements whose end ends a paragraph, even an empty one, which ends a stanza, as does the end of one around others.
APART = frozenset(("p", "div", "pre", "blockquote", "section", "article", "ul", "ol", "dl", "table", "main", "center"))
BLOCKS = APART | HEADINGS | frozenset(("li", "dt", "dd", "tr", "td", "th", "figure", "header", "footer", "hr", "body"))
LEFT_OUT = frozenset(("head", "script", "style", "nav", "svg", "rt", "noscript"))
# What is no verse by its epub:type, and by the classes of Project Gutenberg's books.
TYPES = frozenset(("titlepage", "toc", "copyright-page", "cover", "colophon", "footnote", "noteref", "pagebreak"))
CLASSES = frozenset(("pg-boilerplate", "pagenum", "linenum"))
SPACES = re.compile(r"[ \t\r\n]+")
MARGIN = re.compile(r"^ +", re.MULTILINE)
AROUND_LINE_END = re.compile(r" ?\n ?")
ENTITY = re.compile(rb"&([A-Za-z][A-Za-z0-9]{1,40});")
XML_ENTITIES = (b"amp", b"lt", b"gt", b"quot", b"apos")


class Book(NamedTuple):
    """What the package of an electronic book says.

    Attributes:
      pages: the members with its text, in their order.
      author: its author, if it has one.
    """

    pages: list[str]
    author: str


def read_book(archive: zipfile.ZipFile) -> Book:
    """The pages and the author of an electronic book.

    Raises:
      UserError: there is no list of its pages, or they are protected against copying.
    """
    if PROTECTION in archive.NameToInfo:
        raise UserError("a book that is protected against copying")
    package = ""
    for event in read_xml(open_member(archive, CONTAINER)):
        if event.name == "container:rootfile":
            package = package or event.attributes.get("full-path", "")
    items: dict[str, str] = {}
    pages: list[str] = []
    authors: list[str] = []
    is_author = False
    for kind, name, attributes in read_xml(open_member(archive, package)):
        if kind == "text" and is_author:
            authors[-1] += name
        elif name == "dc:creator":
            is_author = kind == "start" and attributes.get("opf:role", "aut") == "aut"
            authors += [""] * is_author
        elif name == "opf:item" and "html" in attributes.get("media-type", ""):
            if "nav" not in attributes.get("properties", "").split():
                items[attributes.get("id", "")] = urllib.parse.unquote(attributes.get("href", ""))
        elif name == "opf:itemref" and attributes.get("idref") in items and attributes.get("linear") != "no":
            pages.append(posixpath.normpath(posixpath.join(posixpath.dirname(package), items[attributes["idref"]])))
    if sum(archive.NameToInfo[page].file_size for page in pages if page in archive.NameToInfo) > MOST_XML:
        raise UserError(f"more than the {MOST_XML:,} bytes of text that are read")
    return Book(list(dict.fromkeys(pages)), " ".join(authors[0].split()) if len(authors) == 1 else "")


def read_pages(archive: zipfile.ZipFile, pages: Iterable[str]) -> Iterator[Paragraph]:
    """The paragraphs of pages, with the end of a page after each.

    Raises:
      UserError: a page is missing, too large, or no XHTML.
    """
    for page in pages:
        with open_member(archive, page) as stream:
            content = ENTITY.sub(_number_of, stream.read())
        yield from _paragraphs(outside(read_xml(io.BytesIO(content)), _is_left_out))
        yield Paragraph(PAGE_END)


def _paragraphs(events: Iterable[Event]) -> Iterator[Paragraph]:
    held: list[str] = []
    n_pre = 0
    for kind, name, _ in events:
        if kind == "text":
            held.append(MARGIN.sub(lambda found: "\xa0" * len(found[0]), name) if n_pre else SPACES.sub(" ", name))
            continue
        if name in BLOCKS:
            text = AROUND_LINE_END.sub("\n", re.sub(" {2,}", " ", "".join(held))).strip(" ")
            is_end = kind == "end"
            if text.strip() or (is_end and name in APART):
                yield Paragraph(text, "title" if is_end and name in HEADINGS else "verse")
            held = []
        if name == "pre":
            n_pre += 1 if kind == "start" else -1
        elif kind == "start" and name == "br":
            held.append("\n")
        elif kind == "start" and name == "hr":
            yield Paragraph(PAGE_END)


def _is_left_out(event: Event) -> bool:
    types, classes = (event.attributes.get(name, "").split() for name in ("epub:type", "class"))
    return event.name in LEFT_OUT or not TYPES.isdisjoint(types) or not CLASSES.isdisjoint(classes)


def _number_of(found: re.Match[bytes]) -> bytes:
    """A name of HTML for a letter, as the number that XML knows as well."""
    letters = "" if found[1] in XML_ENTITIES else html.entities.html5.get(f"{found[1].decode()};", "")
    return "".join(f"&#{ord(letter)};" for letter in letters).encode() or found[0]
