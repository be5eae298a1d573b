"""Where a quantized model loses it: what its layers give, against what the same layers give in float32."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from itertools import pairwise
from os.path import commonpath

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from convert.flatfile import kind, unpacked
from convert.material import spread
from edge.runtime import quiet_stderr
from edge.types import ByteArray

PICTURES = 64
"""Asked of both models; the error of a layer hardly changes with more."""

CONVERSIONS = {"CAST", "QUANTIZE", "DEQUANTIZE"}
"""Operations that calculate nothing, and that each format has elsewhere."""

INTEGERS = {schema.TensorType.INT32, schema.TensorType.INT64}
"""Types of what is counted, such as the shape of a batch: nothing is quantized there."""

Values = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class LayerError:
    """How far the output of a layer is off.

    Attributes:
        name: of the layer, as TensorFlow Lite calls its output.
        kind: the operation, such as "CONV_2D".
        error: root mean square of the difference to float32, over that of the float32 output. What the layers
            before it lost is in it.
        added: by how much it is more than that of the layer before.
    """

    name: str
    kind: str
    error: float
    added: float


@dataclass(frozen=True, slots=True)
class _Layer:
    """An operation: its output's tensor, the name and shape of that, and its kind."""

    tensor: int
    name: str
    shape: tuple[int, ...]
    kind: str


def layer_errors(yardstick: bytes, model: bytes, pictures: ByteArray) -> list[LayerError]:
    """Compare two models layer by layer, from the input to the output.

    Args:
        yardstick: the `.tflite` file in float32.
        model: the same network, quantized.
        pictures: as the network takes them, shape (n, rows, columns, channels), uint8.
    """
    pairs = _paired(_layers(yardstick), _layers(model))
    shown = spread(pictures, PICTURES)
    power = np.zeros(len(pairs))
    difference = np.zeros(len(pairs))
    said = _outputs(yardstick, [exact.tensor for exact, _ in pairs], shown)
    found = _outputs(model, [approximate.tensor for _, approximate in pairs], shown)
    for exact, approximate in zip(said, found, strict=True):
        power += [float((values**2).mean()) for values in exact]
        difference += [float(((a - b) ** 2).mean()) for a, b in zip(exact, approximate, strict=True)]
    errors = np.sqrt(difference / np.maximum(power, np.finfo(np.float64).tiny))
    added = [after - before for before, after in pairwise([0.0, *errors])]
    return [
        LayerError(layer.name, layer.kind, float(error), float(more))
        for (layer, _), error, more in zip(pairs, errors, added, strict=True)
    ]


def _layers(model: bytes) -> list[_Layer]:
    tree = unpacked(model)
    graph = tree.subgraphs[0]
    layers = []
    for operator in graph.operators:
        index = int(operator.outputs[0])
        tensor = graph.tensors[index]
        name = tensor.name.decode().partition(";")[0]
        if index in graph.outputs:
            name = "output"
        if kind(tree, operator) not in CONVERSIONS and tensor.type not in INTEGERS:
            # FlatBuffers gives None for an empty vector: the shape of a single number.
            shape = () if tensor.shape is None else tuple(tensor.shape)
            layers.append(_Layer(index, name, shape, kind(tree, operator)))
    # "network/digits_1/conv1_1/BiasAdd": what all names begin with is the network as a whole.
    parents = [layer.name.rpartition("/")[0] for layer in layers if "/" in layer.name]
    shared = f"{commonpath(parents)}/" if parents else ""
    return [replace(layer, name=layer.name.removeprefix(shared)) for layer in layers]


def _paired(layers: Sequence[_Layer], others: Sequence[_Layer]) -> list[tuple[_Layer, _Layer]]:
    """The layers that both have, in their order: a format may have fused or parted some."""
    first, second = ([(layer.kind, layer.shape) for layer in each] for each in (layers, others))
    blocks = SequenceMatcher(None, first, second, autojunk=False).get_matching_blocks()
    return [(layers[block.a + k], others[block.b + k]) for block in blocks for k in range(block.size)]


def _outputs(model: bytes, tensors: Sequence[int], pictures: ByteArray) -> Iterator[list[Values]]:
    """What some tensors hold, as the numbers that they stand for, after each picture."""
    with warnings.catch_warnings(), quiet_stderr():
        # All tensors are kept on purpose.
        warnings.filterwarnings("ignore", ".*experimental_preserve_all_tensors", UserWarning)
        interpreter = Interpreter(model_content=model, num_threads=1, experimental_preserve_all_tensors=True)
        interpreter.allocate_tensors()
    details = {detail["index"]: detail for detail in interpreter.get_tensor_details()}
    for picture in pictures:
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], picture[np.newaxis])
        interpreter.invoke()
        yield [
            _dequantized(interpreter.get_tensor(index), details[index]["quantization"]) for index in tensors
        ]


def _dequantized(values: npt.NDArray[np.generic], quantization: tuple[float, int]) -> Values:
    scale, zero_point = quantization
    numbers = values.astype(np.float64)
    return (numbers - zero_point) * scale if scale else numbers
