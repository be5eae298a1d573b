"""Grey picture -> [Ink]: find the pieces of writing that may be digits.

Ink is what is darker than the paper around it, relative to how bright that is: a shadow darkens paper and ink
alike, so it drops out. Two thresholds (hysteresis, as in Canny's edge detector) keep faint ends of strokes
that hang on clear ones and lose specks that do not.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from edge.types import Box, ByteArray, Ink

WORK_SIZE = 1024
"""The longer side, in pixels, of the picture that is searched; a larger one is scaled down for it."""

STROKE = 0.12
"""Width of the window that no stroke may fill, as a share of the shorter side: a marker's stroke in a digit
that fills the picture."""

CLEAR_CONTRAST, FAINT_CONTRAST = 0.15, 0.07
"""How much darker ink is than the paper, as a share of the paper's brightness: at its darkest, and at all."""

NOISE_FACTOR = 4.0
"""Faint ink is also this many standard deviations of the sensor's noise away from the paper."""

MIN_HEIGHT = 10
"""Pixels of the searched picture: below it a digit has less detail than the network's input."""

MIN_PART = 4
"""Pixels of the searched picture: the longer side of the smallest piece that may be a part of a digit."""

PART_HEIGHT, PART_GAP = 0.5, 0.12
"""A part broken off a digit is at most this high, and this far away, in heights of the digit."""

DARKEST = 0.9
"""Share of a piece's ink that stays paler than white; the rest, the middle of the stroke, is white."""

MAX_HEIGHT = 0.95
"""Of the picture: what is taller is its edge, or a shadow's."""

BORDER_ASPECT = 3.0
"""Height over width: a piece that touches the border of the picture and is slimmer is the edge of the page or
of the desk, of which the picture shows a strip. (A 1 is as slim, but half of one is no digit either.)"""

MAX_ASPECT = 1.8
"""Width over height: the widest digits are a sprawling 2 and a 4 with a long bar."""


def to_grey(image: ByteArray) -> ByteArray:
    """A grey picture, shape (rows, columns), of a grey or BGR one."""
    if image.ndim == 2:
        return image
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)


def segment(grey: ByteArray) -> list[Ink]:
    """Find the ink that may be digits.

    Args:
        grey: shape (rows, columns), uint8, dark writing on brighter paper.

    Returns:
        The pieces in no particular order, with boxes in pixels of `grey`.
    """
    rows, columns = grey.shape
    scale = min(1.0, WORK_SIZE / max(rows, columns))
    if scale < 1:
        size = max(1, round(columns * scale)), max(1, round(rows * scale))
        grey = np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.uint8)
    contrast = local_contrast(grey)
    faint = max(FAINT_CONTRAST * 255, NOISE_FACTOR * noise(grey))
    clear = max(CLEAR_CONTRAST * 255, faint)
    mask = np.asarray(cv2.threshold(contrast, faint, 255, cv2.THRESH_BINARY)[1], np.uint8)
    pieces = [piece for piece in _pieces(mask) if piece.box.of(contrast).max() >= clear]
    return [
        Ink(piece.box.scaled(1 / scale).clipped(rows, columns), _pixels(piece, contrast, mask))
        for piece in _join(pieces, grey)
        if _may_be_digit(piece.box, grey)
    ]


