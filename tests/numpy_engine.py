"""An engine in NumPy, for tests of what engines are asked for."""

import numpy as np

from gpt2.hparams import HParams

N_VOCAB, N_CTX = 20, 16
HPARAMS = HParams(n_vocab=N_VOCAB, n_ctx=N_CTX, n_embd=4, n_head=1, n_layer=1)
TABLE = np.random.default_rng(0).normal(size=[N_CTX, N_VOCAB, N_VOCAB]).astype(np.float32)


def logits_after(window):
    """A model: logits that depend on all ids of a window and where they stand."""
    return np.sum([TABLE[place, id] for place, id in enumerate(window)], axis=0, dtype=np.float32)


class Engine:
    """The engines' interface over `logits_after`; counts its steps, of so many rows at most."""

    def __init__(self, rows, most=99):
        self.hparams, self.rows, self.most = HPARAMS, rows, most
        self.windows = {}
        self.steps = 0

    def start(self, rows, ids):
        assert 1 <= len(ids) <= N_CTX
        for row in rows:
            self.windows[row] = list(ids)
        return logits_after(ids)

    def fork(self, rows, sources, behind=0):
        assert not set(rows) & set(sources)
        for row, source in zip(rows, sources, strict=True):
            self.windows[row] = self.windows[source][: len(self.windows[source]) - behind]

    def free(self, row):
        del self.windows[row]

    def width(self, n, more=0):
        return min(n + more, self.most)

    def step(self, rows, tokens, guess=None):
        self.steps += 1
        for row, token in zip(rows, tokens, strict=True):
            assert len(self.windows[row]) < N_CTX
            self.windows[row].append(int(token))
        return np.array([logits_after(self.windows[row]) for row in rows])

    def score(self, ids):
        yield np.array([logits_after(ids[: end + 1]) for end in range(len(ids))])
