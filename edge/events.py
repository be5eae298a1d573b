"""[Result] -> [Event]: what changed from frame to frame, for those who do not want every frame."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, Literal

from edge.control import ALL
from edge.types import SCHEMA, FieldReading, Moment, Problem, Reading, Result, Span, iso_utc

Kind = Literal["appeared", "changed", "accepted", "uncertain", "gone"]

FieldKind = Literal["value", "refused"]


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
        return {**_head(self.kind, self.moment), "reading": self.reading.as_dict()}

    def as_text(self) -> str:
        """The event in columns, for people."""
        reading = self.reading
        number = f"#{reading.track_id}" if reading.track_id is not None else ""
        return f"{number:>6}  {reading.text:>10}  {self.kind:<9}  {reading.confidence:4.0%}"


@dataclass(frozen=True, slots=True, eq=False)
class FieldEvent:
    """What became of a field.

    Attributes:
        kind: "value", when it has taken a value; "refused", when for a while it has not taken what is read,
            or there is nothing to read.
        field: what is known of it.
        moment: the frame that showed it.
    """

    kind: FieldKind
    field: FieldReading
    moment: Moment

    def __repr__(self) -> str:
        return f"<FieldEvent {self.kind}: {self.as_text()}>"

    def as_dict(self) -> dict[str, Any]:
        """The event as one JSON object."""
        return {**_head(self.kind, self.moment), "field": self.field.as_dict()}

    def as_text(self) -> str:
        """The event for people: `water = 00123.4 m³`, or what was refused and why."""
        field = self.field
        if self.kind == "value":
            return f"{field.name} = {field.text}{f' {field.unit}' if field.unit else ''}"
        read = "" if field.raw is None else f" {field.raw}"
        return f"{field.name}:{read} {field.problem}: {field.why}"


AnyEvent = Event | FieldEvent
"""What sinks are told of."""


def _head(kind: str, moment: Moment) -> dict[str, Any]:
    """What every event has as JSON: which one it is, and when and where it was."""
    return {
        "schema": SCHEMA,
        "event": kind,
        "source": moment.source,
        "frame_id": moment.frame_id,
        "captured_at": iso_utc(moment.captured_at),
    }


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
        """The events of one frame; in a single picture every reading is one, accepted or uncertain.

        What a field refuses is no number, and what belongs to a field with a name is told as that field.
        """
        moment = self._last = result.frame.moment
        events = []
        readings = [one for one in result.readings if one.status != "rejected" and not one.field]
        for reading in readings:
            reading = reading.without_pixels()
            if reading.track_id is None:
                kind: Kind = "accepted" if reading.status == "accepted" else "uncertain"
                events.append(Event(kind, reading, moment))
            elif became := self._see(reading.track_id, reading, moment.timestamp):
                events.append(Event(became, reading, moment))
        shown = {reading.track_id for reading in readings}
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


@dataclass(slots=True, eq=False)
class _Told:
    """A field that was told of.

    Attributes:
        text: its value, as it was told; None where it was refused since, or never told.
        refused: what was told to be refused: the number and its problem.
        rested: it was not due since.
        refusals: times of the frames in a row that refused the same in the same way, seconds.
        refusing: what those refused.
    """

    text: str | None = None
    refused: tuple[str | None, Problem | None] | None = None
    rested: bool = False
    refusals: list[float] = field(default_factory=list)
    refusing: tuple[str | None, Problem | None] | None = None


class FieldChanges:
    """Compares the fields of each result with those before.

    A value is told when it is another than before, when it was refused in between, and each time that it is
    read by a schedule. What is refused is told when it lasts, as frames may be blurred or half covered.

    Args:
        lasting: how long the same must be refused in the same way until it is told.
    """

    def __init__(self, *, lasting: Span = Span(2.0, 5)) -> None:
        self._lasting = lasting
        self._told: dict[str, _Told] = {}

    def update(self, result: Result, *, continuous: bool = True) -> list[FieldEvent]:
        """The events of one frame.

        Args:
            result: of the frame.
            continuous: it is one of a stream; else each field of it is an event.
        """
        moment = result.frame.moment
        if not continuous:
            return [FieldEvent("refused" if one.problem else "value", one, moment) for one in result.fields]
        kinds = [(self._see(one, moment.timestamp), one) for one in result.fields]
        return [FieldEvent(kind, one, moment) for kind, one in kinds if kind]

    def forget(self, names: Collection[str]) -> None:
        """Tell of these fields anew, as if nothing had been told of them; of every field with `ALL`."""
        for name in list(self._told):
            if name in names or ALL in names:
                del self._told[name]

    def _see(self, new: FieldReading, now: float) -> FieldKind | None:
        told = self._told.setdefault(new.name, _Told())
        if not new.due and new.problem is None:
            told.rested = True
            return None
        if new.problem is None:
            told.refusals.clear()
            if told.text == new.text and told.refused is None and not told.rested:
                return None
            told.text, told.refused, told.rested = new.text, None, False
            return "value"
        # What is read of a number that is unsure changes all the time.
        this = (None if new.problem == "unsure" else new.raw, new.problem)
        if this != told.refusing:
            told.refusing = this
            told.refusals.clear()
        if told.refused == this:
            return None
        told.refusals.append(now)
        if not self._lasting.is_reached(told.refusals):
            return None
        told.refused = this
        return "refused"
