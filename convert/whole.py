"""Numbers of an expected format: what reads them, fitted on pages of hands that no network has seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold

from edge.classifier import Classifier
from edge.errors import ModelError
from edge.expected import (
    Choices,
    Decoding,
    Seams,
    Steps,
    Whole,
    labels_of,
    ranked,
    search,
    slots_of,
    told_of,
)
from edge.formats import DIGIT, Format
from edge.fusion import Fusion
from edge.recognizer import Recognizer, Seen
from edge.types import Box
from training.page.matching import as_array, boxes_of, match
from training.page.numbers import Numbers, WrittenNumber, written

MARGIN = 0.6
"""Of the paper around a number that belongs to its region, in heights of its digits."""

WRONG_COSTS = 30.0
"""What a number costs that is accepted and wrong, where one that is not accepted costs 1: what is accepted is
kept, sent and compared with, and what is not is read again in the next frame."""

MISLED, OTHERWISE = 0.25, 0.05
"""What a number counts for which another format is expected, where one whose format it is counts 1: for the
weights, which must learn what tells them apart, and for the threshold, since people mostly write what is
wanted."""

FOLDS = 4
"""Parts of the numbers, each judged by what is fitted on the others: for the threshold."""

SMOOTH = 1.0
"""Inverse strength of the regularisation, scikit-learn's default."""


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """A number in its region.

    Attributes:
        seen: the candidates there.
        owners: which digit of the number each is, from the left; below 0 for none.
        number: what is written.
        form: the format that is expected.
    """

    seen: Seen
    owners: npt.NDArray[np.int64]
    number: WrittenNumber
    form: Format


def format_of(text: str) -> Format:
    """The format that a number has."""
    return Format.parse("".join("0" if character.isdigit() else character for character in text))


def another_format(text: str, which: int) -> Format:
    """A format that a number does not have: by turns, with a digit more, a digit less, or other marks."""
    own = format_of(text).text
    sign, plain = ("-", own[1:]) if own.startswith("-") else ("", own)
    more = sign + DIGIT + plain
    less = own.replace(2 * DIGIT, DIGIT, 1)
    bare = DIGIT * own.count(DIGIT)
    other = bare if bare != own else f"{own[:-1]}.{DIGIT}" if len(own) > 1 else f"-{own}"
    form = (more, less, other)[which % 3]
    return Format.parse(more if form == own else form)


def regions(recognizer: Recognizer, numbers: Numbers) -> list[Region]:
    """The numbers of drawn pages, each seen as a field sees it: its region is all there is.

    Args:
        recognizer: the networks; its candidates should be all that may fill a slot.
        numbers: the pages.
    """
    found = []
    for page, grey in enumerate(numbers.grey):
        rows = numbers.digits[numbers.digits[:, 0] == page]
        for one in written(rows, numbers.marks[numbers.marks[:, 0] == page]):
            place = around(one).clipped(*grey.shape)
            if place.of(numbers.ignore[page]).any():
                continue
            seen = recognizer.see(np.ascontiguousarray(place.of(grey)))
            if not seen.found.turned:
                boxes = tuple(box.moved(-place.left, -place.top) for box in one.digits)
                found.append(_region(seen, replace(one, digits=boxes), format_of(one.text)))
    return found


def around(number: WrittenNumber) -> Box:
    """The region of a number: its box and some paper."""
    boxes = number.digits
    room = round(MARGIN * max(box.height for box in boxes))
    return Box(
        min(box.left for box in boxes) - room,
        min(box.top for box in boxes) - room,
        max(box.right for box in boxes) + room,
        max(box.bottom for box in boxes) + room,
    )


def _region(seen: Seen, number: WrittenNumber, form: Format) -> Region:
    true, boxes = as_array(number.digits), boxes_of(seen.found.candidates)
    return Region(seen, match(boxes, true, np.zeros(len(boxes), np.float32)), number, form)


