"""Grey picture -> named ink: it is looked at once more where it can be seen better.

What the networks know best is upright writing, dark on light, of some size. Where a first look at a picture
says that it is otherwise, the picture is turned upright, or its negative is taken, and what is small is seen
from nearer.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median

import cv2
import numpy as np
import numpy.typing as npt

from edge.by_ink.choice import ENOUGH, choose, explained, read_ink
from edge.by_ink.parting import Named, Namer
from edge.by_ink.pieces import Ink
from edge.by_ink.segment import INKED, READ_SIZE, Marker, search_scale, segment
from edge.lines import slopes
from edge.planes import shrunk
from edge.types import Box, ByteArray, bounding_box

SMALL, NEARER = 24, 2
"""Pixels, of the picture that is searched, below which digits are small; and times as large the picture is
searched then. The ink network tells small digits from ruling and noise where it sees them larger, even if the
picture has no more to show: all that it does is in blocks of 4x4 pixels."""

SLANTING = 0.12
"""Pixels that rows fall or rise, for each to the right, from which on the page is taken for a turned one: 7
degrees. From 3 or 5 degrees on, no more validation digits are read right."""

AS_GOOD = 0.8
"""A picture that was turned, or a negative, is kept when its digits explain this share of what those of the
picture as it is explain. (At 0.8 to 1 as many validation digits are read right, at 0.65 fewer; at 1 walls of
turned boxes are taken for ones.)"""

SKETCH = 80
"""Pixels of the longer side, at least, of the picture that tells whether the writing is light on dark."""

BLUR = 9
"""Pixels of that picture that its brightness is averaged over, both ways."""

SKEWED = 0.5
"""Skewness of the contrasts in a picture from which on it is taken for light writing on dark. (Photos of
paper reach 0.3, 99 of 100 drawn pages 0.8, drawn blackboards begin at 0.48.)"""


def find_digits(grey: ByteArray, mark: Marker, name: Namer, sure: float) -> list[Named]:
    """Find and name the digits of a picture.

    Args:
        grey: shape (rows, columns), uint8.
        mark: finds ink.
        name: says what ink is.
        sure: as `read_ink` takes it.

    Returns:
        Ink that does not overlap, with what it is, as `read_ink` gives it. What was read in a picture turned
        upright has its box in `grey`, but the upright pixels.
    """

    def look(view: _View, nearer: float = 1) -> _Seen:
        found = segment(view.picture, mark, nearer=nearer)
        return _Seen(view, read_ink(found, name, sure), found.complete)

    def certain(seen: _Seen) -> list[Box]:
        return [ink.box for ink, prediction in seen.named if prediction.confidence >= sure]

    seen = look(_View(grey))
    if not seen.complete and is_negative(grey):
        seen = _better(seen, look(seen.view.negative()))
    nearer = NEARER if are_small(certain(seen), grey.shape) else 1
    if nearer > 1:
        seen = _Seen(seen.view, choose(seen.named + look(seen.view, nearer).named))
    if abs(slope := slope_of_rows(certain(seen))) > SLANTING:
        found = bounding_box(ink.box for ink, _ in seen.named)
        seen = _better(seen, look(seen.view.turned(slope, found), nearer))
    return seen.in_frame(grey.shape)


def is_negative(grey: ByteArray) -> bool:
    """Whether what stands out in a picture is light on dark: chalk, a screen, a photo's negative.

    What is written covers little of a page, and is farther from its brightness than the page itself is: the
    contrasts are skewed to its side.
    """
    sketch = grey
    while max(sketch.shape) >= 2 * SKETCH:
        sketch = shrunk(sketch, 2)
    levels = sketch.astype(np.float32)
    contrast = levels - cv2.blur(levels, (BLUR, BLUR))
    squared = contrast * contrast
    return bool((squared * contrast).mean() > SKEWED * squared.mean() ** 1.5)


def slope_of_rows(digits: Sequence[Box]) -> float:
    """Pixels that the rows of a picture fall for each to the right; 0 where there are too few digits to tell.

    Args:
        digits: around each.
    """
    if len(digits) < ENOUGH:
        return 0.0
    x, y, height = np.array(sorted((*box.centre, box.height) for box in digits), np.float64).T
    return float(median(slopes(x, y, height).tolist()))


def are_small(digits: Sequence[Box], shape: tuple[int, ...]) -> bool:
    """Whether digits are so low, where they are searched, that they are seen better from nearer.

    Args:
        digits: around each.
        shape: of the picture, (rows, columns).
    """
    if len(digits) < ENOUGH:
        return False
    return median(box.height for box in digits) * search_scale(shape) < SMALL


@dataclass(frozen=True, slots=True, eq=False)
class _View:
    """A picture, or what was made of it.

    Attributes:
        picture: shape (rows, columns), uint8.
        to_frame: shape (2, 3): times [x, y, 1] of a pixel, it is [x, y] in the frame; None where that is the
            same.
    """

    picture: ByteArray
    to_frame: npt.NDArray[np.float64] | None = None

    @property
    def pixel(self) -> float:
        """Pixels of the frame for each of this picture's."""
        return 1.0 if self.to_frame is None else abs(float(np.linalg.det(self.to_frame[:, :2])))

    def negative(self) -> _View:
        """Dark where it was light."""
        return replace(self, picture=np.asarray(cv2.bitwise_not(self.picture), np.uint8))

    def turned(self, slope: float, found: Box) -> _View:
        """A frame turned until rows of this slope are level; its border is drawn out into the corners.

        As large as the frame, which the marker is used to, if what was found has room in that; else whole.
        """
        picture = shrunk(self.picture, max(1.0, max(self.picture.shape) / READ_SIZE))
        rows, columns = picture.shape
        scale = columns / self.picture.shape[1]
        degrees = math.degrees(math.atan(slope))
        turn = np.asarray(cv2.getRotationMatrix2D((0, 0), degrees, 1), np.float64)
        size = np.array([columns, rows])
        first, last = _ends(found.scaled(scale), turn)
        if (last - first > size).any():
            first, last = _ends(Box(0, 0, columns, rows), turn)
            size = np.ceil(last - first).astype(int)
        turn[:, 2] = (size - first - last) / 2
        seen = cv2.warpAffine(picture, turn, size.tolist(), borderMode=cv2.BORDER_REPLICATE)
        return _View(np.asarray(seen, np.uint8), cv2.invertAffineTransform(turn) / scale)

    def in_frame(self, ink: Ink, shape: tuple[int, ...]) -> Ink:
        """Ink of this picture, with its place in the frame of this shape; its box is empty outside."""
        if self.to_frame is None:
            return ink
        box = ink.box
        rows, columns = ink.pixels.shape
        y, x = np.nonzero(ink.pixels >= INKED)
        across, down = box.left + (x + 0.5) * box.width / columns, box.top + (y + 0.5) * box.height / rows
        places = self.to_frame @ [across, down, np.ones_like(across)]
        (left, top), (right, bottom) = np.floor(places.min(axis=1)), np.ceil(places.max(axis=1))
        place = Box(int(left), int(top), int(right), int(bottom)).clipped(*shape)
        return Ink(place, ink.pixels, ink.weight * self.pixel)


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """What was read in a view, and whether nothing else stands out in it."""

    view: _View
    named: list[Named]
    complete: bool = False

    @property
    def explained(self) -> float:
        """How much ink the digits explain, in pixels of the frame."""
        return explained(self.named) * self.view.pixel

    def in_frame(self, shape: tuple[int, ...]) -> list[Named]:
        """What was read, with its places in the frame; not what is outside."""
        placed = [(self.view.in_frame(ink, shape), prediction) for ink, prediction in self.named]
        return [(ink, prediction) for ink, prediction in placed if ink.box.area]


def _ends(box: Box, turn: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The lowest and the highest x and y of a box that was turned, shape (2, 2)."""
    across, down = [box.left, box.right] * 2, [box.top] * 2 + [box.bottom] * 2
    corners = turn @ [across, down, [1] * 4]
    return np.stack([corners.min(axis=1), corners.max(axis=1)])


def _better(seen: _Seen, other: _Seen) -> _Seen:
    return other if other.explained >= AS_GOOD * seen.explained else seen
