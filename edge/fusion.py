"""Three opinions -> one: what the networks say of a candidate, brought together.

The page network knows the page around a piece of ink, the refinement network what is right beside it, and the
digit network the ink itself. Late fusion: the logarithms of what they say are added up, each with a weight,
once for whether it is a digit and once for which one. The weights are fitted on pages that none has learned
from (`convert.pair`), and stand in the digit model's card.

The refinement network takes as long as the digit network, so it is asked only where the two others together
are in doubt; what they say then has weights of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import Any

import numpy as np

from edge.types import Candidate, FloatArray, Prediction

SMALLEST = 1e-4
"""Stands for a probability of 0, whose logarithm nothing could ever make good again: int8 tells 1/256 from
0."""

LABELS = 10


@dataclass(frozen=True, slots=True)
class Weights:
    """What an opinion counts, fitted.

    Attributes:
        page: of the page network's log probabilities of the ten digits.
        glyph: of the digit network's.
        refined_labels: of the refinement network's.
        constant: logit of its being a digit, to which are added:
        digit: times the page network's logit of a digit;
        writing: times its logit of other writing;
        sure: times the logarithm of the digit network's highest probability;
        agreed: times the logarithm of the probability that both mean the same digit;
        refined: times the refinement network's logit of a digit.
    """

    page: float
    glyph: float
    refined_labels: float
    constant: float
    digit: float
    writing: float
    sure: float
    agreed: float
    refined: float

    def logits(self, evidence: np.ndarray) -> np.ndarray:
        """Of being a digit, shape (n,), given `evidence`."""
        return np.asarray(evidence @ np.array(astuple(self)[NAMING:], np.float64))

    def named(self, names: np.ndarray) -> np.ndarray:
        """Log probabilities of the ten labels of one that is, shape (n, 10), given `names_of`."""
        return log_softmax(np.tensordot(np.array(astuple(self)[:NAMING]), names, axes=1))

    def probabilities(self, evidence: np.ndarray, names: np.ndarray) -> FloatArray:
        """Ten for each, as `Fusion.__call__` returns them, given both; shape (n, 10)."""
        return _together(self.logits(evidence), self.named(names))


@dataclass(frozen=True, slots=True)
class Fusion:
    """Brings the opinions together.

    Attributes:
        first: weights of page and digit network, where the refinement network was not asked; its are 0.
        all: weights of all three.
        low: confidence by `first` from which on the refinement network is asked;
        high: and up to which.
    """

    first: Weights
    all: Weights
    low: float
    high: float

    def __call__(self, candidates: Sequence[Candidate], glyphs: FloatArray) -> list[Prediction]:
        """What candidates are.

        Args:
            candidates: as the page network and, where it was asked, the refinement network see them.
            glyphs: the digit network's probabilities of each, shape (n, 10).

        Returns:
            Ten probabilities for each, sum 1. What is not believed to be a digit goes to all ten alike.
        """
        return [Prediction(row) for row in _together(*self.parts(candidates, glyphs))]

    def parts(self, candidates: Sequence[Candidate], glyphs: FloatArray) -> tuple[np.ndarray, np.ndarray]:
        """The two halves of what `__call__` brings together, for each candidate.

        Returns:
            Logits of being a digit, shape (n,), and logarithms of the probabilities of the ten labels of one
            that is, shape (n, 10).
        """
        if not candidates:
            return np.zeros(0), np.zeros((0, LABELS))
        told, names = evidence(candidates, glyphs), names_of(candidates, glyphs)
        asked = np.array([candidate.refined is not None for candidate in candidates])
        logits = np.where(asked, self.all.logits(told), self.first.logits(told))
        return logits, np.where(asked[:, np.newaxis], self.all.named(names), self.first.named(names))

    def doubted(self, candidates: Sequence[Candidate], glyphs: FloatArray) -> list[int]:
        """Which candidates the refinement network should be asked about, as indices."""
        if not candidates:
            return []
        said = self.first.probabilities(evidence(candidates, glyphs), names_of(candidates, glyphs))
        return [int(k) for k in np.flatnonzero(self.doubts(said))]

    def doubts(self, said: FloatArray) -> np.ndarray:
        """Likewise, which of what the first weights say, shape (n, 10), is in doubt: shape (n,), bool."""
        sure = said.max(axis=1)
        return np.asarray((sure >= self.low) & (sure < self.high))

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Fusion:
        """What `dataclasses.asdict` made of one.

        Raises:
            ValueError: when weights are no numbers.
        """
        first, all_ = (
            Weights(**{str(name): float(value) for name, value in values[which].items()})
            for which in ("first", "all")
        )
        fusion = cls(first, all_, float(values["low"]), float(values["high"]))
        if not np.isfinite([*astuple(first), *astuple(all_), fusion.low, fusion.high]).all():
            raise ValueError(f"{fusion} holds numbers that are none")
        return fusion


def _together(logits: np.ndarray, named: np.ndarray) -> FloatArray:
    believed = 1 / (1 + np.exp(-logits))[:, np.newaxis]
    together: FloatArray = (believed * np.exp(named) + (1 - believed) / LABELS).astype(np.float32)
    return together


NAMING, EVIDENCE = 3, 6
"""So many weights, the first ones, are of names, and so many are of whether it is a digit; the last of either
is the refinement network's."""


def names_of(candidates: Sequence[Candidate], glyphs: FloatArray) -> np.ndarray:
    """What the weights before `Weights.constant` are for, log probabilities of labels, shape (3, n, 10)."""
    return np.stack(
        [
            np.array([candidate.labels for candidate in candidates], np.float64).reshape(-1, LABELS),
            np.log(np.maximum(glyphs, SMALLEST)),
            np.array([candidate.refined_labels for candidate in candidates], np.float64).reshape(-1, LABELS),
        ]
    )


def evidence(candidates: Sequence[Candidate], glyphs: FloatArray) -> np.ndarray:
    """What the weights from `Weights.constant` on are for, shape (n, 6), float64."""
    pages = np.exp(np.stack([candidate.labels for candidate in candidates]))
    both = (pages * glyphs).sum(axis=1)
    return np.column_stack(
        [
            np.ones(len(candidates)),
            [candidate.digit for candidate in candidates],
            [candidate.writing for candidate in candidates],
            np.log(np.maximum(glyphs.max(axis=1), SMALLEST)),
            np.log(np.maximum(both, SMALLEST)),
            [candidate.refined or 0.0 for candidate in candidates],
        ]
    )


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Logarithms of probabilities, along the last axis."""
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)))
