"""Drawn pages of numbers -> places between digits, with what stands there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from edge.lines import rows_of
from edge.patches import COLUMNS, ROWS, beside, patch
from edge.types import MINUS, Box, Digit, Prediction
from training.page.numbers import Before, Numbers, before_each
from training.patches.places import Places

JITTER = 0.09, 0.07, 0.09, 0.07
"""Standard deviation of what the page network says of the left, top, right and bottom side of a box, in
heights of the digit: measured on 2,956 digits of 300 drawn pages."""

SLIM = 0.45
"""Width in heights below which a digit may be taken for a slash, as a 1: its place is a lesson, too."""

HIDDEN = 0.3
"""Share of the digits that are also shown as if nothing had been found to their left."""

UNNAMED = Prediction(np.full(10, 0.1, np.float32))


@dataclass(frozen=True, slots=True)
class MarkPlace:
    """One of them.

    Attributes:
        left: number of the digit on its left, as it stands on the page; None where there is none.
        right: of the one on its right.
        sign: what stands between them, an index in `SIGNS`.
    """

    left: int | None
    right: int
    sign: int


def mark_places(numbers: Numbers, *, seed: int) -> Places:
    """The places before the digits of drawn numbers, and over digits that may be taken for a slash.

    Args:
        numbers: the pages.
        seed: of the errors in the boxes, and of what is left out.

    Returns:
        As `edge.patches.patch` cuts them out, with what stands there, indices in `SIGNS`.
    """
    patches, signs, pages = [], [], []
    for page in range(len(numbers)):
        random = np.random.default_rng([seed, page])
        true = numbers.digits[numbers.digits[:, 0] == page]
        if not len(true):
            continue
        before = before_each(true, numbers.marks[numbers.marks[:, 0] == page])
        boxes = [_found(random, Box(*row[3:])) for row in true.tolist()]
        for place in _places(random, boxes, true[:, 2].tolist(), before):
            right = boxes[place.right]
            if numbers.ignore[page][around(right)].any():
                continue
            left = None if place.left is None else boxes[place.left]
            patches.append(patch(numbers.grey[page], left, right))
            signs.append(place.sign)
            pages.append(page)
    return Places(
        np.array(patches, np.uint8).reshape(-1, ROWS, COLUMNS, 3),
        np.array(signs, np.int64),
        np.array(pages, np.int64),
    )


def _found(random: np.random.Generator, box: Box) -> Box:
    """A box as the page network gives it."""
    left, top, right, bottom = (
        (np.array(box.as_list()) + np.round(random.normal(0, JITTER) * box.height)).astype(int).tolist()
    )
    return Box(left, top, max(left + 1, right), max(top + 2, bottom))


def _places(
    random: np.random.Generator, boxes: Sequence[Box], labels: Sequence[int], before: Sequence[Before]
) -> Iterator[MarkPlace]:
    digits = {Digit(box, UNNAMED): k for k, box in enumerate(boxes)}
    for row in rows_of(list(digits)):
        order = [digits[digit] for digit in row]
        for left, right in zip((None, *order[:-1]), order, strict=True):
            if left is not None and beside(boxes[left], boxes[right]) is None:
                left = None
            sign = sign_between(before[right], left, right)
            if sign is not None:
                yield MarkPlace(left, right, sign)
        for right in order[1:]:
            # A mark that belongs to a number on its left is none of a number that begins here.
            if before[right].mark < 0 and random.random() < HIDDEN:
                yield MarkPlace(None, right, 0)
        for left, over, right in zip(order, order[1:], order[2:], strict=False):
            slim = labels[over] == 1 or boxes[over].width < SLIM * boxes[over].height
            if slim and before[over].mark < 0 and before[right].mark < 0:
                yield MarkPlace(left, right, 0)


def sign_between(before: Before, left: int | None, right: int) -> int | None:
    """What stands before a digit, if the digit that is found on its left is the one that stands there.

    Returns:
        An index in `SIGNS`; None where that cannot be told.
    """
    if before.mark < 0:
        return 0 if not before.joined or left == right - 1 else None
    if not before.joined:
        return MINUS
    return 1 + before.mark if left == right - 1 else None


def around(box: Box) -> tuple[slice, slice]:
    """Rows and columns before a digit and over it."""
    room = box.height
    return slice(max(0, box.top - room // 2), box.bottom + room // 2), slice(
        max(0, box.left - room), box.right
    )
