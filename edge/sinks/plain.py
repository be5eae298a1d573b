"""Readings as plain lines, where there is no terminal to draw on: a pipe, a file, the journal."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TextIO

from edge.events import AnyEvent, FieldEvent
from edge.files import write_line
from edge.sinks import Sink
from edge.speedometer import Speedometer
from edge.types import Result

PACE_EVERY_S = 60.0
"""Seconds between two lines on how fast it reads: a journal keeps every one of them."""


class Told:
    """Picks the events of which people want a line: fields, and what is accepted, stays uncertain or goes.

    What is uncertain may change with every frame: a list need not show that.
    """

    def __init__(self) -> None:
        self._ids: set[int | None] = set()

    def worth_telling(self, events: Iterable[AnyEvent]) -> Iterator[AnyEvent]:
        """Those of the events of a frame."""
        for event in events:
            if isinstance(event, FieldEvent):
                yield event
                continue
            track_id = event.reading.track_id
            if event.kind in ("accepted", "uncertain"):
                self._ids.add(track_id)
                yield event
            elif event.kind == "gone" and track_id in self._ids:
                self._ids.discard(track_id)
                yield event


def line_of(event: AnyEvent, elapsed_s: float) -> str:
    """An event with its time since the start, for people."""
    between = "  " if isinstance(event, FieldEvent) else ""  # a number is set in columns
    return f"{elapsed_s:7.1f} s{between}{event.as_text()}"


class PlainLines(Sink):
    """Writes a line for each number that is accepted, stays uncertain or goes, and now and then the pace.

    Args:
        speedometer: ticked by whoever reads the frames.
        output: where the readings go.
        status: where the pace goes.
        clock: seconds, monotonic.
    """

    name = "standard output"

    def __init__(
        self,
        speedometer: Speedometer,
        *,
        output: TextIO,
        status: TextIO,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._speedometer = speedometer
        self._output, self._status = output, status
        self._clock = clock
        self._told = Told()
        self._next_pace = clock() + PACE_EVERY_S

    def write(self, result: Result, events: Sequence[AnyEvent]) -> None:
        """Print what this frame brought.

        Raises:
            OutputError: it cannot be written.
        """
        self._tell(events)
        if self._clock() >= self._next_pace:
            self._next_pace = self._clock() + PACE_EVERY_S
            write_line(self._status, self._speedometer.pace())

    def finish(self, events: Sequence[AnyEvent]) -> None:
        """Print what was still there and is gone now.

        Raises:
            OutputError: it cannot be written.
        """
        self._tell(events)

    def _tell(self, events: Sequence[AnyEvent]) -> None:
        for event in self._told.worth_telling(events):
            write_line(self._output, line_of(event, self._speedometer.seconds_in(event.moment)))
