"""A text that was read, which rows continue: attention over its keys and values, which no longer change.

Those of a long text are the constants of a .tflite file of its own, packed once: LiteRT reads them with all threads,
three times as fast as NumPy does with one.
"""

import functools
from collections.abc import Callable

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from gpt2.lite.program import Program, SharedArray, shared_array
from gpt2.lite.tflite_graph import LiteGraph, Op, Slot
from system import tensorflow_start

LONG = 256  # Ids from which on a text gets a file of its own; making it takes as long as 10 of its tokens.
PAIR = 2  # Rows that are multiplied with a text by one call, always this many; see `with_text`.

Rows = slice | list[int]  # Places among the rows of a step.
Past = list[tuple[np.ndarray, np.ndarray]]  # Keys [head, size, seq] and values [head, seq, size] of each layer.
# What attention gives before its weights are divided by their sum, so that several can be joined: of each query the
# greatest score and the sum of exp(score - greatest), [head, rows], and the values summed with those weights,
# [head, rows, size]; all float32.
Summary = tuple[np.ndarray, np.ndarray, np.ndarray]
SummaryOf = Callable[[slice], Summary]  # That of some heads.


class Text:
    """What rows continue.

    Attributes:
      ids: its ids.
      logits: float32 [n_vocab] after the last.
      work: how many numbers a layer's attention reads here, in the thread that asks for it; 0 if LiteRT's threads do.
      attend: attend(layer, q [head, rows, size]) gives a function from a slice of the heads to their `Summary`.
    """

    def __init__(self, ids: tuple[int, ...], past: Past, logits: np.ndarray, threads: int):
        self.ids, self.logits = ids, logits
        self.attend: Callable[[int, np.ndarray], SummaryOf]
        if len(ids) >= LONG:
            self.work, self.attend = 0, _LongAttention(past, threads).attend
        else:
            self.work, self.attend = past[0][0].size, functools.partial(_attend, past)


def _attend(past: Past, layer: int, q: np.ndarray) -> SummaryOf:
    """The attention of a layer for queries [head, rows, size], in NumPy."""
    return functools.partial(_attend_heads, *past[layer], q)


def _attend_heads(keys: np.ndarray, values: np.ndarray, q: np.ndarray, heads: slice) -> Summary:
    """The attention of some heads: keys [head, size, seq], values [head, seq, size], queries [head, rows, size]."""
    weights = with_text(q[heads], keys[heads])  # [head, rows, seq]
    greatest = weights.max(axis=-1)
    weights -= greatest[:, :, None]
    np.exp(weights, out=weights)
    return greatest, weights.sum(axis=-1), with_text(weights, values[heads])


def in_one(parts: list[tuple[Rows, Summary]], rows: int) -> Summary:
    """The attention over several texts, each that of some rows, as the summary of all rows."""
    if len(parts) == 1:
        return parts[0][1]
    head, _, size = parts[0][1][2].shape
    numbers, vectors = (head, rows), (head, rows, size)
    whole = np.empty(numbers, np.float32), np.empty(numbers, np.float32), np.empty(vectors, np.float32)
    for which, summary in parts:
        for array, part in zip(whole, summary, strict=True):
            array[:, which] = part
    return whole


def with_text(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The products of the rows x [head, rows, n] and a text's y [head, n, m]: [head, rows, m].

    Pair by pair, since BLAS sums one row in another order than several, and several in one call are faster; and in
    contiguous memory, since BLAS sums rows with gaps between them in another order if m is 1.
    """
    head, rows, n = x.shape
    if rows % PAIR:
        x = np.concatenate([x, np.zeros([head, -rows % PAIR, n], np.float32)], axis=1)
    return (np.ascontiguousarray(x).reshape(head, -1, PAIR, n) @ y[:, None]).reshape(head, -1, y.shape[2])[:, :rows]


class _LongAttention:
    """The attention of `_attend`, in LiteRT."""

    def __init__(self, past: Past, threads: int):
        self.n_head, self.size, _ = past[0][0].shape
        with tensorflow_start.tensorflow_start_up_held():
            self.program = Program(_file(past), threads)
        self.arrays: dict[int, list[SharedArray]] = {}

    def attend(self, layer: int, q: np.ndarray) -> SummaryOf:
        """The attention of a layer for queries [head, rows, size]; good until the next call."""
        rows = q.shape[1]
        if rows not in self.arrays:
            vectors, numbers = (self.n_head, rows, self.size), (self.n_head, rows)
            self.arrays[rows] = [shared_array(*shape) for shape in (vectors, numbers, numbers, vectors)]
        given, *wanted = self.arrays[rows]
        given.array[:] = q
        self.program.run(layer, [given], wanted)
        greatest, total, mixed = (shared.array for shared in wanted)
        return lambda heads: (greatest[heads], total[heads], mixed[heads])


class _TextGraph(LiteGraph):
    """A signature for each layer, from queries [head, rows, size] to the three arrays of a `Summary`."""

    def __init__(self, n_layer: int, n_head: int, seq: int, size: int):
        super().__init__()
        for layer in range(n_layer):
            self._begin(f"h{layer}")
            q = self._input("q", [n_head, -1, size])
            scores = self._product(q, Slot(f"h{layer}/keys", (n_head, size, seq), "float32"))  # [head, rows, seq]
            greatest = self._reduce(Op.REDUCE_MAX, scores)
            weights = self._unary(Op.EXP, self._binary(Op.SUB, scores, greatest))
            mixed = self._product(weights, Slot(f"h{layer}/values", (n_head, seq, size), "float32"))
            self._end(greatest=greatest, total=self._reduce(Op.SUM, weights), mixed=mixed)
        self._place()

    def _product(self, x: int, slot: Slot) -> int:
        n_head, _, size = slot.shape
        return self._op(Op.BATCH_MATMUL, [x, self._weight(slot)], [n_head, -1, size], schema.BatchMatMulOptionsT())


def _file(past: Past) -> bytes:
    """The .tflite file of a text, in memory."""
    n_head, size, seq = past[0][0].shape
    head, slots = _head_and_slots(len(past), n_head, seq, size)
    parts: list[bytes | memoryview] = [head]
    end = len(head)
    for slot, array in zip(slots, (array for layer in past for array in layer), strict=True):
        parts += [bytes(slot.offset - end), array.data]
        end = slot.offset + slot.n_bytes
    return b"".join(parts)


@functools.lru_cache(maxsize=8)  # If the window slides, all texts have one length.
def _head_and_slots(n_layer: int, n_head: int, seq: int, size: int) -> tuple[bytes, list[Slot]]:
    graph = _TextGraph(n_layer, n_head, seq, size)
    return graph.head(), graph.slots
