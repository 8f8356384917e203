"""A .tflite file that LiteRT has opened, and the memory that it reads and writes."""

import functools
from typing import NamedTuple

import numpy as np
from ai_edge_litert.compiled_model import CompiledModel
from ai_edge_litert.environment import Environment
from ai_edge_litert.options import CpuOptions, Options
from ai_edge_litert.tensor_buffer import TensorBuffer


class SharedArray(NamedTuple):
    """An array of ours, and LiteRT's view of its memory."""

    array: np.ndarray
    buffer: TensorBuffer


class Program:
    """The signatures of a file; each may be run for any number of rows."""

    def __init__(self, file: str | bytes, threads: int):
        """Raises a RuntimeError if LiteRT cannot open it.

        Args:
          file: its path, or what is in it.
        """
        options = Options(cpu_options=CpuOptions(num_threads=threads))
        open_file = CompiledModel.from_file if isinstance(file, str) else CompiledModel.from_buffer
        self.model = open_file(file, options=options, environment=_environment())
        self.sizes: dict[int, list[int]] = {}

    def run(self, signature: int, inputs: list[SharedArray], outputs: list[SharedArray]) -> None:
        """Fills the outputs."""
        sizes = [array.size for array, _ in inputs]
        if self.sizes.get(signature) != sizes:  # LiteRT would do so itself, and say so on the terminal.
            for place, size in enumerate(sizes):
                self.model.resize_input_tensor(place, [size], signature, strict=False)
            self.sizes[signature] = sizes
        self.model.run_by_index(signature, [given.buffer for given in inputs], [wanted.buffer for wanted in outputs])


@functools.cache
def _environment() -> Environment:
    return Environment.create()


def shared_array(*shape: int) -> SharedArray:
    """Zeros of this shape, float32."""
    size = int(np.prod(shape))
    whole = np.zeros(size + 16, np.float32)
    start = -whole.ctypes.data % 64 // 4  # LiteRT takes memory that begins at a multiple of 64 bytes as it is.
    array = whole[start : start + size].reshape(shape)
    return SharedArray(array, TensorBuffer.create_from_host_memory(array))
