"""What is found on a page, and what is true there: which candidate is which digit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from edge.types import Box, ByteArray, Candidate, FloatArray

NONE, IGNORED = -1, -2
"""In place of a digit's index: what is no digit, and what should not be asked."""

SAME_PLACE = 0.5
"""Intersection over union from which on a candidate is the digit that stands there (as in PASCAL VOC)."""

SLIM = 0.5
"""Width of a digit, in heights, below which its box is widened where only its place matters. (Of the drawn
1s that are found, 24 % have a box that shares less than half with the true one; of other digits 0.5 %.)"""

IGNORED_SHARE = 0.3
"""A candidate of whose box more lies where nothing should be asked is left out."""


def match(boxes: FloatArray, true: FloatArray, ignored: FloatArray) -> npt.NDArray[np.int64]:
    """Which digit each candidate is; each digit is one candidate at most.

    Args:
        boxes: of the candidates, surest first, shape (n, 4).
        true: boxes of the digits, shape (m, 4).
        ignored: share of each candidate's box in which nothing should be asked, shape (n,).

    Returns:
        Index of the digit, `NONE`, or `IGNORED`, which is also what has half of the overlap that a digit
        needs: nobody would call it wrong. Shape (n,).
    """
    shared = overlaps(_widened(boxes), _widened(true))
    found = np.where(ignored > IGNORED_SHARE, IGNORED, NONE).astype(np.int64)
    if len(true):
        found[shared.max(axis=1) >= SAME_PLACE / 2] = IGNORED
    taken = np.zeros(len(true), bool)
    for k in range(len(boxes) if len(true) else 0):
        best = int(np.where(taken, 0, shared[k]).argmax())
        if shared[k, best] >= SAME_PLACE and not taken[best]:
            taken[best], found[k] = True, best
    return found


def overlaps(boxes: FloatArray, others: FloatArray) -> FloatArray:
    """Intersection over union of each box with each other, shape (len(boxes), len(others))."""
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    shared = np.maximum(high - low, 0).prod(axis=2)
    area = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)[:, None] + (others[:, 2:] - others[:, :2]).prod(axis=1)
    return np.asarray(shared / np.maximum(area - shared, 1e-6), np.float32)


def boxes_of(candidates: Sequence[Candidate]) -> FloatArray:
    """Left, top, right and bottom of each, shape (n, 4), float32."""
    return as_array([candidate.box for candidate in candidates])


def as_array(boxes: Sequence[Box]) -> FloatArray:
    """The same of boxes."""
    return np.array([box.as_list() for box in boxes], np.float32).reshape(-1, 4)


def _widened(boxes: FloatArray) -> FloatArray:
    """Boxes that are at least half as wide as they are high: a pixel beside a slim 1 is no other place."""
    left, top, right, bottom = boxes.T
    more = np.maximum(0, SLIM * (bottom - top) - (right - left)) / 2
    return np.stack([left - more, top, right + more, bottom], axis=1)


def shares(candidates: Sequence[Candidate], mask: ByteArray) -> FloatArray:
    """Which share of each candidate's box a mask covers, shape (n,), float32."""
    parts = [candidate.box.of(mask) for candidate in candidates]
    return np.array([(part > 0).mean() if part.size else 0 for part in parts], np.float32)
