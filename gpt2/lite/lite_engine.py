"""The engine for a CPU: LiteRT multiplies the matrices, NumPy attends over the keys and values, which it holds.

A row of the batch is a text read once (`lite_text`), which many rows may share and none changes, and the tokens written
after it (`lite_written`). The products are a .tflite file's (`lite_products`), made from a checkpoint (`lite_file`);
`lite_graph` writes what such a file is, `lite_program` opens and runs it.

What is computed for a row does not depend on the others, to the last bit: whatever is summed is summed in the same
order at any number of rows, whatever the length of the longest.
"""

import concurrent.futures

import numpy as np
import threadpoolctl

from gpt2.hparams import HParams
from gpt2.lite.products import Products, ProductsGraph
from gpt2.lite.speculation import Guess, Speculation
from gpt2.lite.text import Text, in_one
from gpt2.lite.written import Written
from system import machine

CHUNK = 256  # Tokens of a text that are read at once; more take memory, fewer take time.
SHARED_WORK = 1_300_000  # Numbers in the keys of a layer from which on a second thread is worth waking.


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
        self.threads = machine.n_cores()
        self.pool = concurrent.futures.ThreadPoolExecutor(self.threads)
        self.embed = _embedding(path, ProductsGraph(hparams, dtype))
        self.products = Products(path, hparams, self.threads)
        self.size = hparams.n_embd // hparams.n_head
        self.texts: list[Text | None] = [None] * rows
        self.latest: Text | None = None  # Also when no row goes on from it: the next sample often does.
        self.lengths = np.zeros(rows, int)  # of what was written after the text
        self.written = Written(hparams, rows)
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

    def width(self, n: int) -> int:
        """Of n rows, how many to step at once."""
        return self.products.pace.width(n)

    def step(self, rows: list[int], tokens: list[int], guess: Guess | None = None) -> np.ndarray:
        """The logits float32 [len(rows), n_vocab] after one more id of each of these rows, good until the next step.

        Args:
          rows: ascending.
          guess: what is likely to come after it, see `Speculation`; the logits are the same with it and without.
        """
        if guess is None or self.speculation is None:
            logits = self._pass(self.products, rows, tokens, self.lengths[rows])
        else:
            logits = self.speculation.step(int(tokens[0]), guess)[None]
        self.lengths[rows] += 1
        return logits

    def _pass(self, products, rows, tokens, lengths):
        """The logits after one more id of each of these rows, ascending, or after several of a single one.

        Each comes so many ids after the text; its keys and values are written there, and the rows stay where they are.
        """
        texts = [self.texts[row] for row in rows]
        x = self.embed(tokens, lengths + [len(text.ids) for text in texts])
        runs, parts = self.written.runs(rows, lengths), _parts(texts)
        work = sum(part.work for part in (*runs, *texts))

        def attend(layer, qkv, attended):
            q, kv = self._heads(qkv)
            for run in runs:
                run.write(layer, kv)
            read = [(part, text.attend(layer, q[:, part])) for part, text in parts]
            attended = attended.reshape(len(rows), self.hparams.n_head, self.size).swapaxes(0, 1)

            def some(heads):
                given = in_one([(part, attention(heads)) for part, attention in read], len(rows))
                for run in runs:
                    mine = [array[:, run.part] for array in given]
                    run.attend(layer, heads, q[heads, run.part], mine, attended[heads, run.part])

            self._over_heads(some, work)

        return products.logits(x, attend)

    def _speculate(self, draft_path):
        """The guesses read the keys and values of the checked ids, and theirs are written over by the check."""
        products = Products(draft_path, self.hparams, self.threads)

        def draft(id, ahead):
            return self._pass(products, [0], [id], self.lengths + ahead)[0]

        def check(ids):
            return self._pass(self.products, [0] * len(ids), ids, self.lengths + np.arange(len(ids)))

        return Speculation(draft, check)

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
        mask = np.where(np.arange(stop) <= np.arange(start, stop)[:, None], np.float32(0), -np.inf)

        def attend(layer, qkv, attended):
            q, (k, v) = self._heads(qkv)
            keys, values = past[layer]
            keys[:, :, start:stop], values[:, start:stop] = k.swapaxes(1, 2), v
            attended = attended.reshape(stop - start, self.hparams.n_head, self.size).swapaxes(0, 1)

            def some(heads):
                scores = q[heads] @ keys[heads, :, :stop]  # [head, dst, src]
                scores += mask
                scores -= scores.max(axis=-1, keepdims=True)
                np.exp(scores, out=scores)
                attended[heads] = scores @ values[heads, :stop] / scores.sum(axis=-1, keepdims=True)

            self._over_heads(some, keys.size * CHUNK)

        return self.products.blocks(x, attend)

    def _heads(self, qkv):
        """[rows, 3 * n_embd] -> queries [head, rows, size], scaled, and keys and values [2, head, rows, size]."""
        qkv = qkv.reshape(len(qkv), 3, self.hparams.n_head, self.size).transpose(1, 2, 0, 3)
        return qkv[0] * np.float32(self.size**-0.5), qkv[1:]

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

    def _empty(self, seq):
        """Room for the keys and values of a text."""
        head, size = self.hparams.n_head, self.size
        shapes = [head, size, seq], [head, seq, size]
        return [tuple(np.empty(shape, np.float32) for shape in shapes) for _ in range(self.hparams.n_layer)]


def _parts(texts):
    """Which of the rows with these texts have each: an index, of all rows where that is so."""
    found: dict[int, tuple[list[int], Text]] = {}
    for row, text in enumerate(texts):
        found.setdefault(id(text), ([], text))[0].append(row)
    return [(np.s_[:] if len(rows) == len(texts) else rows, text) for rows, text in found.values()]


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
