"""The engine for a CPU: LiteRT multiplies the matrices, NumPy attends over the keys and values, which it holds.

A row of the batch is a text read once, which many rows may share and none changes, and the tokens written after it.
What is computed for a row does not depend on the others, to the last bit: whatever is summed is summed in the same
order at any number of rows, whatever the length of the longest.
"""

import concurrent.futures
import os

import numpy as np
import threadpoolctl

from gpt2.hparams import HParams
from gpt2.lite_products import Products, ProductsGraph
from gpt2.lite_text import Text
from gpt2.speculation import Guess, Speculation

CHUNK = 256  # Tokens of a text that are read at once; more take memory, fewer take time.
BLOCK = 32  # Positions whose values are summed by one call, always so many; see `weighted_sum`.
SHARED_WORK = 3_000_000  # Numbers in the keys of a layer from which on a second thread is worth waking.


class LiteEngine:
    """A model in a .tflite file, made ready to write so many texts at a time.

    Attributes:
      hparams: the sizes of the model.
      rows: how many texts.
    """

    def __init__(self, path: str, hparams: HParams, dtype: str, rows: int, draft_path: str | None = None):
        """Raises a RuntimeError if LiteRT cannot hold the model.

        Args:
          draft_path: the file of the same weights in int8, to guess with where one text is written at a time.
        """
        self.hparams, self.rows = hparams, rows
        threadpoolctl.threadpool_limits(1, "blas")  # Two threads would sum in another order than one.
        self.threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        self.pool = concurrent.futures.ThreadPoolExecutor(self.threads)
        self.embed = _embedding(path, ProductsGraph(hparams, dtype))
        self.products = Products(path, hparams, self.threads)
        self.size = hparams.n_embd // hparams.n_head
        self.texts: list[Text | None] = [None] * rows
        self.latest: Text | None = None  # Also when no row goes on from it: the next sample often does.
        self.lengths = np.zeros(rows, int)  # of what was written after the text
        self.past = [(self._room(BLOCK), self._room(BLOCK)) for _ in range(hparams.n_layer)]
        self.speculation = self._speculate(draft_path) if draft_path and rows == 1 else None
        self.read((0,))  # LiteRT has something to tell the terminal when it first runs; who holds that, holds it now.

    def start(self, rows: list[int], ids: tuple[int, ...]) -> np.ndarray:
        """Lets rows go on from these ids, at least 1 and at most n_ctx: the logits float32 [n_vocab] after them."""
        known = (text for text in (self.latest, *self.texts) if text and text.ids == ids)
        text = self.latest = next(known, None) or self.read(ids)
        for row in rows:
            self.texts[row], self.lengths[row] = text, 0
        if self.speculation:
            self.speculation.forget()
        return text.logits

    def free(self, row: int) -> None:
        """Ends a row, which may be started again."""
        self.texts[row], self.lengths[row] = None, 0

    def step(self, tokens, guess: Guess | None = None) -> np.ndarray:
        """The logits float32 [rows, n_vocab] after one more id of each row; a row that is not started may get any.

        They are good until the next step.

        Args:
          guess: what is likely to come after it, see `Speculation`; the logits are the same with it and without.
        """
        if guess is None or self.speculation is None:
            logits = self._pass(self.products, tokens)
        else:
            logits = self.speculation.step(int(tokens[0]), guess)[None]
        self.lengths += [text is not None for text in self.texts]
        return logits

    def _pass(self, products, tokens, ahead=0):
        """The logits after one more id of each row, or after several of a single row, each after those before it.

        Their keys and values are written, so many ids ahead of where the rows are, and the rows stay where they are.
        """
        n = len(tokens)
        lengths = self.lengths + ahead + (np.arange(n) if self.rows == 1 else 0)
        self._grow(int(lengths.max()) + 1)
        positions = lengths + [len(text.ids) if text else 0 for text in self.texts]
        x = self.embed(tokens, np.minimum(positions, self.hparams.n_ctx - 1))
        groups = self._groups()
        src = -(-(int(lengths.max()) + 1) // BLOCK) * BLOCK
        alike = (lengths == lengths[0]).all()  # One place for all rows is written much faster.
        where = np.s_[:, :, lengths[0]] if alike else np.s_[:, np.arange(self.rows), lengths]
        hidden = np.where(np.arange(src) <= lengths[:, None], np.float32(0), -np.inf)  # [n, src]
        work = n * src * self.hparams.n_embd + sum(text.work for text in self.texts if text)

        def attend(layer, qkv, attended):
            q, k, v = self._heads(qkv)  # [head, n, size]
            keys, values = self.past[layer]
            keys[where], values[where] = k, v
            texts = [(rows, text.attend(layer, q[:, rows])) for rows, text in groups]
            attended = attended.reshape(n, self.hparams.n_head, self.size).swapaxes(0, 1)

            def some(heads):
                read = [(rows, *text(heads)) for rows, text in texts]
                attend_step(q[heads], keys[heads, :, :src], values[heads, :, :src], hidden, read, attended[heads])

            self._over_heads(some, work)

        return products.logits(x, attend)

    def _speculate(self, draft_path):
        """The guesses read the keys and values of the checked ids, and theirs are written over by the check."""
        products = Products(draft_path, self.hparams, self.threads)

        def draft(id, ahead):
            return self._pass(products, [id], ahead)[0]

        return Speculation(draft, lambda ids: self._pass(self.products, ids))

    def read(self, ids: tuple[int, ...]) -> Text:
        """Reads a text from its first position on."""
        past = self._empty(len(ids))
        for start in range(0, len(ids), CHUNK):
            x = self._read_chunk(ids, past, start)
        return Text(ids, past, self.products.last(*(part[-1:] for part in x))[0].copy(), self.threads)

    def score(self, ids: tuple[int, ...]):
        """The logits [seq, n_vocab] after each of at most n_ctx ids, some positions at a time."""
        past = self._empty(len(ids))
        for start in range(0, len(ids), CHUNK):
            yield self.products.last(*self._read_chunk(ids, past, start))

    def _read_chunk(self, ids, past, start):
        """Fills the past of some ids; the last block's input and what its attention gave, before `last`."""
        stop = min(start + CHUNK, len(ids))
        x = self.embed(ids[start:stop], np.arange(start, stop))
        hidden = np.where(np.arange(stop) <= np.arange(start, stop)[:, None], np.float32(0), -np.inf)

        def attend(layer, qkv, attended):
            q, k, v = self._heads(qkv)  # [head, dst, size]
            keys, values = past[layer]
            keys[:, :, start:stop], values[:, start:stop] = k.swapaxes(1, 2), v
            attended = attended.reshape(stop - start, self.hparams.n_head, self.size).swapaxes(0, 1)

            def some(heads):
                scores = q[heads] @ keys[heads, :, :stop]  # [head, dst, src]
                scores += hidden
                scores -= scores.max(axis=-1, keepdims=True)
                np.exp(scores, out=scores)
                attended[heads] = scores @ values[heads, :stop] / scores.sum(axis=-1, keepdims=True)

            self._over_heads(some, keys.size * CHUNK)

        return self.products.blocks(x, attend)

    def _heads(self, qkv):
        """[rows, 3 * n_embd] -> three of [head, rows, size], the queries scaled."""
        q, k, v = qkv.reshape(len(qkv), 3, self.hparams.n_head, self.size).transpose(1, 2, 0, 3)
        return q * np.float32(self.size**-0.5), k, v

    def _groups(self):
        """Which rows go on from each text that is in use: an index, of all rows where that is so."""
        found: dict[int, tuple[list[int], Text]] = {}
        for row, text in enumerate(self.texts):
            if text:
                found.setdefault(id(text), ([], text))[0].append(row)
        return [(np.s_[:] if len(rows) == self.rows else rows, text) for rows, text in found.values()]

    def _over_heads(self, function, work):
        """Calls a function of a slice of the heads, in threads where there is work enough for several."""
        if work < SHARED_WORK or self.threads == 1:
            function(np.s_[:])
            return
        head = self.hparams.n_head
        share = -(-head // self.threads)
        parts = iter([slice(start, start + share) for start in range(0, head, share)])

        # LiteRT's threads stay awake for a while and hold others up: whoever runs takes the parts, even all of them.
        def take_parts():
            for part in parts:
                function(part)

        waiting = [self.pool.submit(take_parts) for _ in range(self.threads - 1)]
        take_parts()
        for future in waiting:
            if not future.cancel():
                future.result()

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

    def _empty(self, seq):
        """Room for the keys and values of a text."""
        head, size = self.hparams.n_head, self.size
        shapes = [head, size, seq], [head, seq, size]
        return [tuple(np.empty(shape, np.float32) for shape in shapes) for _ in range(self.hparams.n_layer)]

    def _room(self, src):
        return np.zeros([self.hparams.n_head, self.rows, src, self.size], np.float32)


def attend_step(q, keys, values, hidden, read, attended):
    """One query of each row over the text it goes on from and what was written after it.

    q and attended [head, rows, size]; keys and values [head, rows, src, size], or [head, 1, src, size] for queries of
    one row; hidden [rows, src] what to add to the scores; read: for each text the rows that go on from it, and what
    its attention gives.
    """
    scores = (q[:, :, None] @ keys.swapaxes(2, 3))[:, :, 0]  # [head, rows, src]
    scores += hidden
    greatest = scores.max(axis=-1)  # [head, rows]
    for rows, greatest_read, _, _ in read:
        greatest[:, rows] = np.maximum(greatest[:, rows], greatest_read)
    scores -= greatest[:, :, None]
    np.exp(scores, out=scores)
    total, mixed = weighted_sum(scores, values)
    for rows, greatest_read, total_read, mixed_read in read:
        share = np.exp(greatest_read - greatest[:, rows])
        total[:, rows] += share * total_read
        mixed[:, rows] += share[:, :, None] * mixed_read
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


def _embedding(path, graph):
    """The function that gives the input of the first block: float32 [rows, n_embd] for ids and positions."""
    slots = {slot.name: slot for slot in graph.slots}

    def mapped(name):
        slot = slots[name]
        return np.memmap(path, slot.dtype, "r", slot.offset, slot.shape)

    wte, wpe = mapped("wte"), mapped("wpe")
    if graph.dtype == "float32":
        return lambda ids, positions: wte[np.asarray(ids)] + wpe[positions]
    scales = mapped("wte/scales")
    return lambda ids, positions: wte[np.asarray(ids)] * scales[np.asarray(ids)][:, None] + wpe[positions]