def local_contrast(grey: ByteArray) -> ByteArray:
    """How much darker each pixel is than the paper around it: 255 is black on white, 0 is not darker.

    The paper's brightness is the lower of two estimates. A morphological closing fills what is narrower than
    the window and darker than its surroundings, a stroke, and leaves the edge of a shadow where it is, but
    fills the dark corners of a vignette too. A local mean follows those, but smears the edge of a shadow.

    Returns:
        255 * (paper - pixel) / paper, shape (rows, columns), uint8.
    """
    rows, columns = grey.shape
    smooth = cv2.GaussianBlur(grey, (3, 3), 0)
    # At half size, where it costs a sixth; the average also keeps the brightest noise from passing for paper.
    half = cv2.resize(grey, (max(1, columns // 2), max(1, rows // 2)), interpolation=cv2.INTER_AREA)
    side = max(3, int(STROKE * min(half.shape)) | 1)
    window = cv2.getStructuringElement(cv2.MORPH_RECT, (side, side))
    closed = cv2.morphologyEx(half, cv2.MORPH_CLOSE, window)
    # Ink pulls a mean down; what is at least as bright as the first mean is paper.
    mean = cv2.blur(cv2.max(half, cv2.blur(half, (side, side))), (side, side))
    paper = cv2.resize(cv2.min(closed, mean), (columns, rows))
    contrast = np.asarray(cv2.divide(cv2.subtract(paper, smooth), paper, scale=255), np.uint8)
    return contrast.reshape(grey.shape)


def noise(grey: ByteArray) -> float:
    """Standard deviation of the sensor's noise in `local_contrast`, in its levels.

    After Immerkaer, "Fast Noise Variance Estimation" (1996): second differences see neither light nor its
    slope, and noise of deviation s gives them the deviation sqrt(6) s. Their median instead of their mean,
    because the edges of strokes are no noise; in every fourth row and column, which is plenty.
    """
    if min(grey.shape) < 4:
        return 0.0
    rows = grey[::4].astype(np.int16)
    difference = rows[:, :-2:4] - 2 * rows[:, 1:-1:4] + rows[:, 2::4]
    deviation = float(np.median(np.abs(difference))) / _MEDIAN_OF_NORMAL / np.sqrt(6)
    return float(255 * deviation * _GAUSSIAN_3X3 / max(1.0, rows.mean()))


_MEDIAN_OF_NORMAL = 0.6745
"""Median of |x| for a normal x of deviation 1."""

_GAUSSIAN_3X3 = 0.375
"""What a Gaussian of 3x3 (1, 2, 1)/4 leaves of the deviation of white noise: the norm of its kernel."""


@dataclass(frozen=True, slots=True, eq=False)
class _Piece:
    """Connected ink, or several pieces joined: its box, and its outlines and holes as OpenCV gives them."""

    box: Box
    outlines: tuple[npt.NDArray[np.int32], ...]
    holes: tuple[Box, ...]


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


def _join(pieces: list[_Piece], grey: ByteArray) -> Iterable[_Piece]:
    """Give small pieces back to the digit that they broke off: the flag of a 5, the end of a faint stroke."""
    bodies = [piece for piece in pieces if _may_be_digit(piece.box, grey)]
    joined = {id(body): body for body in bodies}
    taken = set()
    for part in sorted(pieces, key=lambda piece: piece.box.area):
        near = [
            body
            for body in bodies
            if body is not part and id(body) not in taken and _belongs(part.box, joined[id(body)])
        ]
        if near:
            body = min(near, key=lambda body: _gap(part.box, body.box))
            old = joined[id(body)]
            own = joined.get(id(part), part)
            joined[id(body)] = _Piece(
                old.box.union(own.box), old.outlines + own.outlines, old.holes + own.holes
            )
            taken.add(id(part))
    return [piece for key, piece in joined.items() if key not in taken]


def _belongs(part: Box, piece: _Piece) -> bool:
    """Whether a part is small beside a piece, close to it, and both together still have a digit's shape."""
    body = piece.box
    both = body.union(part)
    return (
        part.height <= PART_HEIGHT * body.height
        and _gap(part, body) <= PART_GAP * body.height
        and both.width <= MAX_ASPECT * both.height
        and both.height <= (1 + PART_HEIGHT) * body.height
        # A digit in a form's box is no part of the box.
        and not any(hole.intersection(part) == part for hole in piece.holes)
    )


def _gap(a: Box, b: Box) -> int:
    """Pixels between two boxes along the axis on which they are further apart; at most 0 where they meet."""
    return max(a.left - b.right, b.left - a.right, a.top - b.bottom, b.top - a.bottom)


def _may_be_digit(box: Box, grey: ByteArray) -> bool:
    rows, columns = grey.shape
    cut = box.left == 0 or box.top == 0 or box.right == columns or box.bottom == rows
    if cut and box.height > BORDER_ASPECT * box.width:
        return False
    return (
        MIN_HEIGHT <= box.height <= MAX_HEIGHT * rows
        and box.width <= MAX_ASPECT * box.height
        and box.width <= MAX_HEIGHT * columns
    )


def _pixels(piece: _Piece, contrast: ByteArray, mask: ByteArray) -> ByteArray:
    """The contrast of a piece alone, stretched so that its darkest part is white."""
    box = piece.box
    own = np.zeros((box.height, box.width), np.uint8)
    cv2.drawContours(own, piece.outlines, -1, 255, cv2.FILLED, offset=(-box.left, -box.top))
    ink = np.asarray(cv2.bitwise_and(box.of(contrast), cv2.bitwise_and(own, box.of(mask))), np.uint8)
    levels = ink[ink > 0]
    place = int(DARKEST * len(levels))
    darkest = float(np.partition(levels, place)[place])
    return np.asarray(cv2.convertScaleAbs(ink, alpha=255 / darkest), np.uint8)
