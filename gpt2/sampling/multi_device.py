"""An engine that spans devices: each has a copy of the weights and its share of the rows, and writes on its own."""

import concurrent.futures
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from gpt2.model import GPT2
from gpt2.sampling.xla_engine import XlaEngine


class MultiDeviceEngine:
    """A model made ready to write so many texts at a time on several devices; see `gpt2.sampling.xla_engine.XlaEngine`.

    Attributes:
      hparams: the sizes of the model.
      rows: how many texts; a device without one is not used.
    """

    def __init__(self, load: Callable[[], GPT2], devices: list[str], rows: int):
        """Calls `load` once, on the first device; the others copy its weights."""
        self.rows, self.devices = rows, devices[:rows]
        self.shares = np.array_split(np.arange(rows), len(self.devices))
        # A thread for each device, since one thread would let the other devices wait; each does its calls in order.
        self.threads = [concurrent.futures.ThreadPoolExecutor(1) for _ in self.devices]
        model = self._on(0, load).result()
        self.hparams = model.hparams
        copies = [self._on(place, copy_of, model) for place in range(1, len(self.devices))]
        models = [model, *(copy.result() for copy in copies)]
        self.engines = [XlaEngine(*pair) for pair in zip(models, map(len, self.shares), strict=True)]

    def start(self, rows: list[int], ids: tuple[int, ...]) -> np.ndarray:
        """Lets rows go on from these ids, at least 1 and at most n_ctx: the logits float32 [n_vocab] after them."""
        waiting = []
        for place, share in enumerate(self.shares):
            if mine := [row - share[0] for row in rows if row in share]:
                waiting.append(self._on(place, self.engines[place].start, mine, ids))
        logits = [future.result() for future in waiting]  # all alike
        return logits[0]

    def free(self, row: int) -> None:
        """Ends a row, which may be started again."""
        place = next(place for place, share in enumerate(self.shares) if row in share)
        self.engines[place].free(row - self.shares[place][0])

    def width(self, n: int) -> int:
        """Of n rows, how many to step at once: all."""
        return n

    def step(self, rows: list[int], tokens: list[int], guess=None) -> np.ndarray:
        """The logits float32 [len(rows), n_vocab] after one more id of each of these rows, ascending.

        Nothing is guessed here: on a GPU or a TPU a step is not so bound by the reading of the weights.
        """
        ids = dict(zip(rows, tokens, strict=True))
        waiting = []
        for place, share in enumerate(self.shares):
            if mine := [row for row in share if row in ids]:
                waiting.append(self._on(place, self.engines[place].step, mine - share[0], [ids[row] for row in mine]))
        return np.concatenate([future.result() for future in waiting])

    def score(self, ids: tuple[int, ...]):
        """The logits [seq, n_vocab] after each of at most n_ctx ids, in parts."""
        yield from self._on(0, lambda: list(self.engines[0].score(ids))).result()

    def _on(self, place, function, *arguments):
        """Lets a device's thread call a function, on that device."""

        def call():
            with tf.device(self.devices[place]):
                return function(*arguments)

        return self.threads[place].submit(call)


def copy_of(model: GPT2) -> GPT2:
    """The same model, with weights of its own on the device that is in force."""
    return GPT2(model.hparams, lambda name, shape: model.weights[name], model.dtype)
