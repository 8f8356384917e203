"""When one of several workers dies: the others restart themselves, and all resume from the last save.

TensorFlow cannot make the strategy of a broken cluster again in the same process, so the process becomes a new one.
"""

import contextlib
import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator

import tensorflow as tf

from gpt2.distributed import watchdog
from gpt2.distributed.strategy import find_cluster
from gpt2.distributed.workers import PATIENCE
from system import process

logger = logging.getLogger("gpt2")

TRIES = 10  # Starts in a row without a step in between, before a worker gives up.
LONGEST_PAUSE = 60  # Seconds; the first pause is one second, each next one twice as long.
COUNTER = "GPT2_STARTS"  # In the environment, the only thing that the new process has from the old one.

# The errors by which TensorFlow shows the others that a worker is gone, depending on where they meet it.
LOST = (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError, tf.errors.DeadlineExceededError)


@contextlib.contextmanager
def with_the_others() -> Iterator[None]:
    """Restarts this process if one of the other workers is lost while they work together.

    Raises:
      OSError: it has restarted TRIES times without any step.
    """
    try:
        yield
    except LOST as error:
        if not find_cluster():
            raise  # There are no others.
        starts = int(os.environ.get(COUNTER, 0)) + 1
        reason = " ".join(error.message.split())[:200]
        if starts > TRIES:
            raise OSError(f"restarted {TRIES} times without a step, and a worker is lost again ({reason})") from error
        pause = min(2 ** (starts - 1), LONGEST_PAUSE)
        logger.info(f"a worker is lost ({reason}); restarting in {pause} s, try {starts} of {TRIES}")
        time.sleep(pause)
        os.environ[COUNTER] = str(starts)
        sys.stderr.flush()
        process.start_again()


def forget_starts() -> None:
    """Counts restarts from 0 again: a step has been made."""
    os.environ.pop(COUNTER, None)


@contextlib.contextmanager
def naming_who_is_missing() -> Iterator[None]:
    """Ends the process, and prints which workers are missing, if the work here takes longer than PATIENCE."""
    cluster = find_cluster()
    if not cluster:
        yield
        return
    addresses = [address for job in cluster.cluster_spec().as_dict().values() for address in job]
    watcher = subprocess.Popen([sys.executable, watchdog.__file__, str(os.getpid()), str(PATIENCE), *addresses])
    try:
        yield
    finally:
        watcher.kill()
        watcher.wait()
