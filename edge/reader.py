"""Composes the road of data: Frame -> Result."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

from edge.by_ink.road import InkRoad
from edge.classifier import Classifier
from edge.errors import ModelError
from edge.events import Changes
from edge.lines import to_reading
from edge.model_file import DIGIT_LABELS, DIGITS
from edge.page_file import PageFile
from edge.page_road import PageRoad
from edge.planes import to_grey
from edge.sources.base import Source
from edge.tracker import Tracker
from edge.types import ByteArray, Frame, Reading, Result, Road


class DigitReader:
    """Reads the numbers in pictures and streams.

    Args:
        classifier: names the digits; None takes the shipped model.
        tracker: follows the numbers of a stream; None takes one with the usual settings.
        road: how digits are found, "ink" or "page"; None is "page" where a page network is given, else "ink",
            which reads the photos known so far better (docs/seeing-the-page.md).
        page: the page network; None takes the shipped one.
        threads: of the page network's interpreter.

    Raises:
        ModelError: the classifier names other things than the ten digits, or the two networks are no pair.
    """

    def __init__(
        self,
        classifier: Classifier | None = None,
        tracker: Tracker | None = None,
        *,
        road: Road | None = None,
        page: PageFile | None = None,
        threads: int = 1,
    ) -> None:
        self.classifier = classifier or Classifier()
        if (labels := self.classifier.card.labels) != DIGIT_LABELS:
            raise ModelError(
                f"numbers are read with a model whose labels are 0 to 9 in this order; those of "
                f"{self.classifier.name.name} are {', '.join(labels[:DIGITS])}"
                f"{', …' if len(labels) > DIGITS else ''}: ask it with edge.classifier.Classifier"
            )
        if road is None:
            road = "ink" if page is None else "page"
        self.road = (
            InkRoad(self.classifier) if road == "ink" else PageRoad(self.classifier, page, threads=threads)
        )
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
        grey = to_grey(frame.image) if frame.grey is None else frame.grey
        scan, thresholds = self.road.read(grey), self.road.thresholds
        if follow:
            readings = self.tracker.update(scan.lines, frame.timestamp, thresholds, frame.size)
        else:
            readings = [to_reading(line, thresholds) for line in scan.lines]
        return Result(
            frame,
            tuple(readings),
            replace(scan.speed, capture=frame.capture_ms),
            self.classifier.name,
            self.road.name,
            scan.turned,
            scan.complete,
        )
