"""Readings on a terminal: a view that is drawn anew, and taken away at the end."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from edge.events import AnyEvent, FieldEvent
from edge.sinks import Sink
from edge.sinks.plain import Told, line_of
from edge.speedometer import Speedometer
from edge.types import FieldReading, Reading, Result

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
        self._fields: Sequence[FieldReading] = ()
        self._trouble = ""
        self._told = Told()
        self._live = Live(
            console=console or Console(highlight=False),
            get_renderable=self._view,
            refresh_per_second=DRAWINGS_PER_SECOND,
            transient=True,
        )
        self._live.start()

    def write(self, result: Result, events: Sequence[AnyEvent]) -> None:
        """Take what this frame brought; the next drawing shows it."""
        self._readings, self._fields, self._trouble = result.readings, result.fields, ""
        for event in self._told.worth_telling(events):
            self._history.append(
                Text(line_of(event, self._speedometer.seconds_in(event.moment)), _style(event))
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
        # A value that was accepted stays what it is without frames, too; its age tells.
        fields = [Text(field.as_text(), STYLES[field.status]) for field in self._fields]
        return Group(Text(self._speedometer.pace()), *trouble, *fields, table, *tuple(self._history))


def _style(event: AnyEvent) -> str:
    if isinstance(event, FieldEvent):
        return STYLES[event.field.status]
    return "dim" if event.kind == "gone" else STYLES[event.reading.status]
