"""Documents of word processors and electronic books: told by their first bytes, read as poems."""

import tempfile
from collections.abc import Iterator
from typing import IO, Literal

from poems.documents import archive
from poems.documents.epub import read_book, read_pages
from poems.documents.paragraphs import poems_of
from poems.documents.word import read_docx
from poems.documents.writer import read_odt
from poems.poem import Poem
from system.errors import UnreadableFile

Kind = Literal["docx", "odt", "epub"]

ZIP = b"PK\x03\x04"
NEAR = 200  # Bytes in which an .odt or an .epub declares itself.
TYPES: dict[bytes, Kind] = {b"application/epub+zip": "epub", b"application/vnd.oasis.opendocument.text": "odt"}
ENDINGS: dict[str, Kind] = {
    ".docx": "docx",
    ".docm": "docx",
    ".dotx": "docx",
    ".odt": "odt",
    ".ott": "odt",
    ".epub": "epub",
}
LARGEST = 1 << 30  # Bytes of a document, with its pictures.
BLOCK = 1 << 20  # Bytes read at once.
IN_MEMORY = 1 << 22  # Bytes of a document that are not written to the disk while it is read.


def kind_of_document(head: bytes, path: str) -> Kind | None:
    """What document begins so, by what it declares, or else by its name; None for other files, packed or not."""
    if not head.startswith(ZIP):
        return None
    for declared, kind in TYPES.items():
        if declared in head[:NEAR]:
            return kind
    name = path.lower().removesuffix(".gz")
    found = next((kind for ending, kind in ENDINGS.items() if name.endswith(ending)), None)
    return found or ("docx" if b"word/document.xml" in head else None)


def read_document(kind: Kind, file: IO[bytes], path: str, divide: str | None = None) -> Iterator[Poem]:
    """The poems of a document.

    Args:
      file: open at its beginning; it need not be one that can seek.
      divide: at what lines to divide those of a .docx or .odt further, see `poems.division`.
    Raises:
      UnreadableFile: naming the path; it is no such document, is damaged or too large.
    """
    with held_whole(file, path) as whole, archive.opened(whole, path) as opened:
        if kind == "epub":
            book = read_book(opened)
            yield from poems_of(read_pages(opened, book.pages), path, book.author)
        else:
            yield from poems_of(read_docx(opened) if kind == "docx" else read_odt(opened), path, divide=divide)


def held_whole(file: IO[bytes], path: str) -> IO[bytes]:
    """A copy of a file, for those that are not read from their beginning; large ones are on the disk.

    Raises:
      UnreadableFile: it has more than `LARGEST` bytes.
    """
    whole = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115
    while block := file.read(BLOCK):
        whole.write(block)
        if whole.tell() > LARGEST:
            raise UnreadableFile(f"{path}: over {LARGEST:,} bytes, expected a document; save it without its pictures")
    whole.seek(0)
    return whole
