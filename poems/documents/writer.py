"""The paragraphs of an .odt, as LibreOffice writes it."""

import re
import zipfile
from collections.abc import Iterator, Mapping

from poems.documents.archive import Event, open_member, outside, read_xml
from poems.documents.paragraphs import PAGE_END, Paragraph, Style, look_of

CONTENT, STYLES = "content.xml", "styles.xml"
PARAGRAPHS = ("text:p", "text:h")
# Not of the text: notes, comments, what was deleted, lists of contents, readings beside letters.
LEFT_OUT = frozenset(
    ("text:note", "office:annotation", "text:tracked-changes", "text:table-of-content", "text:ruby-text")
)
SPACES = re.compile(r"[ \t\r\n]+")  # which are one
MOST_SPACES = 1000  # that one element stands for


def read_odt(archive: zipfile.ZipFile) -> Iterator[Paragraph]:
    """The paragraphs, those of text boxes before the one they are in.

    Raises:
      UserError: a part is missing, too large, or no XML.
    """
    styles: dict[str, Style] = {}
    if STYLES in archive.NameToInfo:
        for event in read_xml(open_member(archive, STYLES)):
            _add_style(event, styles)
    held: list[tuple[str, list[str]]] = []  # the style and the parts of each paragraph that has not ended
    for event in outside(read_xml(open_member(archive, CONTENT)), lambda event: event.name in LEFT_OUT):
        if event.kind == "start" and event.name in PARAGRAPHS:
            held.append((event.attributes.get("text:style-name", ""), []))
        elif event.kind == "end" and event.name in PARAGRAPHS and held:
            yield _paragraph(event.name, *held.pop(), styles)
        elif held and event.kind != "end":
            held[-1][1].append(_text(event))
        else:
            _add_style(event, styles)


def _paragraph(name: str, key: str, parts: list[str], styles: Mapping[str, Style]) -> Paragraph:
    look = look_of(key, styles) if key in styles else look_of("", {"": Style(key)})
    text = PAGE_END * look.begins_page + "".join(parts) + PAGE_END * look.ends_page
    return Paragraph(text, "title" if name == "text:h" else look.kind)


def _text(event: Event) -> str:
    """What an element or a text in a paragraph adds to it."""
    if event.kind == "text":
        return SPACES.sub(" ", event.name)
    if event.name == "text:s":
        n_spaces = event.attributes.get("text:c", "1")
        return " " * (min(int(n_spaces), MOST_SPACES) if n_spaces.isdecimal() and len(n_spaces) < 9 else 1)
    return {"text:line-break": "\n", "text:tab": "\t"}.get(event.name, "")


def _add_style(event: Event, styles: dict[str, Style]) -> None:
    """Takes in a style of paragraphs, or what an element in the last one adds to it."""
    attributes = event.attributes
    if event.kind == "start" and event.name == "style:style":
        key = attributes.get("style:name", "")
        parent = attributes.get("style:parent-style-name", "")
        styles.pop(key, None)  # so that it is the last one
        styles[key] = Style(key, parent, begins_page=bool(attributes.get("style:master-page-name")))
    elif event.kind == "start" and event.name == "style:paragraph-properties" and styles:
        key, style = styles.popitem()
        begins, ends = (attributes.get(f"fo:break-{where}") == "page" for where in ("before", "after"))
        styles[key] = style._replace(begins_page=style.begins_page or begins, ends_page=ends)
