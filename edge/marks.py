"""Digits in rows -> the marks between and before them: points, commas, colons, slashes and minus signs.

A mark is too small to be seen like a digit: it is looked for where there is room for one, between two
neighbours and before the first digit of a number. Two things tell whether one stands there and which: what
the page network says of the cells there, and the pieces of ink there that belong to neither digit: their
size, and their place over the base line of the digits beside them. A small network, which is fitted on drawn
numbers when the page network is converted (`convert.pair`), makes probabilities of both.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from edge.formats import MARKS
from edge.fusion import log_softmax
from edge.page import BLOCK, CHANNELS, Look
from edge.types import NOTHING, SIGNS, Box, ByteArray, Digit, FloatArray

Reals = npt.NDArray[np.float64]

REACH = 2.5
"""Heights between two digits up to which a mark between them is looked for; beyond, only a minus."""

BEFORE = 1.3
"""Heights before the first digit of a number in which its minus is looked for."""

ROOM = 0.25
"""Heights by which the boxes of digits may hide a mark on each side: a comma hangs under a 7."""

ABOVE, BELOW = 0.3, 0.5
"""Heights over the digits and under them in which a mark is looked for."""

HEIGHT = 40
"""Pixels of a digit's height in which pieces of ink are looked for, at most."""

SEEN = 0.4
"""Share of the contrast of the digits' strokes from which on something is ink: points are small, and
therefore paler."""

STROKE = 0.5
"""Width of the widest stroke, in heights."""

SMALLEST = 0.04
"""Side of the smallest piece that may be a mark, in heights."""

PIECES, FACTS = 2, 8
"""Pieces of ink that are told of each place, the largest, and what is told of each."""

LOGIT = 5
"""Place among these of the page network's logit of a mark."""

FEATURES = 5 + 4 + len(MARKS) + PIECES * FACTS + 2
"""What is told of each place; see `Places.features`."""


