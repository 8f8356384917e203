"""What was written in the rows of a batch after the texts that they continue: attention over it, in NumPy."""

import numpy as np

from gpt2.hparams import HParams
from gpt2.lite.text import Summary

BLOCK = 32  # Positions whose keys, or values, are multiplied by one call, always this many.

# A block [layer, 2, head, rows, BLOCK, size], the rows of a run that write there, and the index of their places.
Place = tuple[np.ndarray, slice | np.ndarray, tuple[slice | np.ndarray | int, ...]]


class Written:
    """The keys and values, in blocks of positions: each float32 [layer, 2, head, rows, BLOCK, size].

    A layer's part of a block is contiguous, which is read twice as fast as memory with gaps between the rows. And the
    result of a row does not depend on the number of blocks, not even in the last bit: blocks hidden from a row add
    zeros. In one matrix it would, since BLAS sums a longer one in another order.
    """

    def __init__(self, hparams: HParams, rows: int):
        self.shape = (hparams.n_layer, 2, hparams.n_head, rows, BLOCK, hparams.n_embd // hparams.n_head)
        self.blocks: list[np.ndarray] = []
        self.common = np.zeros((rows, rows), int)  # how many of their first positions two rows have in common

    def copy(self, row: int, source: int, length: int) -> None:
        """Writes over a row what another has in its first positions, without those that they have in common."""
        for block in self.blocks[self.common[row, source] // BLOCK : -(-length // BLOCK)]:
            block[:, :, :, row] = block[:, :, :, source]
        self.common[row] = self.common[:, row] = np.minimum(self.common[source], length)
        self.common[row, source] = self.common[source, row] = length

    def forget(self, row: int) -> None:
        """Begins a row again, which has nothing in common with another."""
        self.common[row] = self.common[:, row] = 0

    def runs(self, rows: list[int], lengths: np.ndarray) -> list["RowRun"]:
        """The runs of neighbours among ascending rows, or one row for each of several ids of a single row.

        lengths: int [len(rows)], how many ids were written in each row before the new one.
        """
        while len(self.blocks) * BLOCK <= lengths.max():
            self.blocks.append(np.zeros(self.shape, np.float32))
        starts = [i for i, row in enumerate(rows) if i == 0 or row > rows[i - 1] + 1]
        stops = [*starts[1:], len(rows)]
        return [RowRun(self.blocks, slice(*ends), rows, lengths) for ends in zip(starts, stops, strict=True)]


class RowRun:
    """Rows of a step that are neighbours in the blocks.

    Attributes:
      part: their places among the rows of the step.
      work: how many numbers a layer's attention reads.
    """

    def __init__(self, blocks: list[np.ndarray], part: slice, rows: list[int], lengths: np.ndarray):
        rows, lengths = rows[part], lengths[part]
        self.part, self.rows = part, slice(rows[0], rows[-1] + 1)
        self.blocks = blocks[: int(lengths.max()) // BLOCK + 1]
        self.places = self._places(np.array(rows), lengths)
        positions = np.arange(len(self.blocks) * BLOCK).reshape(-1, BLOCK)
        self.mask = np.where(positions <= lengths[:, None, None], np.float32(0), -np.inf)  # [rows, block, BLOCK]
        self.work = len(rows) * positions.size * blocks[0].shape[2] * blocks[0].shape[5]

    def _places(self, rows: np.ndarray, lengths: np.ndarray) -> list[Place]:
        """The blocks that receive new keys, each with the rows of this run that write there and where.

        rows int [rows of the run], lengths int [rows of the run].
        """
        block, position = np.divmod(lengths, BLOCK)
        if (lengths == lengths[0]).all():  # One place for all rows is written much faster.
            return [(self.blocks[block[0]], np.s_[:], np.s_[:, :, self.rows, position[0]])]
        found = [(number, np.flatnonzero(block == number)) for number in np.unique(block)]
        return [(self.blocks[number], here, np.s_[:, :, rows[here], position[here]]) for number, here in found]

    def write(self, layer: int, kv: np.ndarray) -> None:
        """Keeps the keys and values [2, head, rows of the step, size] of the new ids."""
        for block, here, place in self.places:
            block[layer][place] = kv[:, :, self.part][:, :, here]

    def attend(self, layer: int, heads: slice, q: np.ndarray, over_text: Summary, attended: np.ndarray) -> None:
        """Fills attended [head, rows of the run, size], some heads, for queries q of that shape.

        over_text: what the attention of the same queries over their texts gave, see `gpt2.lite.text`.
        """
        past = [block[layer, :, heads, self.rows] for block in self.blocks]  # each [2, head, rows, BLOCK, size]
        greatest_read, total_read, mixed_read = over_text
        scores = np.empty([*q.shape[:2], len(past), BLOCK], np.float32)  # [head, rows, block, BLOCK]
        for i, (keys, _) in enumerate(past):
            np.matmul(q[:, :, None], keys.swapaxes(2, 3), out=scores[:, :, i : i + 1])
        scores += self.mask
        greatest = np.maximum(scores.max(axis=(2, 3)), greatest_read)
        scores -= greatest[:, :, None, None]
        np.exp(scores, out=scores)
        share = np.exp(greatest_read - greatest)
        total = share * total_read + scores.sum(axis=2).sum(axis=-1)
        mixed = share[:, :, None] * mixed_read
        for i, (_, values) in enumerate(past):
            mixed += (scores[:, :, i : i + 1] @ values)[:, :, 0]
        np.divide(mixed, total[:, :, None], out=attended)
