"""The model card goes into the `.tflite` file itself, so that one file is enough."""

from __future__ import annotations

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from convert.flatfile import packed, unpacked
from edge.model_file import METADATA_NAME, Card

RUNTIME_VERSION = b"min_runtime_version"


def embed(model: bytes, card: Card) -> bytes:
    """The same model with the card in a metadata buffer of its own, in place of one that it has.

    Long tensor names and the converter's notes on itself, which vary between machines, are dropped.

    Args:
        model: a `.tflite` file.
        card: what it is to say of itself.
    """
    tree = unpacked(model)
    for graph in tree.subgraphs:
        for tensor in graph.tensors:
            # A fused operation is named after all that it was made of, separated by semicolons.
            tensor.name = tensor.name.partition(b";")[0]
    for entry in tree.metadata or []:
        if entry.name != RUNTIME_VERSION:
            tree.buffers[entry.buffer].data = None
    tree.metadata = [entry for entry in tree.metadata or [] if entry.name == RUNTIME_VERSION]

    entry, buffer = schema.MetadataT(), schema.BufferT()
    buffer.data = np.frombuffer(card.to_bytes(), np.uint8)
    entry.name, entry.buffer = METADATA_NAME, len(tree.buffers)
    tree.metadata.append(entry)
    tree.buffers.append(buffer)
    return packed(tree)
