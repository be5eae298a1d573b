"""Grey picture -> [Digit]: the page network says where, the digit network names, and what both say counts."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from edge import naming
from edge.classifier import Classifier
from edge.cutting import cut_out
from edge.fusion import LABELS, Fusion
from edge.page import PageNetwork, candidates, way_up
from edge.preprocess import to_glyph
from edge.types import ByteArray, Candidate, Digit, FloatArray, Glyph

BUDGET = 256
"""Candidates that are named in one picture, the surest first: the fullest pages of people have 100 digits,
and a board names these in a tenth of a second."""


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What both networks say of one picture.

    Attributes:
        candidates: where there may be digits, surest first.
        inks: what each was cut out as: white ink on black, uint8.
        glyphs: the same as the digit network sees it.
        probabilities: what the digit network says of each, shape (n, 10), float32.
        complete: whether the budget was enough for all.
        turned: quarter turns, clockwise, that the page has been turned; what is said above is of the picture
            turned back.
        segment_ms: milliseconds that finding them took.
        normalise_ms: that cutting them out took.
        classify_ms: that naming them took.
    """

    candidates: list[Candidate]
    inks: list[ByteArray]
    glyphs: list[Glyph]
    probabilities: FloatArray
    complete: bool
    turned: int = 0
    segment_ms: float = 0.0
    normalise_ms: float = 0.0
    classify_ms: float = 0.0

    def digits(self, fusion: Fusion, least: float) -> list[Digit]:
        """The candidates that are believed to be digits.

        Args:
            fusion: brings the opinions of both networks together.
            least: confidence from which on one is a digit.
        """
        named = fusion(self.candidates, self.probabilities)
        return [
            Digit(candidate.box, prediction, ink, candidate.links)
            for candidate, prediction, ink in zip(self.candidates, named, self.inks, strict=True)
            if prediction.confidence >= least
        ]


class Recognizer:
    """Looks at pictures with both networks.

    Args:
        page: sees where digits are.
        classifier: names them.
        least: logit of a digit's centre from which on a place is a candidate.
        budget: candidates to name, at most.
    """

    def __init__(
        self, page: PageNetwork, classifier: Classifier, *, least: float, budget: int = BUDGET
    ) -> None:
        self.page, self.classifier = page, classifier
        self._least, self._budget = least, budget

    def see(self, grey: ByteArray) -> Seen:
        """What both networks say of a picture, shape (rows, columns), uint8."""
        start = time.perf_counter()
        looks = self.page.looks(grey)
        if turned := way_up(looks):
            grey = np.ascontiguousarray(np.rot90(grey, turned))
            looks = self.page.looks(grey)
        found = candidates(looks, self._least, self._budget + 1)
        complete, found = len(found) <= self._budget, found[: self._budget]
        searched = time.perf_counter()
        inks = cut_out(grey, looks, found)
        glyphs = [to_glyph(ink) for ink in inks]
        normalised = time.perf_counter()
        named = naming.name(glyphs, self.classifier.classify)
        probabilities = np.array([each.probabilities for each in named], np.float32).reshape(-1, LABELS)
        named_at = time.perf_counter()
        return Seen(
            found,
            inks,
            glyphs,
            probabilities,
            complete,
            turned,
            1000 * (searched - start),
            1000 * (normalised - searched),
            1000 * (named_at - normalised),
        )
