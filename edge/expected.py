"""Candidates, a format -> the likeliest number of that format: a beam search over its slots.

Who knows how many digits a number has reads it better: a digit that is hardly seen fills the one gap that is
left, a blot that looks like one has no slot. A hypothesis fills the slots from left to right, each with a
candidate; its score adds up how likely each is a digit, and how likely each is the next one of the same
number, at an even pitch on a straight line. (Beam search as in Graves et al., "Connectionist Temporal
Classification", 2006, with slots instead of time.) The weights are fitted on drawn numbers (`convert.whole`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from edge.classifier import Classifier
from edge.formats import DIGIT, MARKS, OPTIONAL, Format
from edge.fusion import Fusion
from edge.lines import DASH
from edge.marks import signs_before
from edge.recognizer import Seen
from edge.types import MINUS, SIGNS, ByteArray, Candidate, Digit, Line, Prediction

Reals = npt.NDArray[np.float64]

LEAST_EXPECTED = -2.2
"""Logit of a digit's centre, 10 %, from which on a place may fill a slot."""

BEAM = 48
"""Hypotheses that are kept after each slot."""

REACH = 6.0
"""Heights between two digits of a number, at most."""

APART = 0.3
"""The middles of two digits are at least this far apart, in heights."""

WITH_MARKS = 12
"""Hypotheses, the likeliest, whose marks are looked for: that takes longer than all else."""

LEAST_SIGN = 1e-4
"""The least probability of a mark: nothing is ruled out."""

LEAST_RIVAL = 1e-3
"""The least probability of another label that tells anything: int8 tells 1/256 from 0."""

LEFT_OUT = -4.0
"""Logit of a digit below which what has no slot tells nothing."""

MOST = 12.0
"""Scores differ by this much at most: beyond it, nothing is surer."""


@dataclass(frozen=True, slots=True)
class Steps:
    """Whether a candidate is the next digit of a number: weights of a logistic regression.

    Attributes:
        constant: to which are added:
        link: times the mean of the two logits by which the page network says that they belong together;
        gap: times the distance of their middles, in heights;
        size: times the absolute logarithm of the ratio of their heights;
        rise: times by how much the line turns, pixels down for each to the right;
        pitch: times the absolute logarithm of the distance over the mean distance so far.
    """

    constant: float
    link: float
    gap: float
    size: float
    rise: float
    pitch: float


@dataclass(frozen=True, slots=True)
class Whole:
    """The probability that a whole number is right: weights of a logistic regression.

    Attributes:
        constant: to which are added:
        named: times the logarithm of the probability of all its labels together;
        doubtful: times the same of the label that is the least probable;
        rival: times the logarithm of the highest probability that a digit has for another label, which still
            differs where that of its own is hardly below 1;
        weakest: times the logit of the candidate that is the least likely digit;
        margin: times how far it is ahead of the next best hypothesis;
        uneven: times the largest deviation from the mean pitch, see `Steps.pitch`;
        left_out: times the logit of the likeliest digit that has no slot, less `LEFT_OUT`, 0 at least;
        signs: times the logarithm of the probability of all that the format says stands before its digits;
        sign: times the same of what is the least probable.
    """

    constant: float
    named: float
    doubtful: float
    rival: float
    weakest: float
    margin: float
    uneven: float
    left_out: float
    signs: float
    sign: float


@dataclass(frozen=True, slots=True)
class Decoding:
    """What reads a number of an expected format.

    Attributes:
        steps: tells the next digit.
        whole: tells whether the number is right.
        accept: probability from which on it is certain.
    """

    steps: Steps
    whole: Whole
    accept: float

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Decoding:
        """What `dataclasses.asdict` made of one.

        Raises:
            ValueError: when weights are no numbers.
        """
        steps, whole = (
            {str(name): float(weight) for name, weight in values[part].items()} for part in ("steps", "whole")
        )
        decoding = cls(Steps(**steps), Whole(**whole), float(values["accept"]))
        numbers = (*astuple(decoding.steps), *astuple(decoding.whole), decoding.accept)
        if not all(map(math.isfinite, numbers)) or not 0 <= decoding.accept <= 1:
            raise ValueError(f"it has weights for expected formats that are none: {decoding}")
        return decoding


@dataclass(frozen=True, slots=True)
class Slot:
    """A place for a digit: whether it must be filled, and what stands before it, an index in `SIGNS`."""

    needed: bool
    sign: int


