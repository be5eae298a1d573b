"""The marks of numbers: what tells them, fitted on pages of hands that the page network has not seen."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import KFold
from sklearn.neural_network import MLPClassifier

from edge.errors import ModelError
from edge.formats import MARKS
from edge.lines import rows_of
from edge.marks import ABOVE, BEFORE, BELOW, FEATURES, LOGIT, Marking, Places
from edge.recognizer import Recognizer, Seen
from edge.types import MINUS, SIGNS, Digit, Prediction
from training.page.matching import boxes_of, match
from training.page.numbers import Before, Numbers, before_each

HIDDEN, DECAY, STEPS = 16, 10.0, 150
"""Units of the hidden layer, weight decay and steps of L-BFGS. Of the decays 1, 10 and 30, the likelihood of
held-out folds is best with 10 (a loss of 0.66, 0.34 and 0.36)."""

MISSED_MARKS = 0.01
"""Share of the marks whose logit may be too low for their ink to be looked at: looking takes time."""

FOLDS = 3
"""Parts of the places, by pages, each judged by what is fitted on the others: for the threshold."""

WRONG_MARK_COSTS = 8.0
"""What a mark costs that is certain and wrong, where one that makes its number uncertain costs 1."""

UNNAMED = Prediction(np.full(10, 0.1, np.float32))


@dataclass(frozen=True, slots=True, eq=False)
class Signs:
    """Places before the digits that are found on some pages.

    Attributes:
        features: as `edge.marks.Places` gives them, shape (n, FEATURES).
        signs: what stands there, indices in `SIGNS`, shape (n,).
        pages: whose they are, shape (n,).
    """

    features: npt.NDArray[np.float64]
    signs: npt.NDArray[np.int64]
    pages: npt.NDArray[np.int64]

    @classmethod
    def together(cls, parts: Sequence[Signs]) -> Signs:
        """All places of several parts, whose pages are different ones."""
        pages, first = [], 0
        for part in parts:
            pages.append(part.pages + first)
            first += int(part.pages.max(initial=-1)) + 1
        return cls(
            np.concatenate([part.features for part in parts]),
            np.concatenate([part.signs for part in parts]),
            np.concatenate(pages),
        )


def see_all(recognizer: Recognizer, numbers: Numbers) -> list[Seen]:
    """What both networks say of each of the drawn pages, of hands that they have not learned from."""
    return [recognizer.see(grey) for grey in numbers.grey]


def observe_marks(pages_seen: Sequence[Seen], numbers: Numbers) -> Signs:
    """What is to be seen before the digits of drawn numbers.

    Args:
        pages_seen: what both networks say of each page.
        numbers: the pages.
    """
    features, signs, pages = [], [], []
    for page, seen in enumerate(pages_seen):
        true = numbers.digits[numbers.digits[:, 0] == page]
        if not len(true):
            continue
        before = before_each(true, numbers.marks[numbers.marks[:, 0] == page])
        found = seen.found
        if found.turned or not found.candidates:
            continue
        nothing = np.zeros(len(found.candidates), np.float32)
        owners = match(boxes_of(found.candidates), true[:, 3:].astype(np.float32), nothing)
        digits = {
            Digit(candidate.box, UNNAMED, None, candidate.links): int(owner)
            for candidate, owner in zip(found.candidates, owners, strict=True)
            if owner >= 0
        }
        places = Places(found.grey, found.looks)
        for row in rows_of(list(digits)):
            for left, right in zip((None, *row[:-1]), row, strict=True):
                sign = _sign(before[digits[right]], None if left is None else digits[left], digits[right])
                if sign is None or numbers.ignore[page][around(right)].any():
                    continue
                features.append(places.features(left, right))
                signs.append(sign)
                pages.append(page)
    return Signs(
        np.array(features, np.float64).reshape(-1, FEATURES),
        np.array(signs, np.int64),
        np.array(pages, np.int64),
    )


def _sign(before: Before, left: int | None, right: int) -> int | None:
    """What stands before a digit, if the digit that is found on its left is the one that stands there."""
    if before.mark < 0:
        return 0 if not before.joined or left == right - 1 else None
    if not before.joined:
        return MINUS
    return 1 + before.mark if left == right - 1 else None


def around(digit: Digit) -> tuple[slice, slice]:
    """Rows and columns before a digit and over it."""
    box, room = digit.box, digit.box.height
    return slice(max(0, box.top - room // 2), box.bottom + room // 2), slice(
        max(0, box.left - room), box.right
    )


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


def fit_marking(parts: Sequence[Signs | None]) -> Marking:
    """The weights that make the truth most likely, and the threshold that costs least.

    Args:
        parts: pages of all that people write, where marks are rare, and pages of numbers, where they are not.

    Raises:
        ModelError: when some mark is not seen at all.
    """
    observed = Signs.together([part for part in parts if part is not None])
    counts = np.bincount(observed.signs, minlength=len(SIGNS))
    if not counts.all():
        missing = " ".join(np.array(["nothing", *MARKS, "minus"])[counts == 0])
        raise ModelError(
            f"of {counts.sum()} digits that the page network finds among drawn numbers, none has {missing} "
            "before it: draw more pages, or train the network longer"
        )
    chances = np.zeros((len(observed.signs), len(SIGNS)))
    for train, test in KFold(FOLDS, shuffle=True, random_state=0).split(np.arange(observed.pages.max() + 1)):
        ours, theirs = np.isin(observed.pages, train), np.isin(observed.pages, test)
        chances[theirs] = _fit(observed.features[ours], observed.signs[ours])(observed.features[theirs])
    best, confidence = chances.argmax(axis=1), chances.max(axis=1)
    steps = np.append(np.unique(confidence), 1.0)
    wrong = best != observed.signs
    costs = [
        (confidence < step).sum() + WRONG_MARK_COSTS * (wrong & (confidence >= step)).sum() for step in steps
    ]
    fitted = _fit(observed.features, observed.signs)
    least = np.quantile(observed.features[observed.signs > 0, LOGIT], MISSED_MARKS)
    return Marking(fitted.hidden, fitted.outer, float(steps[int(np.argmin(costs))]), float(least))


def _fit(features: npt.NDArray[np.float64], signs: npt.NDArray[np.int64]) -> Marking:
    mean, spread = features.mean(axis=0), features.std(axis=0) + 1e-3
    network = MLPClassifier(
        (HIDDEN,), activation="tanh", solver="lbfgs", alpha=DECAY, max_iter=STEPS, random_state=0
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # to stop early regularises, too
        network.fit((features - mean) / spread, signs)
    (first, outer), (constants, outer_constants) = network.coefs_, network.intercepts_
    hidden = first / spread[:, np.newaxis]
    return Marking(
        np.vstack([hidden, constants - mean @ hidden]), np.vstack([outer, outer_constants]), 0.0, -np.inf
    )
