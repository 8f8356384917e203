"""Files of safetensors, written and read by lines of their own, from the description of the format."""

import json
import pathlib
import struct

import numpy as np

KINDS = {"float64": "F64", "float32": "F32", "float16": "F16", "uint16": "BF16", "uint8": "U8"}


def write_tensors(path: pathlib.Path, tensors: dict[str, np.ndarray]) -> None:
    """Writes a safetensors file by the description of the format; uint16 stands for bfloat16, which NumPy lacks."""
    header, end = {}, 0
    for name, tensor in tensors.items():
        start, end = end, end + tensor.nbytes
        header[name] = {"dtype": KINDS[tensor.dtype.name], "shape": tensor.shape, "data_offsets": [start, end]}
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(tensor.tobytes() for tensor in tensors.values()))


def read_tensors(path: pathlib.Path) -> dict[str, np.ndarray]:
    """The tensors of a safetensors file of float32 or float16."""
    content = path.read_bytes()
    end = 8 + struct.unpack("<Q", content[:8])[0]
    header = json.loads(content[8:end])
    header.pop("__metadata__", None)
    dtypes = {"F32": np.float32, "F16": np.float16}
    return {
        name: np.frombuffer(
            content[end + entry["data_offsets"][0] : end + entry["data_offsets"][1]], dtypes[entry["dtype"]]
        ).reshape(entry["shape"])
        for name, entry in header.items()
    }
