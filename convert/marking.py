"""The mark network with the others: calibrated where a reader asks it, on hands that no network has seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar

from convert.metadata import embed, identity
from edge.classifier import Classifier, calibrate
from edge.errors import ModelError
from edge.formats import MARKS
from edge.lines import rows_of
from edge.marks import patches_of
from edge.model_file import METADATA_NAME, Card, ModelFile
from edge.recognizer import Recognizer, Seen
from edge.types import MINUS, SIGNS, ByteArray, Digit, FloatArray, Prediction, Thresholds
from training.marks.material import around, sign_between
from training.page.matching import boxes_of, match
from training.page.numbers import Numbers, before_each

BEFORE, ABOVE, BELOW = 1.3, 0.3, 0.5
"""Heights before a number in which its minus stands, and over and under a digit in which its marks do, on
pages of all that people write."""

WRONG_MARK_COSTS = 8.0
"""What a mark costs that is certain and wrong, where one that makes its number uncertain costs 1."""

COLDEST, HOTTEST = 0.3, 5.0
"""Temperatures that are tried."""

UNNAMED = Prediction(np.full(10, 0.1, np.float32))


@dataclass(frozen=True, slots=True, eq=False)
class Signs:
    """Places before the digits that are found on some pages.

    Attributes:
        raw: what the mark network says of them, before calibration, shape (n, len(SIGNS)).
        signs: what stands there, indices in `SIGNS`, shape (n,).
    """

    raw: FloatArray
    signs: npt.NDArray[np.int64]

    @classmethod
    def together(cls, parts: Sequence[Signs]) -> Signs:
        """All places of several parts."""
        return cls(
            np.concatenate([part.raw for part in parts]), np.concatenate([part.signs for part in parts])
        )

    @classmethod
    def of(
        cls,
        places: Sequence[tuple[Digit | None, Digit]],
        signs: Sequence[int],
        grey: ByteArray,
        marks: Classifier,
    ) -> Signs:
        """What the mark network says of places in a picture, and what stands there."""
        return cls(marks.raw(patches_of(places, grey)), np.array(signs, np.int64))


def see_all(recognizer: Recognizer, numbers: Numbers) -> list[Seen]:
    """What the networks say of each of the drawn pages, of hands that they have not learned from."""
    return [recognizer.see(grey) for grey in numbers.grey]


def observe_marks(pages_seen: Sequence[Seen], numbers: Numbers, marks: Classifier) -> Signs:
    """What stands before the digits of drawn numbers, and what the mark network says of it.

    Args:
        pages_seen: what the networks say of each page.
        numbers: the pages.
        marks: the mark network.
    """
    parts = []
    for page, seen in enumerate(pages_seen):
        true = numbers.digits[numbers.digits[:, 0] == page]
        found = seen.found
        if not len(true) or found.turned or not found.candidates:
            continue
        before = before_each(true, numbers.marks[numbers.marks[:, 0] == page])
        nothing = np.zeros(len(found.candidates), np.float32)
        owners = match(boxes_of(found.candidates), true[:, 3:].astype(np.float32), nothing)
        digits = {
            Digit(candidate.box, UNNAMED, None, candidate.links): int(owner)
            for candidate, owner in zip(found.candidates, owners, strict=True)
            if owner >= 0
        }
        places, signs = [], []
        for row in rows_of(list(digits)):
            for left, right in zip((None, *row[:-1]), row, strict=True):
                sign = sign_between(
                    before[digits[right]], None if left is None else digits[left], digits[right]
                )
                if sign is not None and not numbers.ignore[page][around(right.box)].any():
                    places.append((left, right))
                    signs.append(sign)
        parts.append(Signs.of(places, signs, found.grey, marks))
    return Signs.together(parts) if parts else Signs.of([], [], np.zeros((1, 1), np.uint8), marks)


def sign_on_page(
    left: Digit | None, right: Digit, joined: bool, boxes: npt.NDArray[np.float32], kinds: Sequence[int]
) -> int:
    """What stands before a digit on a page of all that people write, an index in `SIGNS`.

    Args:
        left: its neighbour in the row.
        right: the digit.
        joined: whether both are of one number.
        boxes: of the page's marks, shape (n, 4).
        kinds: indices in `MARKS`.
    """
    high = right.box.height
    start = right.box.left - BEFORE * high if left is None else left.box.centre[0]
    for (x0, y0, x1, y1), kind in zip(boxes.tolist(), kinds, strict=True):
        x, y = (x0 + x1) / 2, (y0 + y1) / 2
        if start < x < right.box.centre[0] and -ABOVE < (y - right.box.top) / high < 1 + BELOW:
            return MINUS if MARKS[kind] == "-" and not joined else 1 + kind
    return 0


def calibrated(marks: ModelFile, pages: Signs, numbers: Sequence[Signs], page_id: str) -> ModelFile:
    """The mark network with temperature and thresholds for use with a page network.

    Args:
        marks: the network; its card is renewed.
        pages: places on pages of all that people write, where marks are rare: they tell how sure it must be
            that there is none.
        numbers: places on pages of numbers, where marks are not rare.
        page_id: of the page network.

    Raises:
        ModelError: when some mark is not seen at all.
    """
    observed = Signs.together([pages, *numbers])
    counts = np.bincount(observed.signs, minlength=len(SIGNS))
    if not counts.all():
        missing = " ".join(np.array(["nothing", *MARKS, "minus"])[counts == 0])
        raise ModelError(
            f"of {counts.sum()} digits that the page network finds among drawn numbers, none has {missing} "
            "before it: draw more pages, or train the network longer"
        )
    rows = np.arange(len(observed.signs))

    def loss(temperature: float) -> float:
        return -float(np.log(calibrate(observed.raw, temperature)[rows, observed.signs]).mean())

    temperature = round(float(minimize_scalar(loss, bounds=(COLDEST, HOTTEST), method="bounded").x), 2)
    chances = calibrate(observed.raw, temperature)
    there = calibrate(pages.raw, temperature)
    none = there.argmax(axis=1) == 0
    accept = cheapest(chances, observed.signs)
    nothing = cheapest(there[none], pages.signs[none]) if none.any() else accept
    card = replace(
        marks.card,
        id=identity(marks.data),
        trained_with=page_id,
        temperature=temperature,
        thresholds=Thresholds(accept=accept, digit=min(accept, nothing)),
        accuracies={**marks.card.accuracies, **_shares(chances, observed.signs)},
    )
    return with_card(marks.path, marks.data, card)


def cheapest(chances: FloatArray, signs: npt.NDArray[np.int64]) -> float:
    """The threshold on the likeliest sign, in steps of 0.001, that costs least."""
    confidence, wrong = chances.max(axis=1), chances.argmax(axis=1) != signs
    steps = np.arange(1001) / 1000
    certain = confidence >= steps[:, np.newaxis]
    costs = (~certain).sum(axis=1) + WRONG_MARK_COSTS * (certain & wrong).sum(axis=1)
    return float(steps[int(costs.argmin())])


def _shares(chances: FloatArray, signs: npt.NDArray[np.int64]) -> dict[str, float]:
    """Of the marks before digits that a reader finds, how many are told, by the most likely sign."""
    best, mark = chances.argmax(axis=1), signs > 0
    return {
        "marks right": float((best == signs)[mark].mean()),
        "marks missed": float((best == 0)[mark].mean()),
        "marks where none is": float((best > 0)[~mark].mean()),
    }


def with_card(path: Path, model: bytes, card: Card) -> ModelFile:
    """A model file with a card in it."""
    data = embed(model, METADATA_NAME, card.to_bytes())
    return ModelFile(path, data, card, sha256(data).hexdigest(), shipped=False)
