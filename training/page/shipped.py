"""Go on from a page network that is shipped: int8 weights of a `.tflite` file -> a network that can learn.

The converter folded each normalisation into the convolution before it. Here both are told apart again:
filters are as long as fresh ones, the statistics are measured on pages, and scale and shift are what makes
the network say the same. What int8 rounded off is lost.
"""

from __future__ import annotations

import math
from pathlib import Path

import keras
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edge.errors import ModelError
from edge.page_file import load_page
from edge.types import FloatArray
from training.page.lessons import Pages, View, lesson, spans

LESSONS = 128
"""That tell the statistics."""

LENGTH = math.sqrt(2)
"""Of a fresh filter (He et al., "Delving Deep into Rectifiers", 2015): a step of the optimizer turns these as
far."""


def start_from_file(network: keras.Model, path: Path, pages: Pages) -> None:
    """Begin with the weights of a converted page network.

    Args:
        network: to give them to.
        path: of the `.tflite` file.
        pages: on which the statistics of its normalisations are measured.

    Raises:
        ModelError: it cannot be used, or is another network.
    """
    *layers, last = (layer for layer in network.layers if isinstance(layer, keras.layers.Conv2D))
    folded = folded_weights(load_page(path).data)
    if [kernel.shape for kernel, _ in folded] != [tuple(layer.kernel.shape) for layer in (*layers, last)]:
        raise ModelError(
            f"{path} is another network: expected {len(layers) + 1} convolutions as training.page.network "
            f"builds them, found {', '.join(str(kernel.shape) for kernel, _ in folded)}"
        )
    last.set_weights(folded.pop())
    norms = [network.get_layer(f"{layer.name}-norm") for layer in layers]
    for layer, norm, (kernel, bias) in zip(layers, norms, folded, strict=True):
        layer.set_weights([kernel])
        nothing, one = np.zeros_like(bias), np.ones_like(bias)
        norm.set_weights([one, bias, nothing, one - np.float32(norm.epsilon)])
    for layer, norm, (kernel, bias), (mean, variance) in zip(
        layers, norms, folded, _statistics(network, layers, pages), strict=True
    ):
        length = np.sqrt((kernel**2).sum(axis=(0, 1, 2)))
        times = np.where(length > 0, LENGTH / np.maximum(length, 1e-12), 1).astype(np.float32)
        spread = times**2 * variance
        layer.set_weights([kernel * times])
        norm.set_weights([np.sqrt(spread + norm.epsilon) / times, bias + mean, times * mean, spread])


def folded_weights(model: bytes) -> list[tuple[FloatArray, FloatArray]]:
    """Kernels (rows, columns, channels, filters) and biases of a `.tflite` file's convolutions, in order."""
    tree = schema.ModelT.InitFromObj(schema.Model.GetRootAs(model, 0))
    graph, weights = tree.subgraphs[0], []
    for operator in graph.operators:
        code = tree.operatorCodes[operator.opcodeIndex]
        # Codes beyond 127 came later and do not fit into the old field.
        if max(code.builtinCode, code.deprecatedBuiltinCode) == schema.BuiltinOperator.CONV_2D:
            kernel, bias = (
                _dequantized(graph.tensors[index], tree.buffers[graph.tensors[index].buffer])
                for index in operator.inputs[1:3]
            )
            weights.append((np.ascontiguousarray(kernel.transpose(1, 2, 3, 0)), bias))
    return weights


def _dequantized(tensor: schema.TensorT, buffer: schema.BufferT) -> FloatArray:
    kind = np.int8 if tensor.type == schema.TensorType.INT8 else np.int32
    whole = np.asarray(buffer.data, np.uint8).view(kind).reshape(tensor.shape)
    scales = np.asarray(tensor.quantization.scale, np.float32)
    return (whole * scales.reshape(-1, *[1] * (whole.ndim - 1))).astype(np.float32)


def _statistics(
    network: keras.Model, layers: list[keras.Layer], pages: Pages
) -> list[tuple[FloatArray, FloatArray]]:
    """Mean and variance of each channel of some layers' outputs."""
    seen = keras.Model(network.input, [layer.output for layer in layers])
    known = spans(pages)
    sums = [np.zeros((2, layer.output.shape[-1])) for layer in layers]
    for k in range(LESSONS):
        index = k % len(pages)
        blocks = lesson(pages, known[index], index, View())[0][np.newaxis].astype(np.float32) / 255
        for total, output in zip(sums, seen(blocks, training=False), strict=True):
            values = keras.ops.convert_to_numpy(output).reshape(-1, output.shape[-1]).astype(np.float64)
            total += values.mean(axis=0), (values**2).mean(axis=0)  # all lessons are of one size
    told = [(mean, np.maximum(square - mean**2, 0)) for mean, square in (total / LESSONS for total in sums)]
    return [(mean.astype(np.float32), variance.astype(np.float32)) for mean, variance in told]
