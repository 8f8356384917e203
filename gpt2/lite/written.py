"""What was written in the rows of a batch after the texts that they go on from: attention over it, in NumPy."""

import numpy as np

from gpt2.hparams import HParams

BLOCK = 32  # Positions whose keys, or values, are multiplied by one call, always so many.


class Written:
    """The keys and values, in blocks of positions: each [layer, 2, head, rows, BLOCK, size].

    A layer's part of a block is read from end to end, twice as fast as with room between the rows. And what a row gets
    does not depend on how many blocks there are, not even in the last bit, as it would in one matrix, which BLAS sums
    in another order when it is longer: blocks that are hidden from a row add zeros.
    """

    def __init__(self, hparams: HParams, rows: int):
        self.shape = (hparams.n_layer, 2, hparams.n_head, rows, BLOCK, hparams.n_embd // hparams.n_head)
        self.blocks: list[np.ndarray] = []

    def runs(self, rows: list[int], lengths: np.ndarray) -> list["RowRun"]:
        """Ascending rows as they stand side by side, each to get an id after so many; or one row, to get several."""
        while len(self.blocks) * BLOCK <= lengths.max():
            self.blocks.append(np.zeros(self.shape, np.float32))
        starts = [i for i, row in enumerate(rows) if i == 0 or row > rows[i - 1] + 1]
        stops = [*starts[1:], len(rows)]
        return [RowRun(self.blocks, slice(*ends), rows, lengths) for ends in zip(starts, stops, strict=True)]


class RowRun:
    """Rows that stand side by side.

    Attributes:
      part: where they stand among those of the step.
      work: how many numbers a layer's attention reads.
    """

    def __init__(self, blocks, part: slice, rows: list[int], lengths: np.ndarray):
        rows, lengths = rows[part], lengths[part]
        self.part, self.rows = part, slice(rows[0], rows[-1] + 1)
        self.blocks = blocks[: int(lengths.max()) // BLOCK + 1]
        self.places = self._places(np.array(rows), lengths)
        positions = np.arange(len(self.blocks) * BLOCK).reshape(-1, BLOCK)
        self.mask = np.where(positions <= lengths[:, None, None], np.float32(0), -np.inf)  # [rows, block, BLOCK]
        self.work = len(rows) * positions.size * blocks[0].shape[2] * blocks[0].shape[5]

    def _places(self, rows, lengths):
        """The blocks that get new keys, each with which of the rows, and their places in it."""
        block, position = np.divmod(lengths, BLOCK)
        if (lengths == lengths[0]).all():  # One place for all rows is written much faster.
            return [(self.blocks[block[0]], np.s_[:], np.s_[:, :, self.rows, position[0]])]
        found = [(number, np.flatnonzero(block == number)) for number in np.unique(block)]
        return [(self.blocks[number], here, np.s_[:, :, rows[here], position[here]]) for number, here in found]

    def write(self, layer: int, kv: np.ndarray) -> None:
        """Keeps the keys and values [2, head, rows of the step, size] of the new ids."""
        for block, here, place in self.places:
            block[layer][place] = kv[:, :, self.part][:, :, here]

    def attend(self, layer: int, heads: slice, q, read, attended) -> None:
        """Fills attended [heads, rows, size] for queries of that shape.

        read: what the attention over their texts gave, see `gpt2.lite.text`.
        """
        past = [block[layer, :, heads, self.rows] for block in self.blocks]
        greatest_read, total_read, mixed_read = read
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
