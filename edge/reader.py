"""Composes the road of data: Frame -> Result."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from edge.by_ink.road import InkRoad
from edge.classifier import Classifier
from edge.errors import EdgeError, ModelError, UsageError
from edge.events import FieldEvent
from edge.formats import Format
from edge.lines import to_reading
from edge.live import Step, Stream
from edge.model_file import DIGIT_LABELS, DIGITS, load_model
from edge.page_file import PageFile, load_page
from edge.page_road import PageRoad
from edge.planes import to_grey
from edge.sources.base import Source
from edge.track import TrackerOptions
from edge.tracker import Tracker
from edge.types import ByteArray, Frame, Reading, Result, Road, Scan, check_image


class DigitReader:
    """Reads the numbers in pictures and streams.

    Several threads may share one: their frames are read one after the other. A stream that is being read
    belongs to the thread that iterates it.

    Args:
        classifier: names the digits; None takes the shipped model.
        tracking: when the numbers of a stream are believed; None takes the usual.
        road: how digits are found, "ink" or "page"; None is "page" where a page network is given, else "ink",
            which reads the photos known so far better (docs/seeing-the-page.md).
        page: the page network; None takes the shipped one.
        threads: of the interpreter of the network that finds the digits.

    Attributes:
        classifier: names the digits.
        road: finds digits and groups them.
        road_name: which one that is.
        page: the page network that was given, if one was.
        threads: of the interpreter of the network that finds the digits.
        tracking: when the numbers of a stream are believed.

    Raises:
        ModelError: the classifier names other things than the ten digits, or the two networks are no pair.
    """

    def __init__(
        self,
        classifier: Classifier | None = None,
        tracking: TrackerOptions | None = None,
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
        self.road_name: Road = road or ("ink" if page is None else "page")
        self.road = (
            InkRoad(self.classifier, threads=threads)
            if self.road_name == "ink"
            else PageRoad(self.classifier, page, threads=threads)
        )
        self.page, self.threads = page, threads
        self.tracking = tracking or TrackerOptions()
        self._lock = threading.Lock()  # the interpreters of the networks take one picture at a time

    @classmethod
    def of_files(
        cls,
        model: str | Path | None = None,
        page_model: str | Path | None = None,
        *,
        road: Road | None = None,
        threads: int = 1,
    ) -> Self:
        """A reader with these model files.

        Args:
            model: of the digit network; None is the shipped one.
            page_model: of the page network; None is the shipped one, where the road is "page".
            road: as the class takes it.
            threads: of the interpreter of the network that finds the digits.

        Raises:
            ModelError: one of them cannot be used, or the two are no pair.
        """
        page = None if page_model is None else load_page(page_model)
        return cls(Classifier(load_model(model)), road=road, page=page, threads=threads)

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
                if isinstance(event, FieldEvent):
                    continue
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
        grey = to_grey(frame.image) if frame.grey is None else frame.grey
        scan = self.scan(grey)
        thresholds = self.road.thresholds
        if tracker is not None:
            readings = tracker.update(scan.lines, frame.timestamp, thresholds, frame.size)
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

    def scan(self, grey: ByteArray) -> Scan:
        """Find the numbers in a grey picture, shape (rows, columns), uint8, and follow none."""
        with self._lock:
            return self.road.read(grey)

    @property
    def reads_by_format(self) -> bool:
        """Whether a format can help to read, and not only be compared with what was read."""
        return isinstance(self.road, PageRoad) and self.road.reads_by_format

    def expect(self, grey: ByteArray, form: Format) -> Scan:
        """Find the one number of a format in a grey picture, shape (rows, columns), uint8.

        Raises:
            UsageError: it cannot (`reads_by_format`).
        """
        if not isinstance(self.road, PageRoad):
            raise UsageError("a format helps to read with road='page' only")
        with self._lock:
            return self.road.expect(grey, form)

    def by(self, road: Road) -> Self:
        """This reader, or one with the same digit network that finds digits in this other way.

        Raises:
            ModelError: the digit network is no pair with the shipped page network.
        """
        if road == self.road_name:
            return self
        other = type(self)(self.classifier, self.tracking, road=road, page=self.page, threads=self.threads)
        other._lock = self._lock  # both ask one classifier
        return other

    def _steps(self, source: Source) -> Iterator[Step]:
        with source:
            yield from Stream(self).steps(source)
