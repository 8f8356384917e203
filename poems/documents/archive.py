"""The zip file that a document is, and the XML in it, read event by event: nothing is expanded, nothing is fetched."""

import contextlib
import os
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import IO, Literal, NamedTuple
from xml.parsers import expat

from system import files
from system.errors import UnreadableFile, UserError

BLOCK = 1 << 16  # Bytes of XML whose events are held at once.
MOST_XML = 1 << 26  # Bytes of one member; a long novel takes a tenth.
SMALL_XML = 1 << 22  # Bytes that a member may have however well it is compressed.
MOST_EVENTS = 1 << 22  # of one member: beginnings and ends of elements, and text between; about 200,000 lines.
REMEDY = "save the document again, or save it as plain text"

# What namespaces are called here; all others are "?". ISO's strict form of a .docx has one of its own.
PREFIXES = {
    "http://schemas.openxmlformats.org/wordprocessingml/2006/main": "w",
    "http://purl.oclc.org/ooxml/wordprocessingml/main": "w",
    "http://schemas.openxmlformats.org/markup-compatibility/2006": "mc",
    "http://schemas.openxmlformats.org/package/2006/relationships": "rel",
    "urn:oasis:names:tc:opendocument:xmlns:office:1.0": "office",
    "urn:oasis:names:tc:opendocument:xmlns:text:1.0": "text",
    "urn:oasis:names:tc:opendocument:xmlns:style:1.0": "style",
    "urn:oasis:names:tc:opendocument:xmlns:xsl-fo-compatible:1.0": "fo",
    "urn:oasis:names:tc:opendocument:xmlns:container": "container",
    "http://www.idpf.org/2007/opf": "opf",
    "http://www.idpf.org/2007/ops": "epub",
    "http://purl.org/dc/elements/1.1/": "dc",
    "http://www.w3.org/1999/xhtml": "",
}


class Event(NamedTuple):
    """An element begins or ends, or there is text in it.

    Attributes:
      name: of the element, such as "w:p", or the text.
      attributes: of an element that begins.
    """

    kind: Literal["start", "end", "text"]
    name: str
    attributes: Mapping[str, str] = {}


@contextlib.contextmanager
def opened(file: IO[bytes], path: str) -> Iterator[zipfile.ZipFile]:
    """The zip file that an open document is.

    Raises:
      UnreadableFile: naming the path; it is damaged, or is found to be while it is read.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            files.check_members(archive, file.seek(0, os.SEEK_END))
            yield archive
    except files.ZIP_DAMAGE as error:
        found = " ".join(str(error).split())[:200] or type(error).__name__
        raise UnreadableFile(f"{path}: found {found}, expected a whole document; {REMEDY}") from None


def open_member(archive: zipfile.ZipFile, name: str) -> IO[bytes]:
    """A member, open, once its size was checked."""
    if name not in archive.NameToInfo:
        raise UserError(f"no {name[:200]!r}")
    member = archive.getinfo(name)
    files.check_member(member, SMALL_XML)
    if member.file_size > MOST_XML:
        raise UserError(f"{name}: {member.file_size:,} bytes, more than the {MOST_XML:,} that are read")
    return archive.open(member)


def read_xml(stream: IO[bytes]) -> Iterator[Event]:
    """The events of a file of XML.

    Raises:
      UserError: it is not well-formed, has more than `MOST_EVENTS`, or declares entities, which are never expanded.
    """
    held: list[Event] = []
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _check_doctype
    parser.StartElementHandler = lambda name, found: held.append(
        Event("start", _short(name), {_short(key): value for key, value in found.items()})
    )
    parser.EndElementHandler = lambda name: held.append(Event("end", _short(name)))
    parser.CharacterDataHandler = lambda text: held.append(Event("text", text))
    n_events = 0
    with stream:
        while True:
            block = stream.read(BLOCK)
            try:
                parser.Parse(block, not block)
            except (expat.ExpatError, LookupError) as error:  # a LookupError of an encoding that does not exist
                raise UserError(f"no XML: {error}") from None
            n_events += len(held)
            if n_events > MOST_EVENTS:
                raise UserError(f"more than {MOST_EVENTS:,} elements and texts")
            yield from held
            held.clear()
            if not block:
                return


def outside(events: Iterable[Event], is_left_out: Callable[[Event], bool]) -> Iterator[Event]:
    """The events but those of the elements, and of all in them, of which a start says so."""
    depth = 0
    for event in events:
        if depth or (event.kind == "start" and is_left_out(event)):
            depth += (event.kind == "start") - (event.kind == "end")
        else:
            yield event


def _short(name: str) -> str:
    """The name of an element or attribute under the prefix of its namespace."""
    namespace, _, local = name.rpartition(" ")
    prefix = PREFIXES.get(namespace, "?") if namespace else ""
    return f"{prefix}:{local}" if prefix else local


def _check_doctype(name: str, system_id: str | None, public_id: str | None, has_entities: int) -> None:
    if has_entities:
        raise UserError("a document type with declarations of its own, which are not read")
