"""A `.tflite` file that somebody else has made: brought to the contract of edge, so that it can be proven."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from convert.flatfile import IDENTIFIER, packed, unpacked
from convert.original import BLACK_AND_WHITE, checked_probabilities
from convert.verify import outputs
from edge.classifier import fitted
from edge.errors import ModelError, UsageError
from edge.model_file import DIGIT_LABELS
from edge.runtime import INPUT_SCALE
from edge.types import ByteArray, FloatArray

TFLITE = ".tflite"

_FLOAT, _QUANTIZED = schema.TensorType.FLOAT32, (schema.TensorType.UINT8, schema.TensorType.INT8)


@dataclass(frozen=True, slots=True)
class LoadedFile:
    """A `.tflite` file as it came.

    Attributes:
        name: what it is called.
        labels: what its outputs mean.
        model: the file.
        shape: rows, columns and channels of its input.
        logits: whether a softmax is to follow its output.
        step: of the quantization of its output; 0 where that is float32.
    """

    name: str
    labels: tuple[str, ...]
    model: bytes
    shape: tuple[int, int, int]
    logits: bool
    step: float

    def taking(self, pixels: tuple[float, float]) -> OriginalFile:
        """The model, made to take raw pixels.

        Args:
            pixels: what it takes for black and for white.
        """
        model = to_contract(self.model, pixels, logits=self.logits)
        return OriginalFile(self.name, self.labels, model, self.shape, 0.0 if self.logits else self.step)


@dataclass(frozen=True, slots=True)
class OriginalFile:
    """A model that takes raw pixels; what `Original` is for a Keras network.

    Attributes:
        name: what it is called.
        labels: what its outputs mean.
        model: the `.tflite` file, which keeps the contract.
        shape: rows, columns and channels of its input.
        step: of the quantization of its probabilities; 0 where they are computed as float32.
    """

    name: str
    labels: tuple[str, ...]
    model: bytes
    shape: tuple[int, int, int]
    step: float

    @property
    def reads_digits(self) -> bool:
        """Whether edge can read numbers with it."""
        return self.labels == DIGIT_LABELS

    @property
    def format(self) -> str:
        """How its numbers are stored, by its largest constant: one of `convert.formats.FORMATS`."""
        tree = unpacked(self.model)
        tensors = tree.subgraphs[0].tensors
        constants = [t for t in tensors if tree.buffers[t.buffer].data is not None]
        largest = max(constants, key=lambda t: len(tree.buffers[t.buffer].data))
        if largest.type == schema.TensorType.FLOAT16:
            return "float16"
        if largest.type != schema.TensorType.INT8:
            return "float32"
        inside = [tensor.type for tensor in tensors if tree.buffers[tensor.buffer].data is None]
        if schema.TensorType.INT16 in inside:
            return "int16x8"
        return "int8" if schema.TensorType.INT8 in inside else "dynamic"

    def __call__(self, pictures: ByteArray) -> FloatArray:
        """What it says of glyphs, or other pictures as `edge.classifier.fitted` takes them.

        Returns:
            Probabilities, shape (n, labels), float32.

        Raises:
            ModelError: when they are none, or edge's runtime cannot run it.
        """
        said = outputs(self.model, pictures, shape=self.shape, labels=len(self.labels))
        return checked_probabilities(said, self.step)

    def fitted(self, pictures: ByteArray) -> ByteArray:
        """Pictures as it takes them, shape (n, rows, columns, channels), uint8."""
        return np.stack([fitted(picture, self.shape) for picture in pictures])


class AsItCame:
    """In place of a `Quantizer`: the file is not converted into any other format."""

    def __init__(self, original: OriginalFile) -> None:
        self._original = original

    def __enter__(self) -> AsItCame:
        return self

    def __exit__(self, *error: object) -> None:
        """There is nothing to take away."""

    def to(self, form: str) -> bytes:
        """The file.

        Raises:
            UsageError: another format is asked for than it has.
        """
        if form != self._original.format:
            raise UsageError(
                f"a .tflite file stays in the format that it has, {self._original.format}: to have {form}, "
                "convert the network that it was made of"
            )
        return self._original.model


def load_file(
    path: Path, *, name: str | None = None, labels: tuple[str, ...] | None = None, logits: bool = False
) -> LoadedFile:
    """A `.tflite` file, with a card or without.

    Args:
        path: where it is.
        name: what it is called; None is the name of the file.
        labels: what its outputs mean; None are the ten digits.
        logits: whether a softmax is to follow its output.

    Raises:
        UsageError: it cannot be read.
        ModelError: it is no image classifier, or no such file.
    """
    labels = labels or DIGIT_LABELS
    try:
        model = path.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}") from error
    if model[4:8] != IDENTIFIER:
        raise ModelError(f"{path} is not a TensorFlow Lite model: its identifier is not 'TFL3'")
    try:
        graph = unpacked(model).subgraphs[0]
        inputs = [graph.tensors[index] for index in graph.inputs]
        outputs_ = [graph.tensors[index] for index in graph.outputs]
        takes = [tuple(int(side) for side in tensor.shape) for tensor in inputs]
        gives = [tuple(int(side) for side in tensor.shape) for tensor in outputs_]
    except Exception as error:  # the reader of FlatBuffers raises whatever a wild offset leads to
        raise ModelError(f"{path} is a damaged TensorFlow Lite model ({type(error).__name__})") from error
    if len(takes) != 1 or len(gives) != 1:
        raise ModelError(
            f"{path} must have one input and one output, but has {len(takes)} and {len(gives)}: edge shows "
            "it one picture"
        )
    size = _size(takes[0])
    if size is None:
        raise ModelError(
            f"{path} must take one picture of a fixed size, (1, rows, columns), (1, rows, columns, 1) or "
            f"(1, rows, columns, 3), or with its channels first, but takes {takes[0]}"
        )
    for tensor, what in ((inputs[0], "input"), (outputs_[0], "output")):
        if tensor.type not in (_FLOAT, *_QUANTIZED):
            raise ModelError(f"the {what} of {path} must be float32, uint8 or int8")
    if gives[0] != (1, len(labels)):
        raise ModelError(
            f"{path} must give one probability for each of {len(labels)} labels, but gives {gives[0][1:]}: "
            "name what its outputs mean, a line each, with --labels"
        )
    return LoadedFile(name or path.stem, labels, model, size, logits, _step(outputs_[0]))


def _step(tensor: schema.TensorT) -> float:
    """Of its quantization; 0 where it has none."""
    scale = tensor.quantization and tensor.quantization.scale
    return 0.0 if tensor.type == _FLOAT or scale is None else float(scale[0])


def _size(shape: Sequence[int]) -> tuple[int, int, int] | None:
    """Rows, columns and channels of what an input of this shape takes; None where it takes no one picture."""
    if len(shape) not in (3, 4) or shape[0] != 1:
        return None
    rows, columns, channels = (*shape[1:], 1)[:3]
    if _is_channels_first(shape):
        rows, columns, channels = columns, channels, rows
    return (rows, columns, channels) if channels in (1, 3) else None


def _is_channels_first(shape: Sequence[int]) -> bool:
    """Whether it is (1, channels, rows, columns), as PyTorch has it."""
    return len(shape) == 4 and shape[1] in (1, 3) and shape[3] not in (1, 3)


def to_contract(
    model: bytes, pixels: tuple[float, float] = BLACK_AND_WHITE, *, logits: bool = False
) -> bytes:
    """The same model, but for raw pixels, uint8 (1, rows, columns, channels), and giving float32.

    Args:
        model: a `.tflite` file with one input, a picture, and one output; both float32, uint8 or int8.
        pixels: what it takes for black and for white.
        logits: whether to put a softmax behind it.
    """
    graph = _Graph(model)
    inside = graph.tensor(graph.inputs[0])
    shape = [int(side) for side in inside.shape]
    size = _size(shape)
    assert size is not None
    rows, columns, channels = size
    black, white = pixels
    steps = [graph.add(_FLOAT, [1, rows, columns, channels])]
    outside = graph.add(schema.TensorType.UINT8, [1, rows, columns, channels], scale=INPUT_SCALE)
    front = [graph.operation("DEQUANTIZE", [outside], steps[0], version=2)]
    for kind, value, unchanged in (("MUL", white - black, 1.0), ("ADD", black, 0.0)):
        if value != unchanged:
            steps.append(graph.add(_FLOAT, [1, rows, columns, channels]))
            factor = graph.constant(np.array(value, np.float32))
            front.append(graph.operation(kind, [steps[-2], factor], steps[-1]))
    if len(shape) == 3:
        steps.append(graph.add(_FLOAT, shape))
        to = graph.constant(np.array([-1, rows, columns], np.int32))
        front.append(graph.operation("RESHAPE", [steps[-2], to], steps[-1]))
    if _is_channels_first(shape):
        steps.append(graph.add(_FLOAT, shape))
        order = graph.constant(np.array([0, 3, 1, 2], np.int32))
        front.append(graph.operation("TRANSPOSE", [steps[-2], order], steps[-1]))
    if inside.type == _FLOAT:
        front[-1].outputs = [graph.inputs[0]]
    else:
        front.append(graph.operation("QUANTIZE", [steps[-1]], graph.inputs[0]))
    back, said = [], graph.outputs[0]
    if graph.tensor(said).type != _FLOAT:
        back.append(
            graph.operation("DEQUANTIZE", [said], graph.add(_FLOAT, graph.tensor(said).shape), version=2)
        )
        said = back[-1].outputs[0]
    if logits:
        back.append(graph.operation("SOFTMAX", [said], graph.add(_FLOAT, graph.tensor(said).shape)))
        said = back[-1].outputs[0]
    return graph.between(front, back, outside, said)


class _Graph:
    """The graph of a model, to which operations can be added in front and behind."""

    def __init__(self, model: bytes) -> None:
        self._tree = unpacked(model)
        self._graph = self._tree.subgraphs[0]
        self.inputs = [int(index) for index in self._graph.inputs]
        self.outputs = [int(index) for index in self._graph.outputs]

    def tensor(self, index: int) -> schema.TensorT:
        return self._graph.tensors[index]

    def add(self, kind: int, shape: list[int], *, scale: float | None = None, buffer: int = 0) -> int:
        """Add a tensor; returns its number."""
        tensor = schema.TensorT()
        tensor.name, tensor.type = f"step{len(self._graph.tensors)}".encode(), kind
        tensor.shape = np.array(shape, np.int32)
        tensor.buffer = buffer  # 0 is empty, and that of every tensor without data
        if scale is not None:
            tensor.quantization = schema.QuantizationParametersT()
            tensor.quantization.scale = np.array([scale], np.float32)
            tensor.quantization.zeroPoint = np.array([0], np.int64)
        self._graph.tensors.append(tensor)
        return len(self._graph.tensors) - 1

    def constant(self, values: np.ndarray) -> int:
        """Add a tensor with data; returns its number."""
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(values.tobytes(), np.uint8)
        self._tree.buffers.append(buffer)
        kind = _FLOAT if values.dtype == np.float32 else schema.TensorType.INT32
        return self.add(kind, list(values.shape), buffer=len(self._tree.buffers) - 1)

    def operation(self, kind: str, inputs: list[int], output: int, *, version: int = 1) -> schema.OperatorT:
        """Make a built-in operation with its usual options."""
        code, operator = schema.OperatorCodeT(), schema.OperatorT()
        code.builtinCode = code.deprecatedBuiltinCode = getattr(schema.BuiltinOperator, kind)
        code.version = version
        operator.opcodeIndex = len(self._tree.operatorCodes)
        self._tree.operatorCodes.append(code)
        operator.inputs, operator.outputs = inputs, [output]
        name = f"{kind.capitalize()}Options"
        operator.builtinOptionsType = getattr(schema.BuiltinOptions, name)
        operator.builtinOptions = getattr(schema, f"{name}T")()
        if kind == "SOFTMAX":
            operator.builtinOptions.beta = 1.0
        return operator

    def between(
        self, front: list[schema.OperatorT], back: list[schema.OperatorT], outside: int, said: int
    ) -> bytes:
        """The file with these operations before and behind all others.

        Its signatures, which name the old inputs and outputs, are dropped: edge does not use them.
        """
        self._graph.operators = [*front, *self._graph.operators, *back]
        self._graph.inputs, self._graph.outputs = [outside], [said]
        self._tree.signatureDefs = []
        return packed(self._tree)
