"""What is true now: the fields of the newest frame, why there are no readings, and pictures of the values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from edge.events import AnyEvent, FieldEvent
from edge.overlay import encode
from edge.sinks import Sink
from edge.types import Box, ByteArray, FieldReading, Frame, Moment, Result

QUALITY = 85
"""Of the pictures, as JPEG: a number takes some kB."""


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
            event.field.name: encode(_cut(result.frame, event.field), ".jpg", quality=QUALITY)
            for event in events
            if isinstance(event, FieldEvent) and event.kind == "value"
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


def _cut(frame: Frame, field: FieldReading) -> ByteArray:
    """The part of a frame that a field's value was read from: its region, else the number, else all of it."""
    rows, columns = frame.image.shape[:2]
    if field.outline is not None:
        across, down = zip(*field.outline, strict=True)
        box = Box(int(min(across)), int(min(down)), int(max(across)) + 1, int(max(down)) + 1)
    elif field.box is not None:
        number, margin = field.box, field.box.height // 2
        box = Box(number.left - margin, number.top - margin, number.right + margin, number.bottom + margin)
    else:
        return frame.image
    box = box.clipped(rows, columns)
    return box.of(frame.image) if box.width > 0 and box.height > 0 else frame.image
