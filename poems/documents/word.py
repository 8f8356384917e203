"""The paragraphs of a .docx, as Word, LibreOffice, Google Docs and pandoc write it."""

import dataclasses
import posixpath
import zipfile
from collections.abc import Iterator, Mapping

from poems.documents.archive import Event, open_member, outside, read_xml
from poems.documents.paragraphs import PAGE_END, Kind, Paragraph, Style, look_of

RELATIONS = "_rels/.rels"
OFF = ("0", "false", "off")
BODY_LEVEL = "9"  # of the outline, in which headings are 0 to 8
# Not of the text: copies for older programs, what was moved away, tab stops, readings beside letters.
LEFT_OUT = frozenset(("mc:Fallback", "w:moveFrom", "w:tabs", "w:rt"))
SIGNS = {"w:tab": "\t", "w:cr": "\n", "w:noBreakHyphen": "-"}


@dataclasses.dataclass
class _Open:
    """A paragraph that has not ended; one in a text box is inside another."""

    parts: list[str] = dataclasses.field(default_factory=list)
    kind: Kind = "verse"
    ends_page: bool = False


def read_docx(archive: zipfile.ZipFile) -> Iterator[Paragraph]:
    """The paragraphs, those of text boxes before the one they are in.

    Raises:
      UserError: a part is missing, too large, or no XML.
    """
    part = _main_part(archive)
    styles_part = posixpath.join(posixpath.dirname(part), "styles.xml")
    styles = _styles(archive, styles_part) if styles_part in archive.NameToInfo else {}
    held: list[_Open] = []
    is_text = False
    for kind, name, attributes in outside(read_xml(open_member(archive, part)), lambda event: event.name in LEFT_OUT):
        if kind == "text":
            if held and is_text:
                held[-1].parts.append(name)
        elif name == "w:t":
            is_text = kind == "start"
        elif kind == "start":
            if name == "w:p":
                held.append(_Open())
            elif held:
                _look(held[-1], name, attributes, styles)
        elif name == "w:p" and held:
            ended = held.pop()
            yield Paragraph("".join(ended.parts) + PAGE_END * ended.ends_page, ended.kind)


def _look(paragraph: _Open, name: str, attributes: Mapping[str, str], styles: Mapping[str, Style]) -> None:
    """Takes in an element of a paragraph."""
    value = attributes.get("w:val", "")
    if name == "w:pStyle":
        look = look_of(value, styles)
        paragraph.kind = look.kind
        paragraph.parts += [PAGE_END] * look.begins_page
    elif name == "w:outlineLvl" and value != BODY_LEVEL:
        paragraph.kind = "title"
    elif name == "w:pageBreakBefore":
        paragraph.parts += [PAGE_END] * (value not in OFF)
    elif name == "w:sectPr":
        paragraph.ends_page = True
    elif name == "w:type" and value == "continuous":
        paragraph.ends_page = False
    elif name == "w:br":
        paragraph.parts.append(PAGE_END if attributes.get("w:type") == "page" else "\n")
    elif name in SIGNS:
        paragraph.parts.append(SIGNS[name])


def _main_part(archive: zipfile.ZipFile) -> str:
    """The name of the member with the text."""
    for event in read_xml(open_member(archive, RELATIONS)):
        if event.attributes.get("Type", "").endswith("/officeDocument"):
            return event.attributes.get("Target", "").lstrip("/")
    return "word/document.xml"


def _styles(archive: zipfile.ZipFile, part: str) -> dict[str, Style]:
    """The styles by their keys."""
    styles: dict[str, Style] = {}
    key = ""
    for event in read_xml(open_member(archive, part)):
        if event.kind == "start" and event.name == "w:style":
            key = event.attributes.get("w:styleId", "")
            styles[key] = Style(key)
        elif event.kind == "start" and key:
            styles[key] = _with(styles[key], event)
        elif event.name == "w:style":
            key = ""
    return styles


def _with(style: Style, event: Event) -> Style:
    """A style with what an element in it adds."""
    value = event.attributes.get("w:val", "")
    if event.name == "w:name":
        return style._replace(name=value)
    if event.name == "w:basedOn":
        return style._replace(parent=value)
    if event.name == "w:outlineLvl":
        return style._replace(is_heading=value != BODY_LEVEL)
    if event.name == "w:pageBreakBefore":
        return style._replace(begins_page=value not in OFF)
    return style
