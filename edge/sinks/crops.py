"""What an event is about, cut out of its frame."""

from __future__ import annotations

from edge.events import AnyEvent, Event, FieldEvent
from edge.overlay import encode
from edge.types import Box, Frame

MARGIN = 0.5
"""Of a number's height: how much of the paper around it its crop shows."""

QUALITY = 85
"""Of JPEG: 3 kB for a number of five digits, and its pencil is still to be seen."""


def crop_of(event: AnyEvent, frame: Frame) -> bytes | None:
    """The picture of what an event is about, JPEG; of a field without a number, its region.

    Args:
        event: of the frame.
        frame: that shows it.

    Returns:
        None where nothing of it is in the frame.
    """
    box = event.reading.box if isinstance(event, Event) else event.field.box
    if box is not None:
        margin = round(MARGIN * box.height)
        box = Box(box.left - margin, box.top - margin, box.right + margin, box.bottom + margin)
    elif isinstance(event, FieldEvent) and event.field.outline:
        xs, ys = zip(*event.field.outline, strict=True)
        box = Box(round(min(xs)), round(min(ys)), round(max(xs)), round(max(ys)))
    if box is None:
        return None
    box = box.clipped(*frame.image.shape[:2])
    return encode(box.of(frame.image), ".jpg", quality=QUALITY) if box.width > 0 < box.height else None