def fit_decoding(some: Sequence[Region], fusion: Fusion, marks: Classifier) -> Decoding:
    """The weights that make the truth most likely, and the threshold that costs least.

    Args:
        some: numbers in their regions.
        fusion: brings the opinions of the networks together.
        marks: tells the marks.

    Raises:
        ModelError: when too little is found to tell what is right.
    """
    fields = [Choices.of(one.seen, fusion) for one in some]
    steps = _fit_steps(some, fields)
    told, right, counts = observe_whole(some, fields, steps, marks)
    folds = min(FOLDS, int(right.sum()), int((~right).sum()))
    if folds < 2:
        raise ModelError(
            f"of {len(right)} drawn numbers, {right.sum()} are read right by their format: to fit what tells "
            "them apart, some must be and some not; draw more pages"
        )
    regression = LogisticRegression(C=SMOOTH, max_iter=1000)
    chances = np.zeros(len(right))
    for ours, theirs in StratifiedKFold(folds).split(told, right):
        regression.fit(told[ours, 1:], right[ours], counts[ours])
        chances[theirs] = regression.predict_proba(told[theirs, 1:])[:, 1]
    regression.fit(told[:, 1:], right, counts)
    whole = Whole(float(regression.intercept_[0]), *map(float, regression.coef_[0]))
    order = np.argsort(-chances, kind="stable")
    # What it costs to accept so many, the surest, less what it costs to accept none.
    often = np.where(counts[order] < 1, OTHERWISE, 1.0)
    costs = np.cumsum(np.where(right[order], -1.0, (WRONG_COSTS - 1) * often))
    best = int(costs.argmin())
    accept = float(chances[order[best]]) if costs[best] < 0 else 1.0
    return Decoding(steps, whole, accept)


def _fit_steps(some: Sequence[Region], fields: Sequence[Choices]) -> Steps:
    told, follows = [], []
    for one, seen in zip(some, fields, strict=True):
        middles = [candidate.box.centre for candidate in one.seen.found.candidates]
        order = sorted(range(len(middles)), key=lambda k: middles[k])
        place_of = {int(one.owners[k]): place for place, k in enumerate(order) if one.owners[k] >= 0}
        chain: list[int] = []
        slope = 0.0
        for digit in range(len(one.number.digits)):
            if digit not in place_of:
                chain = []
                continue
            here = place_of[digit]
            if chain:
                following = seen.beyond(chain[-1])
                if len(following):
                    told.append(seen.step(chain, slope, following))
                    follows.append(following == here)
                across = seen.x[here] - seen.x[chain[-1]]
                if across <= 0:
                    chain = []
                else:
                    slope = float((seen.y[here] - seen.y[chain[-1]]) / across)
            chain.append(here)
    if not follows or not np.concatenate(follows).any():
        raise ModelError("no two digits beside each other are found among the drawn numbers: draw more pages")
    regression = LogisticRegression(C=SMOOTH, max_iter=1000)
    regression.fit(np.concatenate(told)[:, 1:], np.concatenate(follows))
    return Steps(float(regression.intercept_[0]), *map(float, regression.coef_[0]))


def observe_whole(
    some: Sequence[Region], fields: Sequence[Choices], steps: Steps, marks: Classifier
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_], npt.NDArray[np.float64]]:
    """What is told of the likeliest number in each region, and whether it is right, where there is one.

    Each is looked for by its own format and by another one, which makes all that is found wrong.

    Returns:
        Shape (n, len(Whole)), whether each is right, and what it counts, shape (n,).
    """
    told, right, counts = [], [], []
    for index, (one, seen) in enumerate(zip(some, fields, strict=True)):
        seams = Seams(seen, one.seen.found.grey, marks)
        for form in (one.form, another_format(one.number.text, index)):
            hypotheses = ranked(search(seen, slots_of(form), steps), seams)
            if hypotheses:
                own = form == one.form
                told.append(told_of(seen, hypotheses, seams))
                digits = "".join(character for character in one.number.text if character.isdigit())
                right.append(own and labels_of(seen, hypotheses[0]) == digits)
                counts.append(1.0 if own else MISLED)
    shape = -1, len(Whole.__dataclass_fields__)
    return np.array(told, np.float64).reshape(shape), np.array(right, bool), np.array(counts)
