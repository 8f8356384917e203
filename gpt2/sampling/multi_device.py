"""An engine that spans devices: each has a copy of the weights and its share of the rows, and writes on its own."""

import concurrent.futures
import functools
from collections.abc import Callable, Iterator
from typing import TypeVar

import numpy as np
import tensorflow as tf

from gpt2.lite.speculation import Guess
from gpt2.model import GPT2
from gpt2.sampling.xla_engine import XlaEngine

Result = TypeVar("Result")


class MultiDeviceEngine:
    """A model on several devices, made ready to write several texts at a time; see `gpt2.sampling.engines.Engine`.

    A device for which there is no row is not used.
    """

    def __init__(self, load: Callable[[], GPT2], devices: list[str], rows: int, together: int = 1):
        """Calls `load` once, on the first device; the others copy its weights.

        together: that many rows are on one device; a divisor of the rows.
        """
        groups = np.arange(rows).reshape(-1, together)
        self.rows, self.devices = rows, devices[: len(groups)]
        self.shares = [share.ravel() for share in np.array_split(groups, len(self.devices))]
        # A thread for each device, since one thread would let the other devices wait; each does its calls in order.
        self.threads = [concurrent.futures.ThreadPoolExecutor(1) for _ in self.devices]
        model = self._on(0, load).result()
        self.hparams = model.hparams
        copies = [self._on(place, functools.partial(copy_of, model)) for place in range(1, len(self.devices))]
        models = [model, *(copy.result() for copy in copies)]
        self.engines = [XlaEngine(*pair) for pair in zip(models, map(len, self.shares), strict=True)]

    def start(self, rows: list[int], ids: tuple[int, ...]) -> np.ndarray:
        waiting = []
        for place, share in enumerate(self.shares):
            if mine := [row - share[0] for row in rows if row in share]:
                waiting.append(self._on(place, functools.partial(self.engines[place].start, mine, ids)))
        logits = [future.result() for future in waiting]  # all alike
        return logits[0]

    def fork(self, rows: list[int], sources: list[int], behind: int = 0) -> None:
        origin = dict(zip(rows, sources, strict=True))
        waiting = []
        for place, share in enumerate(self.shares):
            if mine := [row for row in share.tolist() if row in origin]:
                local, from_local = (
                    [row - int(share[0]) for row in some] for some in (mine, [origin[r] for r in mine])
                )
                waiting.append(self._on(place, functools.partial(self.engines[place].fork, local, from_local, behind)))
        for future in waiting:
            future.result()

    def free(self, row: int) -> None:
        place = next(place for place, share in enumerate(self.shares) if row in share)
        self.engines[place].free(row - self.shares[place][0])

    def width(self, n: int, more: int = 0) -> int:
        return n + more

    def step(self, rows: list[int], tokens: list[int], guess: Guess | None = None) -> np.ndarray:
        ids = dict(zip(rows, tokens, strict=True))
        waiting = []
        for place, share in enumerate(self.shares):
            if mine := [row for row in share.tolist() if row in ids]:
                local, tokens = [row - int(share[0]) for row in mine], [ids[row] for row in mine]
                waiting.append(self._on(place, functools.partial(self.engines[place].step, local, tokens)))
        return np.concatenate([future.result() for future in waiting])

    def score(self, ids: tuple[int, ...]) -> Iterator[np.ndarray]:
        yield from self._on(0, lambda: list(self.engines[0].score(ids))).result()

    def _on(self, place: int, function: Callable[[], Result]) -> concurrent.futures.Future[Result]:
        """Lets a device's thread call a function, on that device."""

        def call() -> Result:
            with tf.device(self.devices[place]):
                return function()

        return self.threads[place].submit(call)


def copy_of(model: GPT2) -> GPT2:
    """The same model, with weights of its own on the device that is in force."""
    return GPT2(model.hparams, lambda name, shape: model.weights[name], model.dtype)
