"""What travels along this road: pieces of ink, and how their boxes lie to each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge.types import Box, ByteArray


def areas(boxes: Sequence[Box]) -> npt.NDArray[np.int32]:
    """`Box.area` of each, shape (n,)."""
    return np.array([box.area for box in boxes], np.int32)


def intersections(boxes: Sequence[Box], others: Sequence[Box]) -> npt.NDArray[np.int32]:
    """Square pixels that each of `boxes` shares with each of `others`, shape (len(boxes), len(others))."""
    left, top, right, bottom = _corners(boxes)[:, :, np.newaxis].swapaxes(0, 1)
    other = _corners(others).T
    # In place: on a page full of digits, these are tables of millions.
    shared = np.minimum(right, other[2])
    shared -= np.maximum(left, other[0])
    np.maximum(shared, 0, out=shared)
    high = np.minimum(bottom, other[3])
    high -= np.maximum(top, other[1])
    shared *= np.maximum(high, 0, out=high)
    return np.asarray(shared, np.int32)


def _corners(boxes: Sequence[Box]) -> npt.NDArray[np.int32]:
    return np.array([box.as_list() for box in boxes], np.int32).reshape(-1, 4)


SAME_PLACE = 0.7
"""Intersection over union from which on two boxes hold the same thing."""


def same_places(boxes: Sequence[Box], others: Sequence[Box]) -> npt.NDArray[np.bool_]:
    """Which of `boxes` hold the same thing as which of `others`, shape (len(boxes), len(others))."""
    if not boxes or not others:
        return np.zeros((len(boxes), len(others)), bool)
    shared = intersections(boxes, others)
    same: npt.NDArray[np.bool_] = shared >= SAME_PLACE * (
        areas(boxes)[:, np.newaxis] + areas(others) - shared
    )
    return same


@dataclass(frozen=True, slots=True, eq=False)
class Marked:
    """Where the ink of digits is in a picture.

    Attributes:
        ink: how likely each pixel is it, times 256, of the picture's shape, uint8.
        complete: whether nothing else stands out from the paper, so that nothing is left to doubt.
    """

    ink: ByteArray
    complete: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Ink:
    """What `segment` found: a connected piece of writing that may be a digit.

    Attributes:
        box: where it stands in the frame.
        pixels: shape (box.height, box.width) or finer, uint8, white ink on black; the ink of neighbours
            that reach into the box is left out. Where a turned page was read upright, they are upright, and
            the box is around them as they stand in the frame.
        weight: pixels of the frame that the marker takes for ink of digits, of those that are ink here.
    """

    box: Box
    pixels: ByteArray
    weight: float = 1.0

    @property
    def marked(self) -> float:
        """Mean probability of ink, by the marker, of what is ink here."""
        pixels_each = self.box.area / max(1, self.pixels.size)
        return self.weight / pixels_each * 255 / max(255, int(self.pixels.sum()))
