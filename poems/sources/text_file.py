"""Files as they are read: looked at before they are read, unpacked, decoded."""

import codecs
import gzip
import io
import itertools
import zlib
from collections.abc import Callable, Iterator
from typing import IO, TYPE_CHECKING

from poems.poem import LONGEST
from system import files
from system.errors import UserError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

BLOCK = 1 << 20  # Bytes read at once.
HEAD = 1 << 16  # Bytes looked at; the header of an old Project Gutenberg book takes 15,000.
LONGEST_ROW = 4 * LONGEST  # Characters; of a longer line not even the fields fit into memory.
GZIP = b"\x1f\x8b"


class _Reading(io.RawIOBase):
    """A file that is read by a function of the most bytes that it may give, and closed with another file."""

    def __init__(self, read: Callable[[int], bytes], file: IO[bytes]):
        self._read, self._file = read, file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        view = memoryview(buffer)
        data = self._read(len(view))
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._file.close()
        super().close()


def open_unpacked(path: str, progress: Callable[[int], object] = lambda n_bytes: None) -> tuple[bytes, IO[bytes]]:
    """The first bytes of a file, and the file from its beginning; unpacked if it is packed by gzip.

    Args:
      progress: called with the number of bytes that were read of the file, packed or not, since the last call.
    Raises:
      FileNotFoundError: it is not there.
      ValueError: it cannot be unpacked, now or when it is read on.
    """
    head, file = _look(_counted(files.open_file(path), progress))
    return _look(_unpacked(file, path)) if head.startswith(GZIP) else (head, file)


def decoded(file: IO[bytes], path: str, encoding: str) -> Iterator[str]:
    """The text of a file, some of it at a time; without a byte order mark, every line end a "\\n".

    Raises:
      ValueError: naming the file, and the offset of the first byte that is not of that encoding; or a zero byte.
    """
    decoder = _decoder(encoding)
    offset, is_plain = 0, True
    while True:
        data = file.read(BLOCK)
        if is_plain and not data.isascii():
            is_plain = False
            if is_utf8(data) and encoding != "utf-8":
                encoding, decoder = "utf-8", _decoder("utf-8")
        try:
            text = decoder.decode(data, final=not data)
        except UnicodeError as error:
            raise UserError(
                f"{path}: byte {_offset(error, offset, data)} is not {encoding}; "
                "give its encoding, such as --encoding cp1252 (files in UTF-8 are read all the same)"
            ) from None
        if offset == 0:
            text = text.removeprefix("\ufeff")
        if "\0" in text:
            raise UserError(f"{path}: not text, found a zero byte after byte {offset}; name files of plain text")
        if text:
            yield text
        if not data:
            return
        offset += len(data)


def is_utf8(data: bytes) -> bool:
    """Whether the first bytes of a file, or of a part of it, are UTF-8 and more than ASCII."""
    try:
        return not codecs.getincrementaldecoder("utf-8")().decode(data).isascii()
    except UnicodeDecodeError:
        return False


def _decoder(encoding: str) -> io.IncrementalNewlineDecoder:
    return io.IncrementalNewlineDecoder(codecs.getincrementaldecoder(encoding)(), translate=True)


def lines_of(blocks: Iterator[str]) -> Iterator[str]:
    """The lines of a text that comes in blocks, without their line ends; one longer than `LONGEST` comes in parts."""
    held = ""
    for block in blocks:
        *lines, held = (held + block).split("\n")
        yield from lines
        if len(held) > LONGEST:
            yield held
            held = ""
    if held:
        yield held


def rows_of(lines: io.TextIOBase, path: str) -> Iterator[str]:
    """The lines of a table with their line ends.

    Raises:
      UserError: one is too long to be of a table, as where a file without line ends is called one.
    """
    for number in itertools.count(1):
        line = lines.readline(LONGEST_ROW)
        if not line:
            return
        if len(line) == LONGEST_ROW:
            raise UserError(
                f"{path}, line {number}: over {LONGEST_ROW:,} characters, expected a row of a table; save it again"
            )
        yield line


def _counted(file: IO[bytes], progress: Callable[[int], object]) -> IO[bytes]:
    """A file that reports how many bytes of it were read."""

    def read(most: int) -> bytes:
        data = file.read(most)
        progress(len(data))
        return data

    return io.BufferedReader(_Reading(read, file), BLOCK)


def _unpacked(file: IO[bytes], path: str) -> IO[bytes]:
    """A file unpacked by gzip, whose errors name it."""
    unpacked = gzip.GzipFile(fileobj=file)

    def read(most: int) -> bytes:
        try:
            return unpacked.read(most)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise UserError(
                f"{path}: not a whole .gz file ({error}), after {unpacked.tell():,} bytes of text; get it again"
            ) from None

    return io.BufferedReader(_Reading(read, file), BLOCK)


def _look(file: IO[bytes]) -> tuple[bytes, IO[bytes]]:
    """The first bytes of a file, and the file from its beginning once more; it need not be one that can seek."""
    head = b""
    while len(head) < HEAD and (more := file.read(HEAD - len(head))):
        head += more
    again = io.BytesIO(head)
    return head, io.BufferedReader(_Reading(lambda most: again.read(most) or file.read(most), file), BLOCK)


def _offset(error: UnicodeError, offset: int, data: bytes) -> int:
    """Where in the file the bad byte is; what the decoder complains of ends with `data` and may begin before it."""
    if not isinstance(error, UnicodeDecodeError):
        return offset
    return offset + len(data) - len(error.object) + error.start
