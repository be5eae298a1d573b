"""Grey picture -> Sheet: where a sheet of paper lies in it, so that what stands on the sheet is found again.

The sheet is the largest bright patch with four straight sides. It must be brighter than what it lies on, and
wholly in the picture. What cannot be a sheet is none: a field on it is then not found, rather than read from
a wrong place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from edge.types import ByteArray

Points = npt.NDArray[np.float64]

SEARCHED = 320
"""Pixels of the picture's longer side in which the sheet is searched for; its sides are straight lines, which
are found to a part of a pixel."""

LEVELS = np.array([1 - (shares := np.linspace(0.15, 0.75, 7)), shares])
"""Levels that are tried: shares of the way from the darkest of the picture to the brightest."""

LEAST_SHARE = 0.1
"""Of the picture that a sheet covers, at least: smaller ones hold no digits that could be read."""

STRAIGHT = 0.97
"""Part of the patch and of the four-sided figure around it that they share (intersection over union), at
least. A patch whose corner is covered or cut off shares less."""

ROUGHLY = 0.9
"""The same for corners that are points of the outline."""

INSIDE = 1.5
"""Pixels of the small picture that corners are away from its border, at least: what is nearer may be cut."""

BESIDE_CORNERS = 0.1
"""Part of a side, at either end, that its line is not fitted to: paper has round and bent corners."""

HALF = 0.5

APART = 3
"""Pixels between points of an outline that lines are fitted to: neighbours tell the same."""

CONTRAST = 12
"""Grey levels by which a sheet is brighter than what is around it, on average, at least."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet of paper in a picture.

    Attributes:
        corners: (x, y) in pixels: top left, top right, bottom right, bottom left. The sheet is taken to lie
            upright, or turned by less than 45 degrees.
    """

    corners: tuple[tuple[float, float], ...]


def find_sheet(grey: ByteArray) -> Sheet | None:
    """The sheet of paper in a picture, if one is seen wholly.

    Args:
        grey: shape (rows, columns), uint8.
    """
    scale = min(1.0, SEARCHED / max(grey.shape))
    size = tuple(max(1, round(side * scale)) for side in grey.shape[::-1])
    small = cv2.GaussianBlur(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), (5, 5), 0)
    # A shadow may fall on one side of the sheet: what parts all of it from the desk is found by trying.
    levels = np.percentile(small, (2, 98)) @ LEVELS
    found = [each for level in levels.T if (each := _quadrilateral(small, float(level)))]
    if not found:
        return None
    best = max(found, key=lambda each: each.filled)
    # The edge is soft: it is where the brightness is halfway between the paper's and the desk's.
    corners = (_quadrilateral(small, best.halfway) or best).corners
    # A pixel's number is that of its middle: of the large picture's as well.
    ordered = (in_reading_order(corners) + 0.5) / scale - 0.5
    return Sheet(tuple((float(x), float(y)) for x, y in ordered))


@dataclass(frozen=True, slots=True, eq=False)
class _Quadrilateral:
    """Four corners around a bright patch.

    Attributes:
        corners: shape (4, 2), pixels of the small picture.
        filled: how well the patch fills them: 1 is all.
        halfway: brightness between that inside of its edge and that outside.
    """

    corners: Points
    filled: float
    halfway: float


def _quadrilateral(small: npt.NDArray[Any], level: float) -> _Quadrilateral | None:
    """The largest patch that is brighter than a level, if it can be a sheet."""
    _, bright = cv2.threshold(small, level, 255, cv2.THRESH_BINARY)
    patches, _ = cv2.findContours(bright, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    patch = max(patches, key=cv2.contourArea, default=None)
    if patch is None or cv2.contourArea(patch) < LEAST_SHARE * bright.size:
        return None
    hull = cv2.convexHull(patch)
    rough = _four_corners(hull)
    if rough is None or _filled(rough, patch, small) < ROUGHLY:
        return None
    corners = _sharpened(rough, patch[::APART, 0].astype(np.float64))
    if corners is None:
        return None
    filled = _filled(corners, patch, small)
    if filled < STRAIGHT:
        return None
    inside, outside = _beside_edge(corners, small)
    if inside - outside < CONTRAST:
        return None
    return _Quadrilateral(corners, filled, (inside + outside) / 2)


def in_reading_order(corners: npt.ArrayLike) -> Points:
    """Four corners as top left, top right, bottom right, bottom left: shape (4, 2)."""
    points = np.asarray(corners, np.float64)
    middle = points.mean(axis=0)
    angles = np.arctan2(points[:, 1] - middle[1], points[:, 0] - middle[0])
    clockwise = points[np.argsort(angles)]  # y grows downwards
    return np.roll(clockwise, -int(clockwise.sum(axis=1).argmin()), axis=0)


def _four_corners(hull: npt.NDArray[Any]) -> Points | None:
    """The corners of a hull that has four; None for one that has not, however roughly it is taken."""
    around = cv2.arcLength(hull, closed=True)
    for share in np.linspace(0.01, 0.08, 15):
        polygon = cv2.approxPolyDP(hull, share * around, closed=True)
        if len(polygon) <= 4:
            return polygon[:, 0].astype(np.float64) if len(polygon) == 4 else None
    return None


def _sharpened(corners: Points, outline: Points) -> Points | None:
    """Where the lines through the four sides cross: better than any one point of the outline."""
    lines = []
    corners = in_reading_order(corners)
    for start, end in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        way = end - start
        length = float(np.hypot(*way))
        along = (outline - start) @ way / length**2
        across = np.abs((outline - start) @ np.array([-way[1], way[0]])) / length
        near = (along > BESIDE_CORNERS) & (along < 1 - BESIDE_CORNERS) & (across < max(2.0, 0.05 * length))
        if np.count_nonzero(near) < 2:
            return None
        fitted = cv2.fitLine(outline[near].astype(np.float32), cv2.DIST_HUBER, 0, 0.01, 0.01)
        line = np.asarray(fitted, np.float64).ravel()
        # Points are the middles of bright pixels: the side is half a pixel further out, on the left of a way
        # that goes clockwise.
        line[2:] += HALF * np.array([way[1], -way[0]]) / length
        lines.append(line)
    crossings = []
    for (ax, ay, px, py), (bx, by, qx, qy) in zip(np.roll(lines, 1, axis=0), lines, strict=True):
        turn = ax * by - ay * bx
        if abs(turn) < 0.1:  # 6 degrees: these two sides do not cross anywhere near
            return None
        step = ((qx - px) * by - (qy - py) * bx) / turn
        crossings.append((px + step * ax, py + step * ay))
    return np.array(crossings)


def _filled(corners: Points, patch: npt.NDArray[Any], small: npt.NDArray[Any]) -> float:
    """Intersection over union of a patch and its four-sided figure; 0 where that leaves the picture."""
    rows, columns = small.shape
    low, high = corners.min(axis=0), corners.max(axis=0)
    if low.min() < INSIDE or high[0] > columns - 1 - INSIDE or high[1] > rows - 1 - INSIDE:
        return 0.0
    figure, filled = _figure(corners, small), np.zeros((rows, columns), np.uint8)
    cv2.drawContours(filled, [patch], -1, 1, cv2.FILLED)
    return np.count_nonzero(figure & filled) / np.count_nonzero(figure | filled)


def _beside_edge(corners: Points, small: npt.NDArray[Any]) -> tuple[float, float]:
    """Mean brightness inside and outside of the edge of a four-sided figure."""
    figure = _figure(corners, small)
    ring = cv2.dilate(figure, np.ones((9, 9), np.uint8)) - cv2.dilate(figure, np.ones((3, 3), np.uint8))
    edge = figure - cv2.erode(figure, np.ones((9, 9), np.uint8))
    return cv2.mean(small, edge)[0], cv2.mean(small, ring)[0]


def _figure(corners: Points, small: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    figure = np.zeros(small.shape, np.uint8)
    cv2.fillConvexPoly(figure, np.rint(corners * 16).astype(np.int32), 1, shift=4)
    return figure
