"""A run's losses as pictures: TensorBoard (tensorboard --logdir checkpoint) and loss.png."""

import contextlib
import io
import os

import numpy as np
import tensorflow as tf

from system import files

EVERY = 10  # Steps between points of what each step has.
RARE = {"val_loss", "sample_metre"}


class Board:
    """Event files in a run's folder `tensorboard`; nothing that goes wrong with them ends a run."""

    def __init__(self, folder: str):
        self.writer = tf.summary.create_file_writer(tf.io.gfile.join(folder, "tensorboard"))

    def scalars(self, record: dict) -> None:
        """The numbers of a step: each with held-out losses or figures of samples, of the others every tenth."""
        if record["step"] % EVERY and not RARE & record.keys():
            return
        with contextlib.suppress(tf.errors.OpError), self.writer.as_default(step=record["step"]):
            for name, value in record.items():
                if name != "step" and isinstance(value, int | float):
                    tf.summary.scalar(name, value)

    def text(self, step: int, name: str, text: str) -> None:
        """A text of a step, as it is: four spaces before each line keep TensorBoard from reading it as Markdown."""
        with contextlib.suppress(tf.errors.OpError), self.writer.as_default(step=step):
            tf.summary.text(name, "".join(f"    {line}\n" for line in text.splitlines()))

    def flush(self) -> None:
        """Writes what is still in memory."""
        with contextlib.suppress(tf.errors.OpError):
            self.writer.flush()


def draw_loss(folder: str, records: list[dict]) -> None:
    """Draws `loss.png`: the loss of each step, its mean over a hundredth of the run, and that on held-out verse."""
    from matplotlib.figure import Figure  # here, because it takes a second

    if not records:
        return
    steps, losses = np.array([(record["step"], record["loss"]) for record in records]).T
    width = max(1, len(steps) // 100)
    means = np.convolve(losses, np.ones(width) / width, mode="valid")
    axes = (figure := Figure(figsize=(8, 5), layout="constrained")).subplots()
    axes.plot(steps, losses, color="0.8", linewidth=0.8, label="training, each step")
    axes.plot(steps[width - 1 :], means, color="tab:blue", label=f"training, mean of {width}")
    if validated := [(record["step"], record["val_loss"]) for record in records if "val_loss" in record]:
        axes.plot(*np.array(validated).T, color="tab:red", marker="o", markersize=3, label="held-out verse")
    axes.set(xlabel="step", ylabel="loss, nats a token", title=os.path.basename(folder))
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(picture := io.BytesIO(), format="png", dpi=120)
    files.write_file(os.path.join(folder, "loss.png"), picture.getvalue())
