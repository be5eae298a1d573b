"""Arrays on their way to a child process and back."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import numpy as np


def packed(arrays: Mapping[str, np.ndarray]) -> bytes:
    """Arrays by name, as `numpy.savez` writes them."""
    buffer = io.BytesIO()
    named: dict[str, Any] = dict(arrays)
    np.savez(buffer, **named)
    return buffer.getvalue()


def unpacked(data: bytes) -> dict[str, np.ndarray]:
    """What `packed` wrote."""
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        return dict(arrays)
