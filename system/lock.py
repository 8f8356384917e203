"""One process at a time in the folder of a run or in a file of samples: a second would undo what the first does."""

import os
import socket
from typing import IO

from system import files
from system.errors import UserError


def lock(file: IO) -> bool:
    """Whether no other process holds an open local file; it is held until it is closed, or this process is gone.

    Where the system has no locks, as Windows and some NFS, nobody can tell.
    """
    try:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except (ImportError, OSError):
        return True
    return True


class Lock:
    """Held as long as a `with` lasts, or until this process is gone, however it ends."""

    def __init__(self, folder: str, wanted: bool = True):
        """Of a folder that may not be there yet: then it is held from `take` on.

        Args:
          wanted: whether to hold it at all.
        """
        self.folder, self.wanted = folder, wanted
        self.file: IO[str] | None = None

    def __enter__(self):
        if os.path.isdir(self.folder):
            self.take()
        return self

    def __exit__(self, *_):
        if self.file:
            self.file.close()

    def take(self) -> None:
        """Holds the folder, where the file system can; a remote one cannot.

        Raises:
          ValueError: another process holds it.
        """
        if self.file or not self.wanted or files.is_remote(self.folder):
            return
        try:
            os.makedirs(self.folder, exist_ok=True)
            file = open(os.path.join(self.folder, "lock"), "a+")  # noqa: SIM115  open as long as it is held
        except OSError:
            return  # A folder that cannot be written is told when the run is begun.
        if not lock(file):
            file.seek(0)
            who = file.read() or "another process"
            file.close()
            raise UserError(f"{self.folder}: {who} trains there; stop it first, or name another --run_name")
        self.file = file
        file.truncate(0)
        file.write(f"process {os.getpid()} of {socket.gethostname()}")
        file.flush()
