"""The engine for a CPU: LiteRT computes the matrix products, NumPy the attention over the keys and values it keeps.

A row of the batch is a text that was read once (`text`), which many rows may share and none changes, and the tokens
written after it (`written`). The products are those of a .tflite file (`products`), made from a checkpoint
(`tflite_file`); `tflite_graph` writes what such a file is, `program` opens and runs it.

The result of a row does not depend on the others, to the last bit: whatever is summed is summed in the same order at
any number of rows, whatever the length of the longest.
"""

from collections.abc import Iterator

import numpy as np
import threadpoolctl

from gpt2.hparams import HParams
from gpt2.lite.attention import Heads, ReadingAttention, StepAttention
from gpt2.lite.products import TILE, Embedding, Products
from gpt2.lite.speculation import Guess, Speculation
from gpt2.lite.text import Past, Rows, Text
from gpt2.lite.written import Written
from system import machine

CHUNK = 256  # Ids of a text that are read at once; more take memory, fewer take time.
WAITING = 2  # At most this many rows wait for the next step where the others fill the tiles of the products.


class LiteEngine:
    """A model in a .tflite file, made ready to write several texts at a time; see `gpt2.sampling.engines.Engine`."""

    def __init__(self, path: str, hparams: HParams, dtype: str, rows: int, draft_path: str | None = None):
        """Raises a RuntimeError if LiteRT cannot open the model.

        Args:
          draft_path: the file of the same weights in int8, to guess with if one text is written at a time.
        """
        self.hparams, self.rows = hparams, rows
        threadpoolctl.threadpool_limits(1, "blas")  # Two threads would sum in another order than one.
        self.threads = machine.n_cores()
        self.heads = Heads(hparams, self.threads)
        self.embed = Embedding(path, hparams, dtype)
        self.products = Products(path, hparams, self.threads)
        self.tile = TILE if dtype == "float32" and "avx512f" in machine.cpu_flags() else 1
        self.texts: list[Text | None] = [None] * rows
        self.latest: Text | None = None  # Kept even if no row continues it: the next sample often does.
        self.lengths = np.zeros(rows, int)  # of what was written after the text
        self.written = Written(hparams, rows)
        self.speculation = self._speculate(draft_path) if draft_path and rows == 1 else None
        self.read((0,))  # LiteRT prints when it first runs, and now the terminal is silenced

    def start(self, rows: list[int], ids: tuple[int, ...]) -> np.ndarray:
        known = (text for text in (self.latest, *self.texts) if text and text.ids == ids)
        text = self.latest = next(known, None) or self.read(ids)
        for row in rows:
            self.texts[row], self.lengths[row] = text, 0
            self.written.forget(row)
        if self.speculation:
            self.speculation.forget()
        return text.logits

    def fork(self, rows: list[int], sources: list[int], behind: int = 0) -> None:
        for row, source in zip(rows, sources, strict=True):
            self.texts[row], self.lengths[row] = self.texts[source], self.lengths[source] - behind
            self.written.copy(row, source, self.lengths[row])

    def free(self, row: int) -> None:
        self.texts[row], self.lengths[row] = None, 0

    def width(self, n: int, more: int = 0) -> int:
        left = n % self.tile
        return n - left if left <= WAITING and n > self.tile else n + min(-n % self.tile, more)

    def step(self, rows: list[int], tokens: list[int], guess: Guess | None = None) -> np.ndarray:
        if guess is None or self.speculation is None:
            logits = self._logits(self.products, rows, tokens, self.lengths[rows])
        else:
            logits = self.speculation.step(int(tokens[0]), guess)[None]
        self.lengths[rows] += 1
        return logits

    def score(self, ids: tuple[int, ...]) -> Iterator[np.ndarray]:
        past = self._empty(len(ids))
        for start in range(0, len(ids), CHUNK):
            yield self.products.last(*self._read_chunk(ids, past, start))

    def read(self, ids: tuple[int, ...]) -> Text:
        """Reads a text from its first position on."""
        past = self._empty(len(ids))
        for start in range(0, len(ids), CHUNK):
            x = self._read_chunk(ids, past, start)
        return Text(ids, past, self.products.last(*(part[-1:] for part in x))[0].copy(), self.threads)

    def _logits(self, products: Products, rows: list[int], tokens: list[int], lengths: np.ndarray) -> np.ndarray:
        """The logits float32 [len(rows), n_vocab] after one more id of each row, ascending, or several of one row.

        lengths: int [len(rows)], how many ids come between the row's text and the new id, whose keys and values are
        kept there; the rows' own `lengths` do not change.
        """
        texts = [text for row in rows if (text := self.texts[row])]
        x = self.embed(tokens, lengths + [len(text.ids) for text in texts])
        return products.logits(x, StepAttention(self.heads, _shared(texts), self.written.runs(rows, lengths)))

    def _speculate(self, draft_path: str) -> Speculation:
        """The guesses read the keys and values of the checked ids, and theirs are written over by the check."""
        products = Products(draft_path, self.hparams, self.threads)

        def draft(id: int, ahead: int) -> np.ndarray:
            return self._logits(products, [0], [id], self.lengths + ahead)[0]

        def check(ids: list[int]) -> np.ndarray:
            return self._logits(self.products, [0] * len(ids), ids, self.lengths + np.arange(len(ids)))

        return Speculation(draft, check)

    def _read_chunk(self, ids: tuple[int, ...], past: Past, start: int) -> tuple[np.ndarray, np.ndarray]:
        """Fills the past of some ids; the last block's input and what its attention gave, each [ids, n_embd]."""
        stop = min(start + CHUNK, len(ids))
        x = self.embed(ids[start:stop], np.arange(start, stop))
        return self.products.blocks(x, ReadingAttention(self.heads, past, start, stop))

    def _empty(self, seq: int) -> Past:
        """Room for the keys and values of a text."""
        head, size = self.heads.n_head, self.heads.size
        return [
            (np.empty([head, size, seq], np.float32), np.empty([head, seq, size], np.float32))
            for _ in range(self.hparams.n_layer)
        ]


def _shared(texts: list[Text]) -> list[tuple[Rows, Text]]:
    """Each different text among those of the rows, with its rows: an index, which takes all if all share one."""
    found: dict[int, tuple[list[int], Text]] = {}
    for row, text in enumerate(texts):
        found.setdefault(id(text), ([], text))[0].append(row)
    return [(np.s_[:] if len(rows) == len(texts) else rows, text) for rows, text in found.values()]
