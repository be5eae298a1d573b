"""Shapes: handwriting as centre lines, so that any pen can write it at any size.

MNIST keeps a digit in 20x20 pixels: enlarged, it is a blurred marker stroke and nothing else. Its centre
lines keep the hand and leave the pen free: a ballpoint that is a thirtieth of the digit's height, a felt pen,
a pencil. They are found by thinning (Zhang and Suen, "A fast parallel algorithm for thinning digital
patterns", 1984) and joined through crossings into the strokes that a hand would make.
"""

from __future__ import annotations

import functools
import itertools
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from edge.types import ByteArray, FloatArray
from training.scenes.draws import floats, pixels

Strokes = tuple[FloatArray, ...]
"""Centre lines, each of shape (points, 2): x and y, y downwards."""

SCALE = 4  # pictures are enlarged this much before they are thinned
MARGIN = 2  # pixels around them, so that no stroke touches the border
STEP = 2.0  # pixels of the enlarged picture between two points of a stroke
SMOOTH = floats([1, 4, 7, 4, 1]) / np.float32(17)  # along the stroke; takes the pixels' stairs away


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """Something to write: strokes in a box that starts at (0, 0) and whose longer side is 1.

    Attributes:
        strokes: the centre lines.
        width: of the box, 0 to 1.
        height: of the box, 0 to 1.
        raster: the picture it was traced from, white ink on black, cut to the ink; None for drawn shapes.
    """

    strokes: Strokes
    width: float
    height: float
    raster: ByteArray | None = None

    @property
    def corners(self) -> FloatArray:
        """Of its box, clockwise from (0, 0), shape (4, 2)."""
        return floats([(0, 0), (self.width, 0), (self.width, self.height), (0, self.height)])


@dataclass(frozen=True, slots=True, eq=False)
class Word:
    """Letters that were written together.

    Attributes:
        shape: all of them.
        size: longer side of their box, in heights of a capital letter.
        above: how far the top of that box is above the line, likewise.
    """

    shape: Shape
    size: float
    above: float


def shape_of(strokes: Strokes, raster: ByteArray | None = None) -> Shape:
    """Bring strokes into the unit box."""
    points = np.concatenate(strokes)
    low, high = points.min(axis=0), points.max(axis=0)
    longer = max(float((high - low).max()), 1e-6)
    width, height = (high - low) / longer
    return Shape(tuple((stroke - low) / np.float32(longer) for stroke in strokes), width, height, raster)


def smooth_curve(corners: FloatArray, points: int = 8) -> FloatArray:
    """A Catmull-Rom spline through `corners`, shape (n, 2), with this many points per piece."""
    ends = np.concatenate([corners[:1], corners, corners[-1:]])
    t = np.linspace(0, 1, points, endpoint=False, dtype=np.float32)[None, :, None]
    a, b, c, d = (ends[i : len(ends) - 3 + i, None] for i in range(4))
    pieces = b + t * ((c - a) / 2 + t * (a - 2.5 * b + 2 * c - d / 2 + t * (1.5 * (b - c) + (d - a) / 2)))
    return np.concatenate([pieces.reshape(-1, 2), corners[-1:]]).astype(np.float32)


def rounded(corners: FloatArray) -> FloatArray:
    """A polyline with its corners cut once (Chaikin): a curve that never overshoots."""
    if len(corners) < 3:
        return corners
    start, end = corners[:-1], corners[1:]
    cut = np.stack([0.75 * start + 0.25 * end, 0.25 * start + 0.75 * end], axis=1).reshape(-1, 2)
    return np.concatenate([corners[:1], cut[1:-1], corners[-1:]]).astype(np.float32)


