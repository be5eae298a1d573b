"""[Digit] -> [Line] -> [Reading]: which digits stand together as one number, and in which order they go."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from edge.types import MINUS, SIGNS, UNSURE, WITHIN, Digit, Line, Reading, Thresholds

Reals = npt.NDArray[np.float64]

DASH = SIGNS.index("-")

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

SPECK = 2.2
"""A digit that is this many times lower than its row does not lead it on."""


@dataclass(frozen=True, slots=True)
class Linking:
    """Whether two neighbours in a row belong to one number: weights of a logistic regression.

    They are fitted on drawn pages of hands that the page network has not learned from (`convert.pair`), and
    stand in its card.

    Attributes:
        constant: to which are added:
        link: times the mean of the two logits by which the page network says that the left digit's number
            goes on to the right, and the right one's to the left;
        gap: times the gap between them, in heights of the higher one;
        size: times the absolute logarithm of the ratio of their heights.
    """

    constant: float
    link: float
    gap: float
    size: float

    def joins(self, left: Digit, right: Digit) -> bool:
        """Whether it is as likely as not that they do."""
        weights = self.constant, self.link, self.gap, self.size  # `astuple` takes 30 times as long
        return sum(weight * x for weight, x in zip(weights, neighbourhood(left, right), strict=True)) >= 0


def neighbourhood(left: Digit, right: Digit) -> tuple[float, float, float, float]:
    """What the weights of `Linking` are for."""
    higher, lower = (f(left.box.height, right.box.height) for f in (max, min))
    return (
        1.0,
        (left.links[1] + right.links[0]) / 2,
        (right.box.left - left.box.right) / max(1, higher),
        math.log(max(1, higher) / max(1, lower)),
    )


def numbers_of(rows: Sequence[Sequence[Digit]], linking: Linking) -> list[Line]:
    """The numbers in rows.

    Where a row's number ends and the next begins, the page network says, who sees the spaces, signs and cells
    of the page. A mark between two digits joins them, whatever their links say, and a minus parts them.

    Args:
        rows: of digits, from left to right.
        linking: tells whether two neighbours belong together.

    Returns:
        Numbers in the order of the rows, those in a row from left to right.
    """
    lines = []
    for row in rows:
        numbers = [[*row[:1]]]
        for left, right in pairwise(row):
            joined = linking.joins(left, right)
            if right.before[WITHIN].sum() >= 0.5:
                joined = True
            elif right.before[MINUS] >= 0.5:
                joined = False
            if joined:
                numbers[-1].append(right)
            else:
                numbers.append([right])
        lines += [Line(tuple(number)) for number in numbers]
    return lines


def signs_of(digits: Sequence[Digit]) -> list[tuple[str, float]]:
    """What is written before each digit of a number, "" or a mark, and the probability of that.

    That there is none has a probability, too. A dash inside of a number and a minus in front of one look
    alike: the digits tell which of the two it is.
    """
    signs = []
    for place, digit in enumerate(digits):
        chances = digit.before.astype(np.float64)
        chances[DASH] += chances[MINUS]
        possible = np.arange(MINUS) if place else np.array([0, DASH])
        best = int(possible[chances[possible].argmax()])
        signs.append((SIGNS[best], float(chances[best])))
    return signs


def to_reading(line: Line, thresholds: Thresholds, *, track_id: int | None = None) -> Reading:
    """A line as the user wants it: text with its marks, `?` for a digit below the threshold, and a status.

    A mark that is in doubt makes the number uncertain, and does not show as `?`: it may be none at all. Of
    a number that was read by a format, all digits are shown where it is certain as a whole, and otherwise
    those of which it is clear which one they are: that they are digits, the format says.
    """
    sure = [digit.prediction.confidence >= thresholds.accept for digit in line.digits]
    signs = signs_of(line.digits)
    if line.chance is None:
        certain = all(sure) and all(
            chance >= (thresholds.mark if sign else thresholds.nothing) for sign, chance in signs
        )
        chances = [*(digit.prediction.confidence for digit in line.digits), *(chance for _, chance in signs)]
    else:
        certain, chances = line.chance >= thresholds.number, [line.chance]
        sure = [one or certain for one in sure]
    return Reading(
        text="".join(
            sign + (str(digit.prediction.label) if ok else UNSURE)
            for (sign, _), digit, ok in zip(signs, line.digits, sure, strict=True)
        ),
        status="accepted" if certain else "uncertain",
        confidence=min(chances),
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


def rows_of(digits: list[Digit]) -> list[list[Digit]]:
    """Digits by row.

    Rows may slant, bend and diverge: a row is followed from each digit to its right neighbour, in the
    direction that the writing has around there.

    Args:
        digits: of one picture, in any order; the result does not depend on it.

    Returns:
        Rows from top to bottom, each from left to right.
    """
    if not digits:
        return []
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
        elif tall * SPECK >= nearest.height:  # a speck does not lead a row astray
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
