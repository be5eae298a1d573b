"""Composes the road: grey picture -> [Line]."""

from __future__ import annotations

import json
import time
from typing import Any

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


class InkRoad:
    """Reads grey pictures.

    Args:
        classifier: names the digits.
        marker: finds the ink; None takes the shipped model.
        threads: of the shipped model's interpreter.

    Attributes:
        name: which network finds the ink.
        card: what that network says of itself.
        thresholds: on the digit network's confidence.
    """

    def __init__(self, classifier: Classifier, marker: Marker | None = None, *, threads: int = 1) -> None:
        self.thresholds = classifier.card.thresholds
        card = shipped_path(INK_MODEL).with_suffix(".json")
        self.card: dict[str, Any] = json.loads(card.read_text(encoding="utf-8"))
        self.name = ModelName(str(self.card["name"]), str(self.card["sha256"]))
        self._classifier, self._marker = classifier, marker or InkMarker(threads=threads)

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
