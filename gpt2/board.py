"""The log of a run for TensorBoard: tensorboard --logdir checkpoint"""

import contextlib

import tensorflow as tf

EVERY = 10  # Steps between points of what each step has.


class Board:
    """Event files in a run's folder `tensorboard`; nothing that goes wrong with them ends a run."""

    def __init__(self, folder: str):
        self.writer = tf.summary.create_file_writer(tf.io.gfile.join(folder, "tensorboard"))

    def scalars(self, record: dict) -> None:
        """The numbers of a step: each with held-out losses, of the others every tenth."""
        if record["step"] % EVERY and "val_loss" not in record:
            return
        with contextlib.suppress(tf.errors.OpError), self.writer.as_default(step=record["step"]):
            for name, value in record.items():
                if name != "step" and isinstance(value, int | float):
                    tf.summary.scalar(name, value)

    def text(self, step: int, name: str, text: str) -> None:
        """A text of a step, as it is: four blanks before each line keep TensorBoard from reading it as Markdown."""
        with contextlib.suppress(tf.errors.OpError), self.writer.as_default(step=step):
            tf.summary.text(name, "".join(f"    {line}\n" for line in text.splitlines()))

    def flush(self) -> None:
        """Writes what is still in memory."""
        with contextlib.suppress(tf.errors.OpError):
            self.writer.flush()
