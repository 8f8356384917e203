"""GPT-2's matrix products: everything but attention, which mixes positions, for any number of rows.

The signatures, in order: `first` to the queries, keys and values of block 0, then one for each block, from what its
attention gave to those of the next block; the last one ends in logits.
"""

import functools
from collections.abc import Callable, Sequence

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from gpt2.hparams import LAYER_NORM_EPSILON, HParams
from gpt2.lite.program import Program, SharedArray, shared_array
from gpt2.lite.tflite_graph import LiteGraph, Op, Slot

# Rows of float32 that XNNPACK multiplies at a time with AVX-512: 8 rows take as long as 14.
TILE = 7

# attend(layer, qkv, attended) fills attended [rows, n_embd] from qkv [rows, 3 * n_embd].
Attend = Callable[[int, np.ndarray, np.ndarray], None]


class ProductsGraph(LiteGraph):
    """The file of a checkpoint's weights."""

    def __init__(self, hparams: HParams, dtype: str):
        super().__init__()
        self.hparams, self.dtype = hparams, dtype
        self._write_signatures()
        self._place()

    def _write_signatures(self) -> None:
        n_layer, n_embd = self.hparams.n_layer, self.hparams.n_embd
        self._begin("first")
        x = self._input("x", [-1, n_embd])
        self._end(qkv=self._conv1d(self._norm(x, "h0/ln_1"), "h0/attn/c_attn", 3 * n_embd))
        for layer in range(n_layer):
            self._begin(f"h{layer}")
            x, attended = self._input("x", [-1, n_embd]), self._input("attended", [-1, n_embd])
            x = self._binary(Op.ADD, x, self._conv1d(attended, f"h{layer}/attn/c_proj", n_embd))
            x = self._binary(Op.ADD, x, self._mlp(self._norm(x, f"h{layer}/ln_2"), f"h{layer}/mlp"))
            if layer == n_layer - 1:
                self._end(logits=self._dense(self._norm(x, "ln_f"), "wte", self.hparams.n_vocab))
            else:
                qkv = self._conv1d(self._norm(x, f"h{layer + 1}/ln_1"), f"h{layer + 1}/attn/c_attn", 3 * n_embd)
                self._end(x=x, qkv=qkv)
        self._keep(Slot("wpe", (self.hparams.n_ctx, n_embd), "float32"))
        if self.dtype == "int8":
            self._keep(Slot("wte/scales", (self.hparams.n_vocab,), "float32"))

    # Parts of GPT-2

    def _norm(self, x: int, scope: str) -> int:
        width = self._shape(x)[1]
        x = self._binary(Op.SUB, x, self._reduce(Op.MEAN, x))
        variance = self._reduce(Op.MEAN, self._binary(Op.MUL, x, x))
        variance = self._binary(Op.ADD, variance, self._small(LAYER_NORM_EPSILON))
        x = self._binary(Op.MUL, x, self._unary(Op.RSQRT, variance))
        x = self._binary(Op.MUL, x, self._weight(Slot(f"{scope}/g", (width,), "float32")))
        return self._binary(Op.ADD, x, self._weight(Slot(f"{scope}/b", (width,), "float32")))

    def _mlp(self, x: int, scope: str) -> int:
        x = self._conv1d(x, f"{scope}/c_fc", 4 * self.hparams.n_embd)
        x = self._op(Op.GELU, [x], [-1, 4 * self.hparams.n_embd], schema.GeluOptionsT(approximate=True))
        return self._conv1d(x, f"{scope}/c_proj", self.hparams.n_embd)

    def _conv1d(self, x: int, scope: str, width: int) -> int:
        return self._dense(x, f"{scope}/w", width, self._weight(Slot(f"{scope}/b", (width,), "float32")))

    def _dense(self, x: int, name: str, width: int, bias: int = -1) -> int:
        slot = Slot(name, (width, self._shape(x)[1]), self.dtype)
        options = schema.FullyConnectedOptionsT(keepNumDims=True, asymmetricQuantizeInputs=True)
        return self._op(Op.FULLY_CONNECTED, [x, self._weight(slot), bias], [-1, width], options)


products_graph = functools.cache(ProductsGraph)  # 124M's takes 20 ms, and each start needs it twice.


class Embedding:
    """The input of the first block, read from the file of the products."""

    def __init__(self, path: str, hparams: HParams, dtype: str):
        slots = {slot.name: slot for slot in products_graph(hparams, dtype).slots}

        def mapped(name: str) -> np.ndarray:
            slot = slots[name]
            return np.memmap(path, slot.dtype, "r", slot.offset, slot.shape)

        self.wte, self.wpe = mapped("wte"), mapped("wpe")  # [n_vocab, n_embd], [n_ctx, n_embd]
        self.scales = mapped("wte/scales") if dtype == "int8" else None  # [n_vocab]

    def __call__(self, ids: Sequence[int], positions: np.ndarray) -> np.ndarray:
        """float32 [ids, n_embd] for ids at these positions, int [ids]."""
        rows = np.asarray(ids)
        if self.scales is None:
            return self.wte[rows] + self.wpe[positions]
        return self.wte[rows] * self.scales[rows][:, None] + self.wpe[positions]


class Products:
    """The products, ready to run."""

    def __init__(self, path: str, hparams: HParams, threads: int):
        """Raises a RuntimeError if LiteRT cannot open the file."""
        self.program, self.hparams = Program(path, threads), hparams
        self.arrays: dict[int, dict[str, SharedArray]] = {}

    def logits(self, x: np.ndarray, attend: Attend) -> np.ndarray:
        """The logits [rows, n_vocab] after x [rows, n_embd], good until the next call."""
        return self.last(*self.blocks(x, attend))

    def blocks(self, x: np.ndarray, attend: Attend) -> tuple[np.ndarray, np.ndarray]:
        """All blocks but what follows the last attention: the last block's x and what its attention gave.

        x and both results: [rows, n_embd].
        """
        arrays = self._arrays(len(x))
        arrays["x"].array[:] = x
        self._run(0, arrays, ["x"], ["qkv"])
        for layer in range(self.hparams.n_layer):
            attend(layer, arrays["qkv"].array, arrays["attended"].array)
            if layer < self.hparams.n_layer - 1:
                self._run(layer + 1, arrays, ["x", "attended"], ["x_out", "qkv"])
                arrays["x"], arrays["x_out"] = arrays["x_out"], arrays["x"]
        return arrays["x"].array, arrays["attended"].array

    def last(self, x: np.ndarray, attended: np.ndarray) -> np.ndarray:
        """The results of `blocks`, or some rows of them, -> logits [rows, n_vocab], good until the next call."""
        arrays = self._arrays(len(x))
        if "logits" not in arrays:
            arrays["logits"] = shared_array(len(x), self.hparams.n_vocab)
        arrays["x"].array[:], arrays["attended"].array[:] = x, attended
        self._run(self.hparams.n_layer, arrays, ["x", "attended"], ["logits"])
        return arrays["logits"].array

    def _run(self, signature: int, arrays: dict[str, SharedArray], inputs: list[str], outputs: list[str]) -> None:
        self.program.run(signature, [arrays[name] for name in inputs], [arrays[name] for name in outputs])

    def _arrays(self, rows: int) -> dict[str, SharedArray]:
        if rows not in self.arrays:
            n_embd = self.hparams.n_embd
            widths = {"x": n_embd, "x_out": n_embd, "attended": n_embd, "qkv": 3 * n_embd}
            self.arrays[rows] = {name: shared_array(rows, width) for name, width in widths.items()}
        return self.arrays[rows]
