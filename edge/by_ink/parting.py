"""Ink -> parts of it: cuts where digits may touch, of which the classifier says which read best.

Candidates for cuts are straight lines, at several slants, that cross less ink than those beside them. Every
run of parts between two cuts may be a digit; of all ways to divide the ink, the best is the one whose digits
are most probable together (recognition-based segmentation, as in Casey and Lecolinet, "A Survey of Methods
and Strategies in Character Segmentation", 1996). Ink that is much higher than a digit is first cut across,
into lines.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from edge.by_ink.pieces import Ink
from edge.types import Box, ByteArray, FloatArray, Prediction

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

STACKED = 1.8
"""Heights of a digit from which on ink may be lines that touch, one below the other."""

WRITTEN = 0.5
"""Mean probability of ink, by the marker, of lines that touch."""

SLOPES = (0.0, 0.1, -0.1, 0.2, -0.2)
"""Pixels that a cut between lines falls from one column to the next."""

GAP = 0.35
"""Of the most ink that a line crosses on either side, a cut between two crosses less than this share."""

LINE_HEIGHT = 0.8, 1.4
"""Lowest and highest line of digits, in heights of a digit."""

MOST_LINES = 7
"""In one piece of ink."""

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
    small = _scaled(ink.pixels, ROWS / rows)
    owner = np.zeros(small.shape, np.uint8)
    cuts, left_of_last, all_ink = 0, 0.0, float(small.sum())
    least = SPLINTER * all_ink * min(1.0, rows / columns)
    for cut in _cuts(small):
        right_of = np.arange(small.shape[1]) >= cut[:, np.newaxis]
        left_of = all_ink - float(small[right_of].sum())
        if left_of - left_of_last >= least and all_ink - left_of >= least:
            owner += right_of
            cuts, left_of_last = cuts + 1, left_of
    return [run for run in _runs(ink, owner, cuts) if _may_be_digit(run.ink, ink)]


def strips(ink: Ink, height: float) -> list[Ink]:
    """Parts of ink that may be lines of digits, where those of one line touch those of the next.

    Args:
        ink: of any size.
        height: of a digit, pixels of the picture.

    Returns:
        Lines that are about as high as a digit; empty where the ink is not much higher, has no gaps, or is
        for the most part no ink of digits: the outline of a hand that points at some.
    """
    if ink.box.height < STACKED * height or ink.marked < WRITTEN:
        return []
    small = _scaled(ink.pixels, ROWS * ink.box.height / height / ink.pixels.shape[0])
    gaps = _gaps(small)
    owner = np.zeros(small.shape, np.uint8)
    for gap in gaps:
        owner += np.arange(small.shape[0])[:, np.newaxis] >= gap
    lowest, highest = (share * height for share in LINE_HEIGHT)
    return [run.ink for run in _runs(ink, owner, len(gaps)) if lowest <= run.ink.box.height <= highest]


def _may_be_digit(part: Ink, whole: Ink) -> bool:
    rows, columns = len(part.pixels), len(part.pixels[0])
    return NARROWEST * rows <= columns <= WIDEST * rows and 3 * rows >= len(whole.pixels)


def _scaled(pixels: ByteArray, scale: float) -> ByteArray:
    rows, columns = pixels.shape
    size = max(1, round(columns * scale)), max(1, round(rows * scale))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8).reshape(size[::-1])


def _runs(ink: Ink, owner: ByteArray, cuts: int) -> Iterable[Run]:
    """The parts of ink between any two cuts; nothing where there are no cuts.

    Args:
        ink: what is cut.
        owner: to which part each pixel belongs: how many cuts are before it; of any size.
        cuts: how many there are.
    """
    if not cuts:
        return
    rows, columns = ink.pixels.shape
    owner = np.asarray(cv2.resize(owner, (columns, rows), interpolation=cv2.INTER_NEAREST), np.uint8)
    whole = cv2.sumElems(ink.pixels)[0]
    for start in range(cuts + 1):
        for end in range(start + 1, cuts + 2):
            inside = cv2.inRange(owner, start, end - 1)
            pixels = np.asarray(cv2.bitwise_and(ink.pixels, inside), np.uint8)
            left, top, width, height = cv2.boundingRect(pixels)
            if width and height:
                place = Box(left, top, left + width, top + height)
                weight = ink.weight * cv2.sumElems(pixels)[0] / whole
                yield Run(start, end, Ink(_placed(place, ink), place.of(pixels), weight))


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
    """Where cuts may go, left to right: the column in each row, shape (rows,)."""
    rows, columns = ink.shape
    margin = max(1, round(NARROWEST * rows))
    found = [
        (float(crossed[column]), int(column), slant)
        for slant, crossed in _crossed(ink, SLANTS)
        for column in _valleys(crossed)
        if margin <= column < columns - margin and crossed[column] < MOST_INK * rows
    ]
    return _apart(found, APART * rows, max(1, round(CUTS_PER_HEIGHT * columns / rows)), rows)


def _gaps(ink: ByteArray) -> list[npt.NDArray[np.float64]]:
    """Where cuts between lines of digits, ROWS high, may go, downwards: the row in each column."""
    found = [
        (float(crossed[row]), int(row), slope)
        for slope, crossed in _crossed(np.ascontiguousarray(ink.T), SLOPES)
        for row in _valleys(crossed)
        if crossed[row] < GAP * min(crossed[:row].max(), crossed[row + 1 :].max())
    ]
    return _apart(found, ROWS / 3, MOST_LINES - 1, ink.shape[1])


def _crossed(ink: ByteArray, slants: Sequence[float]) -> Iterable[tuple[float, FloatArray]]:
    """For each slant, and each column that a cut may have in the middle row: what ink the cut would cross."""
    rows, columns = ink.shape
    cost = np.asarray(ink / np.float32(255) + np.float32(HOLE) * _holes(ink), np.float32)
    for slant in slants:
        # After the shear the cut is a column.
        shear = np.array([[1, slant, -slant * (rows - 1) / 2], [0, 1, 0]])
        yield (
            slant,
            cv2.warpAffine(cost, shear, (columns, rows)).sum(axis=0) + np.float32(LEAN_COST * abs(slant)),
        )


def _valleys(crossed: FloatArray) -> npt.NDArray[np.intp]:
    left, here, right = crossed[:-2], crossed[1:-1], crossed[2:]
    return 1 + np.flatnonzero((here <= left) & (here <= right))


def _apart(
    found: list[tuple[float, int, float]], least: float, most: int, rows: int
) -> list[npt.NDArray[np.float64]]:
    """The cuts that cross least ink, some columns apart.

    Args:
        found: what each crosses, its column in the middle row, and its slant.
        least: columns from one to the next.
        most: how many may be taken.
        rows: that they go through.

    Returns:
        From left to right, the column in each row.
    """
    taken: list[tuple[int, float]] = []
    for _, column, slant in sorted(found, key=lambda valley: valley[0]):
        if len(taken) < most and all(abs(column - other) >= least for other, _ in taken):
            taken.append((column, slant))
    lean = np.arange(rows, dtype=np.float64) - (rows - 1) / 2
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
