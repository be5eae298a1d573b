"""Composes the road of data: Frame -> Result."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from edge.classifier import Classifier
from edge.errors import EdgeError, ModelError
from edge.events import FieldEvent
from edge.expected import LEAST_EXPECTED, expected
from edge.formats import Format
from edge.lines import numbers_of, rows_of, to_reading
from edge.live import Step, Stream
from edge.marks import marked, open_marks
from edge.model_file import DIGIT_LABELS, DIGITS, load_model
from edge.page import HEIGHTS
from edge.page_file import PageFile, check_pair, load_page, open_page
from edge.planes import to_grey
from edge.recognizer import Recognizer, Seen
from edge.refine import open_refine
from edge.sources.base import Source
from edge.track import TrackerOptions
from edge.tracker import Tracker
from edge.types import ByteArray, Frame, Line, Reading, Result, Scan, Speed, check_image
from edge.upright import upright


class DigitReader:
    """Reads the numbers in pictures and streams.

    Several threads may share one: their frames are read one after the other. A stream that is being read
    belongs to the thread that iterates it.

    Args:
        classifier: names the digits; None takes the shipped model.
        tracking: when the numbers of a stream are believed; None takes the usual.
        page: sees where digits are; None takes the shipped page network.
        threads: of the page network's interpreter.
        thorough: look at separate pictures in more sizes than at the frames of a stream, where the next
            frame is the next look. More numbers are read right, in three times the time.

    Attributes:
        classifier: names the digits.
        page: sees where digits are.
        marks: tells the marks between digits.
        recognizer: the networks that find and name digits, looking at a frame of a stream.
        separate: the same, looking at a separate picture.
        thresholds: on what they say together.
        threads: of the page network's interpreter.
        tracking: when the numbers of a stream are believed.

    Raises:
        ModelError: the classifier names other things than the ten digits, or the two networks are no pair.
    """

    def __init__(
        self,
        classifier: Classifier | None = None,
        tracking: TrackerOptions | None = None,
        *,
        page: PageFile | None = None,
        threads: int = 1,
        thorough: bool = False,
    ) -> None:
        self.classifier = classifier or Classifier()
        if (labels := self.classifier.card.labels) != DIGIT_LABELS:
            raise ModelError(
                f"numbers are read with a model whose labels are 0 to 9 in this order; those of "
                f"{self.classifier.name.name} are {', '.join(labels[:DIGITS])}"
                f"{', …' if len(labels) > DIGITS else ''}: ask it with edge.classifier.Classifier"
            )
        self.page, self.threads = page or load_page(), threads
        card = self.page.card
        self.marks = open_marks(self.page.marks)
        self._fusion, fused = check_pair(self.classifier.card, card)
        self.thresholds = replace(
            fused,
            mark=self.marks.card.thresholds.accept,
            nothing=self.marks.card.thresholds.digit,
            number=card.decoding.accept,
        )
        network = open_page(self.page, threads=threads)
        networks = network, self.classifier, open_refine(self.page.refine)
        self.recognizer = Recognizer(*networks, self._fusion, least=card.least)
        heights = HEIGHTS if thorough else ()
        # The next picture's digits are of another height: its added looks are of another size, too.
        self.separate = Recognizer(*networks, self._fusion, least=card.least, heights=heights, kept=False)
        self._hardly = Recognizer(*networks, least=LEAST_EXPECTED, heights=HEIGHTS)
        self.tracking = tracking or TrackerOptions()
        self._lock = threading.Lock()  # the interpreters of the networks take one picture at a time

    @classmethod
    def of_files(
        cls,
        model: str | Path | None = None,
        page: str | Path | None = None,
        *,
        threads: int = 1,
        thorough: bool = False,
    ) -> Self:
        """A reader with these model files.

        Args:
            model: of the digit network; None is the shipped one.
            page: of the page network; None is the shipped one.
            threads: of the page network's interpreter.
            thorough: look at separate pictures in more sizes.

        Raises:
            ModelError: one of them cannot be used, or the two are no pair.
        """
        return cls(Classifier(load_model(model)), page=load_page(page), threads=threads, thorough=thorough)

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
        scan = self.scan(grey, separate=tracker is None)
        if tracker is not None:
            readings = tracker.update(scan.lines, frame.timestamp, self.thresholds, frame.size)
        else:
            readings = [to_reading(line, self.thresholds) for line in scan.lines]
        return Result(
            frame,
            tuple(readings),
            replace(scan.speed, capture=frame.capture_ms),
            self.classifier.name,
            self.page.name,
            scan.turned,
            scan.complete,
            scan.candidates,
        )

    def scan(self, grey: ByteArray, *, separate: bool = False) -> Scan:
        """Find the numbers in a picture, and follow none.

        Args:
            grey: shape (rows, columns), uint8.
            separate: whether it is no frame of a stream.
        """
        with self._lock:
            start = time.perf_counter()
            if separate:
                seen = upright(self.separate, grey, self._fusion, self.thresholds, self.page.card.standing)
            else:
                seen = self.recognizer.see(grey)
            rows = rows_of(seen.digits(self._fusion, self.thresholds.digit))
            rows = marked(rows, seen.found.grey, self.marks)
            return self._scan(seen, numbers_of(rows, self.page.card.linking), grey.shape, start)

    def expect(self, grey: ByteArray, form: Format) -> Scan:
        """Find the likeliest number of a format in a grey picture, shape (rows, columns), uint8.

        Returns:
            At most one line, whose `chance` tells how likely all of it is right.
        """
        card = self.page.card
        with self._lock:
            start = time.perf_counter()
            seen = self._hardly.see(grey)
            line = expected(seen, form, self._fusion, card.decoding, self.marks)
            return self._scan(seen, [] if line is None else [line], grey.shape, start)

    def _scan(self, seen: Seen, lines: list[Line], shape: tuple[int, ...], start: float) -> Scan:
        """Lines of the upright picture in pixels of the one that was given, and how long it took.

        Args:
            seen: by the networks.
            lines: of the upright picture.
            shape: (rows, columns) of the picture that was given.
            start: when it was, seconds of `time.perf_counter`.
        """
        found = seen.found
        if found.turned:
            rows, columns = shape if found.turned == 2 else shape[::-1]
            lines = [_turned(line, found.turned, rows, columns) for line in lines]
        total_ms = 1000 * (time.perf_counter() - start)
        speed = Speed(
            segment=total_ms - found.normalise_ms - seen.classify_ms,
            normalise=found.normalise_ms,
            classify=seen.classify_ms,
        )
        places = sum(candidate.peak >= self.page.card.least for candidate in found.candidates)
        return Scan(lines, speed, found.turned, found.complete, places)

    def _steps(self, source: Source) -> Iterator[Step]:
        with source:
            yield from Stream(self).steps(source)


def _turned(line: Line, quarters: int, rows: int, columns: int) -> Line:
    """A line of a picture of this size after that was turned clockwise."""
    digits = (replace(digit, box=digit.box.turned(quarters, rows, columns)) for digit in line.digits)
    return replace(line, digits=tuple(digits))
