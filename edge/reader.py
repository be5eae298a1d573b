"""Composes the road of data: Frame -> Result."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

from edge.classifier import Classifier
from edge.errors import ModelError
from edge.events import Changes
from edge.lines import group, to_reading
from edge.model_file import DIGIT_LABELS, DIGITS
from edge.page_file import PageFile, check_pair, load_page, open_page
from edge.planes import to_grey
from edge.recognizer import Recognizer, Seen
from edge.sources.base import Source
from edge.tracker import Tracker
from edge.types import ByteArray, Frame, Line, Reading, Result, Speed


class DigitReader:
    """Reads the numbers in pictures and streams.

    Args:
        classifier: names the digits; None takes the shipped model.
        tracker: follows the numbers of a stream; None takes one with the usual settings.
        page: sees where digits are; None takes the shipped model.
        threads: of the page network's interpreter.

    Raises:
        ModelError: the classifier names other things than the ten digits, or the two networks are no pair.
    """

    def __init__(
        self,
        classifier: Classifier | None = None,
        tracker: Tracker | None = None,
        page: PageFile | None = None,
        *,
        threads: int = 1,
    ) -> None:
        self.classifier = classifier or Classifier()
        if (labels := self.classifier.card.labels) != DIGIT_LABELS:
            raise ModelError(
                f"numbers are read with a model whose labels are 0 to 9 in this order; those of "
                f"{self.classifier.name.name} are {', '.join(labels[:DIGITS])}"
                f"{', …' if len(labels) > DIGITS else ''}: ask it with edge.classifier.Classifier"
            )
        page = page or load_page()
        self._fusion = check_pair(self.classifier.card, page.card)
        self._linking = page.card.linking
        network = open_page(page, threads=threads)
        self.recognizer = Recognizer(network, self.classifier, least=page.card.least)
        self.page = page.name
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
        lines, speed, seen = self._lines(frame)
        thresholds = self.classifier.card.thresholds
        if follow:
            readings = self.tracker.update(lines, frame.timestamp, thresholds, frame.size)
        else:
            readings = [to_reading(line, thresholds) for line in lines]
        return Result(
            frame,
            tuple(readings),
            speed,
            self.classifier.name,
            self.page,
            seen.found.turned,
            seen.found.complete,
        )

    def _lines(self, frame: Frame) -> tuple[list[Line], Speed, Seen]:
        start = time.perf_counter()
        grey = to_grey(frame.image) if frame.grey is None else frame.grey
        seen = self.recognizer.see(grey)
        digits = seen.digits(self._fusion, self.classifier.card.thresholds.digit)
        lines = group(digits, self._linking)
        if seen.found.turned:
            rows, columns = grey.shape if seen.found.turned == 2 else grey.shape[::-1]
            lines = [_turned(line, seen.found.turned, rows, columns) for line in lines]
        total_ms = 1000 * (time.perf_counter() - start)
        speed = Speed(
            capture=frame.capture_ms,
            segment=total_ms - seen.found.normalise_ms - seen.classify_ms,
            normalise=seen.found.normalise_ms,
            classify=seen.classify_ms,
        )
        return lines, speed, seen


def _turned(line: Line, quarters: int, rows: int, columns: int) -> Line:
    """A line of a picture of this size after that was turned clockwise."""
    return Line(tuple(replace(digit, box=digit.box.turned(quarters, rows, columns)) for digit in line.digits))