def slots_of(form: Format) -> list[Slot]:
    """The slots of a format for digits, from left to right."""
    slots, sign = [], 0
    for place, slot in enumerate(form.slots):
        if slot in (DIGIT, OPTIONAL):
            slots.append(Slot(slot == DIGIT, sign))
            sign = 0
        else:
            sign = 1 + MARKS.index(slot) if place else MINUS
    return slots


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """Some slots of a format, filled.

    Attributes:
        score: how likely it is, a sum of logarithms.
        chosen: numbers of the candidates, from left to right.
        signs: what stands before each, indices in `SIGNS`.
        carried: what stands before the next one, whose slot may be empty.
        slope: of the last step, pixels down for each to the right.
        uneven: largest deviation from the mean pitch.
    """

    score: float = 0.0
    chosen: tuple[int, ...] = ()
    signs: tuple[int, ...] = ()
    carried: int = 0
    slope: float = 0.0
    uneven: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Choices:
    """The candidates of a picture as the search sees them, from left to right.

    Attributes:
        candidates: as the page network sees them.
        digits: named by the networks, given that they are digits.
        logits: of each being a digit, shape (n,).
        named: logarithm of the probability of its label, given that it is one, shape (n,).
    """

    candidates: list[Candidate]
    digits: list[Digit]
    logits: Reals
    named: Reals
    x: Reals = field(init=False)
    y: Reals = field(init=False)
    height: Reals = field(init=False)

    def __post_init__(self) -> None:
        """Where they stand."""
        middles = np.array([digit.box.centre for digit in self.digits]).reshape(-1, 2)
        object.__setattr__(self, "x", middles[:, 0])
        object.__setattr__(self, "y", middles[:, 1])
        heights = np.array([max(1, digit.box.height) for digit in self.digits], np.float64)
        object.__setattr__(self, "height", heights)

    @classmethod
    def of(cls, seen: Seen, fusion: Fusion) -> Choices:
        """What the networks see in a picture."""
        found = seen.found
        logits, named = fusion.parts(found.candidates, seen.probabilities)
        order = sorted(range(len(logits)), key=lambda k: found.candidates[k].box.centre)
        labels = [Prediction(row) for row in np.exp(named).astype(np.float32)]
        return cls(
            [found.candidates[k] for k in order],
            [
                Digit(found.candidates[k].box, labels[k], found.inks[k], found.candidates[k].links)
                for k in order
            ],
            logits[order],
            named[order].max(axis=1) if order else np.zeros(0),
        )

    def step(self, chosen: Sequence[int], slope: float, following: npt.NDArray[np.intp]) -> Reals:
        """What the weights of `Steps` are for, shape (len(following), 6).

        Args:
            chosen: the candidates so far, at least one.
            slope: of the last step.
            following: candidates that may come next.
        """
        last = chosen[-1]
        across, down = self.x[following] - self.x[last], self.y[following] - self.y[last]
        high = np.maximum(self.height[following], self.height[last])
        links = np.array([self.digits[k].links[0] for k in following])
        mean = (self.x[last] - self.x[chosen[0]]) / (len(chosen) - 1) if len(chosen) > 1 else None
        return np.column_stack(
            [
                np.ones(len(following)),
                (links + self.digits[last].links[1]) / 2,
                across / high,
                np.abs(np.log(self.height[following] / self.height[last])),
                np.abs(down / np.maximum(across, 1) - slope),
                np.zeros(len(following)) if mean is None else np.abs(np.log(across / mean)),
            ]
        )

    def beyond(self, last: int) -> npt.NDArray[np.intp]:
        """Candidates that may follow one."""
        across = self.x - self.x[last]
        high = np.maximum(self.height, self.height[last])
        level = np.abs(self.y - self.y[last]) <= np.maximum(high, across)
        return np.flatnonzero((across >= APART * high) & (across <= REACH * high) & level)


def search(seen: Choices, slots: Sequence[Slot], steps: Steps) -> list[Hypothesis]:
    """Hypotheses that fill all slots that must be, the likeliest first."""
    weights = np.array(astuple(steps))
    gain = seen.logits + seen.named
    beam = [Hypothesis()]
    everywhere = np.arange(len(seen.digits))
    for slot in slots:
        grown: list[Hypothesis] = []
        for one in beam:
            sign = one.carried or slot.sign
            if not slot.needed:
                grown.append(Hypothesis(one.score, one.chosen, one.signs, sign, one.slope, one.uneven))
            following = seen.beyond(one.chosen[-1]) if one.chosen else everywhere
            if not len(following):
                continue
            scores = one.score + gain[following]
            slopes, uneven = np.zeros(len(following)), np.zeros(len(following))
            if one.chosen:
                last = one.chosen[-1]
                slope = one.slope if len(one.chosen) > 1 else 0.0
                told = seen.step(one.chosen, slope, following)
                scores = scores - np.logaddexp(0, -(told @ weights))
                slopes = (seen.y[following] - seen.y[last]) / (seen.x[following] - seen.x[last])
                uneven = told[:, -1]
            for k, score, lead, off in zip(
                following.tolist(), scores.tolist(), slopes.tolist(), uneven.tolist(), strict=True
            ):
                chosen, signs = (*one.chosen, k), (*one.signs, sign)
                grown.append(Hypothesis(score, chosen, signs, 0, lead, max(one.uneven, off)))
        beam = sorted(grown, key=lambda one: -one.score)[:BEAM]
    return [one for one in beam if one.chosen]


