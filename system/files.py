"""Local and remote files: any path may be one that `tf.io.gfile` opens, such as gs://bucket/poems.txt."""

import contextlib
import hashlib
import json
import math
import os
import socket
import struct
import sys
import time
import types
import zipfile
import zlib
from collections.abc import Callable, Mapping
from typing import IO

from system.errors import UserError

BLOCK = 1 << 22  # bytes read together
SETTLED = 2  # Seconds; a file that changed later than that may change again without another time.
JSON_NAMES = {dict: "an object", list: "a list", str: "text", bool: "true or false", int: "a whole number"}
JSON_NAMES |= {float: "a number", type(None): "null"}

SMALL = 1 << 24  # Bytes that a compressed member of a zip file may always have,
MOST_RATIO = 100  # or that many times what it takes in the file.
# What zipfile raises for damaged files; a UserError is a ValueError, and a password a RuntimeError.
ZIP_DAMAGE = (
    *(ValueError, EOFError, OSError, RuntimeError, OverflowError, MemoryError, KeyError, AttributeError),
    *(zipfile.BadZipFile, zlib.error, struct.error),
)


def is_remote(path: str) -> bool:
    """Whether only `tf.io.gfile` can open this path."""
    return "://" in path


def filesystem() -> types.ModuleType:
    """`tf.io.gfile`, imported late: only a remote path is worth the seconds that TensorFlow takes to import."""
    import tensorflow as tf

    return tf.io.gfile


def failures() -> tuple[type[Exception], ...]:
    """What files raise that cannot be read or written: an OSError, or an error of TensorFlow's if they are remote."""
    tensorflow = sys.modules.get("tensorflow")
    return (OSError, tensorflow.errors.OpError) if tensorflow else (OSError,)


def open_file(path: str, mode: str = "rb") -> IO:
    """An open file, local or remote.

    Raises:
      FileNotFoundError, IsADirectoryError: naming the path.
    """
    if "r" in mode and not exists(path):
        raise FileNotFoundError(f"{path}: no such file")
    if not is_remote(path):
        if os.path.isdir(path):
            raise IsADirectoryError(f"{path}: a folder, expected a file; name a file in it")
        return open(path, mode) if "b" in mode else open(path, mode, encoding="utf-8", newline="")
    return filesystem().GFile(path, mode)


def read_text(path: str, remedy: str = "save the file as UTF-8") -> str:
    """The text of a file in UTF-8, without the mark that some editors put at its beginning.

    Raises:
      UserError: it is not UTF-8; names the first wrong byte.
    """
    with open_file(path) as file:
        return decode(file.read(), path, remedy)


def decode(raw: bytes, source: str, remedy: str = "save the file as UTF-8") -> str:
    """As `read_text`, of bytes that were read from a source, which an error names."""
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        place = f"byte {raw[error.start]:#04x} at {error.start} (line {line})"
        raise UserError(f"{source}: {place}, expected UTF-8; {remedy}") from None


def read_json(path: str, expected: str, remedy: str, keys: Mapping[str, type] | None = None) -> dict:
    """The object in a file of JSON; see `parse_json`.

    Raises:
      FileNotFoundError: naming the path.
      UserError: the file holds something else; in one line: the file, the place, found, expected, remedy.
    """
    text = read_text(path, remedy)
    try:
        return parse_json(text, expected, keys)
    except UserError as error:
        raise UserError(f"{path}: {error}; {remedy}") from None


def parse_json(text: str, expected: str, keys: Mapping[str, type] | None = None) -> dict:
    """The object that a text of JSON is.

    Args:
      expected: what the object contains, for the error.
      keys: keys that the object must have, with the types of their values; it may have others.
    Raises:
      UserError: no JSON, another value than an object, a key without such a value, values nested too deep, a number
        of thousands of digits, NaN or infinity.
    """
    try:
        found = json.loads(text, parse_constant=_finite, parse_float=_finite)
    except RecursionError:
        wrong = "values nested too deep"
    except json.JSONDecodeError as error:
        wrong = f"no JSON at line {error.lineno}, column {error.colno} ({error.msg})"
    except UserError as error:
        wrong = str(error)
    except ValueError:  # Python's own bound, against numbers that take minutes to read
        wrong = "a number of too many digits"
    else:
        check_keys(found, keys or {}, expected)
        return found
    raise UserError(f"found {wrong}, expected {expected}")


def check_keys(found: object, keys: Mapping[str, type], expected: str) -> None:
    """Raises a UserError unless a value of JSON is an object with these keys, and values of these types."""
    if not isinstance(found, dict):
        raise UserError(f"found {JSON_NAMES[type(found)]}, expected {expected}")
    for key, kind in keys.items():
        if key not in found:
            raise UserError(f"found no {key}, expected {expected}")
        if type(found[key]) is not kind:
            raise UserError(f"{key} is {JSON_NAMES[type(found[key])]}, expected {JSON_NAMES[kind]}")


def _finite(number: str) -> float:
    value = float(number)
    if not math.isfinite(value):
        raise UserError(f"the number {number[:40]}")
    return value


def sha256(path: str) -> str:
    """The SHA-256 of a file, in hex."""
    digest = hashlib.sha256()
    with open_file(path) as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


def write_file(path: str, content: bytes) -> None:
    """Writes a small file as a whole: a crash, even of the machine, leaves the old one or the new one."""
    new = beside(path)
    try:
        with open_file(new, "wb") as file:
            file.write(content)
        sync(new)
        if is_remote(path):
            filesystem().rename(new, path, overwrite=True)
        else:
            os.replace(new, path)
    except BaseException:
        with contextlib.suppress(Exception):  # It may not be there, and the first error is the useful one.
            remove(new)
        raise
    if not is_remote(path):
        sync(os.path.dirname(path) or ".")


