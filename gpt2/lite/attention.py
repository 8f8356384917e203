"""Attention in NumPy: the queries of one step, or of a part of a text that is being read, for all layers."""

import concurrent.futures
import dataclasses
import functools
from collections.abc import Callable

import numpy as np

from gpt2.hparams import HParams
from gpt2.lite.text import Past, Rows, Summary, Text, in_one
from gpt2.lite.written import RowRun

SHARED_WORK = 1_300_000  # Numbers in the keys of a layer from which on a second thread is worth waking.


class Heads:
    """The heads of a model's attention, and the threads that share them.

    Attributes:
      n_head, size: how many heads, and the width of each.
    """

    def __init__(self, hparams: HParams, threads: int):
        self.n_head, self.size, self.threads = hparams.n_head, hparams.n_embd // hparams.n_head, threads
        self.pool = concurrent.futures.ThreadPoolExecutor(threads)

    def split(self, qkv: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """[rows, 3 * n_embd] -> queries [head, rows, size], scaled, and keys and values [2, head, rows, size]."""
        qkv = qkv.reshape(len(qkv), 3, self.n_head, self.size).transpose(1, 2, 0, 3)
        return qkv[0] * np.float32(self.size**-0.5), qkv[1:]

    def view(self, attended: np.ndarray) -> np.ndarray:
        """The memory of attended [rows, n_embd] as [head, rows, size]."""
        return attended.reshape(len(attended), self.n_head, self.size).swapaxes(0, 1)

    def share(self, function: Callable[[slice], None], work: int) -> None:
        """Calls a function of a slice of the heads, in several threads if there is enough work."""
        if work < SHARED_WORK or self.threads == 1:
            function(np.s_[:])
            return
        share = -(-self.n_head // self.threads)
        parts = iter([slice(start, start + share) for start in range(0, self.n_head, share)])

        # LiteRT's threads stay awake for a while and delay others: a thread that runs takes the next part, even all.
        def take_parts() -> None:
            for part in parts:
                function(part)

        waiting = [self.pool.submit(take_parts) for _ in range(self.threads - 1)]
        take_parts()
        for future in waiting:
            if not future.cancel():
                future.result()


@dataclasses.dataclass(frozen=True)
class StepAttention:
    """Attention of new ids over the texts that their rows continue and over what was written after these texts.

    Attributes:
      texts: each text with its rows.
      runs: rows that lie side by side among what was written.
    """

    heads: Heads
    texts: list[tuple[Rows, Text]]
    runs: list[RowRun]

    def __call__(self, layer: int, qkv: np.ndarray, attended: np.ndarray) -> None:
        """Keeps the keys and values of qkv [rows, 3 * n_embd], and fills attended [rows, n_embd]."""
        q, kv = self.heads.split(qkv)
        for run in self.runs:
            run.write(layer, kv)
        over_texts = [(rows, text.attend(layer, q[:, rows])) for rows, text in self.texts]

        def attend(heads: slice) -> None:
            summary = in_one([(rows, summary_of(heads)) for rows, summary_of in over_texts], q.shape[1])
            self._attend_written(layer, heads, q, summary, self.heads.view(attended))

        work = sum(run.work for run in self.runs) + sum(text.work for _, text in self.texts)
        self.heads.share(attend, work)

    def _attend_written(self, layer: int, heads: slice, q: np.ndarray, summary: Summary, attended: np.ndarray) -> None:
        """Fills attended [head, rows, size] of some heads, for queries of that shape and what their texts gave."""
        greatest, total, mixed = summary
        for run in self.runs:
            of_run = greatest[:, run.part], total[:, run.part], mixed[:, run.part]
            run.attend(layer, heads, q[heads, run.part], of_run, attended[heads, run.part])


class ReadingAttention:
    """Causal attention of the ids start:stop of a text, whose keys and values become part of its past."""

    def __init__(self, heads: Heads, past: Past, start: int, stop: int):
        self.heads, self.past, self.part, self.before = heads, past, slice(start, stop), slice(stop)
        visible = np.arange(stop) <= np.arange(start, stop)[:, None]
        self.mask = np.where(visible, np.float32(0), -np.inf)  # [dst, src]

    def __call__(self, layer: int, qkv: np.ndarray, attended: np.ndarray) -> None:
        """Keeps the keys and values of qkv [stop - start, 3 * n_embd], and fills attended [stop - start, n_embd]."""
        q, (k, v) = self.heads.split(qkv)
        keys, values = self.past[layer]
        keys[:, :, self.part], values[:, self.part] = k.swapaxes(1, 2), v
        attend = functools.partial(self._attend, layer, q, self.heads.view(attended))
        self.heads.share(attend, keys.size * len(qkv))

    def _attend(self, layer: int, q: np.ndarray, attended: np.ndarray, heads: slice) -> None:
        """Fills attended [head, dst, size] of some heads, for queries of that shape."""
        keys, values = self.past[layer]
        scores = q[heads] @ keys[heads, :, self.before]  # [head, dst, src]
        scores += self.mask
        scores -= scores.max(axis=-1, keepdims=True)
        np.exp(scores, out=scores)
        attended[heads] = scores @ values[heads, self.before] / scores.sum(axis=-1, keepdims=True)
