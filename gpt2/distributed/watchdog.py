"""A process beside a worker that waits for others: it ends the worker if they do not come, and names them.

A thread cannot do that: TensorFlow keeps Python's lock while it waits.
"""

import os
import signal
import socket
import sys
import time


def main(worker: int, patience: float, addresses: list[str]) -> None:
    """Checks every `patience` seconds which addresses do not answer; ends the worker if any do not.

    Args:
      worker: the id of its process.
    """
    while True:
        time.sleep(patience)
        if os.getppid() != worker:
            return  # The worker is gone, and its number may be that of another process by now.
        if missing := absent(addresses):
            who = ", ".join(missing)
            print(f"waited {patience:.0f} s for {who}; start all workers within that time", file=sys.stderr)
            os.kill(worker, signal.SIGKILL)  # TensorFlow catches SIGTERM, and continues to wait
            return


def absent(addresses: list[str]) -> list[str]:
    """Those of the addresses host:port where nothing answers."""
    found = []
    for address in addresses:
        host, _, port = address.rpartition(":")
        try:
            socket.create_connection((host, int(port)), timeout=5).close()
        except OSError:
            found.append(address)
    return found


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]), sys.argv[3:])
