"""A `.tflite` file with a small window, for phones and browsers: one graph from ids to the logits of the next one.

It keeps nothing between two calls, so that any program that runs LiteRT can use it: each id is computed from the whole
window, which is why the window is small. (`gpt2.lite` writes another kind of file, for our own engine.)
"""

import tensorflow as tf

from gpt2.formats.stored_model import StoredModel
from gpt2.model import GPT2
from system import files
from system.errors import UserError

MOST_BYTES = 2**31 - 1  # FlatBuffers count in 32 bits with a sign


class Window(tf.Module):
    """A model that sees a window of a fixed number of ids."""

    def __init__(self, model: GPT2, window: int):
        super().__init__()
        self.model = model
        ids, position = tf.TensorSpec([1, window], tf.int32, "ids"), tf.TensorSpec([1], tf.int32, "position")
        self.next = tf.function(self._next, input_signature=[ids, position], autograph=False)

    def _next(self, ids: tf.Tensor, position: tf.Tensor) -> dict[str, tf.Tensor]:
        """The logits float32 [1, n_vocab] after the id at a position int32 [1] of ids int32 [1, window].

        The ids after that position are not seen, and may be any.
        """
        hidden, _ = self.model.transform(ids)
        return {"logits": self.model.logits(tf.gather(hidden, position, axis=1))[:, 0]}


def write_file(model: StoredModel, path: str, dtype: str, window: int) -> None:
    """Writes a model.

    Args:
      dtype: of the weights in the file, float32, float16 or int8; the graph computes in float32 from all of them.
      window: the most ids that the model is to see, at most n_ctx.
    Raises:
      UserError: the window is too large, or the file would be.
      OSError: it cannot be written.
    """
    if window > model.hparams.n_ctx:
        raise UserError(f"--window is {window}, expected at most {model.hparams.n_ctx} (n_ctx of {model.path})")
    if 4 * model.hparams.n_params > MOST_BYTES:
        raise UserError(f"{model.path}: {model.hparams.n_params:,} parameters, expected at most 500 million for tflite")
    with tf.device("CPU:0"):
        module = Window(GPT2(model.hparams, lambda name, _: model.read(name)), window)
        converter = tf.lite.TFLiteConverter.from_concrete_functions([module.next.get_concrete_function()], module)
        if dtype != "float32":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if dtype == "float16":
            converter.target_spec.supported_types = [tf.float16]
        content = converter.convert()
    files.write_file(path, content)
