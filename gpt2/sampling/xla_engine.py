"""The engine for a GPU or a TPU, and for what LiteRT cannot open: the TensorFlow graph, compiled by XLA.

The past is kept in variables that are written in place; the graph is compiled for few sizes of it.
"""

from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from gpt2.lite.speculation import Guess
from gpt2.model import GPT2

PAST_STEP = 128  # The past has room for a multiple of this many positions, so that few sizes are compiled.


class XlaEngine:
    """A model made ready to write several texts at a time; see `gpt2.sampling.engines.Engine`."""

    def __init__(self, model: GPT2, rows: int):
        self.model, self.hparams, self.rows = model, model.hparams, rows
        self.lengths = np.zeros(rows, np.int32)
        self.past: list[tuple[tf.Variable, tf.Variable]] = []
        self.logits_of = tf.function(lambda ids: model(ids), jit_compile=True)

    def start(self, rows: list[int], ids: tuple[int, ...]) -> np.ndarray:
        self._make_room(len(ids))
        padded = np.zeros([1, min(2 ** (len(ids) - 1).bit_length(), self._src())], np.int32)
        padded[0, : len(ids)] = ids
        chosen = np.isin(np.arange(self.rows), rows)
        self.lengths[rows] = len(ids)
        return self.prefill(tf.constant(padded), tf.constant(len(ids)), tf.constant(chosen)).numpy()

    def fork(self, rows: list[int], sources: list[int], behind: int = 0) -> None:
        self.lengths[rows] = self.lengths[sources] - behind
        origin = np.arange(self.rows)
        origin[rows] = sources
        self.copy(tf.constant(origin))

    def free(self, row: int) -> None:
        self.lengths[row] = 0

    def width(self, n: int, more: int = 0) -> int:
        return n + more  # A step computes all rows anyway.

    def step(self, rows: list[int], tokens: list[int], guess: Guess | None = None) -> np.ndarray:
        # Nothing is guessed: on a GPU or a TPU reading the weights is less of a step.
        self._make_room(int(self.lengths.max()) + 1)
        positions = np.minimum(self.lengths, self._src() - 1)
        ids = np.zeros(self.rows, np.int32)
        ids[rows] = tokens
        logits = self.decode(tf.constant(ids), tf.constant(positions)).numpy()
        self.lengths[rows] += 1
        return logits[rows]

    def score(self, ids: tuple[int, ...]) -> Iterator[np.ndarray]:
        padded = np.zeros([1, min(2 ** (len(ids) - 1).bit_length(), self.hparams.n_ctx)], np.int32)
        padded[0, : len(ids)] = ids
        yield self.logits_of(tf.constant(padded)).numpy()[0, : len(ids)]

    def _src(self) -> int:
        return self.past[0][0].shape[2]

    def _make_room(self, positions: int) -> None:
        """Makes a past for this many positions, or more, with the contents of the present one."""
        positions = min(positions, self.hparams.n_ctx)
        if self.past and self._src() >= positions:
            return
        src = min(-(-positions // PAST_STEP) * PAST_STEP, self.hparams.n_ctx)
        empty = self.model.empty_past(self.rows, src)
        if self.past:
            rest = [[0, 0], [0, 0], [0, src - self._src()], [0, 0]]
            empty = [(tf.pad(k, rest), tf.pad(v, rest)) for k, v in self.past]
        self.past = [(tf.Variable(k), tf.Variable(v)) for k, v in empty]
        self.decode = tf.function(self._decode, jit_compile=True)
        self.prefill = tf.function(self._prefill, jit_compile=True)
        self.copy = tf.function(self._copy, jit_compile=True)

    def _prefill(self, ids: tf.Tensor, n_ids: tf.Tensor, chosen: tf.Tensor) -> tf.Tensor:
        """Fills the past of the chosen rows, bool [rows], with one text; the logits after it, float32 [n_vocab].

        The text is the first n_ids of ids int32 [1, padded]; the rest is hidden from it, and overwritten later.
        """
        hidden, present = self.model.transform(ids)
        for variables, rows in zip(self.past, present, strict=True):
            for variable, row in zip(variables, rows, strict=True):
                row = tf.pad(row, [[0, 0], [0, 0], [0, variable.shape[2] - row.shape[2]], [0, 0]])
                variable.assign(tf.where(chosen[:, None, None, None], row, variable))
        return self.model.logits(tf.gather(hidden, [n_ids - 1], axis=1))[0, 0]

    def _decode(self, tokens: tf.Tensor, positions: tf.Tensor) -> tf.Tensor:
        """The logits after one more token of each row, int32 [rows] at these positions: float32 [rows, n_vocab]."""
        hidden, present = self.model.transform(tokens[:, None], self.past, positions)
        for variables, rows in zip(self.past, present, strict=True):
            for variable, row in zip(variables, rows, strict=True):
                variable.assign(row)
        return self.model.logits(hidden)[:, 0]

    def _copy(self, origin: tf.Tensor) -> None:
        """Gives each row the past of the row that it comes from, int [rows]."""
        for variables in self.past:
            for variable in variables:
                variable.assign(tf.gather(variable, origin))
