"""Files here and far away: any path may be one that `tf.io.gfile` opens, such as gs://bucket/poems.txt."""

import contextlib
import os
import socket
from collections.abc import Mapping

from system.errors import UserError


def is_remote(path: str) -> bool:
    """Whether only `tf.io.gfile` can open this path."""
    return "://" in path


def filesystem():
    """`tf.io.gfile`, imported late: only a remote path is worth the seconds that TensorFlow takes to import."""
    import tensorflow as tf

    return tf.io.gfile


def open_file(path: str, mode: str = "rb"):
    """An open file, local or remote.

    Raises:
      FileNotFoundError: naming the path.
    """
    if "r" in mode and not exists(path):
        raise FileNotFoundError(f"{path}: no such file")
    if not is_remote(path):
        return open(path, mode) if "b" in mode else open(path, mode, encoding="utf-8", newline="")
    return filesystem().GFile(path, mode)


def write_file(path: str, content: bytes) -> None:
    """Writes a small file as a whole: a crash, also of the machine, leaves the old one or the new one."""
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
        with contextlib.suppress(Exception):  # It may not be there, and the first error says more.
            remove(new)
        raise
    if not is_remote(path):
        sync(os.path.dirname(path) or ".")


def copy(path: str, to: str) -> None:
    """Copies a small file, if it is there and the other is not."""
    if exists(path) and not exists(to):
        with open_file(path) as file:
            write_file(to, file.read())


def beside(path: str) -> str:
    """Where this process writes a file until it is whole: members of a swarm or workers may write the same at once."""
    return f"{path}.{socket.gethostname()}-{os.getpid()}.new"


def sync(path: str) -> None:
    """Waits until a local file or folder is on the disk, and not in a cache that a power cut empties."""
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
    """Whether a file or a folder is there, local or remote."""
    return filesystem().exists(path) if is_remote(path) else os.path.exists(path)


def is_folder(path: str) -> bool:
    """Whether a folder is there, local or remote."""
    return filesystem().isdir(path) if is_remote(path) else os.path.isdir(path)


def list_folder(path: str) -> list[str]:
    """The names of what lies in a folder, local or remote."""
    return filesystem().listdir(path) if is_remote(path) else os.listdir(path)


def make_folder(path: str) -> None:
    """Makes a folder, local or remote, and those above it, unless it is there."""
    if is_remote(path):
        filesystem().makedirs(path)
    else:
        os.makedirs(path, exist_ok=True)


def check_place(path: str, taken: Mapping[str, str]) -> None:
    """Refuses a place for a file before any work is done for it.

    Args:
      taken: the files that are not to be overwritten, and what each is.
    Raises:
      FileNotFoundError: there is no such folder.
      PermissionError: it cannot be written to.
      IsADirectoryError: the path is itself a folder.
      ValueError: it is one of the files taken.
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
    """Where what can be made again is kept: $XDG_CACHE_HOME/gpt-2-poetry, by default under ~/.cache."""
    home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(home, "gpt-2-poetry")