def trace(image: ByteArray) -> Shape | None:
    """Find the strokes of a small picture of one character.

    Args:
        image: shape (rows, columns), uint8, white ink on black, some 20 to 50 pixels a side.

    Returns:
        Its shape, or None when there is no ink to follow.
    """
    left, top, width, height = cv2.boundingRect(image)
    if not width or not height:
        return None
    raster = image[top : top + height, left : left + width]
    padded = cv2.copyMakeBorder(raster, MARGIN, MARGIN, MARGIN, MARGIN, cv2.BORDER_CONSTANT)
    large = cv2.GaussianBlur(
        cv2.resize(padded, None, fx=SCALE, fy=SCALE, interpolation=cv2.INTER_CUBIC), (0, 0), 1.5
    )
    mask = pixels(cv2.threshold(large, 96, 1, cv2.THRESH_BINARY)[1])
    depth = floats(cv2.distanceTransform(mask, cv2.DIST_L2, 3))
    paths = _join(_thin(mask), depth)
    if not paths:
        return None
    return shape_of(tuple(paths), raster)


def _thin(mask: ByteArray) -> ByteArray:
    """Thin a mask of 0 and 1 to lines one pixel wide."""
    tables = _tables()
    while True:
        before = mask
        for table in tables[:2]:
            mask = pixels(cv2.bitwise_and(mask, cv2.LUT(cv2.filter2D(mask, -1, _NEIGHBOURS), table)))
        if cv2.countNonZero(cv2.bitwise_xor(mask, before)) == 0:
            return mask


_NEIGHBOURS = floats([[128, 1, 2], [64, 0, 4], [32, 16, 8]])  # a bit for each, clockwise from the north


@functools.cache
def _tables() -> tuple[ByteArray, ByteArray, ByteArray]:
    """By the code of a pixel's neighbours: does it stay in the two half-steps, and do lines meet in it."""
    codes = np.arange(256)
    bits = np.stack([(codes >> i) & 1 for i in range(8)])
    count = bits.sum(axis=0)
    rises = (np.roll(bits, -1, axis=0) > bits).sum(axis=0)
    edge = (count >= 2) & (count <= 6) & (rises == 1)
    north, east, south, west = bits[0], bits[2], bits[4], bits[6]
    first = edge & (north * east * south == 0) & (east * south * west == 0)
    second = edge & (north * east * west == 0) & (north * south * west == 0)
    meets = (rises >= 3) | (count >= 5)
    return (~first).astype(np.uint8), (~second).astype(np.uint8), meets.astype(np.uint8)


def _join(thin: ByteArray, depth: FloatArray) -> list[FloatArray]:
    """Strokes from lines one pixel wide: cut at crossings, followed, and joined where they go straight on."""
    meets = cv2.LUT(cv2.filter2D(thin, -1, _NEIGHBOURS), _tables()[2])
    crossings = pixels(cv2.dilate(cv2.bitwise_and(thin, meets), np.ones((5, 5), np.uint8)))
    count, names, _, centres = cv2.connectedComponentsWithStats(crossings)
    near = cv2.dilate(names.astype(np.uint8), np.ones((5, 5), np.uint8))
    pieces, _ = cv2.findContours(thin & ~crossings, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    paths: list[FloatArray] = []
    ends: list[list[int]] = []  # per path: the crossing at its start and at its end, 0 for none
    for piece in pieces:
        path = _unfold(np.asarray(piece[:, 0], np.int32))
        start, end = path[0], path[-1]
        at = [int(near[start[1], start[0]]), int(near[end[1], end[0]])]
        reach = float(depth[end[1], end[0]] if at[0] else depth[start[1], start[0]])
        if (at[0] == 0) != (at[1] == 0) and len(path) < 1.1 * reach:
            continue  # a spur: where the stroke is thick its border has bumps
        line = _even(path.astype(np.float32))
        for side in (0, 1):
            if at[side]:
                line = _with(line, side, centres[at[side]].astype(np.float32))
            elif at != [0, 0] or not np.array_equal(start, end):
                x, y = path[-side]
                line = _with(line, side, _beyond(line, side, 0.7 * float(depth[y, x])))
        paths.append(line)
        ends.append(at)
    for crossing in range(1, count):
        _connect(paths, ends, crossing)
    if not paths and count > 1:  # a dot is one crossing
        x, y = centres[1].astype(np.float32)
        paths.append(floats([[x, y], [x + 1, y]]))
    return [_smooth(path) for path in paths]


def _unfold(contour: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """The path that a contour around a line one pixel wide goes there and back, shape (points, 2)."""
    if len(contour) < 3:
        return contour
    turns = np.flatnonzero((np.roll(contour, 1, axis=0) == np.roll(contour, -1, axis=0)).all(axis=1))
    if len(turns) < 2:
        return np.concatenate([contour, contour[:1]])  # a loop
    first, last = int(turns[0]), int(turns[-1])
    there, back = contour[first : last + 1], np.concatenate([contour[last:], contour[: first + 1]])
    return there if len(there) >= len(back) else back


def _even(path: FloatArray) -> FloatArray:
    """The path with points `STEP` apart."""
    along = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(path, axis=0).T))])
    count = int(along[-1] / STEP)
    at = np.linspace(0, along[-1], count + 1)
    return np.stack([np.interp(at, along, path[:, 0]), np.interp(at, along, path[:, 1])], axis=1).astype(
        np.float32
    )


