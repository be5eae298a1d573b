"""Ink -> named ink: of the ways in which ink may be taken, the one that the networks believe most.

Where the first look is not clear, the same ink is found in other ways, put together and parted; the
classifier names all of that, and what explains most ink with most confidence is chosen.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

import numpy as np

from edge.by_ink.parting import WIDEST, Named, Namer, part, strips
from edge.by_ink.pieces import Ink, areas, intersections, same_places
from edge.by_ink.segment import Found
from edge.types import Prediction

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

ALIKE = 0.25
"""Ink is of about a size where the logarithms of the heights differ by this much, a standard deviation."""

DIGITS_AT_LEAST, OTHERS_AT_LEAST = 3.0, 6.0
"""Pieces of ink, digits and others, that stand for what is known before anything is seen: a lone one is less
likely a digit. (Chosen, with `ALIKE`, on drawn scenes of validation digits.)"""

ANY = 0.1
"""Probability of each digit where nothing is known."""

LEAST_WEIGHT = 1e-3
"""Pixels: what the marker is certain of that it is no ink is chosen, all the same, where nothing else is."""

BREAK = 0.15
"""Gap between the pieces of a broken digit, at most, in heights of the higher piece."""

ENOUGH = 3
"""Digits from which on it is known how high they are in a picture."""

AS_ONE = 0.3
"""What the odds are multiplied by of a digit that is much higher than the others and may be two, or more."""

MOST_STRIPS = 300
"""Lines that are cut out of higher ink in a picture, those with the most ink first; likewise."""

MOST_PAIRS = 24
"""Pairs that are tried in a picture; where there are more, it is no writing."""

MOST_RIVALS = 600
"""Other ways of taking ink that are tried in a picture, those with the most ink first; likewise."""


def read_ink(found: Found, name: Namer, sure: float) -> list[Named]:
    """Name ink; where it is no clear digit, try it in other ways, and take those that read best together.

    Args:
        found: the ink of a picture.
        name: says what ink is.
        sure: confidence from which on ink is neither parted nor put together.

    Returns:
        Ink that does not overlap, with what it is: the classifier, the marker and the rest of the picture
        have their say.
    """
    first = _named(found.marked, name)
    clear = [ink.box for ink, prediction in first if prediction.confidence >= max(sure, CLEAR)]
    again = found.again(clear) if len(clear) < len(first) else []
    others = found.doubted(clear) + again + _pairs(first, sure)
    known = same_places([ink.box for ink in others], clear).sum(axis=1)
    rivals = [others[k] for k in np.flatnonzero(known == 0)]
    rivals = sorted(rivals, key=lambda ink: -ink.weight)[:MOST_RIVALS]
    candidates = _stacked(first + _named(rivals, name), name, sure)
    chosen = _explained(choose(candidates + part(candidates, name, sure)), found.marked)
    taken = intersections([ink.box for ink, _ in first], [ink.box for ink, _ in chosen]).any(axis=1)
    strangers = [first[k] for k in np.flatnonzero(~taken)]
    return in_company([(ink, believed(prediction, ink.marked)) for ink, prediction in chosen], strangers)


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
    gain = np.array(_gains(candidates))
    boxes = [ink.box for ink, _ in candidates]
    area = areas(boxes)
    smaller = np.minimum(area, area[:, np.newaxis])
    rivals = intersections(boxes, boxes) >= SHARED * smaller  # each is its own
    contested = rivals.sum(axis=1) > 1
    chosen = (gain > 0) & ~contested
    for order in (np.argsort(-confidence, kind="stable"), np.argsort(-gain, kind="stable")):
        for k in order[contested[order]]:
            if chosen[k] or gain[k] <= 0:
                continue
            beaten = chosen & rivals[k]
            if gain[k] > gain[beaten].sum():
                chosen[beaten] = False
                chosen[k] = True
    return [each for each, kept in zip(candidates, chosen, strict=True) if kept]


def explained(named: Sequence[Named]) -> float:
    """How much ink digits explain, as `choose` counts it."""
    return sum(gain for gain in _gains(named) if gain > 0)


def _gains(named: Sequence[Named]) -> list[float]:
    return [
        (prediction.confidence - THETA) * (ink.weight * ink.marked + LEAST_WEIGHT)
        for ink, prediction in named
    ]


def believed(prediction: Prediction, marked: float) -> Prediction:
    """What the classifier says, less sure where the marker is less than `CERTAIN` that it is ink of a digit.

    The odds are multiplied by a power of the marker's odds, as a logistic regression on both would. The rest
    goes to all ten digits alike, as the classifier says of what is none.

    Args:
        prediction: of the classifier.
        marked: mean probability of ink, by the marker.
    """
    marked, certain = (_odds(min(max(p, LEAST_SHARE), 1 - 1e-6)) for p in (marked, CERTAIN))
    return _weighed(prediction, min(1.0, (marked / certain) ** SAY))


def in_company(named: Sequence[Named], strangers: Sequence[Named] = ()) -> list[Named]:
    """What ink is, in view of the other ink of about its size in the picture.

    Where most of it is digits, this is one too, however faintly it looks like one; among letters and stains,
    what looks like a digit may be none. How likely ink of a size is a digit follows from how much of it is
    (Laplace's rule of succession); by this the odds are multiplied.

    Args:
        named: ink that is taken for digits, with what it is.
        strangers: ink that is not.

    Returns:
        `named`, surer or less sure.
    """
    everything = [*named, *strangers]
    size = np.log([ink.box.height for ink, _ in everything])
    alike = np.exp(-(((size - size[:, np.newaxis]) / ALIKE) ** 2) / 2)
    np.fill_diagonal(alike, 0)
    digit = np.array([prediction.confidence for _, prediction in named] + [0.0] * len(strangers))
    odds = (DIGITS_AT_LEAST + alike @ digit) / (OTHERS_AT_LEAST + alike @ (1 - digit))
    return [
        (ink, _weighed(prediction, by)) for (ink, prediction), by in zip(named, odds.tolist(), strict=False)
    ]


def _weighed(prediction: Prediction, by: float) -> Prediction:
    """With the odds of its digit multiplied; it stays the most probable.

    Surer, all others lose alike. Less sure, the rest goes to all ten alike, as the classifier says of what is
    no digit.
    """
    confidence = prediction.confidence
    if by == 1 or not ANY < confidence < 1:
        return prediction
    odds = _odds(confidence) * by
    now = odds / (1 + odds)
    if by < 1:
        kept = max(0.0, (now - ANY) / (confidence - ANY))
        return Prediction((prediction.probabilities * kept + ANY * (1 - kept)).astype(np.float32))
    probabilities = prediction.probabilities * ((1 - now) / (1 - confidence))
    probabilities[prediction.label] = now
    return Prediction(probabilities.astype(np.float32))


def _odds(probability: float) -> float:
    return probability / (1 - probability)


def _explained(chosen: list[Named], wholes: Sequence[Ink]) -> list[Named]:
    """Less what was cut out of connected ink of which the most is no digit: some letters of a word."""
    boxes = [ink.box for ink, _ in chosen]
    around = [ink.box for ink in wholes]
    inside = intersections(boxes, around) > INSIDE * areas(boxes)[:, np.newaxis]
    weights = np.array([ink.weight for ink, _ in chosen])
    explained = weights @ inside >= EXPLAINED * np.array([ink.weight for ink in wholes])
    unexplained = inside & ~explained
    if not unexplained.any():
        return chosen
    # What is a digit itself explains all of its ink.
    unexplained &= ~same_places(boxes, around).any(axis=0)
    return [chosen[k] for k in np.flatnonzero(unexplained.sum(axis=1) == 0)]


def _stacked(named: Sequence[Named], name: Namer, sure: float) -> list[Named]:
    """With the lines that ink may be which is much higher than the digits of the picture.

    An 8 that is twice as high as they are may be a 6 that touches the 0 below it.
    """
    heights = [ink.box.height for ink, prediction in named if prediction.confidence >= sure]
    if len(heights) < ENOUGH:
        return list(named)
    height = median(heights)
    wholes: list[Named] = []
    lines: list[Ink] = []
    for ink, prediction in named:
        within = strips(ink, height)
        wholes.append((ink, _weighed(prediction, AS_ONE) if within else prediction))
        lines += within
    return wholes + _named(sorted(lines, key=lambda ink: -ink.weight)[:MOST_STRIPS], name)


def _pairs(named: Sequence[Named], sure: float) -> list[Ink]:
    """Neighbours, of which one at least is no clear digit, put together."""
    return [_together(named[i][0], named[j][0]) for i, j in _neighbours(named, sure)]


def _neighbours(named: Sequence[Named], sure: float) -> list[tuple[int, int]]:
    """Pairs of pieces that may be one broken digit, by their places in `named`."""
    if len(named) < 2:
        return []
    doubtful = np.array([prediction.confidence < sure for _, prediction in named])
    if not doubtful.any():
        return []
    left, top, right, bottom = np.array([ink.box.as_list() for ink, _ in named]).T
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
