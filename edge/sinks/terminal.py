"""Readings for a person at a terminal: a live view, or plain lines where there is no terminal."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from edge.events import Event
from edge.sinks import Sink
from edge.sources.base import Source
from edge.speedometer import Speedometer
from edge.types import Result

STYLES = {"accepted": "bold green", "uncertain": "yellow", "rejected": "dim"}
HISTORY = 6
STATUS_EVERY_S = 1.0


class Terminal(Sink):
    """Shows numbers, frames per second, latency and drops.

    Args:
        source: where the frames come from; asked for its name and what it dropped.
        speedometer: ticked by whoever reads the frames.
        output: where readings go: a live view on a terminal, otherwise a line for each change.
        status: where frames per second go when `output` is no terminal.
    """

    def __init__(
        self,
        source: Source,
        speedometer: Speedometer,
        *,
        output: Console | None = None,
        status: Console | None = None,
    ) -> None:
        self._source = source
        self._speedometer = speedometer
        self._output = output or Console(highlight=False)
        self._status = status or Console(stderr=True, highlight=False)
        self._history: deque[Text] = deque(maxlen=HISTORY)
        self._next_status = time.monotonic() + STATUS_EVERY_S
        self._live: Live | None = None
        if self._output.is_terminal:
            self._live = Live(console=self._output, auto_refresh=False, transient=True)
            self._live.start()

    def write(self, result: Result, events: Sequence[Event]) -> None:
        """Show what this frame brought."""
        # What is uncertain may change with every frame: the live view shows that, a list need not.
        lines = [self._line(event) for event in events if event.reading.status == "accepted"]
        now = time.monotonic()
        due = now >= self._next_status
        if due:
            self._next_status = now + STATUS_EVERY_S
        if self._live is not None:
            self._history.extend(lines)
            self._live.update(Group(self._pace(), self._numbers(result), *self._history), refresh=True)
            return
        for line in lines:
            self._output.print(line, soft_wrap=True)
        if due:
            self._status.print(self._pace(), soft_wrap=True)

    def close(self) -> None:
        """Take the live view away."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _line(self, event: Event) -> Text:
        reading = event.reading
        number = f"  #{reading.track_id}" if reading.track_id is not None else ""
        return Text.assemble(
            f"{self._speedometer.elapsed_s:7.1f} s{number:>6}  ",
            (f"{reading.text:>10}", STYLES[reading.status]),
            f"  {event.kind:<8}  {reading.confidence:.0%}",
        )

    def _pace(self) -> Text:
        (latency,) = self._speedometer.latency_ms([50])
        return Text(
            f"{self._source.name}: {self._speedometer.frames_per_second:.1f} frames/s, "
            f"latency {latency:.1f} ms, {self._speedometer.frames} frames read, "
            f"{self._source.dropped} dropped"
        )

    def _numbers(self, result: Result) -> Table:
        table = Table("id", "number", "status", "confidence", expand=False)
        for reading in result.readings:
            table.add_row(
                str(reading.track_id or ""),
                Text(reading.text, STYLES[reading.status]),
                reading.status,
                f"{reading.confidence:.0%}",
            )
        return table
