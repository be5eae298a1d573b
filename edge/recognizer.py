"""Grey picture -> [Digit]: the page network says where, two others say what, and what all say counts."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from edge import naming
from edge.classifier import Classifier
from edge.cutting import cut_out
from edge.fusion import LABELS, Fusion
from edge.page import Look, PageNetwork, candidates, way_up
from edge.preprocess import to_glyph
from edge.refine import refined
from edge.types import ByteArray, Candidate, Digit, FloatArray, Glyph

BUDGET = 256
"""Candidates that are named in one picture, the surest first: the fullest pages of people have 100 digits,
and a board names these in a tenth of a second."""


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What there is to name in a picture.

    Attributes:
        candidates: where there may be digits, surest first.
        inks: what each was cut out as: white ink on black, uint8.
        glyphs: the same as the digit network sees it.
        grey: the picture, turned upright.
        looks: at it.
        complete: whether the budget was enough for all.
        turned: quarter turns, clockwise, that the page has been turned; all else is of the picture turned
            back.
        segment_ms: milliseconds that finding them took.
        normalise_ms: that cutting them out took.
    """

    candidates: list[Candidate]
    inks: list[ByteArray]
    glyphs: list[Glyph]
    grey: ByteArray
    looks: Sequence[Look]
    complete: bool = True
    turned: int = 0
    segment_ms: float = 0.0
    normalise_ms: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What the networks say of one picture.

    Attributes:
        found: what there is to name, with what the refinement network says of it where that was asked.
        probabilities: what the digit network says of each, shape (n, 10), float32.
        classify_ms: milliseconds that asking these two took.
    """

    found: Found
    probabilities: FloatArray
    classify_ms: float = 0.0

    def digits(self, fusion: Fusion, least: float) -> list[Digit]:
        """The candidates that are believed to be digits.

        Args:
            fusion: brings the opinions of the networks together.
            least: confidence from which on one is a digit.
        """
        named = fusion(self.found.candidates, self.probabilities)
        return [
            Digit(candidate.box, prediction, ink, candidate.links)
            for candidate, prediction, ink in zip(self.found.candidates, named, self.found.inks, strict=True)
            if prediction.confidence >= least
        ]


def find(
    page: PageNetwork,
    grey: ByteArray,
    *,
    least: float,
    budget: int = BUDGET,
    heights: Sequence[float] = (),
    kept: bool = True,
) -> Found:
    """Find what there is to name in a picture; training takes its glyphs from here, too.

    Args:
        page: sees where digits are.
        grey: shape (rows, columns), uint8.
        least: logit of a digit's centre from which on a place is a candidate, as in the network's card.
        budget: candidates to return, at most.
        heights: of the digits in the looks that are added to the pyramid, pixels.
        kept: whether the page network's interpreters for these looks are, for pictures alike.
    """
    start = time.perf_counter()
    looks = page.looks(grey)
    if turned := way_up(looks):
        grey = np.ascontiguousarray(np.rot90(grey, turned))
        looks = page.looks(grey)
    if heights:
        looks = page.more(grey, looks, heights, kept=kept)
    found = candidates(looks, least, budget + 1)
    complete, found = len(found) <= budget, found[:budget]
    searched = time.perf_counter()
    inks = cut_out(grey, looks, found)
    glyphs = [to_glyph(ink) for ink in inks]
    normalised = time.perf_counter()
    return Found(
        found,
        inks,
        glyphs,
        grey,
        looks,
        complete,
        turned,
        segment_ms=1000 * (searched - start),
        normalise_ms=1000 * (normalised - searched),
    )


class Recognizer:
    """Looks at pictures with three networks.

    Args:
        page: sees where digits are.
        classifier: names them.
        refine: the refinement network: says of each what it is with what stands around it.
        fusion: says which are in doubt, so that it is asked about them alone; None asks about all.
        least: logit of a digit's centre from which on a place is a candidate.
        budget: candidates to name, at most.
        heights: of the digits in the looks that are added to the pyramid, pixels.
        kept: whether the page network's interpreters for these looks are, for pictures alike.
    """

    def __init__(
        self,
        page: PageNetwork,
        classifier: Classifier,
        refine: Classifier,
        fusion: Fusion | None = None,
        *,
        least: float,
        budget: int = BUDGET,
        heights: Sequence[float] = (),
        kept: bool = True,
    ) -> None:
        self.page, self.classifier, self.refine, self._fusion = page, classifier, refine, fusion
        self._least, self._budget, self._heights, self._kept = least, budget, tuple(heights), kept

    def see(self, grey: ByteArray) -> Seen:
        """What the networks say of a picture, shape (rows, columns), uint8."""
        found = find(
            self.page,
            grey,
            least=self._least,
            budget=self._budget,
            heights=self._heights,
            kept=self._kept,
        )
        start = time.perf_counter()
        named = naming.name(found.glyphs, self.classifier.classify)
        probabilities = np.array([each.probabilities for each in named], np.float32).reshape(-1, LABELS)
        asked = None if self._fusion is None else self._fusion.doubted(found.candidates, probabilities)
        candidates = refined(found.candidates, found.grey, self.refine, asked)
        milliseconds = 1000 * (time.perf_counter() - start)
        return Seen(replace(found, candidates=candidates), probabilities, milliseconds)
