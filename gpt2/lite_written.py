"""What was written in the rows of a batch after the texts that they go on from: attention over it, in NumPy."""

import numpy as np

from gpt2.hparams import HParams

BLOCK = 32  # Positions whose values are summed by one call, always so many; see `weighted_sum`.


class Written:
    """The keys and values of each layer, [head, rows, src, size]."""

    def __init__(self, hparams: HParams, rows: int):
        self.rows, self.n_head, self.size = rows, hparams.n_head, hparams.n_embd // hparams.n_head
        self.past = [(self._room(BLOCK), self._room(BLOCK)) for _ in range(hparams.n_layer)]

    def runs(self, rows: list[int], lengths: np.ndarray) -> list["Run"]:
        """Ascending rows as they stand side by side, each to get an id after so many; or one row, to get several."""
        self._grow(int(lengths.max()) + 1)
        starts = [i for i, row in enumerate(rows) if i == 0 or row > rows[i - 1] + 1]
        stops = [*starts[1:], len(rows)]
        return [Run(self.past, slice(*ends), rows, lengths) for ends in zip(starts, stops, strict=True)]

    def _grow(self, needed):
        """Makes room for so many tokens in each row."""
        src = self.past[0][0].shape[2]
        if needed <= src:
            return
        wider = [(self._room(src + max(src, BLOCK)), self._room(src + max(src, BLOCK))) for _ in self.past]
        for old, new in zip(self.past, wider, strict=True):
            for a, b in zip(old, new, strict=True):
                b[:, :, :src] = a
        self.past = wider

    def _room(self, src):
        return np.zeros([self.n_head, self.rows, src, self.size], np.float32)


class Run:
    """Rows that stand side by side.

    Attributes:
      part: where they stand among those of the step.
      work: how many numbers a layer's attention reads.
    """

    def __init__(self, past, part: slice, rows: list[int], lengths: np.ndarray):
        rows, lengths = rows[part], lengths[part]
        self.past, self.part, self.rows = past, part, slice(rows[0], rows[-1] + 1)
        alike = (lengths == lengths[0]).all()  # One place for all rows is written much faster.
        self.places = np.s_[:, self.rows, lengths[0]] if alike else np.s_[:, rows, lengths]
        self.src = -(-(int(lengths.max()) + 1) // BLOCK) * BLOCK
        self.hidden = np.where(np.arange(self.src) <= lengths[:, None], np.float32(0), -np.inf)  # [rows, src]
        self.work = len(rows) * self.src * past[0][0].shape[0] * past[0][0].shape[3]

    def write(self, layer: int, k: np.ndarray, v: np.ndarray) -> None:
        """Keeps the keys and values [head, rows of the step, size] of the new ids."""
        for past, new in zip(self.past[layer], (k, v), strict=True):
            past[self.places] = new[:, self.part]

    def attend(self, layer: int, heads: slice, q, read, attended) -> None:
        """Fills attended [heads, rows, size] for queries of that shape.

        read: what the attention over their texts gave, see `gpt2.lite_text`.
        """
        keys, values = (past[heads, self.rows, : self.src] for past in self.past[layer])
        greatest_read, total_read, mixed_read = read
        scores = (q[:, :, None] @ keys.swapaxes(2, 3))[:, :, 0]  # [head, rows, src]
        scores += self.hidden
        greatest = np.maximum(scores.max(axis=-1), greatest_read)
        scores -= greatest[:, :, None]
        np.exp(scores, out=scores)
        total, mixed = weighted_sum(scores, values)
        share = np.exp(greatest_read - greatest)
        total += share * total_read
        mixed += share[:, :, None] * mixed_read
        np.divide(mixed, total[:, :, None], out=attended)


def weighted_sum(weights, values):
    """The sum of the weights [head, rows, src], and that of the values [head, rows or 1, src, size] times them.

    Block by block, for BLAS sums a long matrix in another order than a short one: so weights of 0 after the last one
    change nothing, not even the last bit, and src may be as long as the longest row needs.
    """
    head, rows, src = weights.shape
    blocks = weights.reshape(head, rows, src // BLOCK, BLOCK)
    sums = blocks[:, :, :, None] @ values.reshape(head, -1, src // BLOCK, BLOCK, values.shape[-1])
    return blocks.sum(axis=2).sum(axis=-1), sums[:, :, :, 0].sum(axis=2)
