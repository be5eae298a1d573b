"""The model card goes into the `.tflite` file itself, so that one file is enough."""

from __future__ import annotations

import hashlib

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from convert.flatfile import packed, unpacked

RUNTIME_VERSION = b"min_runtime_version"


def embed(model: bytes, name: str, card: bytes, **more: bytes) -> bytes:
    """The same model with a card in a metadata buffer of its own, in place of one that it has.

    Long tensor names and the converter's notes on itself, which vary between machines, are dropped.

    Args:
        model: a `.tflite` file.
        name: of the buffer, such as `edge.model_file.METADATA_NAME`.
        card: what it is to say of itself.
        more: what else it is to hold, by name.
    """
    tree = _bare(model)
    for key, value in {name: card, **more}.items():
        entry, buffer = schema.MetadataT(), schema.BufferT()
        buffer.data = np.frombuffer(value, np.uint8)
        entry.name, entry.buffer = key, len(tree.buffers)
        tree.metadata.append(entry)
        tree.buffers.append(buffer)
    return packed(tree)


def identity(model: bytes) -> str:
    """SHA-256 of a network without its card, in hex: what the card of the other one of a pair names it by."""
    return hashlib.sha256(packed(_bare(model))).hexdigest()


def _bare(model: bytes) -> schema.ModelT:
    tree = unpacked(model)
    for graph in tree.subgraphs:
        for tensor in graph.tensors:
            # A fused operation is named after all that it was made of, separated by semicolons.
            tensor.name = tensor.name.partition(b";")[0]
    kept = [entry for entry in tree.metadata or [] if entry.name == RUNTIME_VERSION]
    dropped = {entry.buffer for entry in tree.metadata or [] if entry.name != RUNTIME_VERSION}
    last = len(tree.buffers)
    while last - 1 in dropped:  # so that a network is the same whether it had a card or not
        last -= 1
    tree.buffers = tree.buffers[:last]
    for index in dropped:
        if index < last:
            tree.buffers[index].data = None
    tree.metadata = kept
    return tree
