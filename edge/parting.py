"""Ink -> digits: try cuts where digits touch, put together what broke, and let the classifier judge.

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

from edge.types import Box, ByteArray, Ink, Prediction, areas, intersections, same_places

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

CLEAR = 0.8
"""Confidence from which on what was found first has no rival of about its size."""

SHARED = 0.5
"""Two pieces of which the smaller shares this part of its box cannot both be a digit."""

THETA = 0.4
"""Confidence at which ink is as likely as not to be what it looks most like."""

INSIDE = 0.8
"""A piece was cut out of a larger one when this part of its box is in the other's."""

EXPLAINED = 0.5
"""Share of connected ink that must be digits for any part of it to be one."""

CERTAIN, LEAST_SHARE = 0.95, 1e-3
"""Mean probability of ink, by the marker, from which on it has nothing to say against a piece, and the lowest
that counts."""

SAY = 0.4
"""Power of the marker's odds. (A logistic regression gave validation digits of drawn scenes 0.34 for the
logarithm of them, beside 0.81 for that of the classifier's.)"""

ANY = 0.1
"""Probability of each digit where nothing is known."""

LEAST_WEIGHT = 1e-3
"""Pixels: what the marker is certain of that it is no ink is chosen, all the same, where nothing else is."""

BREAK = 0.15
"""Gap between the pieces of a broken digit, at most, in heights of the higher piece."""

MOST_PAIRS = 24
"""Pairs that are tried in a picture; where there are more, it is no writing."""

MOST_RIVALS = 600
"""Other ways of taking ink that are tried in a picture, those with the most ink first; likewise."""

SLIMMEST = 0.5
"""Width over height from which on ink may be two digits: two slim ones."""

Named = tuple[Ink, Prediction]
"""A piece of ink and what the classifier makes of it."""

Namer = Callable[[list[Ink]], list[Prediction]]
"""What the classifier makes of pieces of ink."""


def read_ink(
    marked: Sequence[Ink],
    doubted: Sequence[Ink],
    again: Callable[[Sequence[Box]], Sequence[Ink]],
    name: Namer,
    sure: float,
) -> list[Named]:
    """Name ink; where it is no clear digit, try it in other ways, and take those that read best together.

    Args:
        marked: ink at the first look.
        doubted: ink that was found otherwise, of which some may be the same.
        again: the same ink in other ways, less what is clear, given the boxes of what is.
        name: says what ink is.
        sure: confidence from which on ink is neither parted nor put together.

    Returns:
        Ink that does not overlap, with what it is: both the classifier and the marker have their say.
    """
    first = _named(marked, name)
    clear = [ink.box for ink, prediction in first if prediction.confidence >= max(sure, CLEAR)]
    others = [*doubted, *(again(clear) if len(clear) < len(first) else ()), *_pairs(first, sure)]
    known = same_places([ink.box for ink in others], clear).sum(axis=1)
    rivals = [others[k] for k in np.flatnonzero(known == 0)]
    rivals = sorted(rivals, key=lambda ink: -ink.weight)[:MOST_RIVALS]
    candidates = first + _named(rivals, name)
    chosen = _explained(choose(candidates + part(candidates, name, sure)), marked)
    return [(ink, believed(prediction, ink.marked)) for ink, prediction in chosen]


def _named(inks: Sequence[Ink], name: Namer) -> list[Named]:
    return list(zip(inks, name(list(inks)), strict=True))


def choose(candidates: Sequence[Named]) -> list[Named]:
    """Of ink that was found in several ways, those that explain the most of it, with the most confidence.

    What a digit explains is the ink that the marker sees in it, times how sure of it the marker is, times how
    far the classifier's confidence is above `THETA`: two touching digits are more than their blot, which
    reads like none, and an 8 is more than the upper loop of it. Sought from the most confident on; a
    candidate takes the place of all that it shares its ink with when it explains more than they do together.

    Args:
        candidates: ink, with what it is; some of it the same.

    Returns:
        Some of them, of which no two share their ink.
    """
    if not candidates:
        return []
    confidence = np.array([prediction.confidence for _, prediction in candidates])
    gain = (confidence - THETA) * [ink.weight * ink.marked + LEAST_WEIGHT for ink, _ in candidates]
    boxes = [ink.box for ink, _ in candidates]
    smaller = np.minimum(areas(boxes), areas(boxes)[:, np.newaxis])
    rivals = intersections(boxes, boxes) >= SHARED * smaller
    chosen = np.zeros(len(candidates), bool)
    for order in (np.argsort(-confidence, kind="stable"), np.argsort(-gain, kind="stable")):
        for k in order:
            if chosen[k] or gain[k] <= 0:
                continue
            beaten = chosen & rivals[k]
            if gain[k] > gain[beaten].sum():
                chosen[beaten] = False
                chosen[k] = True
    return [each for each, kept in zip(candidates, chosen, strict=True) if kept]


