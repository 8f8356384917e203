"""TensorFlow imported without its start-up lines on the terminal."""

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator


@contextlib.contextmanager
def tensorflow_start_up_held() -> Iterator[None]:
    """Keeps what TensorFlow's libraries print at their start off the terminal, and shows it if they fail to start.

    They write to file descriptor 2 from C++, where Python's sys.stderr has no say.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    sys.stderr.flush()
    terminal = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except (MemoryError, KeyboardInterrupt):
            raise  # These need no explanation.
        except BaseException:
            held.seek(0)
            os.write(terminal, held.read())
            raise
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)


def start_tensorflow(look_for_devices: bool = True) -> None:
    """Imports TensorFlow quietly and lets it find devices; a worker among several must meet the others before that."""
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")  # not all of a GPU's memory at once
    with tensorflow_start_up_held():
        try:
            import tensorflow as tf
        except ImportError as error:
            if isinstance(error, ModuleNotFoundError) or "failed to map" not in str(error):
                raise
            raise MemoryError(
                f"TensorFlow, whose libraries take 3 GB of addresses, cannot be loaded: {error}"
            ) from None
        if look_for_devices:
            tf.config.list_logical_devices()
