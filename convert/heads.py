"""A page network that says more than it is asked: the heads at its end are cut off."""

from __future__ import annotations

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from convert.flatfile import kind, packed, unpacked
from edge.errors import ModelError
from edge.page import DEPTH


def cut_off(model: bytes, depth: int = DEPTH) -> bytes:
    """The same network with the first of its outputs alone, which say what they said before.

    Args:
        model: a `.tflite` file that ends in a convolution.
        depth: channels of its output that stay.

    Raises:
        ModelError: when it does not end so, or has fewer channels.
    """
    tree = unpacked(model)
    graph = tree.subgraphs[0]
    last, output = graph.operators[-1], graph.tensors[graph.outputs[0]]
    if output.shape[-1] == depth:
        return model
    if kind(tree, last) != "CONV_2D" or last.outputs[0] != graph.outputs[0] or output.shape[-1] < depth:
        raise ModelError(
            f"it must end in a convolution that gives {depth} channels or more, but ends in "
            f"{kind(tree, last)} with {output.shape[-1]}: train it again"
        )
    weights, bias = (graph.tensors[index] for index in last.inputs[1:3])
    for tensor in (weights, bias):
        buffer = tree.buffers[tensor.buffer]
        each = len(buffer.data) // tensor.shape[0]
        buffer.data = np.asarray(buffer.data)[: each * depth].copy()
        tensor.shape = np.array([depth, *tensor.shape[1:]], np.int32)
        _first_scales(tensor, depth)
    for shape in ("shape", "shapeSignature"):
        if (sides := getattr(output, shape)) is not None:
            setattr(output, shape, np.array([*sides[:-1], depth], np.int32))
    return packed(tree)


def _first_scales(tensor: schema.TensorT, depth: int) -> None:
    """Of a tensor that has a scale for each channel, those that stay."""
    for name in ("scale", "zeroPoint"):
        values = getattr(tensor.quantization, name)
        if values is not None and len(values) > 1:
            setattr(tensor.quantization, name, np.asarray(values)[:depth])
