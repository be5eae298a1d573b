"""Planes of pixels, shape (rows, columns), uint8, at other sizes."""

from __future__ import annotations

import cv2
import numpy as np

from edge.types import ByteArray


def shrunk(plane: ByteArray, times: float) -> ByteArray:
    """A plane at a smaller size, averaged; at least one pixel stays, both ways."""
    if times == 1:
        return plane
    size = max(1, round(plane.shape[1] / times)), max(1, round(plane.shape[0] / times))
    return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA), np.uint8)


def magnified(plane: ByteArray, times: float) -> ByteArray:
    """A plane at a larger size, smooth."""
    size = round(plane.shape[1] * times), round(plane.shape[0] * times)
    return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_CUBIC), np.uint8)


def to_grey(image: ByteArray) -> ByteArray:
    """A grey picture, shape (rows, columns), of a grey or BGR one."""
    if image.ndim == 2:
        return image
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)
