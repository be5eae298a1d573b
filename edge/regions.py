"""Regions of fields in a frame: where they are, cut out at full size, and whether they have changed."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from edge.fields import Region
from edge.sheet import Sheet
from edge.types import Box, ByteArray, Line

Points = npt.NDArray[np.float64]

AROUND = 0.25
"""How much is cut out around a region, as a share of its height: a number that is written a little beside
its place is still read whole, and the rows above and below it are not."""

STEP = 32
"""Pixels that the sides of what is cut out of a sheet are multiples of: a sheet that moves a little does not
change its size, and the network needs no other interpreter."""

CELL = 4
"""Pixels of a region, both ways, that are compared as one: in their mean, a sensor's noise is small."""

CHANGED = 8
"""Grey levels by which the mean of a cell differs at least where something has changed. With `CELL`, that is
a point of two pixels by two in pencil. Between frames of the simulated camera, whose noise has a standard
deviation of 2.6 levels, the largest difference in a still picture is 4 (`benchmarks/fields.py`)."""

CUT = 2
"""Pixels from the border of what is cut out within which a number may go on beyond it."""


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A region, cut out of a frame with a little around it.

    Attributes:
        image: grey, shape (rows, columns), uint8.
        outline: corners of the region in pixels of the frame, top left first, clockwise, shape (4, 2).
        to_frame: from its pixels to the frame's: homogeneous, shape (3, 3).
        to_shares: from the frame's pixels to shares of the region's ground, likewise.
        region: that is cut out; None for the whole frame.
        open_sides: whether the frame goes on beyond the left, top, right and bottom side.
    """

    image: ByteArray
    outline: Points
    to_frame: Points
    to_shares: Points
    region: Region | None
    open_sides: tuple[bool, bool, bool, bool]

    def holds(self, box: Box) -> bool:
        """Whether the middle of something in the frame lies in the region."""
        x, y = _moved(self.to_shares, np.array([box.centre]))[0]
        return self.region is None or self.region.holds(float(x), float(y))

    def may_cut(self, box: Box) -> bool:
        """Whether something in the frame reaches to the border of what was cut out, and may go on beyond."""
        rows, columns = self.image.shape
        own = _boxed(_moved(_inverse(self.to_frame), _corners(box)))
        near = own.left < CUT, own.top < CUT, own.right > columns - CUT, own.bottom > rows - CUT
        return any(one and goes_on for one, goes_on in zip(near, self.open_sides, strict=True))

    def in_frame(self, line: Line) -> Line:
        """A line that was found in it, with its boxes in the frame."""
        digits = [
            replace(digit, box=_boxed(_moved(self.to_frame, _corners(digit.box)))) for digit in line.digits
        ]
        return replace(line, digits=tuple(digits))


def view_of(grey: ByteArray, region: Region | None, sheet: Sheet | None) -> View | None:
    """Cut a region out of a frame; None where it is on a sheet and there is none.

    Args:
        grey: the frame, shape (rows, columns), uint8.
        region: None for all of the frame.
        sheet: that lies in it.
    """
    rows, columns = grey.shape
    whole = np.array([(0, 0), (columns, 0), (columns, rows), (0, rows)], np.float64)
    if region is None:
        scaled = np.diag(np.array([1 / columns, 1 / rows, 1.0]))
        return View(grey, whole, np.eye(3), scaled, None, (False,) * 4)
    if region.on == "picture":
        ground = whole
    elif sheet is None:
        return None
    else:
        ground = np.array(sheet.corners, np.float64)
    to_frame = _perspective(_unit(), ground)
    outline = _moved(to_frame, _rectangle(*region.shares))
    wide, high = _sides(ground)
    around = AROUND * (region.bottom - region.top) * high
    taken = (
        max(0.0, region.left - around / wide),
        max(0.0, region.top - around / high),
        min(1.0, region.right + around / wide),
        min(1.0, region.bottom + around / high),
    )
    open_sides = taken[0] > 0, taken[1] > 0, taken[2] < 1, taken[3] < 1
    to_shares = _inverse(to_frame)
    if region.on == "picture":
        box = _boxed(_moved(to_frame, _rectangle(*taken))).clipped(rows, columns)
        shift = np.array([[1, 0, box.left], [0, 1, box.top], [0, 0, 1]], np.float64)
        return View(np.ascontiguousarray(box.of(grey)), outline, shift, to_shares, region, open_sides)
    size = [
        max(STEP, STEP * round(side * (end - start) / STEP))
        for side, start, end in zip((wide, high), taken[:2], taken[2:], strict=True)
    ]
    pixels = _perspective(_rectangle(0, 0, *size), _moved(to_frame, _rectangle(*taken)))
    image = cv2.warpPerspective(
        grey, pixels, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE
    )
    return View(np.asarray(image, np.uint8), outline, pixels, to_shares, region, open_sides)


def is_same(before: ByteArray, after: ByteArray) -> bool:
    """Whether two pictures of a region show the same, but for noise and a lamp that is a little brighter.

    Args:
        before: as `cells` makes it.
        after: likewise.
    """
    if before.shape != after.shape:
        return False
    difference = after.astype(np.int16) - before
    difference -= np.int16(np.median(difference))
    return int(np.abs(difference).max()) < CHANGED


def cells(image: ByteArray) -> ByteArray:
    """The mean of each cell of a picture, shape (about rows / CELL, about columns / CELL), uint8."""
    rows, columns = image.shape
    size = max(1, columns // CELL), max(1, rows // CELL)
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def _unit() -> Points:
    return _rectangle(0, 0, 1, 1)


def _rectangle(left: float, top: float, right: float, bottom: float) -> Points:
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)], np.float64)


def _corners(box: Box) -> Points:
    return _rectangle(box.left, box.top, box.right, box.bottom)


def _boxed(points: Points) -> Box:
    """The box around points, to the nearest pixel."""
    left, top = np.rint(points.min(axis=0)).astype(int).tolist()
    right, bottom = np.rint(points.max(axis=0)).astype(int).tolist()
    return Box(left, top, max(left + 1, right), max(top + 1, bottom))


def _perspective(before: Points, after: Points) -> Points:
    return np.asarray(
        cv2.getPerspectiveTransform(before.astype(np.float32), after.astype(np.float32)), np.float64
    )


def _moved(matrix: Points, points: Points) -> Points:
    """Points (n, 2) after a homogeneous map (3, 3)."""
    moved = np.column_stack([points, np.ones(len(points))]) @ matrix.T
    return np.asarray(moved[:, :2] / moved[:, 2:], np.float64)


def _inverse(matrix: Points) -> Points:
    return np.asarray(np.linalg.inv(matrix), np.float64)


def _sides(corners: Points) -> tuple[float, float]:
    """Mean width and height of a four-sided figure."""
    lengths = [math.dist(a, b) for a, b in zip(corners, np.roll(corners, -1, axis=0), strict=True)]
    return (lengths[0] + lengths[2]) / 2, (lengths[1] + lengths[3]) / 2
