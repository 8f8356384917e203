"""A text that was read, which rows go on from: attention over its keys and values, which do not change any more.

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

LONG = 256  # Ids from which on a text gets a file of its own; that takes as long as 10 of its tokens.
PAIR = 2  # Rows that are multiplied with a text by one call, always so many; see `with_text`.

Past = list[tuple[np.ndarray, np.ndarray]]  # Keys [head, size, seq] and values [head, seq, size] of each layer.
Given = tuple[np.ndarray, np.ndarray, np.ndarray]  # What an attention gives, see `_attend`.
Attention = Callable[[slice], Given]


class Text:
    """What rows go on from.

    Attributes:
      ids: its ids.
      logits: float32 [n_vocab] after the last.
      work: how many numbers a layer's attention reads here, in the thread that asks for it; 0 if LiteRT's do it.
    """

    def __init__(self, ids: tuple[int, ...], past: Past, logits: np.ndarray, threads: int):
        self.ids, self.logits = ids, logits
        if len(ids) >= LONG:
            self.work = 0
            self.attend: Callable[[int, np.ndarray], Attention] = _LongAttention(past, threads).attend
        else:
            self.work = past[0][0].size
            self.attend = functools.partial(_attend, past)


def _attend(past, layer, q):
    """The attention of a layer for queries [head, rows, size]: a function of a slice of the heads.

    It gives the greatest score of each query and the sum of exp(score - greatest), [head, rows], and the sum of the
    values times those weights, [head, rows, size].
    """
    keys, values = past[layer]

    def of(heads):
        weights = with_text(q[heads], keys[heads])  # [head, rows, seq]
        greatest = weights.max(axis=-1)
        weights -= greatest[:, :, None]
        np.exp(weights, out=weights)
        return greatest, weights.sum(axis=-1), with_text(weights, values[heads])

    return of


def in_one(parts: list[tuple[slice | list[int], Given]], rows: int) -> Given:
    """What the attention over several texts gave to their rows, as if it were that of one text."""
    if len(parts) == 1:
        return parts[0][1]
    head, _, size = parts[0][1][2].shape
    numbers, vectors = (head, rows), (head, rows, size)
    whole = np.empty(numbers, np.float32), np.empty(numbers, np.float32), np.empty(vectors, np.float32)
    for which, given in parts:
        for array, part in zip(whole, given, strict=True):
            array[:, which] = part
    return whole


def with_text(x, y):
    """The products of the rows x [head, rows, n] and a text's y [head, n, m]: [head, rows, m].

    Pair by pair, for BLAS sums one row in another order than several, and several in one call are faster; and without
    room between the rows, for that is another order too where m is 1.
    """
    head, rows, n = x.shape
    if rows % PAIR:
        x = np.concatenate([x, np.zeros([head, -rows % PAIR, n], np.float32)], axis=1)
    return (np.ascontiguousarray(x).reshape(head, -1, PAIR, n) @ y[:, None]).reshape(head, -1, y.shape[2])[:, :rows]


class _LongAttention:
    """`_attend`, in LiteRT."""

    def __init__(self, past, threads):
        self.n_head, self.size, _ = past[0][0].shape
        with tensorflow_start.tensorflow_start_up_held():
            self.program = Program(_file(past), threads)
        self.arrays: dict[int, list[SharedArray]] = {}

    def attend(self, layer, q):
        rows = q.shape[1]
        if rows not in self.arrays:
            vectors, numbers = (self.n_head, rows, self.size), (self.n_head, rows)
            self.arrays[rows] = [shared_array(*shape) for shape in (vectors, numbers, numbers, vectors)]
        given, *wanted = self.arrays[rows]
        given.array[:] = q
        self.program.run(layer, [given], wanted)
        return lambda heads: tuple(array[heads] for array, _ in wanted)


class _TextGraph(LiteGraph):
    """A signature for each layer, from queries to what `_attend` gives."""

    def __init__(self, n_layer, n_head, seq, size):
        super().__init__()
        for layer in range(n_layer):
            self._begin(f"h{layer}")
            q = self._input("q", [n_head, -1, size])
            scores = self._product(q, Slot(f"h{layer}/keys", (n_head, size, seq), "float32"))
            greatest = self._reduce(Op.REDUCE_MAX, scores)
            weights = self._unary(Op.EXP, self._binary(Op.SUB, scores, greatest))
            mixed = self._product(weights, Slot(f"h{layer}/values", (n_head, seq, size), "float32"))
            self._end(greatest=greatest, total=self._reduce(Op.SUM, weights), mixed=mixed)
        self._place()

    def _product(self, x, slot):
        n_head, _, size = slot.shape
        return self._op(Op.BATCH_MATMUL, [x, self._weight(slot)], [n_head, -1, size], schema.BatchMatMulOptionsT())


def _file(past):
    """All of a text's file."""
    n_head, size, seq = past[0][0].shape
    head, slots = _head_and_slots(len(past), n_head, seq, size)
    parts, end = [head], len(head)
    for slot, array in zip(slots, (array for layer in past for array in layer), strict=True):
        parts += [bytes(slot.offset - end), array.data]
        end = slot.offset + slot.n_bytes
    return b"".join(parts)


@functools.lru_cache(maxsize=8)  # Where windows slide, all texts are of one length.
def _head_and_slots(*sizes):
    graph = _TextGraph(*sizes)
    return graph.head(), graph.slots
