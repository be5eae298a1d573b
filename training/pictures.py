"""How well whole pictures were read: what photos and drawn scenes have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass

import cv2
import numpy as np

from edge.formats import MARKS
from edge.planes import to_grey
from edge.types import Box, ByteArray, Result
from training.evaluate import Reliability

TILE = 64
"""Pixels, both ways, of the crop that shows a mistake."""

AROUND = 0.3
"""Of a digit's longer side: what a crop shows around it."""

SHARED = 0.5
"""A digit read is the one that stands there when they share this part of the smaller one's box. (Truth may
be a form's cell, in which the ink takes little room: intersection over union would miss it.)"""


@dataclass(frozen=True, slots=True)
class DigitRead:
    """A digit that was read.

    Attributes:
        text: as it is shown: "0" to "9", or "?" when it is not certain.
        box: where it stands.
        label: what it most probably is, "0" to "9".
        confidence: the probability of that.
    """

    text: str
    box: Box
    label: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a digit.

    Attributes:
        truth: what it is; "" where there is none.
        read: how it was read; "" where it was missed.
        box: where it stands.
    """

    truth: str
    read: str
    box: Box

    @property
    def right(self) -> bool:
        """Whether it was read for what it is."""
        return self.read == self.truth


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of the digits in some pictures: counts.

    Attributes:
        pictures: how many.
        digits: what there was to read.
        edits: digits misread, unsure, missed, or read where there is none.
        confident: those edits that were shown as certain.
        texts: pictures that hold digits, or numbers in them.
        exact_texts: texts read without an edit.
        empty: pictures that hold no digit.
        false_digits: digits shown as certain in empty pictures.
        numbers: whole numbers that are written, where they are known.
        right_numbers: those that come out as one reading with these digits, all of them certain.
        readings: numbers that were read in the pictures whose numbers are known.
    """

    pictures: int = 0
    digits: int = 0
    edits: int = 0
    confident: int = 0
    texts: int = 0
    exact_texts: int = 0
    empty: int = 0
    false_digits: int = 0
    numbers: int = 0
    right_numbers: int = 0
    readings: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))

    @property
    def error(self) -> float | None:
        """Edits per digit; None without digits."""
        return _ratio(self.edits, self.digits)

    @property
    def wrong(self) -> float | None:
        """Confident edits per digit; None without digits."""
        return _ratio(self.confident, self.digits)

    @property
    def exact(self) -> float | None:
        """Share of texts read exactly; None without texts."""
        return _ratio(self.exact_texts, self.texts)

    @property
    def false(self) -> float | None:
        """False digits per empty picture; None without such pictures."""
        return _ratio(self.false_digits, self.empty)

    @property
    def right(self) -> float | None:
        """Share of the numbers that come out right; None where none are known."""
        return _ratio(self.right_numbers, self.numbers)

    @property
    def true(self) -> float | None:
        """Share of the readings that are a number which is written; None without readings."""
        return _ratio(self.right_numbers, self.readings)


@dataclass(frozen=True, slots=True, eq=False)
class Mistake:
    """Something that was misread.

    Attributes:
        picture: grey, uint8, square; the same size for all mistakes of a set.
        truth: what it is; "" where there is no digit.
        read: how it was read; "" where it was missed.
    """

    picture: ByteArray
    truth: str
    read: str


def only_digits(text: str) -> str:
    """A number without its marks: its digits, and `?` for what is not certain."""
    return "".join(character for character in text if character not in MARKS)


def digits_read(result: Result) -> list[DigitRead]:
    """The digits that a reader shows, in reading order, without the marks between them."""
    return [
        DigitRead(text, digit.box, str(digit.prediction.label), digit.prediction.confidence)
        for reading in result.readings
        if reading.status != "rejected"
        for text, digit in zip(only_digits(reading.text), reading.digits, strict=True)
    ]


def pair(truth: Sequence[Box], read: Sequence[Box]) -> dict[int, int]:
    """Which digit was read where which one stands: index in `read` by index in `truth`, one to one.

    Pairs are made by overlap, the best first.
    """
    overlaps = [
        (there.overlap(box), t, r)
        for t, there in enumerate(truth)
        for r, box in enumerate(read)
        if there.intersection(box).area >= SHARED * max(1, min(there.area, box.area))
    ]
    pairs: dict[int, int] = {}
    taken: set[int] = set()
    for _, t, r in sorted(overlaps, reverse=True):
        if t not in pairs and r not in taken:
            pairs[t] = r
            taken.add(r)
    return pairs


def compare(truth: Sequence[tuple[str, Box]], read: Sequence[DigitRead]) -> list[Outcome]:
    """What became of each digit that stands in a picture, then what was read where none stands.

    Args:
        truth: the digits, and where they stand.
        read: what was read.
    """
    pairs = pair([box for _, box in truth], [digit.box for digit in read])
    taken = set(pairs.values())
    outcomes = [
        Outcome(text, read[pairs[index]].text if index in pairs else "", box)
        for index, (text, box) in enumerate(truth)
    ]
    return outcomes + [
        Outcome("", digit.text, digit.box) for index, digit in enumerate(read) if index not in taken
    ]


def reliability(read: Sequence[DigitRead], right: Sequence[bool]) -> Reliability:
    """How sure a reader was of the digits that it read, given which of them are right."""
    return Reliability(np.array([digit.confidence for digit in read], np.float32), np.array(right, bool))


def cut_mistakes(image: ByteArray, outcomes: Sequence[Outcome]) -> list[Mistake]:
    """What was not read right, cut out of a grey or BGR picture."""
    return [Mistake(_cut(image, each.box), each.truth, each.read) for each in outcomes if not each.right]


def _cut(image: ByteArray, box: Box) -> ByteArray:
    """A box and what is around it, in `TILE` x `TILE` pixels, grey; beyond the picture it is white."""
    side = max(1, round((1 + 2 * AROUND) * max(box.width, box.height)))
    x, y = box.centre
    left, top = round(x - side / 2), round(y - side / 2)
    seen = Box(left, top, left + side, top + side).clipped(*image.shape[:2])
    crop = np.full((side, side), 255, np.uint8)
    if seen.area:
        seen.moved(-left, -top).of(crop)[:] = to_grey(seen.of(image))
    return np.asarray(cv2.resize(crop, (TILE, TILE), interpolation=cv2.INTER_AREA), np.uint8)


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None