@dataclass(frozen=True, slots=True, eq=False)
class Marking:
    """Tells the marks: a network with one hidden layer. Its weights stand in the page network's card.

    Attributes:
        hidden: weights and, in the last row, constants of the hidden layer, shape (FEATURES + 1, n).
        outer: the same of `SIGNS`, shape (n + 1, len(SIGNS)).
        accept: probability of what is written from which on it is certain.
        least: the page network's logit of a mark below which the ink is not searched, and nothing is written.
    """

    hidden: Reals
    outer: Reals
    accept: float
    least: float

    def __call__(self, features: Reals) -> FloatArray:
        """Probabilities of `SIGNS`, shape (places, len(SIGNS)), of their features."""
        inner = np.tanh(features @ self.hidden[:-1] + self.hidden[-1])
        chances: FloatArray = np.exp(log_softmax(inner @ self.outer[:-1] + self.outer[-1])).astype(np.float32)
        return chances

    def as_dict(self) -> dict[str, Any]:
        """As JSON holds it; weights to four digits."""
        return {
            "hidden": [[float(f"{weight:.4g}") for weight in row] for row in self.hidden.tolist()],
            "outer": [[float(f"{weight:.4g}") for weight in row] for row in self.outer.tolist()],
            "accept": self.accept,
            "least": self.least,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Marking:
        """What `as_dict` wrote.

        Raises:
            ValueError: when the weights do not fit together, or are no numbers.
        """
        hidden, outer = (np.array(values[name], np.float64) for name in ("hidden", "outer"))
        marking = cls(hidden, outer, float(values["accept"]), float(values["least"]))
        if hidden.ndim != 2 or outer.shape != (hidden.shape[1] + 1, len(SIGNS)):
            raise ValueError(f"its marks have weights of shapes {hidden.shape} and {outer.shape}")
        if len(hidden) != FEATURES + 1:
            raise ValueError(f"its marks go by {len(hidden) - 1} features, expected {FEATURES}")
        finite = np.isfinite(hidden).all() and np.isfinite(outer).all() and math.isfinite(marking.least)
        if not (finite and 0 <= marking.accept <= 1):
            raise ValueError("its marks have weights that are no numbers")
        return marking


def marked(rows: Sequence[Sequence[Digit]], places: Places, marking: Marking) -> list[list[Digit]]:
    """Rows of digits, each with what stands before it.

    Args:
        rows: from left to right.
        places: of the picture.
        marking: tells the marks.
    """
    digits = [digit for row in rows for digit in row]
    if not digits:
        return []
    lefts = [left for row in rows for left in (None, *row[:-1])]
    told = [places.features(left, right, marking.least) for left, right in zip(lefts, digits, strict=True)]
    seen = np.array([features is not None for features in told])
    chances = np.tile(NOTHING, (len(digits), 1))
    if seen.any():
        chances[seen] = marking(np.array([features for features in told if features is not None]))
    before = iter(chances)
    return [[replace(digit, before=next(before)) for digit in row] for row in rows]


class Places:
    """Where marks may stand in one picture, and what is to be seen there.

    Args:
        grey: the picture, shape (rows, columns), uint8.
        looks: what the page network says of it.
    """

    def __init__(self, grey: ByteArray, looks: Sequence[Look]) -> None:
        self._grey = grey
        self._looks = looks

    def features(self, left: Digit | None, right: Digit, least: float = -math.inf) -> Reals | None:
        """What is to be seen before a digit.

        Args:
            left: its neighbour in the row, if there is one.
            right: the digit.
            least: logit of a mark below which nobody looks further.

        Returns:
            Shape (FEATURES,): of the two digits, what the page network says, and the pieces of ink; None
            where the network sees no mark at all.
        """
        if left is not None and right.box.left - left.box.right > REACH * right.box.height:
            left = None
        high = max(1.0, right.box.height if left is None else (left.box.height + right.box.height) / 2)
        base = right.box.bottom if left is None else (left.box.bottom + right.box.bottom) / 2
        top = base - high
        start = right.box.left - BEFORE * high if left is None else left.box.right - ROOM * high
        end = right.box.left + ROOM * high
        middle = (start + end) / 2
        where = start, top - ABOVE * high, end, base + BELOW * high
        said = self._said(where, middle, base, high)
        if said[0] < least:
            return None
        return np.array([*_pair(left, right), *said, *self._ink(left, right, where, high)])

    def _said(
        self, where: tuple[float, float, float, float], middle: float, base: float, high: float
    ) -> list[float]:
        """What the page network says of the surest mark there: its logits, and where it is."""
        best: tuple[float, list[float]] = (-math.inf, [0.0] * (4 + len(MARKS)))
        for look in self._looks:
            cells = look.scale / BLOCK
            left, top = (max(0, math.floor(side * cells)) for side in where[:2])
            right, bottom = (math.ceil(side * cells) for side in where[2:])
            part = look.said[top:bottom, left:right]
            if not part.size:
                continue
            marks = part[..., CHANNELS["mark"].start]
            row, column = divmod(int(marks.argmax()), marks.shape[1])
            logit = (float(marks[row, column]) - look.zero) * look.unit
            if logit <= best[0]:
                continue
            kinds = part[row, column, CHANNELS["kind"]].astype(np.float64) * look.unit
            x, y = (left + column + 0.5) / cells, (top + row + 0.5) / cells
            place = (x - middle) / high, (base - y) / high
            best = logit, [logit, *log_softmax(kinds).tolist(), *place, math.log(high * look.scale)]
        return best[1]

    def _ink(
        self, left: Digit | None, right: Digit, where: tuple[float, float, float, float], high: float
    ) -> list[float]:
        """The pieces of ink there that belong to neither digit."""
        boxes = [digit.box for digit in (left, right) if digit is not None]
        sides = [int(where[0]), int(where[1]), math.ceil(where[2]), math.ceil(where[3])]
        around = Box(*sides)
        for box in boxes:
            around = around.union(Box(box.left, sides[1], box.right, sides[3]))
        around = around.clipped(*self._grey.shape)
        if around.width < 2 or around.height < 2:
            return [0.0] * (PIECES * FACTS + 2)
        crop, times = around.of(self._grey), min(1.0, HEIGHT / high)
        if times < 1:
            size = max(2, round(around.width * times)), max(2, round(around.height * times))
            crop = np.asarray(cv2.resize(crop, size, interpolation=cv2.INTER_AREA), np.uint8)
        own = [box.moved(-around.left, -around.top).scaled(times).clipped(*crop.shape) for box in boxes]
        tall = high * times
        stats, shares = _pieces(crop, own, tall)
        low = (own[0].bottom + own[-1].bottom) / 2
        first = own[0].centre[0] if left is not None else (where[0] - around.left) * times
        last = own[-1].centre[0]
        middle = ((where[0] + where[2]) / 2 - around.left) * times
        x = stats[:, cv2.CC_STAT_LEFT] + stats[:, cv2.CC_STAT_WIDTH] / 2
        inside = (x >= first) & (x <= last) & (stats[:, cv2.CC_STAT_AREA] >= (SMALLEST * tall) ** 2)
        stats, shares = stats[inside], shares[inside]
        largest = np.argsort(-stats[:, cv2.CC_STAT_AREA], kind="stable")[:PIECES]
        largest = largest[np.argsort(-stats[largest, cv2.CC_STAT_TOP], kind="stable")]  # the lowest first
        told: list[float] = []
        for k in largest:
            x0, y0, wide, tall0, area = stats[k].tolist()
            told += [
                1.0,
                (x0 + wide / 2 - middle) / tall,
                (low - y0 - tall0) / tall,
                (low - y0) / tall,
                wide / tall,
                tall0 / tall,
                area / (wide * tall0),
                float(shares[k]),
            ]
        told += [0.0] * (PIECES * FACTS - len(told))
        return [*told, min(len(stats), 6) / 2, math.sqrt(stats[:, cv2.CC_STAT_AREA].sum()) / tall]


def _pair(left: Digit | None, right: Digit) -> tuple[float, ...]:
    """The two digits: whether there are two, how far apart they are, whether they seem to belong together."""
    if left is None:
        return 0.0, REACH, right.links[0], 0.0, 0.0
    higher, lower = (f(left.box.height, right.box.height) for f in (max, min))
    return (
        1.0,
        (right.box.left - left.box.right) / max(1, higher),
        (left.links[1] + right.links[0]) / 2,
        math.log(max(1, higher) / max(1, lower)),
        (right.box.bottom - left.box.bottom) / max(1, higher),
    )


def _pieces(crop: ByteArray, own: Sequence[Box], high: float) -> tuple[npt.NDArray[np.int32], Reals]:
    """Pieces of ink without those that the digits are, and the share of each that lies in a digit's box.

    Args:
        crop: shape (rows, columns), uint8.
        own: boxes of the digits in it.
        high: height of a digit.

    Returns:
        `cv2.connectedComponentsWithStats` of them, shape (n, 5), and shape (n,).
    """
    side = 2 * int(STROKE * high / 2) + 1
    square = np.ones((side, side), np.uint8)  # quicker than a disc
    levels = np.sort(crop, axis=None, kind="stable")  # quicker than a percentile
    darkest, usual, lightest = (int(levels[share * (levels.size - 1) // 100]) for share in (2, 50, 98))
    dark = usual - darkest >= lightest - usual  # there is more paper than ink
    way = cv2.MORPH_BLACKHAT if dark else cv2.MORPH_TOPHAT
    contrast = np.asarray(cv2.morphologyEx(crop, way, square), np.uint8)
    strokes = np.sort(np.concatenate([box.of(contrast).ravel() for box in own]), kind="stable")
    full = float(strokes[9 * (strokes.size - 1) // 10]) if strokes.size else 0.0
    inked = (contrast >= max(4.0, SEEN * full)).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(inked, connectivity=8)
    inside = np.zeros(count)
    mine = np.zeros(count, bool)
    mine[0] = True  # the paper
    for box in own:
        counts = np.bincount(box.of(np.asarray(labels)).ravel(), minlength=count)
        inside += counts
        counts[0] = 0
        if counts.any():
            mine[counts.argmax()] = True
    shares = inside / np.maximum(1, stats[:, cv2.CC_STAT_AREA])
    return np.asarray(stats, np.int32)[~mine], shares[~mine]