class Seams:
    """What stands before the digits of hypotheses. Each pair of candidates is looked at once.

    Args:
        seen: the candidates.
        grey: their picture, shape (rows, columns), uint8.
        marks: tells the marks.
    """

    def __init__(self, seen: Choices, grey: ByteArray, marks: Classifier) -> None:
        self._seen, self._grey, self._marks = seen, grey, marks
        self._known: dict[tuple[int | None, int], Reals] = {}

    def signs(self, one: Hypothesis) -> Reals:
        """Logarithms of how likely what the format says stands before each digit, shape (digits,)."""
        pairs = zip((None, *one.chosen[:-1]), one.chosen, one.signs, strict=True)
        return np.array([self._before(left, right)[sign] for left, right, sign in pairs])

    def _before(self, left: int | None, right: int) -> Reals:
        """Those of `SIGNS` between two candidates, or before the first one."""
        known = self._known.get((left, right))
        if known is None:
            digits = self._seen.digits
            place = None if left is None else digits[left], digits[right]
            chances = signs_before([place], self._grey, self._marks)[0].astype(np.float64)
            chances[DASH] = chances[MINUS] = chances[DASH] + chances[MINUS]  # the format tells the one it is
            known = self._known[left, right] = np.log(np.maximum(chances, LEAST_SIGN))
        return known


def ranked(hypotheses: Sequence[Hypothesis], seams: Seams) -> list[Hypothesis]:
    """The likeliest hypotheses of a search, in order once their marks count, too."""
    scored = [
        replace(one, score=one.score + float(seams.signs(one).sum())) for one in hypotheses[:WITH_MARKS]
    ]
    return sorted(scored, key=lambda one: -one.score)


def told_of(seen: Choices, hypotheses: Sequence[Hypothesis], seams: Seams) -> tuple[float, ...]:
    """What the weights of `Whole` are for, of the first hypothesis.

    Args:
        seen: the candidates.
        hypotheses: the likeliest first.
        seams: what stands before their digits.
    """
    best = hypotheses[0]
    chosen = list(best.chosen)
    labels = labels_of(seen, best)
    others = [one for one in hypotheses[1:] if labels_of(seen, one) != labels]
    margin = min(best.score - others[0].score, MOST) if others else MOST
    apart = np.abs(seen.x[:, np.newaxis] - seen.x[chosen]) >= APART * seen.height[:, np.newaxis]
    rest = seen.logits[apart.all(axis=1)]
    others_named = np.partition([seen.digits[k].prediction.probabilities for k in chosen], -2, axis=1)[:, -2]
    signs = seams.signs(best)
    return (
        1.0,
        float(seen.named[chosen].sum()),
        float(seen.named[chosen].min()),
        math.log(max(LEAST_RIVAL, float(others_named.max()))),
        min(float(seen.logits[chosen].min()), MOST),
        margin,
        best.uneven,
        float(rest.max(initial=LEFT_OUT)) - LEFT_OUT,
        float(signs.sum()),
        float(signs.min()),
    )


def labels_of(seen: Choices, one: Hypothesis) -> str:
    """The digits of a hypothesis."""
    return "".join(str(seen.digits[k].prediction.label) for k in one.chosen)


def expected(seen: Seen, form: Format, fusion: Fusion, decoding: Decoding, marks: Classifier) -> Line | None:
    """The likeliest number of a format in a picture.

    Args:
        seen: candidates, also those that are hardly digits, and what the networks say of them.
        form: the expected format.
        fusion: brings the opinions of the networks together.
        decoding: fitted weights.
        marks: tells the marks.

    Returns:
        The number, with its marks as the format has them and `Line.chance`; None where nothing fills the
        slots that must be filled.
    """
    candidates = Choices.of(seen, fusion)
    if len(candidates.digits) < form.shortest:
        return None
    seams = Seams(candidates, seen.found.grey, marks)
    hypotheses = ranked(search(candidates, slots_of(form), decoding.steps), seams)
    if not hypotheses:
        return None
    logit = float(np.array(told_of(candidates, hypotheses, seams)) @ np.array(astuple(decoding.whole)))
    chance = 1 / (1 + math.exp(-max(-50.0, min(50.0, logit))))
    certain = np.eye(len(SIGNS), dtype=np.float32)
    best = hypotheses[0]
    digits = tuple(
        Digit(digit.box, digit.prediction, digit.ink, digit.links, certain[sign])
        for digit, sign in zip((candidates.digits[k] for k in best.chosen), best.signs, strict=True)
    )
    return Line(digits, chance)
