"""Readings as plain lines, where there is no terminal to draw on: a pipe, a file, the journal."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TextIO

from edge.events import Event
from edge.files import write_line
from edge.sinks import Sink
from edge.speedometer import Speedometer
from edge.types import Result

PACE_EVERY_S = 60.0
"""Seconds between two lines on how fast it reads: a journal keeps every one of them."""


class PlainLines(Sink):
    """Writes a line for each number that is accepted or goes, and now and then one on the pace.

    Args:
        speedometer: ticked by whoever reads the frames.
        output: where the readings go.
        status: where the pace goes.
        clock: seconds, monotonic.
    """

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
        self._next_pace = clock() + PACE_EVERY_S

    def write(self, result: Result, events: Sequence[Event]) -> None:
        """Print what this frame brought.

        Raises:
            OutputError: it cannot be written.
        """
        for event in events:
            # What is uncertain may change with every frame: a list need not show that.
            if event.reading.status == "accepted":
                write_line(self._output, f"{self._speedometer.elapsed_s:7.1f} s{event.as_text()}")
        if self._clock() >= self._next_pace:
            self._next_pace = self._clock() + PACE_EVERY_S
            write_line(self._status, self._speedometer.pace())
