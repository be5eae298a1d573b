"""Grey picture -> [Ink]: find the pieces of writing that may be digits.

The ink network says which pixels are ink of digits; what hangs together is a piece. Pieces that broke off a
digit are given back to it; two digits that hang together are left to `edge.parting`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from edge.types import Box, ByteArray, Ink

WORK_SIZE = 1024
"""The longer side, in pixels, of the picture that is searched; a larger one is scaled down for it."""

PALE, CLEAR = 95, 159
"""Probability of ink, times 256, that each pixel of a piece exceeds, and that one of them must."""

WHITE = 1.5
"""Ink is white, as in MNIST, from this factor's inverse of certainty on: borders of strokes stay grey."""

MIN_HEIGHT = 10
"""Pixels of the searched picture: below it a digit has less detail than the network's input."""

MIN_PART = 4
"""Pixels of the searched picture: the longer side of the smallest piece that may be a part of a digit."""

PART_HEIGHT, PART_GAP = 0.5, 0.12
"""A part broken off a digit is at most this high, and this far away, in heights of the digit."""

MAX_HEIGHT = 0.95
"""Of the picture: what is taller is its edge, or a shadow's."""

BORDER_ASPECT = 3.0
"""Height over width: a piece that touches the border of the picture and is slimmer is the edge of the page or
of the desk, of which the picture shows a strip. (A 1 is as slim, but half of one is no digit either.)"""

MAX_ASPECT = 1.8
"""Width over height: the widest digits are a sprawling 2 and a 4 with a long bar."""

MAX_RUN = 9.0
"""Width over height of the longest row of digits that hang together; what is longer is a line."""


def to_grey(image: ByteArray) -> ByteArray:
    """A grey picture, shape (rows, columns), of a grey or BGR one."""
    if image.ndim == 2:
        return image
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)


Marker = Callable[[ByteArray], ByteArray]
"""Says of each pixel of a grey picture how likely it is ink of a digit, times 256: `edge.ink.InkMarker`."""


def segment(grey: ByteArray, mark: Marker) -> list[Ink]:
    """Find the ink that may be digits.

    Args:
        grey: shape (rows, columns), uint8.
        mark: knows ink of digits from all else.

    Returns:
        The pieces in no particular order, with boxes in pixels of `grey`. Their pixels are probabilities of
        ink, at the scale of the search.
    """
    rows, columns = grey.shape
    scale = min(1.0, WORK_SIZE / max(rows, columns))
    if scale < 1:
        size = max(1, round(columns * scale)), max(1, round(rows * scale))
        grey = np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.uint8)
    marked = mark(grey)
    mask = np.asarray(cv2.threshold(marked, PALE, 255, cv2.THRESH_BINARY)[1], np.uint8)
    pieces = [piece for piece in _pieces(mask) if piece.box.of(marked).max() > CLEAR]
    return [
        Ink(piece.box.scaled(1 / scale).clipped(rows, columns), _pixels(piece, marked, mask))
        for piece in _join(pieces, grey)
        if _may_be_digits(piece.box, grey)
    ]


@dataclass(frozen=True, slots=True, eq=False)
class _Piece:
    """Connected ink, or several pieces joined: its box, and its outlines and holes as OpenCV gives them."""

    box: Box
    outlines: tuple[npt.NDArray[np.int32], ...]
    holes: tuple[Box, ...]

    def surrounds(self, box: Box) -> bool:
        """Whether a box lies in one of the holes: a digit in a form's box is no part of the box."""
        return any(hole.intersection(box) == box for hole in self.holes)

    def joined(self, other: _Piece) -> _Piece:
        """Both as one."""
        return _Piece(self.box.union(other.box), self.outlines + other.outlines, self.holes + other.holes)


