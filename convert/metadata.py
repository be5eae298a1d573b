"""The model card goes into the `.tflite` file itself, so that one file is enough."""

from __future__ import annotations

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edge.model_file import METADATA_NAME, Card

IDENTIFIER = b"TFL3"
ALIGNMENT = 16
"""Bytes: `force_align: 16` of a buffer's data in TensorFlow Lite's schema.fbs."""

RUNTIME_VERSION = b"min_runtime_version"


def embed(model: bytes, card: Card) -> bytes:
    """The same model with the card in a metadata buffer of its own, in place of one that it has.

    Long tensor names and the converter's notes on itself, which vary between machines, are dropped.

    Args:
        model: a `.tflite` file.
        card: what it is to say of itself.
    """
    tree = schema.ModelT.InitFromObj(schema.Model.GetRootAs(model, 0))
    for graph in tree.subgraphs:
        for tensor in graph.tensors:
            # A fused operation is named after all that it was made of, separated by semicolons.
            tensor.name = tensor.name.partition(b";")[0]
    for entry in tree.metadata:
        if entry.name != RUNTIME_VERSION:
            tree.buffers[entry.buffer].data = None
    tree.metadata = [entry for entry in tree.metadata if entry.name == RUNTIME_VERSION]

    entry, buffer = schema.MetadataT(), schema.BufferT()
    buffer.data = np.frombuffer(card.to_bytes(), np.uint8)
    entry.name, entry.buffer = METADATA_NAME, len(tree.buffers)
    tree.metadata.append(entry)
    tree.buffers.append(buffer)
    return _pack(tree)


def _pack(tree: schema.ModelT) -> bytes:
    builder = _AlignedBuilder()
    builder.Finish(tree.Pack(builder), IDENTIFIER)
    return bytes(builder.Output())


class _AlignedBuilder(flatbuffers.Builder):  # type: ignore[misc] # flatbuffers has no types
    """Python's FlatBuffers know nothing of `force_align`, but some kernels read weights as whole words."""

    def CreateNumpyVector(self, x: np.ndarray) -> int:
        self.Prep(ALIGNMENT, x.nbytes)
        offset: int = super().CreateNumpyVector(x)
        return offset
