"""Digits in rows -> the marks between and before them: points, commas, colons, slashes and minus signs.

A mark is too small to be found as digits are. It is looked for once the digits are known, where there is room
for one: between two neighbours and before the first digit of a number. That place is cut out of the picture
so that digits are always as high in it, with the boxes of the two digits as planes of their own, and a small
network says what stands there. `training.marks` trains it, and the page network's file holds it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from edge.classifier import Classifier
from edge.errors import ModelError
from edge.model_file import MARK_LABELS, ModelFile
from edge.patches import COLUMNS, ROWS, beside, patch
from edge.types import SIGNS, ByteArray, Digit, FloatArray

SLASH = SIGNS.index("/")


def open_marks(model: ModelFile) -> Classifier:
    """Open a mark network, and ask it what it must know.

    Raises:
        ModelError: it cannot be used, or names other things.
    """
    card = model.card
    if card.labels != MARK_LABELS or card.input != (ROWS, COLUMNS, 3):
        raise ModelError(
            f"{model.path}: {card.name} is no mark network: expected the labels {', '.join(MARK_LABELS)} and "
            f"an input of ({ROWS}, {COLUMNS}, 3), found {', '.join(card.labels)} and {card.input}"
        )
    return Classifier(model)


def marked(rows: Sequence[Sequence[Digit]], grey: ByteArray, marks: Classifier) -> list[list[Digit]]:
    """Rows of digits, each with what stands before it, and without those that are a slash.

    A slash is slim and as high as a digit: where a 1 between two digits is more likely one, it is no digit.

    Args:
        rows: from left to right.
        grey: the picture, shape (rows, columns), uint8.
        marks: tells the marks.
    """
    places = [(left, right) for row in rows for left, right in zip((None, *row[:-1]), row, strict=True)]
    slim = [
        (left, over, right)
        for row in rows
        for (left, over), right in zip(pairwise(row), row[2:], strict=False)
        if over.prediction.label == 1 and beside(left.box, right.box) is not None
    ]
    asked = [*places, *((left, right) for left, _, right in slim)]
    chances = signs_before(asked, grey, marks)
    before = dict(zip((right for _, right in places), chances[: len(places)], strict=True))
    slashes = set()
    for (left, over, right), told in zip(slim, chances[len(places) :], strict=True):
        if told[SLASH] >= 0.5 and left not in slashes:
            slashes.add(over)
            before[right] = told
    return [[replace(digit, before=before[digit]) for digit in row if digit not in slashes] for row in rows]


def signs_before(
    places: Sequence[tuple[Digit | None, Digit]], grey: ByteArray, marks: Classifier
) -> list[FloatArray]:
    """Probabilities of `SIGNS` before digits, each of shape (len(SIGNS),).

    Args:
        places: a digit and its neighbour on the left, if it has one.
        grey: the picture, shape (rows, columns), uint8.
        marks: tells the marks.
    """
    return [prediction.probabilities for prediction in marks.classify(patches_of(places, grey))]


def patches_of(places: Sequence[tuple[Digit | None, Digit]], grey: ByteArray) -> list[ByteArray]:
    """The same places as the mark network sees them."""
    boxes = [(None if left is None else left.box, right.box) for left, right in places]
    return [patch(grey, beside(left, right), right) for left, right in boxes]