def copy(path: str, to: str) -> None:
    """Copies a small file, if it exists and the target does not."""
    if exists(path) and not exists(to):
        with open_file(path) as file:
            write_file(to, file.read())


def beside(path: str) -> str:
    """Where this process writes a file until it is whole: workers or members of a swarm may write one at once."""
    return f"{path}.{socket.gethostname()}-{os.getpid()}.new"


def sync(path: str) -> None:
    """Waits until a local file or folder is on the disk, not only in a cache that a power cut empties."""
    if is_remote(path) or os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove(path: str) -> None:
    """Removes a file, local or remote."""
    filesystem().remove(path) if is_remote(path) else os.remove(path)


def exists(path: str) -> bool:
    """Whether a file or a folder exists, local or remote."""
    return filesystem().exists(path) if is_remote(path) else os.path.exists(path)


def is_folder(path: str) -> bool:
    """Whether a folder exists, local or remote."""
    return filesystem().isdir(path) if is_remote(path) else os.path.isdir(path)


def list_folder(path: str) -> list[str]:
    """The names of what a folder contains, local or remote."""
    return filesystem().listdir(path) if is_remote(path) else os.listdir(path)


def make_folder(path: str) -> None:
    """Makes a folder, local or remote, and those above it, unless it exists."""
    if is_remote(path):
        filesystem().makedirs(path)
    else:
        os.makedirs(path, exist_ok=True)


def check_place(path: str, taken: Mapping[str, str]) -> None:
    """Refuses a path to write to, before any work is done.

    Args:
      taken: the files that are not to be overwritten, and what each is.
    Raises:
      FileNotFoundError: the folder does not exist.
      PermissionError: the folder cannot be written to.
      IsADirectoryError: the path is itself a folder.
      UserError: the path is one of the files taken.
    """
    folder = os.path.dirname(path) or "."
    if not is_remote(path) and not os.path.isdir(folder):
        raise FileNotFoundError(f"{folder}: no such folder to write {os.path.basename(path)} into; make it first")
    if not is_remote(path) and not os.access(folder, os.W_OK):
        raise PermissionError(f"{folder}: cannot write {os.path.basename(path)} there; name another folder")
    if is_folder(path):
        raise IsADirectoryError(f"{path}: a folder, expected a name for a file to write; give another name")
    for other, what in taken.items():
        if os.path.realpath(path) == os.path.realpath(other):
            raise UserError(f"{path}: {what}, which would be overwritten; give another name to write to")


def cache_folder() -> str:
    """The folder of files that can be made again: $XDG_CACHE_HOME/gpt-2-poetry, by default under ~/.cache."""
    home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(home, "gpt-2-poetry")


def remembered(path: str, what: str, find: Callable[[], str]) -> str:
    """What `find` returns about a local file, a word; looked up if it was found for the same bytes.

    The bytes are taken for the same while size, times and inode are; the user's cache folder has a line for each file.

    Args:
      what: the name of what is found.
    """
    key = hashlib.sha256(f"{what} {os.path.abspath(path)}".encode(errors="surrogatepass")).hexdigest()[:32]
    note = os.path.join(cache_folder(), "known", key)
    before = _state_of(path)
    with contextlib.suppress(OSError, ValueError), open(note, encoding="ascii") as file:
        state, word, digest = file.read(1000).rsplit(" ", 2)
        if state == before and digest == _digest(state, word):
            return word
    word = find()
    if _state_of(path) == before and time.time() - max(os.stat(path).st_mtime, os.stat(path).st_ctime) > SETTLED:
        with contextlib.suppress(OSError):  # Without a cache everything is found again each time.
            os.makedirs(os.path.dirname(note), exist_ok=True)
            write_file(note, f"{before} {word} {_digest(before, word)}".encode("ascii"))
    return word


def _state_of(path: str) -> str:
    stat = os.stat(path)
    return f"{stat.st_size} {stat.st_mtime_ns} {stat.st_ctime_ns} {stat.st_dev} {stat.st_ino}"


def _digest(state: str, word: str) -> str:
    """Against damage to the note itself."""
    return hashlib.sha256(f"{state} {word}".encode()).hexdigest()[:16]


def check_members(archive: zipfile.ZipFile, size: int) -> None:
    """Raises a UserError for a zip file of this many bytes whose members would lie over one another, as in bombs."""
    if sum(member.compress_size for member in archive.infolist()) > size:
        raise UserError("more bytes than the file, expected its members one after the other")


def check_member(member: zipfile.ZipInfo, small: int = SMALL) -> None:
    """Raises a UserError for a member that is packed in a rare way, or kilobytes that unpack to gigabytes.

    zipfile itself reads no more than the size that is checked here, and compares the CRC at the end.

    Args:
      small: bytes that it may have in any case.
    """
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise UserError(f"packed in the way {member.compress_type}, expected stored or deflated")
    most = most_unpacked(member.compress_size, small)
    if member.compress_type == zipfile.ZIP_DEFLATED and member.file_size > most:
        raise UserError(f"unpacks to {member.file_size} bytes, expected at most {most}")


def most_unpacked(packed: int, small: int = SMALL) -> int:
    """The bytes that something compressed may unpack to: text and ids take a fifth, kilobytes never gigabytes."""
    return max(small, MOST_RATIO * packed)
