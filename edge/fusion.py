"""Two opinions -> one: what the page network and the digit network say of a candidate, brought together.

The page network knows what stands around a piece of ink, the digit network knows the ink itself. Late fusion:
the logarithms of what they say are added up, each with a weight, once for whether it is a digit and once for
which one. The weights are fitted on pages that neither has learned from (`convert.pair`), and stand in the
page model's card.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass

import numpy as np

from edge.types import Candidate, FloatArray, Prediction

SMALLEST = 1e-4
"""Stands for a probability of 0, whose logarithm nothing could ever make good again: int8 tells 1/256 from
0."""

LABELS = 10


@dataclass(frozen=True, slots=True)
class Fusion:
    """Weights, fitted.

    Attributes:
        page: of the page network's log probabilities of the ten digits.
        glyph: of the digit network's.
        constant: logit of its being a digit, to which are added:
        digit: times the page network's logit of a digit;
        writing: times its logit of other writing;
        sure: times the logarithm of the digit network's highest probability;
        agreed: times the logarithm of the probability that both mean the same digit.
    """

    page: float
    glyph: float
    constant: float
    digit: float
    writing: float
    sure: float
    agreed: float

    def __call__(self, candidates: Sequence[Candidate], glyphs: FloatArray) -> list[Prediction]:
        """What candidates are.

        Args:
            candidates: as the page network sees them.
            glyphs: the digit network's probabilities of each, shape (n, 10).

        Returns:
            Ten probabilities for each, sum 1. What is not believed to be a digit goes to all ten alike.
        """
        if not candidates:
            return []
        pages = np.stack([candidate.labels for candidate in candidates])
        return [Prediction(row) for row in self.probabilities(evidence(candidates, glyphs), pages, glyphs)]

    def probabilities(self, evidence: np.ndarray, pages: FloatArray, glyphs: FloatArray) -> FloatArray:
        """The same, given `evidence` of the candidates and the page network's log probabilities."""
        named = self._named(pages, glyphs)
        believed = 1 / (1 + np.exp(-self._logits(evidence)))[:, np.newaxis]
        together: FloatArray = (believed * np.exp(named) + (1 - believed) / LABELS).astype(np.float32)
        return together

    def parts(self, candidates: Sequence[Candidate], glyphs: FloatArray) -> tuple[np.ndarray, np.ndarray]:
        """The two halves of what `__call__` brings together, for each candidate.

        Returns:
            Logits of being a digit, shape (n,), and logarithms of the probabilities of the ten labels of one
            that is, shape (n, 10).
        """
        if not candidates:
            return np.zeros(0), np.zeros((0, LABELS))
        pages = np.stack([candidate.labels for candidate in candidates])
        return self._logits(evidence(candidates, glyphs)), self._named(pages, glyphs)

    def _logits(self, evidence: np.ndarray) -> np.ndarray:
        return np.asarray(evidence @ np.array(astuple(self)[2:], np.float64))

    def _named(self, pages: FloatArray, glyphs: FloatArray) -> np.ndarray:
        return log_softmax(self.page * pages + self.glyph * np.log(np.maximum(glyphs, SMALLEST)))


def evidence(candidates: Sequence[Candidate], glyphs: FloatArray) -> np.ndarray:
    """What the weights from `Fusion.constant` on are for, shape (n, 5), float64."""
    pages = np.exp(np.stack([candidate.labels for candidate in candidates]))
    both = (pages * glyphs).sum(axis=1)
    return np.column_stack(
        [
            np.ones(len(candidates)),
            [candidate.digit for candidate in candidates],
            [candidate.writing for candidate in candidates],
            np.log(np.maximum(glyphs.max(axis=1), SMALLEST)),
            np.log(np.maximum(both, SMALLEST)),
        ]
    )


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Logarithms of probabilities, along the last axis."""
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)))
