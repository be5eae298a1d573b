"""Composes the road: grey picture -> [Line]."""

from __future__ import annotations

import hashlib
import time

from edge import naming
from edge.by_ink.ink import InkMarker
from edge.by_ink.looks import find_digits
from edge.by_ink.pieces import Ink
from edge.by_ink.segment import Marker
from edge.by_ink.spacing import group
from edge.classifier import Classifier
from edge.model_file import INK_MODEL, shipped_path
from edge.preprocess import to_glyph
from edge.types import ByteArray, Digit, ModelName, Prediction, Scan, Speed

INK_NAME = "ink-int8"


class InkRoad:
    """Reads grey pictures.

    Args:
        classifier: names the digits.
        marker: finds the ink; None takes the shipped model.

    Attributes:
        name: which network finds the ink.
        thresholds: on the digit network's confidence.
    """

    def __init__(self, classifier: Classifier, marker: Marker | None = None) -> None:
        self.thresholds = classifier.card.thresholds
        self.name = ModelName(INK_NAME, hashlib.sha256(shipped_path(INK_MODEL).read_bytes()).hexdigest())
        self._classifier, self._marker = classifier, marker or InkMarker()

    def read(self, grey: ByteArray) -> Scan:
        """The numbers in a picture, shape (rows, columns), uint8."""
        start = time.perf_counter()
        normalise = classify = 0.0

        def name(inks: list[Ink]) -> list[Prediction]:
            nonlocal normalise, classify
            begun = time.perf_counter()
            glyphs = [to_glyph(piece.pixels) for piece in inks]
            made = time.perf_counter()
            named = naming.name(glyphs, self._classifier.classify)
            normalise += made - begun
            classify += time.perf_counter() - made
            return named

        named = find_digits(grey, self._marker, name, self.thresholds.accept)
        lines = group(
            [
                Digit(piece.box, prediction, piece.pixels)
                for piece, prediction in named
                if prediction.confidence >= self.thresholds.digit
            ]
        )
        # Naming is a part of choosing, which has ink sought in other ways where it is not clear.
        searched = time.perf_counter() - start - normalise - classify
        speed = Speed(segment=1000 * searched, normalise=1000 * normalise, classify=1000 * classify)
        return Scan(lines, speed)
