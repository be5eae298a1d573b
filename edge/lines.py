"""[Digit] -> [Line] -> [Reading]: which digits stand together as one number, and in which order they go."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from edge.types import UNSURE, Box, Digit, Line, Reading, Thresholds

ROW_OVERLAP = 0.45
"""Two neighbours are on one row when they share at least this part of the lower one's height."""

ROW_GAP = 8.0
"""Neighbours on one row are at most this far apart, in heights."""

NUMBER_GAP = 0.8
"""Neighbours in one number are at most this far apart, in heights: people leave a space of about a digit's
width, 0.6 heights, between two numbers and less than half of that within one. Loosely written digits win."""

HEIGHT_RATIO = 2.2
"""In one number no digit is more than this much higher than its neighbour."""


def group(digits: list[Digit]) -> list[Line]:
    """Put digits together to numbers.

    Rows may slant or bend: a row is followed from each digit to its right neighbour, never fitted as a whole.

    Returns:
        Numbers in reading order: rows from top to bottom, numbers in a row from left to right.
    """
    return [line for row in _rows(digits) for line in _numbers(row)]


def to_reading(line: Line, thresholds: Thresholds, *, track_id: int | None = None) -> Reading:
    """A line as the user wants it: text with `?` for a digit below the threshold, and a status."""
    sure = [digit.prediction.confidence >= thresholds.accept for digit in line.digits]
    return Reading(
        text="".join(
            str(d.prediction.label) if ok else UNSURE for d, ok in zip(line.digits, sure, strict=True)
        ),
        status="accepted" if all(sure) else "uncertain",
        confidence=min(digit.prediction.confidence for digit in line.digits),
        box=line.box,
        digits=line.digits,
        track_id=track_id,
    )


def _rows(digits: list[Digit]) -> list[list[Digit]]:
    """Digits by row, rows from top to bottom, each from left to right."""
    rows: list[list[Digit]] = []
    for digit in sorted(digits, key=lambda digit: digit.box.centre[0]):
        near = [row for row in rows if _on_one_row(row[-1].box, digit.box)]
        if near:
            min(near, key=lambda row: _distance(row[-1].box, digit.box)).append(digit)
        else:
            rows.append([digit])
    return sorted(rows, key=lambda row: float(np.mean([digit.box.centre[1] for digit in row])))


def _numbers(row: list[Digit]) -> list[Line]:
    """A row cut into numbers where gaps are wide."""
    numbers = [[row[0]]]
    for left, right in pairwise(row):
        height = max(left.box.height, right.box.height)
        close = right.box.left - left.box.right <= NUMBER_GAP * height
        alike = height <= HEIGHT_RATIO * min(left.box.height, right.box.height)
        if close and alike:
            numbers[-1].append(right)
        else:
            numbers.append([right])
    return [Line(tuple(digits)) for digits in numbers]


def _on_one_row(left: Box, right: Box) -> bool:
    lower, higher = sorted((left.height, right.height))
    shared = min(left.bottom, right.bottom) - max(left.top, right.top)
    return shared >= ROW_OVERLAP * lower and right.left - left.right <= ROW_GAP * higher


def _distance(left: Box, right: Box) -> float:
    """Between the middles, up and down counting double: the row goes on beside, not below."""
    (x, y), (x2, y2) = left.centre, right.centre
    return abs(x2 - x) + 2 * abs(y2 - y)
