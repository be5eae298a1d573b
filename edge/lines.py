"""[Digit] -> [Line] -> [Reading]: which digits stand together as one number, and in which order they go."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import pairwise
from operator import mul
from statistics import median_high

import numpy as np
import numpy.typing as npt

from edge.types import UNSURE, Digit, Line, Reading, Thresholds

Reals = npt.NDArray[np.float64]

SLOPES = np.linspace(-0.5, 0.5, 21)
"""Slopes that a row may have, down over right: up to 27 degrees. Finer steps than these 3 degrees order no
page better, since rows are followed from digit to digit."""

LEVEL = 1 - 0.3 * np.abs(SLOPES) / SLOPES.max()
"""What a vote for each slope counts: the steepest less by this much, as most writing is nearly level."""

REACH = 6.0
"""Two digits at most this far apart, in heights, say something about the slope of their row: farther, one
degree more or less leads to another row."""

VOTE_WIDTH = 0.4
"""A pair also votes for slopes that miss the second digit by up to this much, in heights: within a number
digits stand a quarter of a height higher or lower."""

NEIGHBOURHOOD = 6.0
"""Votes count by their distance from a digit, a Gaussian of this many heights; bent paper and perspective
turn the rows of one page differently."""

ROW_OVERLAP = 0.45
"""A digit goes on with a row when it shares at least this part of the lower height with where it goes."""

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
    rows = [_by_height(row) for row in _rows(digits)]
    cut = _cut([pair for main, _ in rows for pair in pairwise(main)])
    lines = []
    for row in rows:
        numbers = [number for part in row for number in _numbers(part, cut)]
        lines += sorted(numbers, key=lambda number: number.digits[0].box.centre)
    return lines


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


@dataclass(slots=True)
class _Row:
    """A row as far as it has been followed: where it is (x, y), how high its digits are, where it leads."""

    x: float
    y: float
    height: float
    slope: float
    digits: list[Digit] = field(default_factory=list)
    levels: list[float] = field(default_factory=list)  # y of each digit, followed to the picture's middle

    def expect(self, x: float, slope: float) -> float:
        """The y at which the row comes by, given the slope there."""
        return self.y + (self.slope + slope) / 2 * (x - self.x)

    def follow(self, x: float, y: float, height: float, slope: float) -> None:
        """Go on to the next digit, halfway as high or low as it: digits stray more than rows do."""
        self.y = (self.expect(x, slope) + y) / 2
        self.height = (self.height + height) / 2
        self.x, self.slope = x, slope


def _rows(digits: list[Digit]) -> list[list[Digit]]:
    """Digits by row, rows from top to bottom, each from left to right."""
    digits = sorted(digits, key=lambda digit: (digit.box.centre, digit.box.as_list()))
    x, y = np.array([digit.box.centre for digit in digits]).T
    height = np.array([digit.box.height for digit in digits], np.float64)
    slope = slopes(x, y, height)
    level = y + slope * ((x[0] + x[-1]) / 2 - x)
    rows: list[_Row] = []
    places = zip(x.tolist(), y.tolist(), height.tolist(), slope.tolist(), level.tolist(), strict=True)
    for digit, (here, up, tall, lead, at) in zip(digits, places, strict=True):
        nearest, miss = None, math.inf
        for row in rows:
            off = abs(row.expect(here, lead) - up)
            if off < miss and row.x < here and _overlap(off, row.height, tall) >= ROW_OVERLAP:
                nearest, miss = row, off
        if nearest is None:
            nearest = _Row(here, up, tall, lead)
            rows.append(nearest)
        elif tall * HEIGHT_RATIO >= nearest.height:  # a speck does not lead a row astray
            nearest.follow(here, up, tall, lead)
        nearest.digits.append(digit)
        nearest.levels.append(at)
    return [row.digits for row in sorted(rows, key=lambda row: sum(row.levels) / len(row.levels))]


def slopes(x: Reals, y: Reals, height: Reals) -> Reals:
    """The slope of the writing around each digit.

    Every pair of digits that may be neighbours in a row votes for the slopes that lead from one to the other,
    the more the nearer they are. Rows agree, the ways across them do not.

    Args:
        x: middles of the digits, shape (n,), pixels.
        y: the same.
        height: of the digits, shape (n,), pixels.

    Returns:
        Pixels down for each to the right, shape (n,); 0 where nothing tells.
    """
    across, down = x - x[:, None], y - y[:, None]
    scale = np.sqrt(height * height[:, None])
    dx, dy = across / scale, down / scale
    left, right = np.nonzero((dx > 0.25) & (dx < REACH) & (np.abs(dy) < 0.6 * dx))
    if not len(left):
        return np.zeros_like(x)
    dx, dy = dx[left, right, None], dy[left, right, None]
    votes = np.maximum(0, 1 - np.abs(dy - dx * SLOPES) / VOTE_WIDTH) / (1 + dx)
    # Added up for each digit that is the left one of pairs; `left` is sorted.
    first = np.flatnonzero(np.append(True, left[1:] != left[:-1]))
    votes, left = np.add.reduceat(votes, first), left[first]
    # Distances up and down count double: the next row's votes are worth less than this one's.
    distance = (across[left] ** 2 + (2 * down[left]) ** 2) / (NEIGHBOURHOOD * height.mean()) ** 2
    likeliest: Reals = SLOPES[(np.exp(-distance.T / 2) @ votes * LEVEL).argmax(axis=1)]
    return likeliest


def _overlap(off: float, height: float, other: float) -> float:
    """The part of the lower of two heights that they share when their middles are `off` apart."""
    lower = min(height, other)
    return min(lower, (height + other) / 2 - off) / lower


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
