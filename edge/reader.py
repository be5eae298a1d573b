"""Composes the road of data: Frame -> Result."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime

from edge import naming
from edge.classifier import Classifier
from edge.errors import ModelError
from edge.events import Changes
from edge.ink import InkMarker
from edge.lines import group, to_reading
from edge.looks import find_digits
from edge.model_file import DIGIT_LABELS, DIGITS
from edge.preprocess import to_glyph
from edge.segment import Marker, to_grey
from edge.sources.base import Source
from edge.tracker import Tracker
from edge.types import ByteArray, Digit, Frame, Ink, Line, Prediction, Reading, Result, Speed


class DigitReader:
    """Reads the numbers in pictures and streams.

    Args:
        classifier: names the digits; None takes the shipped model.
        tracker: follows the numbers of a stream; None takes one with the usual settings.
        marker: finds the ink; None takes the shipped model.

    Raises:
        ModelError: the classifier names other things than the ten digits.
    """

    def __init__(
        self,
        classifier: Classifier | None = None,
        tracker: Tracker | None = None,
        marker: Marker | None = None,
    ) -> None:
        self.classifier = classifier or Classifier()
        if (labels := self.classifier.card.labels) != DIGIT_LABELS:
            raise ModelError(
                f"numbers are read with a model whose labels are 0 to 9 in this order; those of "
                f"{self.classifier.name.name} are {', '.join(labels[:DIGITS])}"
                f"{', …' if len(labels) > DIGITS else ''}: ask it with edge.classifier.Classifier"
            )
        self.marker = marker or InkMarker()
        self.tracker = tracker or Tracker()

    def read(self, source: Source) -> Iterator[Reading]:
        """Yield each number of a source when it is accepted; then close the source.

        In a stream, a number is yielded once, and again when it is accepted as another.
        """
        changes = Changes()
        for result in self.results(source):
            for event in changes.update(result):
                if event.kind == "accepted":
                    yield event.reading

    def results(self, source: Source) -> Iterator[Result]:
        """Yield all that is read in each frame of a source; then close the source.

        Numbers are followed from frame to frame where the frames follow each other in time; separate
        pictures are read each for itself.
        """
        with source:
            for frame in source:
                yield self._read(frame, follow=source.continuous)

    def read_image(self, image: ByteArray, source: str = "image") -> Result:
        """Read one picture, grey (rows, columns) or BGR (rows, columns, 3), uint8, for itself."""
        return self._read(Frame(image, 0, time.monotonic(), datetime.now(UTC), source), follow=False)

    def _read(self, frame: Frame, *, follow: bool) -> Result:
        lines, speed = self._lines(frame)
        thresholds = self.classifier.card.thresholds
        if follow:
            readings = self.tracker.update(lines, frame.timestamp, thresholds, frame.size)
        else:
            readings = [to_reading(line, thresholds) for line in lines]
        return Result(frame, tuple(readings), speed, self.classifier.name)

    def _lines(self, frame: Frame) -> tuple[list[Line], Speed]:
        start = time.perf_counter()
        grey = to_grey(frame.image) if frame.grey is None else frame.grey
        normalise = classify = 0.0

        def name(inks: list[Ink]) -> list[Prediction]:
            nonlocal normalise, classify
            begun = time.perf_counter()
            glyphs = [to_glyph(piece.pixels) for piece in inks]
            made = time.perf_counter()
            named = naming.name(glyphs, self.classifier.classify)
            normalise += made - begun
            classify += time.perf_counter() - made
            return named

        thresholds = self.classifier.card.thresholds
        named = find_digits(grey, self.marker, name, thresholds.accept)
        digits = [
            Digit(piece.box, prediction, piece.pixels)
            for piece, prediction in named
            if prediction.confidence >= thresholds.digit
        ]
        # Naming is a part of choosing, which has ink sought in other ways where it is not clear.
        searched = time.perf_counter() - start - normalise - classify
        speed = Speed(
            capture=frame.capture_ms,
            segment=searched * 1000,
            normalise=normalise * 1000,
            classify=classify * 1000,
        )
        return group(digits), speed