def _pieces(mask: ByteArray) -> Iterable[_Piece]:
    # CCOMP, not EXTERNAL: what lies inside the outline of something else, such as a form's box, counts too.
    outlines, tree = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    for index, outline in enumerate(outlines):
        _, _, hole, parent = tree[0][index]
        box = _box_of(outline)
        if parent >= 0 or max(box.width, box.height) < MIN_PART:
            continue
        parts = [np.asarray(outline, np.int32)]
        while hole >= 0:
            parts.append(np.asarray(outlines[hole], np.int32))
            hole = tree[0][hole][0]
        yield _Piece(box, tuple(parts), tuple(map(_box_of, parts[1:])))


def _box_of(outline: npt.NDArray[Any]) -> Box:
    left, top, width, height = cv2.boundingRect(outline)
    return Box(left, top, left + width, top + height)


def _join(pieces: list[_Piece], grey: ByteArray) -> list[_Piece]:
    """Give small pieces back to the digit that they broke off: the flag of a 5, the end of a faint stroke.

    Returns:
        Those that may be digits by now.
    """
    pieces = sorted(pieces, key=lambda piece: piece.box.area)  # the smallest find their place first
    boxes = np.array([piece.box.as_list() for piece in pieces]).reshape(-1, 4)
    free = np.array([_may_be_digits(piece.box, grey) for piece in pieces], bool)
    highest = max((piece.box.height for piece in pieces), default=0)
    for index, part in enumerate(pieces):
        if part.box.height > PART_HEIGHT * highest:
            continue  # most are no part of anything
        near = np.flatnonzero(_belongs(part.box, boxes) & free)
        bodies = [k for k in near if k != index and not pieces[k].surrounds(part.box)]
        if bodies:
            nearest = min(bodies, key=lambda k: _gap(part.box, boxes[k]))
            pieces[nearest] = pieces[nearest].joined(pieces[index])
            boxes[nearest] = pieces[nearest].box.as_list()
            free[index] = False
    return [piece for piece, still in zip(pieces, free, strict=True) if still]


def _belongs(part: Box, boxes: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """To which of the bodies, boxes of shape (n, 4), a part is small, close, and would leave their shape."""
    left, top, right, bottom = boxes.T
    height = bottom - top
    whole_width = np.maximum(right, part.right) - np.minimum(left, part.left)
    whole_height = np.maximum(bottom, part.bottom) - np.minimum(top, part.top)
    near: npt.NDArray[np.bool_] = (
        (part.height <= PART_HEIGHT * height)
        & (_gap(part, boxes.T) <= PART_GAP * height)
        & (whole_width <= MAX_ASPECT * whole_height)
        & (whole_height <= (1 + PART_HEIGHT) * height)
    )
    return near


def _gap(box: Box, others: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Pixels between a box and others along the axis on which they are further apart; at most 0 at contact.

    Args:
        box: one box.
        others: their left, top, right and bottom, shape (4,) or (4, n).
    """
    left, top, right, bottom = others
    across = np.maximum(box.left - right, left - box.right)
    gap: npt.NDArray[np.int64] = np.maximum(across, np.maximum(box.top - bottom, top - box.bottom))
    return gap


def _may_be_digits(box: Box, grey: ByteArray) -> bool:
    rows, columns = grey.shape
    cut = box.left == 0 or box.top == 0 or box.right == columns or box.bottom == rows
    if cut and box.height > BORDER_ASPECT * box.width:
        return False
    return (
        MIN_HEIGHT <= box.height <= MAX_HEIGHT * rows
        and box.width <= MAX_RUN * box.height
        and box.width <= MAX_HEIGHT * columns
    )


def _pixels(piece: _Piece, marked: ByteArray, mask: ByteArray) -> ByteArray:
    """What is marked in a piece alone, in its box."""
    box = piece.box
    own = np.zeros((box.height, box.width), np.uint8)
    cv2.drawContours(own, piece.outlines, -1, 255, cv2.FILLED, offset=(-box.left, -box.top))
    ink = cv2.bitwise_and(cv2.bitwise_and(own, box.of(mask)), box.of(marked))
    return np.asarray(cv2.convertScaleAbs(ink, alpha=WHITE), np.uint8)
