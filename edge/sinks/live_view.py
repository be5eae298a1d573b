"""Readings on a terminal: a view that is drawn anew, and taken away at the end."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from edge.events import Event
from edge.sinks import Sink
from edge.sinks.plain import Told
from edge.speedometer import Speedometer
from edge.types import Reading, Result

STYLES = {"accepted": "bold green", "uncertain": "yellow", "rejected": "dim"}
TROUBLE = "bold red"
HISTORY = 8
DRAWINGS_PER_SECOND = 8
"""People read no faster, and drawing takes a board some milliseconds."""


class LiveView(Sink):
    """Shows the numbers in the picture, the latest events, frames per second, latency and drops.

    A thread draws it, so that it also tells when no frame comes.

    Args:
        speedometer: ticked by whoever reads the frames.
        console: the terminal.
    """

    name = "the terminal"

    def __init__(self, speedometer: Speedometer, *, console: Console | None = None) -> None:
        self._speedometer = speedometer
        self._history: deque[Text] = deque(maxlen=HISTORY)
        self._readings: Sequence[Reading] = ()
        self._trouble = ""
        self._told = Told()
        self._live = Live(
            console=console or Console(highlight=False),
            get_renderable=self._view,
            refresh_per_second=DRAWINGS_PER_SECOND,
            transient=True,
        )
        self._live.start()

    def write(self, result: Result, events: Sequence[Event]) -> None:
        """Take what this frame brought; the next drawing shows it."""
        self._readings, self._trouble = result.readings, ""
        for event in self._told.worth_telling(events):
            style = "dim" if event.kind == "gone" else STYLES[event.reading.status]
            self._history.append(
                Text(f"{self._speedometer.seconds_in(event.moment):7.1f} s{event.as_text()}", style)
            )

    def trouble(self, text: str) -> None:
        """Show it until the next frame is read."""
        self._readings, self._trouble = (), text

    def close(self) -> None:
        """Take the view away."""
        self._live.stop()

    def _view(self) -> Group:
        table = Table("id", "number", "status", "confidence")
        # What was read long ago is not what is there: without frames there are no numbers.
        for reading in self._readings if self._speedometer.frames_per_second else ():
            table.add_row(
                "" if reading.track_id is None else str(reading.track_id),
                Text(reading.text, STYLES[reading.status]),
                reading.status,
                f"{reading.confidence:.0%}",
            )
        trouble = [Text(self._trouble, TROUBLE)] if self._trouble else []
        return Group(Text(self._speedometer.pace()), *trouble, table, *tuple(self._history))
