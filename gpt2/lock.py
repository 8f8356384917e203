"""One process at a time in the folder of a run: a second would throw away what the first does."""

import os
import socket
from typing import IO

from poems import files


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
        """Holds the folder, where the file system can: a remote one cannot, nor can Windows.

        Raises:
          ValueError: another process holds it.
        """
        if self.file or not self.wanted or files.is_remote(self.folder):
            return
        try:
            import fcntl  # not on Windows

            file = open(os.path.join(self.folder, "lock"), "a+")  # noqa: SIM115  open as long as it is held
        except (ImportError, OSError):
            return  # A folder that cannot be written is told when the run is begun.
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            who = file.read() or "another process"
            file.close()
            raise ValueError(f"{self.folder}: {who} trains there; stop it first, or name another --run_name") from None
        except OSError:  # NFS without locks
            file.close()
            return
        self.file = file
        file.truncate(0)
        file.write(f"process {os.getpid()} of {socket.gethostname()}")
        file.flush()
