"""Files as they are read: looked at before they are read, unpacked, decoded."""

import codecs
import gzip
import io
import zlib
from collections.abc import Callable, Iterator
from typing import IO, Any, cast

from poems import files

BLOCK = 1 << 20  # Bytes read at once.
HEAD = 1 << 16  # Bytes looked at; the header of an old Project Gutenberg book takes 15,000.
GZIP = b"\x1f\x8b"


class _Replayed(io.RawIOBase):
    """A file from its beginning once more, after some of it was read; it need not be one that can seek."""

    def __init__(self, head: bytes, file: IO[bytes]):
        self._head, self._file = head, file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data, self._head = (self._head[: len(buffer)], self._head[len(buffer) :]) if self._head else (b"", b"")
        data = data or self._file.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._file.close()
        super().close()


class _Unpacked(io.RawIOBase):
    """A file unpacked by gzip, whose errors name it."""

    def __init__(self, path: str, file: IO[bytes]):
        self._path, self._file = path, gzip.GzipFile(fileobj=file)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            return self._file.readinto(buffer)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise ValueError(
                f"{self._path}: not a whole .gz file ({error}), after {self._file.tell():,} bytes of text; get it again"
            ) from None

    def close(self) -> None:
        self._file.close()
        super().close()


class _Counted(io.RawIOBase):
    """A file that tells how many bytes of it were read."""

    def __init__(self, file: IO[bytes], progress: Callable[[int], object]):
        self._file, self._progress = file, progress

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._file.read(len(buffer))
        self._progress(len(data))
        buffer[: len(data)] = data
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
    counted = io.BufferedReader(_Counted(files.open_file(path), progress), BLOCK)
    head, file = _look(counted)
    if not head.startswith(GZIP):
        return head, file
    return _look(cast(IO[bytes], io.BufferedReader(_Unpacked(path, file), BLOCK)))


def decoded(file: IO[bytes], path: str, encoding: str) -> Iterator[str]:
    """The text of a file, some of it at a time; without a byte order mark, every line end a "\\n".

    Raises:
      ValueError: naming the file, and the offset of the first byte that is not of that encoding; or a zero byte.
    """
    decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder(encoding)(), translate=True)
    offset = 0
    while True:
        data = file.read(BLOCK)
        try:
            text = decoder.decode(data, final=not data)
        except UnicodeError as error:
            raise ValueError(
                f"{path}: byte {_offset(error, offset, data)} is not {encoding}; "
                "give the encoding of the file, such as --encoding latin-1"
            ) from None
        if offset == 0:
            text = text.removeprefix("\ufeff")
        if "\0" in text:
            raise ValueError(f"{path}: not text, found a zero byte after byte {offset}; name files of plain text")
        if text:
            yield text
        if not data:
            return
        offset += len(data)


def lines_of(blocks: Iterator[str]) -> Iterator[str]:
    """The lines of a text that comes in blocks, without their line ends."""
    held = ""
    for block in blocks:
        *lines, held = (held + block).split("\n")
        yield from lines
    if held:
        yield held


def _look(file: IO[bytes]) -> tuple[bytes, IO[bytes]]:
    head = b""
    while len(head) < HEAD and (more := file.read(HEAD - len(head))):
        head += more
    return head, io.BufferedReader(_Replayed(head, file), BLOCK)


def _offset(error: UnicodeError, offset: int, data: bytes) -> int:
    """Where in the file the bad byte is; what the decoder complains of ends with `data` and may begin before it."""
    if not isinstance(error, UnicodeDecodeError):
        return offset
    return offset + len(data) - len(error.object) + error.start