def _with(line: FloatArray, side: int, point: FloatArray) -> FloatArray:
    parts = [line, point[None]] if side else [point[None], line]
    return np.concatenate(parts)


def _beyond(line: FloatArray, side: int, length: float) -> FloatArray:
    """A point past the end of a line: thinning takes half a stroke's width away there."""
    end, inner = (line[-1], line[max(-4, -len(line))]) if side else (line[0], line[min(3, len(line) - 1)])
    direction = (end - inner) / max(float(np.hypot(*(end - inner))), 1e-6)
    return floats(end + direction * length)


def _connect(paths: list[FloatArray], ends: list[list[int]], crossing: int) -> None:
    """Join, in place, the pairs of paths that go straight on through a crossing."""
    while True:
        meeting = [(i, side) for i, at in enumerate(ends) for side in (0, 1) if at[side] == crossing]
        best, pair = (-0.5 if len(meeting) > 2 else 2), None  # cosine: at most 60 degrees of turn
        for (i, a), (j, b) in itertools.combinations(meeting, 2):
            cosine = float(_heading(paths[i], a) @ _heading(paths[j], b))
            if i != j and cosine < best:
                best, pair = cosine, ((i, a), (j, b))
        if pair is None:
            return
        (i, a), (j, b) = pair
        one = paths[i] if a else paths[i][::-1]
        two = paths[j][::-1] if b else paths[j]
        paths[i], ends[i] = np.concatenate([one, two[1:]]), [ends[i][1 - a], ends[j][1 - b]]
        del paths[j], ends[j]


def _heading(line: FloatArray, side: int) -> FloatArray:
    """Unit vector into the line from one of its ends."""
    end, inner = (line[-1], line[max(-5, -len(line))]) if side else (line[0], line[min(4, len(line) - 1)])
    step = inner - end
    heading: FloatArray = step / np.float32(max(float(np.hypot(*step)), 1e-6))
    return heading


def _smooth(line: FloatArray) -> FloatArray:
    """The line without the stairs of its pixels; its ends stay."""
    if len(line) < 4:
        return line
    closed = np.hypot(*(line[0] - line[-1])) < 1e-3
    inner = (
        (line[-3:-1], line[1:3]) if closed else (2 * line[0] - line[2:0:-1], 2 * line[-1] - line[-2:-4:-1])
    )
    padded = np.concatenate([inner[0], line, inner[1]])
    windows = np.lib.stride_tricks.sliding_window_view(padded, len(SMOOTH), axis=0)
    return floats(windows @ SMOOTH)
