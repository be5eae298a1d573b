"""Digits in rows -> the marks between and before them: points, commas, colons, slashes and minus signs.

A mark is too small to be seen like a digit: it is looked for where there is room for one, between two
neighbours and before the first digit of a number. What the page network says of the surest centre of a mark
there, and how the two digits stand, a small network makes probabilities of; it is fitted on drawn pages when
the page network is converted (`convert.pair`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from edge.formats import MARKS
from edge.fusion import log_softmax
from edge.page import BLOCK, CHANNELS, Look, peaks
from edge.types import SIGNS, Digit, FloatArray

Reals = npt.NDArray[np.float64]

REACH = 2.5
"""Heights between two digits up to which a mark between them is looked for; beyond, only a minus."""

BEFORE = 1.3
"""Heights before the first digit of a number in which its minus is looked for."""

ROOM = 0.25
"""Heights by which the boxes of digits may hide a mark on each side: a comma hangs under a 7."""

ABOVE, BELOW = 0.3, 0.5
"""Heights over the digits and under them in which a mark is looked for."""

FAINTEST = -4.6
"""Logit of a mark, 1 %, below which nothing counts as its centre; 99 % of those on drawn pages have more than
-2.9."""

MOST_PEAKS = 1024
"""Centres of marks in a picture that are looked at, the surest: people write some tens."""

FEATURES = 5 + 4 + len(MARKS)
"""What is told of each place; see `features`."""


@dataclass(frozen=True, slots=True, eq=False)
class Marking:
    """Tells the marks: a network with one hidden layer. Its weights stand in the page network's card.

    Attributes:
        hidden: weights and, in the last row, constants of the hidden layer, shape (FEATURES + 1, n).
        outer: the same of `SIGNS`, shape (n + 1, len(SIGNS)).
        accept: probability of what is written from which on it is certain.
    """

    hidden: Reals
    outer: Reals
    accept: float

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
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Marking:
        """What `as_dict` wrote.

        Raises:
            ValueError: when the weights do not fit together, or are no numbers.
        """
        hidden, outer = (np.array(values[name], np.float64) for name in ("hidden", "outer"))
        marking = cls(hidden, outer, float(values["accept"]))
        if hidden.ndim != 2 or outer.shape != (hidden.shape[1] + 1, len(SIGNS)):
            raise ValueError(f"its marks have weights of shapes {hidden.shape} and {outer.shape}")
        if len(hidden) != FEATURES + 1:
            raise ValueError(f"its marks go by {len(hidden) - 1} features, expected {FEATURES}")
        if not (np.isfinite(hidden).all() and np.isfinite(outer).all() and 0 <= marking.accept <= 1):
            raise ValueError("its marks have weights that are no numbers")
        return marking


@dataclass(frozen=True, slots=True, eq=False)
class MarkPeaks:
    """Where the looks at a picture see the centre of a mark.

    Attributes:
        x: pixels of the frame, shape (n,);
        y: likewise.
        logits: of a mark being there, shape (n,).
        kinds: logarithms of the probabilities of `MARKS`, shape (n, len(MARKS)).
        scales: pixels of the look for each of the frame, shape (n,).
    """

    x: Reals
    y: Reals
    logits: Reals
    kinds: Reals
    scales: Reals

    @classmethod
    def of(cls, looks: Sequence[Look]) -> MarkPeaks:
        """The surest in some looks at one picture."""
        found = []
        for look in looks:
            rows, columns = peaks(look, "mark", FAINTEST)
            said = (look.said[rows, columns].astype(np.float64) - look.zero) * look.unit
            cells = look.scale / BLOCK
            found.append(
                np.column_stack(
                    [
                        (columns + 0.5) / cells,
                        (rows + 0.5) / cells,
                        said[:, CHANNELS["mark"].start],
                        np.full(len(rows), look.scale),
                        log_softmax(said[:, CHANNELS["kind"]]),
                    ]
                )
            )
        all_of = np.concatenate(found)
        all_of = all_of[np.argsort(-all_of[:, 2], kind="stable")[:MOST_PEAKS]]
        return cls(all_of[:, 0], all_of[:, 1], all_of[:, 2], all_of[:, 4:], all_of[:, 3])


def marked(rows: Sequence[Sequence[Digit]], seen: MarkPeaks, marking: Marking) -> list[list[Digit]]:
    """Rows of digits, each with what stands before it.

    Args:
        rows: from left to right.
        seen: the marks of the picture.
        marking: tells the marks.
    """
    digits = [digit for row in rows for digit in row]
    if not digits:
        return []
    lefts = [left for row in rows for left in (None, *row[:-1])]
    before = iter(marking(features(lefts, digits, seen)))
    return [[replace(digit, before=next(before)) for digit in row] for row in rows]


def features(lefts: Sequence[Digit | None], rights: Sequence[Digit], seen: MarkPeaks) -> Reals:
    """What is to be seen before some digits.

    Args:
        lefts: the neighbour of each in its row, if there is one.
        rights: the digits.
        seen: the marks of the picture.

    Returns:
        Shape (len(rights), FEATURES): of the two digits whether there are two, how far they are apart,
        whether they seem to belong together, and how their sizes and feet differ; of the surest mark between
        them its logit, the logarithms of the probabilities of its kind, its place, and the logarithm of how
        many pixels high a digit is where it is seen. Heights of a digit are the unit.
    """
    near = [
        None if left is None or right.box.left - left.box.right > REACH * right.box.height else left
        for left, right in zip(lefts, rights, strict=True)
    ]
    pairs = np.array([_pair(left, right) for left, right in zip(near, rights, strict=True)])
    where = np.array([_room(left, right) for left, right in zip(near, rights, strict=True)])
    start, top, end, bottom, base, high = where.T[..., np.newaxis]
    inside = (seen.x >= start) & (seen.x < end) & (seen.y >= top) & (seen.y < bottom)
    told = np.zeros((len(rights), 4 + len(MARKS)))
    told[:, 0], told[:, 1:-3] = FAINTEST, -math.log(len(MARKS))
    there = inside.any(axis=1)
    # The surest come first.
    best = inside[there].argmax(axis=1)
    middle, base, high = ((start + end) / 2)[there, 0], base[there, 0], high[there, 0]
    told[there] = np.column_stack(
        [
            seen.logits[best],
            seen.kinds[best],
            (seen.x[best] - middle) / high,
            (base - seen.y[best]) / high,
            np.log(high * seen.scales[best]),
        ]
    )
    return np.hstack([pairs, told])


def _pair(left: Digit | None, right: Digit) -> tuple[float, ...]:
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


def _room(left: Digit | None, right: Digit) -> tuple[float, ...]:
    """Left, top, right and bottom of where a mark may stand, the foot of the digits, and their height."""
    high = max(1.0, right.box.height if left is None else (left.box.height + right.box.height) / 2)
    base = right.box.bottom if left is None else (left.box.bottom + right.box.bottom) / 2
    start = right.box.left - BEFORE * high if left is None else left.box.right - ROOM * high
    return start, base - (1 + ABOVE) * high, right.box.left + ROOM * high, base + BELOW * high, base, high
