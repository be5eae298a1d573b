"""Composes the road of data: Frame -> Result."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from edge import naming
from edge.classifier import Classifier
from edge.errors import EdgeError, ModelError
from edge.ink import InkMarker
from edge.lines import group, to_reading
from edge.live import Step, Stream
from edge.looks import find_digits
from edge.model_file import DIGIT_LABELS, DIGITS
from edge.preprocess import to_glyph
from edge.segment import Marker, to_grey
from edge.sources.base import Source
from edge.track import TrackerOptions
from edge.tracker import Tracker
from edge.types import ByteArray, Digit, Frame, Ink, Line, Prediction, Reading, Result, Speed, check_image


class DigitReader:
    """Reads the numbers in pictures and streams.

    Several threads may share one: their frames are read one after the other. A stream that is being read
    belongs to the thread that iterates it.

    Args:
        classifier: names the digits; None takes the shipped model.
        marker: finds the ink; None takes the shipped model.
        tracking: when the numbers of a stream are believed; None takes the usual.

    Raises:
        ModelError: the classifier names other things than the ten digits.
    """

    def __init__(
        self,
        classifier: Classifier | None = None,
        marker: Marker | None = None,
        tracking: TrackerOptions | None = None,
    ) -> None:
        self.classifier = classifier or Classifier()
        if (labels := self.classifier.card.labels) != DIGIT_LABELS:
            raise ModelError(
                f"numbers are read with a model whose labels are 0 to 9 in this order; those of "
                f"{self.classifier.name.name} are {', '.join(labels[:DIGITS])}"
                f"{', …' if len(labels) > DIGITS else ''}: ask it with edge.classifier.Classifier"
            )
        self.marker = marker or InkMarker()
        self.tracking = tracking or TrackerOptions()
        self._lock = threading.Lock()  # the interpreters of the networks take one picture at a time

    def read(self, source: Source) -> Iterator[Reading]:
        """Yield each number of a source when it is accepted; then close the source.

        In a stream, a number is yielded once, and again when it was gone and has come back. The ink of its
        digits is not kept; `results` has that.

        Raises:
            EdgeError: the source or a frame of it cannot be read.
        """
        here: set[int | None] = set()
        for step in self._steps(source):
            if step.error is not None:
                raise step.error
            for event in step.events:
                track_id = event.reading.track_id
                if event.kind == "gone":
                    here.discard(track_id)
                elif event.kind == "accepted" and (track_id is None or track_id not in here):
                    here.add(track_id)
                    yield event.reading

    def results(
        self, source: Source, *, on_error: Callable[[EdgeError], None] | None = None
    ) -> Iterator[Result]:
        """Yield all that is read in each frame of a source; then close the source.

        Numbers are followed from frame to frame where the frames follow each other in time; separate
        pictures are read each for itself.

        Args:
            source: where the frames come from. What is known of its numbers is forgotten with it.
            on_error: told of each frame that cannot be read, and the next follows; without it, the first such
                frame ends the iteration with its error.

        Raises:
            EdgeError: the source or a frame of it cannot be read.
        """
        for step in self._steps(source):
            if step.result is not None:
                yield step.result
            elif step.error is not None:
                if on_error is None:
                    raise step.error
                on_error(step.error)

    def read_image(self, image: ByteArray, source: str = "image") -> Result:
        """Read one picture for itself.

        Args:
            image: grey (rows, columns) or BGR (rows, columns, 3), uint8, 0 is black; read a file with
                `open_source`.
            source: what to call it in the result.

        Raises:
            ImageError: it is something else.
        """
        check_image(image, source)
        return self.read_frame(Frame(image, 0, time.monotonic(), datetime.now(UTC), source))

    def read_frame(self, frame: Frame, tracker: Tracker | None = None) -> Result:
        """Read one frame.

        Args:
            frame: a picture of its own, or the next of a stream.
            tracker: what is known of that stream; None reads the frame for itself.

        Raises:
            ImageError: its picture is not as `read_image` takes it.
        """
        check_image(frame.image, frame.source)
        with self._lock:
            lines, speed = self._lines(frame)
        thresholds = self.classifier.card.thresholds
        if tracker is not None:
            readings = tracker.update(lines, frame.timestamp, thresholds, frame.size)
        else:
            readings = [to_reading(line, thresholds) for line in lines]
        return Result(frame, tuple(readings), speed, self.classifier.name)

    def _steps(self, source: Source) -> Iterator[Step]:
        with source:
            yield from Stream(self).steps(source)

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
