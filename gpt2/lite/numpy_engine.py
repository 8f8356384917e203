"""GPT-2 in NumPy alone: what LiteRT is checked against, and the engine where there is no other.

Each row is computed by itself, so that its result does not depend on the others, to the last bit.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from gpt2 import bundle
from gpt2.hparams import GELU_CUBE, GELU_SCALE, LAYER_NORM_EPSILON, HParams, weight_shapes
from gpt2.lite.speculation import Guess

Past = list[tuple[np.ndarray, np.ndarray]]  # Keys and values [head, src, size] of each layer.


class NumpyModel:
    """A GPT-2 whose weights, float32, are `weight(name)` by their names in a checkpoint."""

    def __init__(self, hparams: HParams, weight: Callable[[str], np.ndarray]):
        self.hparams, self.weight = hparams, weight

    def logits(self, ids: Sequence[int], past: Past | None = None) -> tuple[np.ndarray, Past]:
        """The logits float32 [seq, n_vocab] after each of some ids, and the past with their keys and values."""
        n_layer, n_embd, n_head = self.hparams.n_layer, self.hparams.n_embd, self.hparams.n_head
        seq, size, wte = len(ids), n_embd // n_head, self.weight("model/wte")
        before = past[0][0].shape[1] if past else 0
        visible = np.arange(before + seq) <= np.arange(before, before + seq)[:, None]  # [dst, src]
        x = wte[list(ids)] + self.weight("model/wpe")[before : before + seq]
        present: Past = []
        for layer in range(n_layer):
            qkv = self._conv1d(self._norm(x, f"h{layer}/ln_1"), f"h{layer}/attn/c_attn")
            q, k, v = qkv.reshape(seq, 3, n_head, size).transpose(1, 2, 0, 3)
            if past:
                k, v = (np.concatenate(pair, axis=1) for pair in zip(past[layer], (k, v), strict=True))
            present.append((k, v))
            scores = np.where(visible, q @ k.swapaxes(1, 2) * size**-0.5, -np.inf)  # [head, dst, src]
            weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
            attended = weights / weights.sum(axis=-1, keepdims=True) @ v
            x = x + self._conv1d(attended.swapaxes(0, 1).reshape(seq, n_embd), f"h{layer}/attn/c_proj")
            inner = _gelu(self._conv1d(self._norm(x, f"h{layer}/ln_2"), f"h{layer}/mlp/c_fc"))
            x = x + self._conv1d(inner, f"h{layer}/mlp/c_proj")
        return self._norm(x, "ln_f") @ wte.T, present

    def _norm(self, x: np.ndarray, scope: str) -> np.ndarray:
        x = x - x.mean(axis=-1, keepdims=True)
        x = x / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + LAYER_NORM_EPSILON)
        return x * self.weight(f"model/{scope}/g") + self.weight(f"model/{scope}/b")

    def _conv1d(self, x: np.ndarray, scope: str) -> np.ndarray:
        return x @ self.weight(f"model/{scope}/w")[0] + self.weight(f"model/{scope}/b")


def _gelu(x: np.ndarray) -> np.ndarray:
    return 0.5 * x * (1 + np.tanh(GELU_SCALE * (x + GELU_CUBE * x**3)))


class NumpyEngine:
    """A model made ready to write several texts, one at a time; see `gpt2.sampling.engines.Engine`."""

    def __init__(self, prefix: str, hparams: HParams, rows: int):
        """Raises as `bundle.check_index` and `bundle.read_weight`."""
        bundle.check_index(prefix, hparams)
        weights = {name: bundle.read_weight(prefix, name) for name in weight_shapes(hparams)}
        self.model, self.hparams, self.rows = NumpyModel(hparams, weights.__getitem__), hparams, rows
        self.pasts: list[Past | None] = [None] * rows  # Shared and never changed: a step makes new ones.

    def start(self, rows: list[int], ids: tuple[int, ...]) -> np.ndarray:
        logits, past = self.model.logits(ids)
        for row in rows:
            self.pasts[row] = past
        return logits[-1]

    def fork(self, rows: list[int], sources: list[int], behind: int = 0) -> None:
        for row, source in zip(rows, sources, strict=True):
            past = self.pasts[source] or []
            self.pasts[row] = [(k[:, : k.shape[1] - behind], v[:, : v.shape[1] - behind]) for k, v in past]

    def free(self, row: int) -> None:
        self.pasts[row] = None

    def width(self, n: int, more: int = 0) -> int:
        return n

    def step(self, rows: list[int], tokens: list[int], guess: Guess | None = None) -> np.ndarray:
        logits = []
        for row, token in zip(rows, tokens, strict=True):
            one, self.pasts[row] = self.model.logits([token], self.pasts[row])
            logits.append(one[0])
        return np.stack(logits)

    def score(self, ids: tuple[int, ...]) -> Iterator[np.ndarray]:
        yield self.model.logits(ids)[0]
