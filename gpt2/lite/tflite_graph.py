"""The graph of a .tflite file, written down node by node: no converter, no TensorFlow.

A signature takes as many rows as it is given; all other sizes are fixed.
"""

import dataclasses
import functools
from collections.abc import Sequence

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

UNKNOWN = np.uint32(0xC2A75E3B)  # The bits of a scale that is not known yet; a float32 that nothing else in a head is.
PAGE, ALIGNMENT = 4096, 64  # Of the first weight, and of each; XNNPACK reads 64 bytes at a time.

FULLY_CONNECTED_VERSION = 9  # tensorflow/lite/tools/versioning/op_version.cc: quantized by output channel

Op, Options, Type = schema.BuiltinOperator, schema.BuiltinOptions, schema.TensorType


@dataclasses.dataclass
class Slot:
    """A place in the file for a weight.

    Attributes:
      name: as in a checkpoint, without model/.
      shape: of the weight in the file; a matrix is [out, in], other than in a checkpoint.
      dtype: float32 or int8, with a scale for each row of the matrix.
      offset: in bytes from the beginning of the file.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    offset: int = 0

    @property
    def n_bytes(self) -> int:
        return int(np.prod(self.shape)) * np.dtype(self.dtype).itemsize


class LiteGraph:
    """The model of a .tflite file; `slots` say where its weights are stored, `head` is everything before them.

    A class derived from it writes the signatures, then calls `_place`. A tensor is its number within the signature.
    """

    def __init__(self) -> None:
        self.codes: list[int] = []
        self.slots: list[Slot] = []
        self.buffers: list[schema.BufferT] = []
        self.scales: dict[str, schema.QuantizationParametersT] = {}
        self.model = schema.ModelT(
            version=3, operatorCodes=[], subgraphs=[], buffers=[schema.BufferT()], signatureDefs=[]
        )

    def head(self, scales: dict[str, np.ndarray] | None = None) -> bytes:
        """The bytes before the weights, always the same number, with these scales of the int8 weights, or UNKNOWN."""
        for name, quantization in self.scales.items():
            quantization.scale = scales[name].astype(np.float32) if scales else unknown_scales(len(quantization.scale))
        builder = flatbuffers.Builder(1 << 16)
        builder.Finish(self.model.Pack(builder), b"TFL3")
        return bytes(builder.Output())

    @functools.cached_property
    def blank_head(self) -> bytes:
        """The head with UNKNOWN in place of each scale."""
        return self.head()

    @property
    def n_bytes(self) -> int:
        """Up to the end of the last weight."""
        return self.slots[-1].offset + self.slots[-1].n_bytes

    def _place(self) -> None:
        for slot, buffer in zip(self.slots, self.buffers, strict=True):
            buffer.offset, buffer.size = PAGE, slot.n_bytes  # Not 0, which would take no room in the head.
        offset = -(-len(self.head()) // PAGE) * PAGE
        for slot, buffer in zip(self.slots, self.buffers, strict=True):
            slot.offset = buffer.offset = offset
            offset = -(-(offset + slot.n_bytes) // ALIGNMENT) * ALIGNMENT

    # Signatures

    def _begin(self, name: str) -> None:
        self.graph = schema.SubGraphT(name=name, tensors=[], inputs=[], outputs=[], operators=[])
        self.signature = schema.SignatureDefT(
            signatureKey=name, subgraphIndex=len(self.model.subgraphs), inputs=[], outputs=[]
        )
        self.model.subgraphs.append(self.graph)
        self.model.signatureDefs.append(self.signature)

    def _input(self, name: str, shape: list[int]) -> int:
        """A tensor whose shape has -1 for the rows; given flat, since a buffer in our memory has one axis."""
        tensor = self._tensor([-1], name)
        self.graph.inputs.append(tensor)
        self.signature.inputs.append(schema.TensorMapT(name, tensor))
        return self._reshape(tensor, shape)

    def _end(self, **outputs: int) -> None:
        for name, tensor in outputs.items():
            flat = self._reshape(tensor, [-1])
            self.graph.outputs.append(flat)
            self.signature.outputs.append(schema.TensorMapT(name, flat))

    # Nodes and tensors

    def _unary(self, op: int, x: int) -> int:
        return self._op(op, [x], self._shape(x))

    def _binary(self, op: int, x: int, y: int) -> int:
        options = {Op.ADD: schema.AddOptionsT, Op.SUB: schema.SubOptionsT, Op.MUL: schema.MulOptionsT}[op]()
        return self._op(op, [x, y], self._shape(x), options)

    def _reduce(self, op: int, x: int) -> int:
        """Over the last axis, which stays, of size 1."""
        *shape, _ = self._shape(x)
        axis = self._constant(np.array([len(shape)], np.int32))
        return self._op(op, [x, axis], [*shape, 1], schema.ReducerOptionsT(keepDims=True))

    def _shape(self, x: int) -> list[int]:
        return self.graph.tensors[x].shapeSignature

    def _reshape(self, x: int, shape: list[int]) -> int:
        options = schema.ReshapeOptionsT(newShape=shape)
        return self._op(Op.RESHAPE, [x, self._constant(np.array(shape, np.int32))], shape, options)

    def _op(self, op: int, inputs: list[int], shape: list[int], options: object = None) -> int:
        output = self._tensor(shape)
        if op not in self.codes:
            version = FULLY_CONNECTED_VERSION if op == Op.FULLY_CONNECTED else 1
            code = schema.OperatorCodeT(builtinCode=op, deprecatedBuiltinCode=min(op, 127), version=version)
            self.model.operatorCodes.append(code)
            self.codes.append(op)
        node = schema.OperatorT(opcodeIndex=self.codes.index(op), inputs=inputs, outputs=[output])
        if options is not None:
            node.builtinOptions = options
            node.builtinOptionsType = getattr(Options, type(options).__name__.removesuffix("T"))
        self.graph.operators.append(node)
        return output

    def _tensor(
        self,
        shape: Sequence[int],
        name: str = "",
        type: int = Type.FLOAT32,
        buffer: int = 0,
        quantization: schema.QuantizationParametersT | None = None,
    ) -> int:
        self.graph.tensors.append(
            schema.TensorT(
                name=name or f"{self.graph.name}/{len(self.graph.tensors)}",
                shape=[max(size, 1) for size in shape],  # One row until the number of rows is set.
                shapeSignature=list(shape),
                type=type,
                buffer=buffer,
                quantization=quantization,
                hasRank=True,
            )
        )
        return len(self.graph.tensors) - 1

    def _small(self, value: float) -> int:
        return self._constant(np.array([value], np.float32))

    def _constant(self, array: np.ndarray) -> int:
        """A constant that is stored in the head itself, int32 or float32."""
        self.model.buffers.append(schema.BufferT(data=np.frombuffer(array.tobytes(), np.uint8)))
        kind = Type.INT32 if array.dtype == np.int32 else Type.FLOAT32
        return self._tensor(array.shape, type=kind, buffer=len(self.model.buffers) - 1)

    def _weight(self, slot: Slot) -> int:
        index = self._keep(slot)
        if slot.dtype == "float32":
            return self._tensor(slot.shape, slot.name, buffer=index)
        scales = unknown_scales(slot.shape[0])
        points = np.zeros(slot.shape[0], np.int64)
        self.scales[slot.name] = schema.QuantizationParametersT(scale=scales, zeroPoint=points)
        return self._tensor(slot.shape, slot.name, Type.INT8, index, self.scales[slot.name])

    def _keep(self, slot: Slot) -> int:
        """The number of a new buffer, for a weight."""
        self.model.buffers.append(schema.BufferT())
        self.slots.append(slot)
        self.buffers.append(self.model.buffers[-1])
        return len(self.model.buffers) - 1


def unknown_scales(n: int) -> np.ndarray:
    """float32 [n], each with the bits UNKNOWN."""
    return np.full(n, UNKNOWN).view(np.float32)
