"""Picture, boxes -> a patch of it, as small networks see it.

Digits are always as high in it, the contrast of ink is always the same, and the boxes of digits are planes of
their own. Here is the place between two digits, for the mark network (`edge.marks`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from edge.types import Box, ByteArray

ROWS, COLUMNS = 28, 56
"""Pixels of a patch."""

RIGHT, LEFT, CONTRAST = range(3)
"""Its planes: the network gets them in the order of RGB, as it gets every picture."""

HEIGHT = 16
"""Pixels of the digits in it: a point is two or three wide then, and a patch reaches over 3.5 heights."""

REACH = 2.5
"""Heights between two digits up to which a mark between them is looked for; beyond, only a minus."""

UNDER = 0.4
"""Heights under the digits that it reaches: a comma hangs below the line."""

BEFORE = 0.5
"""Heights to the left of a number's first digit where its middle is."""

PAPER = 11
"""Side of the square, in pixels of half a patch, whose median is the paper: wider than two strokes."""

INK = 0.8
"""What the contrast of the digits' strokes becomes, of 255: marks may be darker."""


def beside(left: Box | None, right: Box) -> Box | None:
    """The box on the left, if it is near enough for a mark to stand between both."""
    near = left is not None and right.left - left.right <= REACH * right.height
    return left if near else None


@dataclass(frozen=True, slots=True)
class Window:
    """A part of a picture, and beyond it, that is brought to a size.

    Attributes:
        around: the part, in pixels of the picture.
        rows: of the patch that it becomes.
        columns: likewise.
    """

    around: Box
    rows: int
    columns: int

    @classmethod
    def at(cls, x: float, y: float, unit: float, rows: int, columns: int) -> Window:
        """The window whose corner on the left and at the top is here, with so many pixels for each of its."""
        left, top = math.floor(x), math.floor(y)
        right, bottom = math.ceil(x + columns * unit), math.ceil(y + rows * unit)
        return cls(Box(left, top, right, bottom), rows, columns)

    def within(self, box: Box) -> tuple[int, int, int, int]:
        """Left, top, right and bottom of the part of a box that is in it, in its own pixels."""
        around = self.around
        wide, tall = self.columns / around.width, self.rows / around.height
        return (
            max(0, round((box.left - around.left) * wide)),
            max(0, round((box.top - around.top) * tall)),
            min(self.columns, max(0, round((box.right - around.left) * wide))),
            min(self.rows, max(0, round((box.bottom - around.top) * tall))),
        )

    def of(self, grey: ByteArray) -> ByteArray | None:
        """What is there; None where nothing of it is in the picture.

        Args:
            grey: shape (rows, columns), uint8. What it lacks, its border goes on with.
        """
        inside = self.around.clipped(*grey.shape)
        left, top, right, bottom = self.within(inside)
        if left >= right or top >= bottom:
            return None
        how = cv2.INTER_AREA if self.around.width > 2 * self.columns else cv2.INTER_LINEAR
        part = cv2.resize(inside.of(grey), (right - left, bottom - top), interpolation=how)
        if part.shape != (self.rows, self.columns):
            margins = top, self.rows - bottom, left, self.columns - right
            part = cv2.copyMakeBorder(part, *margins, cv2.BORDER_REPLICATE)
        return np.asarray(part, np.uint8)


def patch(grey: ByteArray, left: Box | None, right: Box) -> ByteArray:
    """The place between two digits, or before one, as the mark network sees it.

    Args:
        grey: the picture, shape (rows, columns), uint8.
        left: box of the digit on the left, if there is one.
        right: of that on the right.

    Returns:
        Shape (ROWS, COLUMNS, 3), uint8, as a picture in BGR: 255 in the right box, 255 in the left one, and
        the contrast of ink with the paper around it.
    """
    high = max(1.0, right.height if left is None else (left.height + right.height) / 2)
    base = right.bottom if left is None else (left.bottom + right.bottom) / 2
    middle = right.left - BEFORE * high if left is None else (left.right + right.left) / 2
    unit = high / HEIGHT
    window = Window.at(
        middle - COLUMNS / 2 * unit, base + UNDER * high - ROWS * unit, unit, rows=ROWS, columns=COLUMNS
    )
    planes = np.zeros((3, ROWS, COLUMNS), np.uint8)
    part = window.of(grey)
    if part is not None:
        for plane, box in ((RIGHT, right), (LEFT, left)):
            if box is not None:
                x0, y0, x1, y1 = window.within(box)
                planes[plane, y0:y1, x0:x1] = 255
        planes[CONTRAST] = contrast_of(part, cv2.max(planes[RIGHT], planes[LEFT]) > 0)
    return np.asarray(cv2.merge(list(planes)), np.uint8)


def contrast_of(seen: ByteArray, own: npt.NDArray[np.bool_]) -> ByteArray:
    """Ink, whatever its colour and the light, as bright as the strokes of the digits are in their boxes.

    Args:
        seen: a patch, uint8.
        own: where the digits are in it, the same shape.
    """
    rows, columns = seen.shape
    half = cv2.resize(seen, (columns // 2, rows // 2), interpolation=cv2.INTER_AREA)
    paper = cv2.resize(cv2.medianBlur(half, PAPER), (columns, rows))
    dark, light = cv2.subtract(paper, seen), cv2.subtract(seen, paper)
    contrast = np.asarray(dark if _level(dark, 98) >= _level(light, 98) else light, np.uint8)
    full = max(8, _level(contrast[own], 90)) if own.any() else 8
    return np.asarray(cv2.convertScaleAbs(contrast, alpha=255 * INK / full), np.uint8)


def _level(values: npt.NDArray[Any], percent: int) -> int:
    """A percentile; sorted, as that is quicker than `np.percentile`."""
    ordered = np.sort(values, axis=None, kind="stable")
    return int(ordered[percent * (ordered.size - 1) // 100])