def believed(prediction: Prediction, marked: float) -> Prediction:
    """What the classifier says, less sure where the marker is less than `CERTAIN` that it is ink of a digit.

    The odds are multiplied by a power of the marker's odds, as a logistic regression on both would. The rest
    goes to all ten digits alike, as the classifier says of what is none.

    Args:
        prediction: of the classifier.
        marked: mean probability of ink, by the marker.
    """
    odds = [_odds(min(max(p, LEAST_SHARE), 1 - 1e-6)) for p in (marked, CERTAIN, prediction.confidence)]
    if odds[0] >= odds[1] or prediction.confidence <= ANY:
        return prediction
    lower = odds[2] * (odds[0] / odds[1]) ** SAY
    kept = max(0.0, (lower / (1 + lower) - ANY) / (prediction.confidence - ANY))
    return Prediction((prediction.probabilities * kept + ANY * (1 - kept)).astype(np.float32))


def _odds(probability: float) -> float:
    return probability / (1 - probability)


def _explained(chosen: list[Named], wholes: Sequence[Ink]) -> list[Named]:
    """Less what was cut out of connected ink of which the most is no digit: some letters of a word."""
    boxes = [ink.box for ink, _ in chosen]
    around = [ink.box for ink in wholes]
    inside = intersections(boxes, around) > INSIDE * areas(boxes)[:, np.newaxis]
    same = same_places(boxes, around)
    weights = np.array([ink.weight for ink, _ in chosen])
    explained = weights @ inside >= EXPLAINED * np.array([ink.weight for ink in wholes])
    # What is a digit itself explains all of its ink.
    unexplained = inside & ~(explained | same.any(axis=0))
    return [chosen[k] for k in np.flatnonzero(unexplained.sum(axis=1) == 0)]


def _pairs(named: Sequence[Named], sure: float) -> list[Ink]:
    """Neighbours, of which one at least is no clear digit, put together."""
    return [_together(named[i][0], named[j][0]) for i, j in _neighbours(named, sure)]


def _neighbours(named: Sequence[Named], sure: float) -> list[tuple[int, int]]:
    """Pairs of pieces that may be one broken digit, by their places in `named`."""
    if len(named) < 2:
        return []
    left, top, right, bottom = np.array([ink.box.as_list() for ink, _ in named]).T
    doubtful = np.array([prediction.confidence < sure for _, prediction in named])
    height = np.maximum(bottom - top, (bottom - top)[:, np.newaxis])
    across = np.maximum(left - right[:, np.newaxis], left[:, np.newaxis] - right)
    down = np.maximum(top - bottom[:, np.newaxis], top[:, np.newaxis] - bottom)
    whole_width = np.maximum(right, right[:, np.newaxis]) - np.minimum(left, left[:, np.newaxis])
    whole_height = np.maximum(bottom, bottom[:, np.newaxis]) - np.minimum(top, top[:, np.newaxis])
    near = (
        (doubtful | doubtful[:, np.newaxis])
        & (np.maximum(across, down) <= BREAK * height)
        & (whole_width <= WIDEST * whole_height)
    )
    first, second = np.nonzero(np.triu(near, 1))
    return list(zip(first.tolist(), second.tolist(), strict=True))[:MOST_PAIRS]


def _together(one: Ink, other: Ink) -> Ink:
    """Two pieces of ink, of the same picture and scale, as one."""
    box = one.box.union(other.box)
    down, across = (one.pixels.shape[0] / one.box.height, one.pixels.shape[1] / one.box.width)
    pixels = np.zeros((round(box.height * down) + 1, round(box.width * across) + 1), np.uint8)
    for ink in (one, other):
        rows, columns = ink.pixels.shape
        top, left = round((ink.box.top - box.top) * down), round((ink.box.left - box.left) * across)
        place = pixels[top : top + rows, left : left + columns]
        np.maximum(place, ink.pixels[: place.shape[0], : place.shape[1]], out=place)
    return Ink(box, pixels, one.weight + other.weight)


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
