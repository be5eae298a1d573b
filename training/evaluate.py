"""How well digits were read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from edge.model_file import DIGITS
from edge.types import FloatArray
from training.dataset import Digits

BINS = 15
"""Of the expected calibration error, as in Guo et al., "On Calibration of Modern Neural Networks", 2017."""


@dataclass(frozen=True, slots=True)
class Score:
    """How well one digit is read, or all on average: one line of the classification report."""

    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True, slots=True)
class Bin:
    """Digits of about the same confidence.

    Attributes:
        count: how many.
        confidence: their mean.
        accuracy: share of them read right.
    """

    count: int
    confidence: float
    accuracy: float


@dataclass(frozen=True, slots=True, eq=False)
class Reliability:
    """How sure a reader was of each of some digits, and which of them it read right.

    Attributes:
        confidence: shape (n,), float32.
        right: shape (n,), bool.
    """

    confidence: FloatArray
    right: npt.NDArray[np.bool_]

    @property
    def bins(self) -> list[Bin]:
        """The digits in `BINS` bins of equal width by confidence; empty bins are left out."""
        place = np.minimum((self.confidence * BINS).astype(int), BINS - 1)
        counts = np.bincount(place, minlength=BINS)
        sums = (np.bincount(place, values, BINS) for values in (self.confidence, self.right))
        rows = zip(counts, *sums, strict=True)
        return [Bin(int(n), float(sure / n), float(right / n)) for n, sure, right in rows if n]

    @property
    def calibration_error(self) -> float:
        """Expected calibration error: how far confidence and accuracy are apart, in the mean over `bins`."""
        gaps = [each.count * abs(each.accuracy - each.confidence) for each in self.bins]
        return sum(gaps) / max(1, len(self.confidence))


def pooled_reliability(several: Iterable[Reliability]) -> Reliability:
    """Several as one."""
    several = list(several)
    return Reliability(
        np.concatenate([np.zeros(0, np.float32), *(each.confidence for each in several)]),
        np.concatenate([np.zeros(0, bool), *(each.right for each in several)]),
    )


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Digits, and what a network said of them.

    Attributes:
        digits: glyphs and what they are.
        probabilities: what the network said, shape (n, 10).
    """

    digits: Digits
    probabilities: FloatArray

    @cached_property
    def said(self) -> npt.NDArray[np.int64]:
        """The most probable digit of each glyph, shape (n,)."""
        said: npt.NDArray[np.int64] = self.probabilities.argmax(axis=1)
        return said

    @cached_property
    def confidence(self) -> FloatArray:
        """Probability of the most probable digit, shape (n,)."""
        confidence: FloatArray = self.probabilities.max(axis=1)
        return confidence

    @cached_property
    def right(self) -> npt.NDArray[np.bool_]:
        """Which glyphs were read right, shape (n,)."""
        right: npt.NDArray[np.bool_] = self.said == self.digits.labels
        return right

    @property
    def accuracy(self) -> float:
        """Share of digits read right; what is no digit does not count."""
        return float(self.right[self.digits.is_digit].mean())

    @property
    def cross_entropy(self) -> float:
        """Mean negative logarithm of the probability given to the truth, in nats."""
        logarithms = np.log(np.maximum(self.probabilities, 1e-7))
        return float(-(self.digits.targets * logarithms).sum(axis=1).mean())

    @property
    def reliability(self) -> Reliability:
        """How sure the network was of what it said, and where it was right."""
        return Reliability(self.confidence, self.right)

    @property
    def calibration_error(self) -> float:
        """Of its `reliability`."""
        return self.reliability.calibration_error

    @cached_property
    def confusion(self) -> npt.NDArray[np.int64]:
        """How often each digit (row) was read as each (column), shape (10, 10)."""
        counts = np.zeros((DIGITS, DIGITS), np.int64)
        np.add.at(counts, (self.digits.labels, self.said), 1)
        return counts

    @cached_property
    def scores(self) -> dict[str, Score]:
        """Per digit, then "macro avg" (all digits alike) and "weighted avg" (by support)."""
        hits, said, support = (
            self.confusion.diagonal(),
            self.confusion.sum(axis=0),
            self.confusion.sum(axis=1),
        )
        precision, recall = hits / np.maximum(said, 1), hits / np.maximum(support, 1)
        f1 = 2 * hits / np.maximum(said + support, 1)  # the harmonic mean of both
        table = np.stack([precision, recall, f1, support], axis=1)
        rows = {str(digit): table[digit] for digit in range(DIGITS)}
        for name, weights in (("macro avg", None), ("weighted avg", support)):
            rows[name] = np.append(np.average(table[:, :3], axis=0, weights=weights), support.sum())
        return {name: Score(float(p), float(r), float(f), int(n)) for name, (p, r, f, n) in rows.items()}


def joined(evaluations: Sequence[Evaluation]) -> Evaluation:
    """Several evaluations as one, of which there must be at least one."""
    digits = evaluations[0].digits
    for other in evaluations[1:]:
        digits += other.digits
    return Evaluation(digits, np.concatenate([each.probabilities for each in evaluations]))


def area_under_roc(wanted: FloatArray, unwanted: FloatArray) -> float:
    """How well a score tells two kinds apart: the chance that a wanted one has more than an unwanted one.

    That is the area under the receiver operating characteristic, and the Mann-Whitney statistic; ties count
    one half.

    Args:
        wanted: scores, shape (n,), at least one.
        unwanted: scores, shape (m,), at least one.
    """
    ranked = np.sort(unwanted)
    below, upto = (np.searchsorted(ranked, wanted, side) for side in ("left", "right"))
    return float((below + upto).mean() / (2 * len(ranked)))
