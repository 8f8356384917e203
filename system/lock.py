"""One process at a time in the folder of a run or in a file of samples: a second would undo what the first does."""

import os
import socket
import sys
from typing import IO

from system import files
from system.errors import UserError

FAR = 1 << 40  # Windows locks bytes, and nobody else may read them: one that no file has.


def lock(file: IO) -> bool:
    """Locks an open local file until it is closed or this process ends, however it ends.

    Returns:
      False if another process holds the file; True if it is locked now, or the file system has no locks (some NFS).
    """
    try:
        if sys.platform == "win32":
            import msvcrt

            place = os.lseek(file.fileno(), 0, os.SEEK_CUR)
            os.lseek(file.fileno(), FAR, os.SEEK_SET)
            try:
                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
            finally:
                os.lseek(file.fileno(), place, os.SEEK_SET)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):  # as Unix and Windows say that another one has it
        return False
    except OSError:
        return True
    return True


class Lock:
    """Held during a `with`, or until this process ends, however it ends."""

    def __init__(self, folder: str, wanted: bool = True):
        """A lock of a folder; one that does not exist yet is held from `take` on.

        Args:
          wanted: whether to hold it at all.
        """
        self.folder, self.wanted = folder, wanted
        self.file: IO[str] | None = None

    def __enter__(self) -> "Lock":
        if os.path.isdir(self.folder):
            self.take()
        return self

    def __exit__(self, *_: object) -> None:
        if self.file:
            self.file.close()

    def take(self) -> None:
        """Holds the folder, unless it is remote or its file system has no locks.

        Raises:
          UserError: another process holds it, or its `lock` is a link.
          OSError: the disk is full.
        """
        if self.file or not self.wanted or files.is_remote(self.folder):
            return
        path = os.path.join(self.folder, "lock")
        if os.path.islink(path):  # What it leads to would be overwritten.
            raise UserError(f"{path}: a link to {os.readlink(path)}, expected a file of this folder; remove it")
        try:
            os.makedirs(self.folder, exist_ok=True)
            file = open(path, "a+", encoding="utf-8", errors="replace")  # noqa: SIM115  open as long as it is held
        except OSError:
            return  # A folder that cannot be written is reported when the run begins.
        if not lock(file):
            file.seek(0)
            who = file.read() or "another process"
            file.close()
            raise UserError(f"{self.folder}: {who} trains there; stop it first, or name another --run_name")
        self.file = file
        try:
            file.truncate(0)
            os.write(file.fileno(), f"process {os.getpid()} of {socket.gethostname()}".encode())  # not held back
        except OSError as error:
            file.close()
            raise OSError(
                f"{path}: cannot be written ({error.strerror}); make room, or train in another folder"
            ) from None
