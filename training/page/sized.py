"""Drawn pages in the sizes in which they are read, to compare what a page network finds with the truth."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from edge.types import ByteArray, Candidate, FloatArray
from training.page.lessons import IGNORE, Pages, Span, strip_around
from training.page.matching import boxes_of, match, shares

LABEL, GOES_LEFT = 1, 2
"""Columns of `Pages.digits`."""

LONG = 0.5
"""Share of the strips whose number is chosen by its digits, so that long ones come more often; the others are
chosen among all alike, so that single digits come often enough."""

SHRUNK = (1.0, 0.6, 1.6)
"""Sizes in which pages are read, by turns: as they are, from further away, and from nearer."""


@dataclass(frozen=True, slots=True, eq=False)
class SizedPage:
    """A page in one of these sizes.

    Attributes:
        grey: shape (rows, columns), uint8.
        flags: as in `Pages`, the same shape.
        boxes: of its digits, shape (m, 4), float32.
        digits: its rows of `Pages.digits`.
        scale: how large it is against the page.
    """

    grey: ByteArray
    flags: ByteArray
    boxes: FloatArray
    digits: npt.NDArray[np.int32]
    scale: float

    @classmethod
    def of(cls, pages: Pages, index: int, span: Span, *, turn: int) -> SizedPage:
        """A page, in the size whose turn it is."""
        scale = SHRUNK[turn % len(SHRUNK)]
        first, last = span.digits
        grey, flags = np.ascontiguousarray(pages.grey[index]), np.ascontiguousarray(pages.flags[index])
        if scale != 1:
            how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
            grey = np.asarray(cv2.resize(grey, None, fx=scale, fy=scale, interpolation=how), np.uint8)
            flags = np.asarray(cv2.resize(flags, grey.shape[::-1], interpolation=cv2.INTER_NEAREST), np.uint8)
        outlines = pages.outlines[first:last] * np.float32(scale)
        boxes = np.concatenate([outlines.min(axis=1), outlines.max(axis=1)], axis=1).reshape(-1, 4)
        return cls(grey, flags, boxes, pages.digits[first:last], scale)

    def strip(self, random: np.random.Generator) -> SizedPage:
        """One of its numbers, cut out with a margin, as from a form or a cheque; all else is ignored."""
        number = np.cumsum(self.digits[:, GOES_LEFT] == 0)
        rather_long = random.random() < LONG
        own = number == random.choice(number if rather_long else np.unique(number))
        flags = self.flags.copy()
        for left, top, right, bottom in self.boxes[~own].astype(int).tolist():
            flags[top : bottom + 1, left : right + 1] |= IGNORE
        rows, columns = self.grey.shape
        left, top, right, bottom = strip_around(
            random, self.boxes[own, :2], self.boxes[own, 2:], (columns, rows)
        )
        place = slice(top, bottom), slice(left, right)
        return SizedPage(
            np.ascontiguousarray(self.grey[place]),
            np.ascontiguousarray(flags[place]),
            self.boxes[own] - np.array([left, top, left, top], np.float32),
            self.digits[own],
            self.scale,
        )

    def match(self, candidates: list[Candidate]) -> npt.NDArray[np.int64]:
        """Which digit each candidate is, as `training.page.matching.match` tells it."""
        return match(boxes_of(candidates), self.boxes, shares(candidates, self.flags & np.uint8(IGNORE)))

    def labels(self, found: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """What each candidate is, given `match`: 0 to 9, NONE or IGNORED."""
        labels = found.copy()
        labels[found >= 0] = self.digits[found[found >= 0], LABEL]
        return labels
