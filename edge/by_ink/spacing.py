"""[Digit] -> [Line], by the gaps between digits alone: which stand together as one number."""

from __future__ import annotations

import math
from itertools import pairwise
from operator import mul
from statistics import median_high

from edge.lines import rows_of
from edge.types import Digit, Line

HEIGHT_RATIO = 2.2
"""In one number no digit is more than this much higher than another beside it."""

USUAL_CUT = 0.7
"""Gap, in heights, at which one number ends and another starts where nothing better is known: people leave
about a digit's width, 0.6 heights or more, between two numbers and less than half of that within one."""

TIGHTEST_CUT, LOOSEST_CUT = 0.3, 1.3
"""Gaps below the first are within a number however tightly all is written, gaps above the second are between
two however loosely."""

CUT_INERTIA = 0.3
"""Heights of gap that a cut must win for each height that it lies from the usual one."""

LEAST_CELLS = 6
"""Distances from digit to digit that it takes to recognise a form: fewer are regular by chance."""

MOST_CELLS = 5
"""From one digit of a number to the next: farther away, any distance is nearly a whole number of cells."""

CELL_ERROR = 0.15
"""In cells, root mean square: how far the distances in a form are from whole numbers of cells. Where nothing
is regular it is 0.29."""


def group(digits: list[Digit]) -> list[Line]:
    """Put digits together to numbers.

    Rows may slant, bend and diverge: a row is followed from each digit to its right neighbour, in the
    direction that the writing has around there. What gap parts two numbers is taken from the gaps of the
    whole picture, since one hand writes tightly and another loosely; in the cells of a form, where digits
    stand at regular distances, a row is one number.

    Args:
        digits: of one picture, in any order; the result does not depend on it.

    Returns:
        Numbers in reading order: rows from top to bottom, numbers in a row from left to right.
    """
    if not digits:
        return []
    # A speck or a digit of another size between two digits does not part them.
    rows = [_by_height(row) for row in rows_of(digits)]
    cut = _cut([pair for main, _ in rows for pair in pairwise(main)])
    lines = []
    for row in rows:
        numbers = [number for part in row for number in _numbers(part, cut)]
        lines += sorted(numbers, key=lambda number: number.digits[0].box.centre)
    return lines


def _by_height(row: list[Digit]) -> tuple[list[Digit], list[Digit]]:
    """The digits of a row that are about as high as most or higher, and those much lower."""
    heights = sorted(digit.box.height for digit in row)
    least = heights[len(heights) // 2] / HEIGHT_RATIO
    return (
        [digit for digit in row if digit.box.height >= least],
        [digit for digit in row if digit.box.height < least],
    )


def _numbers(row: list[Digit], cut: float) -> list[Line]:
    """A row cut into numbers where gaps are wide or heights differ."""
    numbers: list[list[Digit]] = [row[:1]] if row else []
    for left, right in pairwise(row):
        lower, higher = sorted((left.box.height, right.box.height))
        if _gap(left, right) <= cut and higher <= HEIGHT_RATIO * lower:
            numbers[-1].append(right)
        else:
            numbers.append([right])
    return [Line(tuple(digits)) for digits in numbers]


def _gap(left: Digit, right: Digit) -> float:
    """Between two neighbours, in heights; below 0 where their boxes overlap."""
    return (right.box.left - left.box.right) / max(left.box.height, right.box.height)


def _cut(neighbours: list[tuple[Digit, Digit]]) -> float:
    """The gap that parts numbers, in heights: in the middle of the widest step between the gaps there are.

    It is infinite in a form, where digits stand at regular distances, too far for tight writing.
    """
    gaps = [_gap(left, right) for left, right in neighbours]
    if len(gaps) >= LEAST_CELLS:
        cells, error = _cells([right.box.centre[0] - left.box.centre[0] for left, right in neighbours])
        # Not of all: with wide gaps between its numbers, tight writing may be regular by chance.
        adjoining = [gap for gap, count in zip(gaps, cells, strict=True) if count == 1]
        if error < CELL_ERROR and adjoining and median_high(adjoining) > TIGHTEST_CUT:
            return math.inf
    gaps.sort()
    steps = pairwise([TIGHTEST_CUT, *(gap for gap in gaps if TIGHTEST_CUT < gap < LOOSEST_CUT), LOOSEST_CUT])
    return max(
        (wider - gap - CUT_INERTIA * abs((gap + wider) / 2 - USUAL_CUT), (gap + wider) / 2)
        for gap, wider in steps
    )[1]


def _cells(distances: list[float]) -> tuple[list[int], float]:
    """How many cells there are from digit to digit if it is a form; cells may be empty.

    Args:
        distances: middle to middle, in pixels, at least one.

    Returns:
        Whole numbers, and how far the distances are from them, in cells, root mean square.
    """
    # Of near neighbours, not the nearest: that may be a split digit. Specks may even stand above each other.
    cell = max(1.0, sorted(distances)[len(distances) // 8])
    for _ in range(3):  # least squares; then few digits change cells any more
        counts = [min(max(1, round(distance / cell)), MOST_CELLS) for distance in distances]
        cell = sum(map(mul, counts, distances)) / sum(map(mul, counts, counts))
    off = (distance / cell - count for distance, count in zip(distances, counts, strict=True))
    return counts, math.sqrt(sum(error * error for error in off) / len(distances))
