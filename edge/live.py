"""The one loop: opens a source and opens it again, reads it frame by frame, and feeds the sinks.

`digitcam run`, `digitcam serve` and `DigitReader.read` stand on it.
"""

from __future__ import annotations

import math
import threading
import time
import traceback
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self, runtime_checkable

from edge.control import Control
from edge.errors import EdgeError, OutputError, ReadingError, SourceError
from edge.events import AnyEvent, Changes, Event, FieldChanges
from edge.heap import give_back
from edge.sinks import Sink
from edge.sinks.feeder import Feeder
from edge.sources.base import Notice, Source
from edge.speedometer import Speedometer
from edge.track import TrackerOptions
from edge.tracker import Tracker
from edge.types import Frame, Result
from edge.words import counted

BREATH = 100
"""Frames after which what is free of the heap is given back to the system, again and again."""

REOPEN_S = 2.0
"""Seconds after a live source failed until it is opened again."""

CLOSE_S = 1.0
"""Seconds that the sinks of a live source have to finish, all together: systemd waits five."""

REMIND_S = 60.0
"""Seconds after which it is said again that frames cannot be read."""

PAUSE_S = 0.1
"""Seconds from one look to the next whether a file, which loses no frame, may be read on."""


class FrameReader(Protocol):
    """What reads a frame: a `DigitReader`, or a `FieldReader` of one stream."""

    @property
    def tracking(self) -> TrackerOptions:
        """When the numbers of a stream are believed."""

    def read_frame(self, frame: Frame, tracker: Tracker | None = None) -> Result:
        """Read one frame, with what is known of the stream so far."""


@runtime_checkable
class ReadsFields(Protocol):
    """What reads fields, which can be asked for: a `FieldReader`."""

    def ask(self, names: Collection[str]) -> None:
        """Read these fields with the next frame, whatever their schedule says."""


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """What came of one frame.

    Attributes:
        frame: the frame.
        result: what was read in it; None where it could not be read, or was not to be.
        events: what has changed.
        error: why it could not be read; None where it was left unread, as reading is paused.
    """

    frame: Frame
    result: Result | None = None
    events: Sequence[AnyEvent] = ()
    error: EdgeError | None = None


class Stream:
    """One stream's memory: the numbers that are followed in it, and what was told of them.

    A source that is opened again goes on with its stream; another source is another stream.

    Args:
        reader: reads the frames.
        control: what is asked for meanwhile; None where nobody asks.
    """

    def __init__(self, reader: FrameReader, control: Control | None = None) -> None:
        self._reader, self._control = reader, control or Control()
        self._tracker = Tracker(reader.tracking)
        self._changes, self._fields = Changes(), FieldChanges()

    def steps(self, source: Source) -> Iterator[Step]:
        """Read each frame of an open source. A frame that cannot be read is a step as well.

        Numbers are followed from frame to frame where the frames follow each other in time; separate pictures
        are read each for itself. While reading is paused, the frames of a live source pass unread; another
        source waits, and its frame is a step again and again.
        """
        for frame in source:
            while self._control.paused:
                yield Step(frame)
                if source.live:
                    break
            else:
                yield self._read(frame, source)

    def _read(self, frame: Frame, source: Source) -> Step:
        try:
            if asked := self._control.take_asked():
                self._ask(asked)
            result = self._reader.read_frame(frame, self._tracker if source.continuous else None)
            return Step(frame, result, self._events(result, source.continuous))
        except Exception as error:  # one frame, of months of them
            return Step(frame, error=_unreadable(frame, error))

    def _ask(self, asked: Collection[str]) -> None:
        """Have fields read at once, and told of as if for the first time."""
        if isinstance(self._reader, ReadsFields):
            self._reader.ask(asked)
        self._fields.forget(asked)

    def _events(self, result: Result, continuous: bool) -> list[AnyEvent]:
        return [*self._changes.update(result), *self._fields.update(result, continuous=continuous)]

    def end(self) -> list[Event]:
        """What its end changes: what was still there is gone."""
        return self._changes.end()


