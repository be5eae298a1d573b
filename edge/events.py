"""[Result] -> [Event]: what changed from frame to frame, for those who do not want every frame."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from edge.types import SCHEMA, Moment, Reading, Result, Span, iso_utc

Kind = Literal["appeared", "changed", "accepted", "uncertain", "gone"]


@dataclass(frozen=True, slots=True, eq=False)
class Event:
    """What became of a number. It holds facts and no pixels, so that many can be kept.

    Attributes:
        kind: "appeared", not accepted yet; "changed", to another text that is not accepted yet; "accepted";
            "uncertain", when it has been seen for a while and was not accepted all the time; "gone".
        reading: what was read, without the ink of its digits; of a number that is gone, the last.
        moment: the frame that showed it; of a number that is gone, the first without it.
    """

    kind: Kind
    reading: Reading
    moment: Moment

    def __repr__(self) -> str:
        return f"<Event {self.kind}: {self.reading!r}>"

    def as_dict(self) -> dict[str, Any]:
        """The event as one JSON object."""
        return {
            "schema": SCHEMA,
            "event": self.kind,
            "source": self.moment.source,
            "frame_id": self.moment.frame_id,
            "captured_at": iso_utc(self.moment.captured_at),
            "reading": self.reading.as_dict(),
        }

    def as_text(self) -> str:
        """The event in columns, for people."""
        reading = self.reading
        number = f"#{reading.track_id}" if reading.track_id is not None else ""
        return f"{number:>6}  {reading.text:>10}  {self.kind:<9}  {reading.confidence:4.0%}"


@dataclass(slots=True, eq=False)
class _Known:
    """A number that was told of.

    Attributes:
        told: what its last event said.
        latest: what was last read of it.
        missing: times of the frames since that did not show it, seconds.
        doubtful: times of the frames in a row that showed it and did not accept it.
        doubted: whether it was told that it stays uncertain.
    """

    told: Reading
    latest: Reading
    missing: list[float] = field(default_factory=list)
    doubtful: list[float] = field(default_factory=list)
    doubted: bool = False


class Changes:
    """Compares each result of a stream with those before it.

    A number may appear, change a few times, turn out to be uncertain, be accepted, and be gone in the end;
    every number that was told of is. One that was accepted, is covered for a moment and then read as before
    makes no event: nothing became of it.

    Args:
        gone: how long a number must not be read until it counts as gone.
        doubtful: how long a number must be seen and not accepted until it is told to be uncertain.
    """

    def __init__(self, *, gone: Span = Span(0.5, 2), doubtful: Span = Span(2.0, 5)) -> None:
        self._gone, self._doubtful = gone, doubtful
        self._known: dict[int, _Known] = {}
        self._last: Moment | None = None

    def update(self, result: Result) -> list[Event]:
        """The events of one frame; in a single picture every reading is one, accepted or uncertain."""
        moment = self._last = result.frame.moment
        events = []
        for reading in result.readings:
            reading = reading.without_pixels()
            if reading.track_id is None:
                if reading.status != "rejected":
                    events.append(Event(reading.status, reading, moment))
            elif kind := self._see(reading.track_id, reading, moment.timestamp):
                events.append(Event(kind, reading, moment))
        shown = {reading.track_id for reading in result.readings}
        for track_id, known in list(self._known.items()):
            if track_id not in shown:
                known.missing.append(moment.timestamp)
                if self._gone.is_reached(known.missing):
                    del self._known[track_id]
                    events.append(Event("gone", known.latest, moment))
        return events

    def end(self) -> list[Event]:
        """The events of the stream's end: what was still there is gone."""
        if self._last is None:
            return []
        events = [Event("gone", known.latest, self._last) for known in self._known.values()]
        self._known.clear()
        return events

    def _see(self, track_id: int, new: Reading, now: float) -> Kind | None:
        known = self._known.get(track_id)
        accepted = new.status == "accepted"
        if known is None:
            self._known[track_id] = _Known(new, new, doubtful=[] if accepted else [now])
            return "accepted" if accepted else "appeared"
        known.latest = new
        known.missing.clear()
        same = known.told.text == new.text
        if accepted:
            known.doubtful.clear()
            known.doubted = False
            if same and known.told.status == "accepted":
                return None
            known.told = new
            return "accepted"
        if not known.doubted:
            known.doubtful.append(now)
            if self._doubtful.is_reached(known.doubtful):
                known.told, known.doubted = new, True
                return "uncertain"
        if same or known.told.status == "accepted":
            return None
        known.told = new
        return "changed"
