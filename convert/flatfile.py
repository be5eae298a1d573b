"""The `.tflite` file as a tree of tables, to look into it and to change it."""

from __future__ import annotations

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

IDENTIFIER = b"TFL3"
ALIGNMENT = 16
"""Bytes: `force_align: 16` of a buffer's data in TensorFlow Lite's schema.fbs."""

KINDS = {code: name for name, code in vars(schema.BuiltinOperator).items() if not name.startswith("_")}
"""Name of each built-in operation, by its code."""


def unpacked(model: bytes) -> schema.ModelT:
    """The tree of a `.tflite` file."""
    return schema.ModelT.InitFromObj(schema.Model.GetRootAs(model, 0))


def packed(tree: schema.ModelT) -> bytes:
    """The `.tflite` file of a tree."""
    builder = _AlignedBuilder()
    builder.Finish(tree.Pack(builder), IDENTIFIER)
    return bytes(builder.Output())


def kind(tree: schema.ModelT, operator: schema.OperatorT) -> str:
    """What an operation is, such as "CONV_2D"."""
    code = tree.operatorCodes[operator.opcodeIndex]
    # Codes beyond 127 came later and do not fit into the old field.
    name: str = KINDS[max(code.builtinCode, code.deprecatedBuiltinCode)]
    return name


class _AlignedBuilder(flatbuffers.Builder):  # type: ignore[misc] # flatbuffers has no types
    """Python's FlatBuffers know nothing of `force_align`, but some kernels read weights as whole words."""

    def CreateNumpyVector(self, x: np.ndarray) -> int:
        self.Prep(ALIGNMENT, x.nbytes)
        offset: int = super().CreateNumpyVector(x)
        return offset
