"""Files as they are read: looked at before they are read, unpacked, decoded."""

import codecs
import gzip
import io
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import IO, TYPE_CHECKING

from poems.poem import LONGEST
from poems.sources.account import Rows
from poems.sources.encodings import guess_encoding, is_damaged_utf8, is_utf8, name_of_strays
from system import files
from system.errors import UnreadableFile, UserError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

BLOCK = 1 << 20  # Bytes read at once.
HEAD = 1 << 16  # Bytes looked at; the header of an old Project Gutenberg book takes 15,000.
LONGEST_ROW = 4 * LONGEST  # Characters; of a longer line not even the fields fit into memory.
GIVE = "give its encoding, such as --encoding cp1252 (files in UTF-8 are read all the same)"
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


def decoded(
    file: IO[bytes], rows: Rows, encoding: str, errors: str = "strict", translate: bool = True
) -> Iterator[str]:
    """The text of a file, some of it at a time; without a byte order mark.

    Args:
      rows: the account of the file, which notes an encoding that was guessed.
      encoding: of a file that is not UTF-8; utf-8 if nobody knows.
      errors: what to do about bytes that are not of the encoding, as in `bytes.decode`.
      translate: whether every line end becomes a "\\n".
    Raises:
      UnreadableFile: naming the file, and the offset of the first byte that is not of that encoding; or a zero byte.
    """
    decoder = _decoder(encoding, errors, translate)
    offset, is_plain = 0, True
    while True:
        data = file.read(BLOCK)
        if is_plain and not data.isascii():
            is_plain = False
            data += file.read(HEAD)  # enough to tell by
            if encoding != "utf-8" and is_damaged_utf8(data):
                encoding, errors = "utf-8", name_of_strays(encoding)
            else:
                encoding = _told(data, rows, encoding)
            decoder = _decoder(encoding, errors, translate)
        try:
            text = decoder.decode(data, final=not data)
        except UnicodeError as error:
            raise UnreadableFile(
                f"{rows.path}: byte {_offset(error, offset, data)} is not {encoding}; {GIVE}"
            ) from None
        if offset == 0:
            text = text.removeprefix("\ufeff")
        if "\0" in text:
            raise UnreadableFile(f"{rows.path}: not text, found a zero byte after byte {offset}; name files of text")
        if text:
            yield text
        if not data:
            return
        offset += len(data)


def _told(data: bytes, rows: Rows, encoding: str) -> str:
    """The encoding of a file, by the first part of it that is not ASCII."""
    if is_utf8(data):
        return "utf-8"
    if encoding == "utf-8" and not is_damaged_utf8(data):
        guessed = guess_encoding(data)
        if not guessed:
            raise UnreadableFile(f"{rows.path}: not UTF-8, and of no encoding that can be guessed; {GIVE}")
        rows.guessed = guessed
        return guessed
    return encoding


def _decoder(encoding: str, errors: str, translate: bool) -> io.IncrementalNewlineDecoder:
    return io.IncrementalNewlineDecoder(codecs.getincrementaldecoder(encoding)(errors), translate)


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


def rows_of(blocks: Iterable[str], path: str) -> Iterator[str]:
    """The lines of a table, which comes in blocks, with their line ends.

    Raises:
      UserError: one is too long to be of a table, as where a file without line ends is called one.
    """
    held, number = "", 1
    for block in blocks:
        *lines, held = (held + block).split("\n")
        number += len(lines)
        yield from (f"{line}\n" for line in lines)
        if len(held) > LONGEST_ROW:
            raise UserError(
                f"{path}, line {number}: over {LONGEST_ROW:,} characters, expected a row of a table; save it again"
            )
    if held:
        yield held


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