class LiveLoop:
    """Reads a source until its end and feeds the sinks; use it in a `with` block.

    A live source that fails or ends is opened again; a frame that cannot be read is said and counted, and the
    next one is read. Each sink is fed from a thread of its own. Reading ends when every sink is broken at the
    same time, as there is nobody left to be told.

    Args:
        open_source: opens the source, the first time at once.
        reader: reads the frames.
        wait: let the reading wait for the sinks, so that they miss no frame; None: for all but live sources.
        control: what can be asked of it while it runs; None makes one.
        on_error: told of what goes wrong for good: a file that ends early, a sink that cannot write.
        on_notice: told, in a line for people, of what is being mended, and that it is.

    Attributes:
        source: the source that is read, or was last.
        speedometer: knows how the reading goes.
        control: what can be asked of it while it runs.

    Raises:
        EdgeError: the source cannot be opened.
    """

    def __init__(
        self,
        open_source: Callable[[], Source],
        reader: FrameReader,
        *,
        wait: bool | None = None,
        control: Control | None = None,
        on_error: Callable[[EdgeError], None],
        on_notice: Notice,
    ) -> None:
        self._open = open_source
        self.control = control or Control()
        self._stream = Stream(reader, self.control)
        self._on_error, self._on_notice = on_error, on_notice
        self._feeders: list[Feeder] = []
        self._end = threading.Event()
        self._closed = False
        self._failure, self._failure_said_at = "", -math.inf
        self.source = open_source()
        self.wait = not self.source.live if wait is None else wait
        self.speedometer = Speedometer(self.source)

    def add(self, sink: Sink) -> None:
        """Feed a sink, too; it is closed with the loop."""
        self._feeders.append(Feeder(sink, wait=self.wait, on_error=self._on_error, on_notice=self._on_notice))

    def run(
        self,
        *,
        seconds: float = math.inf,
        frames: float = math.inf,
        picture_s: float = 0.0,
        until_hung_up: bool = True,
    ) -> None:
        """Read until the end of the source, `stop`, or one of the limits.

        Args:
            seconds: stop after so many.
            frames: stop after so many.
            picture_s: how long each of several separate pictures is shown, seconds.
            until_hung_up: stop when whoever reads what one of the sinks writes wants no more, as in a pipe.

        Raises:
            BrokenPipeError: that was so.
        """
        # While a camera is lost, no frame comes that could tell the time.
        timer = threading.Timer(min(seconds, threading.TIMEOUT_MAX), self.stop)
        timer.daemon = True
        if seconds < math.inf:
            timer.start()
        try:
            for step in self._steps():
                self._take(step)
                read = self.speedometer.frames + self.speedometer.failed
                if read >= frames or self._is_heard_by_nobody(until_hung_up):
                    break
                if self._end.wait(0 if self.source.continuous else picture_s):
                    break
        finally:
            timer.cancel()
        self.close()
        for feeder in self._feeders:
            if until_hung_up and feeder.hung_up:
                raise feeder.hung_up

    def stop(self) -> None:
        """End the reading, from any thread: with the next frame, or at once where the source is live."""
        self._end.set()
        if self.source.live:  # a file is read in the meantime, and OpenCV crashes when it is closed
            self.source.close()

    def close(self) -> None:
        """End the reading, close the source, and finish and close the sinks; may be called twice."""
        self.stop()
        if self._closed:
            return
        self._closed = True
        self.source.close()
        last = self._stream.end()
        for feeder in self._feeders:
            feeder.end(last)
        deadline = time.monotonic() + CLOSE_S
        for feeder in self._feeders:
            if not feeder.join(None if self.wait else max(0.0, deadline - time.monotonic())):
                self._on_error(
                    OutputError(f"{feeder.sink.name} is not finished in time; what it has written is kept")
                )

    @property
    def failures(self) -> tuple[str, ...]:
        """Which sinks take nothing at present, and why, each in a line for people."""
        return tuple(feeder.failure for feeder in self._feeders if feeder.failure)

    def summary(self) -> list[str]:
        """What was read and what the sinks did, in lines for people."""
        lines = [self.speedometer.summary()]
        for feeder in self._feeders:
            if done := feeder.sink.summary():
                left_out = f"; {counted(feeder.skipped, 'frame')} left out" if feeder.skipped else ""
                lost = f"; {counted(feeder.lost, 'event')} lost" if feeder.lost else ""
                lines.append(done + left_out + lost)
        return lines

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _steps(self) -> Iterator[Step]:
        """Each frame of the source; a live one is opened again and again."""
        while not self._end.is_set():
            source, error = self.source, None
            try:
                yield from self._stream.steps(source)
            except EdgeError as failure:
                error = failure
            except Exception as failure:
                error = SourceError(f"{source.name} failed: {_told(failure)}")
            if self._end.is_set():
                return
            source.close()
            if not source.live:
                if error is not None:
                    self._on_error(error)  # what was read until then counts all the same
                self._tell(str(error or f"{source.name} has ended"))
                return
            source.state = "lost"
            self._reopen(error or SourceError(f"{source.name} has ended"))

    def _reopen(self, error: EdgeError) -> None:
        said = ""
        while True:
            self._tell(str(error))
            if str(error) != said:
                said = str(error)
                self._on_notice(f"{error}; opening it again")
            if self._end.wait(REOPEN_S):
                return
            try:
                self.source = self._open()
            except EdgeError as failure:
                error = failure
            except Exception as failure:
                error = SourceError(f"{self.source.name} cannot be opened: {_told(failure)}")
            else:
                self.speedometer.follow(self.source)
                if self._end.is_set():  # `stop` closed the one before
                    self.source.close()
                return

    def _take(self, step: Step) -> None:
        if step.result is None and step.error is None:
            for feeder in self._feeders:
                feeder.idle(step.frame.moment)
            self._end.wait(0 if self.source.live else PAUSE_S)
            return
        if step.result is None:
            self.speedometer.fail()
            self._say_failure(str(step.error))
            self._tell(str(step.error), step.frame)
            return
        self._failure = ""
        self.speedometer.tick(step.result, step.events)
        if self.speedometer.frames % BREATH == 0:
            give_back()
        for feeder in self._feeders:
            feeder.write(step.result, step.events)

    def _say_failure(self, text: str) -> None:
        """Say that a frame cannot be read; of many one after the other the first, and a reminder."""
        now = time.monotonic()
        if not self.source.live:
            self._on_error(ReadingError(text))
        elif not self._failure or now - self._failure_said_at >= REMIND_S:
            self._failure_said_at = now
            self._on_notice(f"{text}; {self.speedometer.failed} in all; reading goes on")
        self._failure = text

    def _tell(self, trouble: str, unread: Frame | None = None) -> None:
        for feeder in self._feeders:
            feeder.trouble(trouble, unread)

    def _is_heard_by_nobody(self, until_hung_up: bool) -> bool:
        if until_hung_up and any(feeder.hung_up for feeder in self._feeders):
            return True
        return bool(self._feeders) and all(feeder.broken or feeder.hung_up for feeder in self._feeders)


def _unreadable(frame: Frame, error: Exception) -> EdgeError:
    if isinstance(error, EdgeError):
        return error
    unreadable = ReadingError(f"frame {frame.frame_id} of {frame.source} cannot be read: {_told(error)}")
    unreadable.__cause__ = error
    return unreadable


def _told(error: Exception) -> str:
    """A fault of the software in a line that tells where it is."""
    at = traceback.extract_tb(error.__traceback__)
    where = f" ({Path(at[-1].filename).name}, line {at[-1].lineno})" if at else ""
    return f"{type(error).__name__}: {' '.join(str(error).split())}{where}"
