"""Picture, two boxes -> the place between them, as the mark network sees it.

Digits are always as high in it, the contrast of ink is always the same, and the boxes of the two digits are
planes of their own.
"""

from __future__ import annotations

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
    x, y = middle - COLUMNS / 2 * unit, base + UNDER * high - ROWS * unit
    around = Box(
        int(np.floor(x)), int(np.floor(y)), int(np.ceil(x + COLUMNS * unit)), int(np.ceil(y + ROWS * unit))
    )
    inside = around.clipped(*grey.shape)
    wide, tall = COLUMNS / around.width, ROWS / around.height
    there = _within(inside, around, wide, tall)
    planes = np.zeros((3, ROWS, COLUMNS), np.uint8)
    if there[0] < there[2] and there[1] < there[3]:
        how = cv2.INTER_AREA if around.width > 2 * COLUMNS else cv2.INTER_LINEAR
        part = cv2.resize(inside.of(grey), (there[2] - there[0], there[3] - there[1]), interpolation=how)
        if part.shape != (ROWS, COLUMNS):  # what the picture lacks, its border goes on with
            margins = there[1], ROWS - there[3], there[0], COLUMNS - there[2]
            part = cv2.copyMakeBorder(part, *margins, cv2.BORDER_REPLICATE)
        for plane, box in ((RIGHT, right), (LEFT, left)):
            if box is not None:
                x0, y0, x1, y1 = _within(box, around, wide, tall)
                planes[plane, y0:y1, x0:x1] = 255
        planes[CONTRAST] = _contrast(np.asarray(part, np.uint8), cv2.max(planes[RIGHT], planes[LEFT]) > 0)
    return np.asarray(cv2.merge(list(planes)), np.uint8)


def _within(box: Box, around: Box, wide: float, tall: float) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of the part of a box that is in a patch, in its pixels."""
    return (
        max(0, round((box.left - around.left) * wide)),
        max(0, round((box.top - around.top) * tall)),
        min(COLUMNS, max(0, round((box.right - around.left) * wide))),
        min(ROWS, max(0, round((box.bottom - around.top) * tall))),
    )


def _contrast(seen: ByteArray, own: npt.NDArray[np.bool_]) -> ByteArray:
    """Ink, whatever its colour and the light, as bright as the strokes of the digits are in their boxes."""
    half = cv2.resize(seen, (COLUMNS // 2, ROWS // 2), interpolation=cv2.INTER_AREA)
    paper = cv2.resize(cv2.medianBlur(half, PAPER), (COLUMNS, ROWS))
    dark, light = cv2.subtract(paper, seen), cv2.subtract(seen, paper)
    contrast = np.asarray(dark if _level(dark, 98) >= _level(light, 98) else light, np.uint8)
    full = max(8, _level(contrast[own], 90)) if own.any() else 8
    return np.asarray(cv2.convertScaleAbs(contrast, alpha=255 * INK / full), np.uint8)


def _level(values: npt.NDArray[Any], percent: int) -> int:
    """A percentile; sorted, as that is quicker than `np.percentile`."""
    ordered = np.sort(values, axis=None, kind="stable")
    return int(ordered[percent * (ordered.size - 1) // 100])
