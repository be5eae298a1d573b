"""Candidate -> its ink: white strokes on black, without what belongs to its neighbours."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from edge.page import BLOCK, Look
from edge.types import Box, ByteArray, Candidate

MARGIN = 0.15
"""What the network says of a box is this exact, in heights: so much more is looked at on each side."""

PALE = 63
"""Probability of ink, times 255, from which on a pixel may be ink: the mask is a little wider than the
stroke."""

FINE = 32
"""Pixels of height: a candidate that is lower in its look is cut out of the frame, where that is finer."""

SPREAD = 0.8
"""The contrast of full ink is the mean in the mask, which is ink and the paper right beside it, plus this
many standard deviations."""

BLACK, WHITE = 0.15, 0.7
"""Shares of that contrast that become black and white, as in MNIST: borders of strokes stay grey, and faint
ink is as bright as any other."""


def cut_out(grey: ByteArray, looks: Sequence[Look], candidates: Sequence[Candidate]) -> list[ByteArray]:
    """The ink of each candidate.

    Args:
        grey: the frame, shape (rows, columns), uint8.
        looks: at it.
        candidates: seen in them.

    Returns:
        White ink on black, uint8, each of a shape of its own.
    """
    inks = {index: looks[index].ink() for index in {candidate.look for candidate in candidates}}
    boxes = np.array([candidate.box.as_list() for candidate in candidates], np.float32).reshape(-1, 4)
    return [
        _cut(grey, looks[candidate.look], inks[candidate.look], boxes, k)
        for k, candidate in enumerate(candidates)
    ]


def _cut(grey: ByteArray, look: Look, ink: ByteArray, boxes: np.ndarray, k: int) -> ByteArray:
    left, top, right, bottom = boxes[k].tolist()
    room = MARGIN * (bottom - top)
    place = Box(
        int(left - room), int(top - room), int(np.ceil(right + room)), int(np.ceil(bottom + room))
    ).clipped(*grey.shape)
    scale = look.scale
    seen = place.scaled(scale).clipped(*look.picture.shape)
    if seen.width < 1 or seen.height < 1:
        return np.zeros((1, 1), np.uint8)
    likely = seen.of(ink)
    if scale < 1 and (bottom - top) * scale < FINE:
        # The mask is as coarse as the look, the strokes are not.
        place = seen.scaled(1 / scale).clipped(*grey.shape)
        picture, step = place.of(grey), 1.0
        likely = np.asarray(cv2.resize(likely, picture.shape[::-1], interpolation=cv2.INTER_LINEAR), np.uint8)
    else:
        picture, place, step = seen.of(look.picture), seen, scale
    own = np.asarray(cv2.threshold(likely, PALE, 255, cv2.THRESH_BINARY)[1], np.uint8).reshape(picture.shape)
    others = _neighbours(boxes, k, room)
    if len(others):
        own[_nearer_to_others(boxes[k] * step, others * step, place)] = 0
    paper = _paper(look, seen, picture.shape)
    dark = cv2.subtract(paper, picture)
    light = cv2.subtract(picture, paper)
    contrast = dark if cv2.mean(dark, own)[0] >= cv2.mean(light, own)[0] else light
    return strokes(own, np.asarray(contrast, np.uint8))


def _neighbours(boxes: np.ndarray, k: int, room: float) -> np.ndarray:
    """Boxes that reach into a box with room around it, shape (n, 4)."""
    left, top, right, bottom = boxes[k]
    near = (
        (boxes[:, 0] < right + room)
        & (boxes[:, 2] > left - room)
        & (boxes[:, 1] < bottom + room)
        & (boxes[:, 3] > top - room)
    )
    near[k] = False
    return np.asarray(boxes[near])


def _nearer_to_others(box: np.ndarray, others: np.ndarray, place: Box) -> np.ndarray:
    """Pixels of a place that lie further inside another box than inside this one.

    A pixel's distance is that from the middle of a box, in halves of its width and height, the larger.
    """
    x, y = np.arange(place.left, place.right) + 0.5, np.arange(place.top, place.bottom) + 0.5

    def distance(left: float, top: float, right: float, bottom: float) -> np.ndarray:
        across = np.abs(x - (left + right) / 2) / max((right - left) / 2, 0.5)
        down = np.abs(y - (top + bottom) / 2) / max((bottom - top) / 2, 0.5)
        return np.asarray(np.maximum(across[np.newaxis], down[:, np.newaxis]))

    mine = distance(*box)
    nearer = np.zeros(mine.shape, bool)
    for other in others:
        nearer |= distance(*other) < mine
    return nearer


def _paper(look: Look, seen: Box, shape: tuple[int, ...]) -> ByteArray:
    """Brightness of the paper in a part of a look, at this shape."""
    cells = Box(seen.left // BLOCK, seen.top // BLOCK, -(-seen.right // BLOCK), -(-seen.bottom // BLOCK))
    return np.asarray(cv2.resize(cells.of(look.paper), shape[::-1]), np.uint8).reshape(shape)


def strokes(own: ByteArray, contrast: ByteArray) -> ByteArray:
    """White strokes on black, whatever the pen and its colour.

    Args:
        own: 255 where to look, else 0, shape (rows, columns), uint8.
        contrast: levels between paper and ink, the same shape.
    """
    mean, deviation = (float(value[0, 0]) for value in cv2.meanStdDev(contrast, mask=own))
    full = max(1.0, mean + SPREAD * deviation)
    steepness = 255 / (WHITE - BLACK)
    # Less half a level: it is rounded down, as when the classifier learned.
    stroke = cv2.addWeighted(contrast, steepness / full, contrast, 0, -BLACK * steepness - 0.5)
    return np.asarray(cv2.bitwise_and(stroke, own), np.uint8)
