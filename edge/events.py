"""[Result] -> [Event]: what changed from frame to frame, for those who do not want every frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from edge.types import SCHEMA, Frame, Reading, Result, iso_utc

Kind = Literal["appeared", "changed", "accepted", "gone"]


@dataclass(frozen=True, slots=True, eq=False)
class Event:
    """A number appeared, changed, was accepted or went."""

    kind: Kind
    reading: Reading
    frame: Frame

    def __repr__(self) -> str:
        return f"<Event {self.kind}: {self.reading!r}>"

    def as_dict(self) -> dict[str, Any]:
        """The event as one JSON object."""
        return {
            "schema": SCHEMA,
            "event": self.kind,
            "source": self.frame.source,
            "frame_id": self.frame.frame_id,
            "captured_at": iso_utc(self.frame.captured_at),
            "reading": self.reading.as_dict(),
        }

    def as_text(self) -> str:
        """The event in columns, for people."""
        reading = self.reading
        number = f"#{reading.track_id}" if reading.track_id is not None else ""
        return f"{number:>6}  {reading.text:>10}  {self.kind:<8}  {reading.confidence:4.0%}"


class Changes:
    """Compares each result with those before it.

    A number that is covered for a moment and then read as before makes no event: nothing became of it.

    Args:
        gone_after_s: seconds after which a number that is no longer read counts as gone.
    """

    def __init__(self, *, gone_after_s: float = 0.5) -> None:
        self.gone_after_s = gone_after_s
        self._told: dict[int, Reading] = {}  # what the last event of each number said
        self._seen: dict[int, tuple[Reading, float]] = {}

    def update(self, result: Result) -> list[Event]:
        """The events of one frame; in a single picture every accepted reading is one."""
        frame = result.frame
        events = []
        for reading in result.readings:
            if reading.track_id is None:
                if reading.status == "accepted":
                    events.append(Event("accepted", reading, frame))
                continue
            self._seen[reading.track_id] = reading, frame.timestamp
            kind = _kind(self._told.get(reading.track_id), reading)
            if kind:
                self._told[reading.track_id] = reading
                events.append(Event(kind, reading, frame))
        for track_id, (reading, seen_at) in list(self._seen.items()):
            if frame.timestamp - seen_at > self.gone_after_s:
                del self._seen[track_id], self._told[track_id]
                events.append(Event("gone", reading, frame))
        return events


def _kind(told: Reading | None, new: Reading) -> Kind | None:
    if told is not None and told.text == new.text and told.status in (new.status, "accepted"):
        return None
    if new.status == "accepted":
        return "accepted"
    return "appeared" if told is None else "changed"
