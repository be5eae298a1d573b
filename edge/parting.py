"""Ink -> parts of it: cuts where digits may touch, of which the classifier says which read best.

Candidates for cuts are straight lines, at several slants, that cross less ink than those beside them. Every
run of parts between two cuts may be a digit; of all ways to divide the ink, the best is the one whose digits
are most probable together (recognition-based segmentation, as in Casey and Lecolinet, "A Survey of Methods
and Strategies in Character Segmentation", 1996).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from edge.types import Box, ByteArray, Ink, Prediction

ROWS = 24
"""Height that ink is scaled to while cuts are looked for."""

NARROWEST = 0.12
"""Width over height of the slimmest part, a 1."""

APART = 0.2
"""Columns from one candidate for a cut to the next, in heights."""

WIDEST = 1.4
"""Width over height of the widest part."""

SPLINTER = 0.08
"""Share of the ink, in a square of it, that a part must hold at least."""

CUTS_PER_HEIGHT = 2.5
"""Candidates for cuts in ink as wide as it is high."""

MOST_INK = 0.45
"""Share of its length in which a cut may cross ink: it goes through a joint, not along a stroke."""

SLANTS = (0.0, 0.25, -0.25, 0.5, -0.5)
"""Pixels that a cut goes to the left from one row to the next."""

LEAN_COST = 3.0
"""What a slant of 1 costs a cut, in pixels of ink: of two through one joint, the upright one is taken."""

HOLE = 0.4
"""What a pixel inside a loop costs, likewise: a cut goes between loops, not through one."""

CUT_COST = 0.7
"""Natural logarithms of probability that one more part must win."""

SLIMMEST = 0.5
"""Width over height from which on ink may be two digits: two slim ones."""

Named = tuple[Ink, Prediction]
"""A piece of ink and what the classifier makes of it."""

Namer = Callable[[list[Ink]], list[Prediction]]
"""What the classifier makes of pieces of ink."""


def part(named: Sequence[Named], name: Namer, sure: float) -> list[Named]:
    """Divide the ink that is no clear digit in the way that reads best.

    Args:
        named: ink as it was found.
        name: says what ink is.
        sure: confidence from which on ink is left whole.

    Returns:
        The parts.
    """
    tried = [runs(ink) for ink, prediction in named if prediction.confidence < sure]
    answers = iter(name([run.ink for candidates in tried for run in candidates]))
    parts: list[Named] = []
    for candidates in tried:
        named_runs = [(run.ink, next(answers)) for run in candidates]
        if named_runs:
            confidences = [prediction.confidence for _, prediction in named_runs]
            parts += [named_runs[k] for k in best(candidates, confidences)]
    return parts


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """Consecutive parts of a piece of ink, from part `start` up to, not including, part `end`."""

    start: int
    end: int
    ink: Ink


def runs(ink: Ink) -> list[Run]:
    """All runs of parts that could be a digit by their shape; empty where nothing can be cut."""
    rows, columns = ink.pixels.shape
    if columns < SLIMMEST * rows:
        return []
    small_columns = max(1, round(columns * ROWS / rows))
    small = np.asarray(cv2.resize(ink.pixels, (small_columns, ROWS), interpolation=cv2.INTER_AREA), np.uint8)
    # To which part each pixel belongs: the number of cuts on its left that have left ink behind them.
    owner = np.zeros((ROWS, small_columns), np.uint8)
    cuts, left_of_last, all_ink = 0, 0.0, float(small.sum())
    least = SPLINTER * all_ink * min(1.0, rows / columns)
    for cut in _cuts(small):
        right_of = np.arange(small_columns) >= cut[:, np.newaxis]
        left_of = all_ink - float(small[right_of].sum())
        if left_of - left_of_last >= least and all_ink - left_of >= least:
            owner += right_of
            cuts, left_of_last = cuts + 1, left_of
    if not cuts:
        return []
    owner = np.asarray(cv2.resize(owner, (columns, rows), interpolation=cv2.INTER_NEAREST), np.uint8)
    whole = cv2.sumElems(ink.pixels)[0]
    found = []
    for start in range(cuts + 1):
        for end in range(start + 1, cuts + 2):
            inside = cv2.inRange(owner, start, end - 1)
            pixels = np.asarray(cv2.bitwise_and(ink.pixels, inside), np.uint8)
            left, top, width, height = cv2.boundingRect(pixels)
            if not NARROWEST * height <= width <= WIDEST * height or height < rows / 3:
                continue
            place = Box(left, top, left + width, top + height)
            weight = ink.weight * cv2.sumElems(pixels)[0] / whole
            found.append(Run(start, end, Ink(_placed(place, ink), place.of(pixels), weight)))
    return found


def best(candidates: Sequence[Run], confidences: Sequence[float]) -> list[int]:
    """The runs that divide the ink best.

    Args:
        candidates: of `runs`.
        confidences: how probable each is as the digit that it looks most like.

    Returns:
        Indices of the candidates, from left to right; empty where none of the ways covers all parts.
    """
    parts = max(run.end for run in candidates)
    gain = np.log(confidences) - CUT_COST
    totals = np.full(parts + 1, -np.inf)
    totals[0] = 0.0
    last = np.full(parts + 1, -1)
    for index in sorted(range(len(candidates)), key=lambda index: candidates[index].end):
        run = candidates[index]
        total = totals[run.start] + gain[index]
        if total > totals[run.end]:
            totals[run.end], last[run.end] = total, index
    chosen: list[int] = []
    end = parts
    while end and last[end] >= 0:
        chosen.insert(0, int(last[end]))
        end = candidates[chosen[0]].start
    return chosen if end == 0 else []


def _cuts(ink: ByteArray) -> list[npt.NDArray[np.float64]]:
    """Where cuts may go, left to right: the column in each row, shape (ROWS,)."""
    rows, columns = ink.shape
    cost = np.asarray(ink / np.float32(255) + np.float32(HOLE) * _holes(ink), np.float32)
    lean = np.arange(rows) - (rows - 1) / 2
    margin = max(1, round(NARROWEST * rows))
    found: list[tuple[float, int, float]] = []
    for slant in SLANTS:
        # After the shear the cut is a column.
        shear = np.array([[1, slant, slant * lean[0]], [0, 1, 0]])
        crossed = cv2.warpAffine(cost, shear, (columns, rows)).sum(axis=0) + LEAN_COST * abs(slant)
        left, here, right = crossed[:-2], crossed[1:-1], crossed[2:]
        valleys = 1 + np.flatnonzero((here <= left) & (here <= right) & (here < MOST_INK * rows))
        found += [
            (float(crossed[column]), int(column), slant)
            for column in valleys
            if margin <= column < columns - margin
        ]
    most = max(1, round(CUTS_PER_HEIGHT * columns / rows))
    taken: list[tuple[int, float]] = []
    for _, column, slant in sorted(found, key=lambda valley: valley[0]):
        if len(taken) < most and all(abs(column - other) >= APART * rows for other, _ in taken):
            taken.append((column, slant))
    return [column - slant * lean for column, slant in sorted(taken)]


def _holes(ink: ByteArray) -> npt.NDArray[np.bool_]:
    """Which pixels without ink are surrounded by it."""
    mask = cv2.threshold(ink, 63, 255, cv2.THRESH_BINARY)[1]
    outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = cv2.drawContours(np.zeros_like(ink), outlines, -1, 255, cv2.FILLED)
    return np.asarray((filled > 0) & (mask == 0), bool)


def _placed(box: Box, ink: Ink) -> Box:
    """A box in pixels of a piece of ink, in the picture that it is from."""
    across, down = ink.box.width / ink.pixels.shape[1], ink.box.height / ink.pixels.shape[0]
    return Box(
        ink.box.left + int(box.left * across),
        ink.box.top + int(box.top * down),
        ink.box.left + round(box.right * across),
        ink.box.top + round(box.bottom * down),
    )
