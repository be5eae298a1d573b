"""What is true now: the fields of the newest frame, why there are no readings, and pictures of the values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from edge.events import AnyEvent, FieldEvent
from edge.sinks import PACE_S, Sink
from edge.sinks.crops import crop_of
from edge.types import FieldReading, Moment, Result


class Current(Sink):
    """Keeps what is true now for whoever looks, from any thread: all of it is replaced, never changed.

    Args:
        pictures: whether pictures of the values are made, too.

    Attributes:
        fields: what is known of each field.
        moment: the frame that shows it; None before the first.
        problem: why there are no readings; "" where all is well, or where reading is paused.
        pictures: of fields, by name: JPEG of what the last value was read from.
    """

    name = "what is true now"
    pace_s = PACE_S

    def __init__(self, *, pictures: bool = False) -> None:
        self._wants_pictures = pictures
        self.fields: Sequence[FieldReading] = ()
        self.moment: Moment | None = None
        self.problem = ""
        self.pictures: Mapping[str, bytes] = {}

    def write(self, result: Result, events: Sequence[AnyEvent]) -> None:
        """Take what a frame shows."""
        self.fields, self.moment, self.problem = result.fields, result.frame.moment, ""
        if not self._wants_pictures:
            return
        made = {
            event.field.name: crop
            for event in events
            if isinstance(event, FieldEvent) and event.kind == "value"
            if (crop := crop_of(event, result.frame))
        }
        names = {field.name for field in result.fields}
        if made or not self.pictures.keys() <= names:
            self.pictures = {name: one for name, one in {**self.pictures, **made}.items() if name in names}

    def trouble(self, text: str) -> None:
        """Take why there is no result."""
        self.problem = text

    def idle(self, moment: Moment) -> None:
        """Take that reading is paused, which is no problem."""
        self.problem = ""
