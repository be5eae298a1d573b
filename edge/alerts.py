"""What is worth a message on somebody's phone: a field that is refused for long, a camera that is gone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from edge.types import FieldReading

GAP_S = 10.0
"""Seconds without a frame after which what lasts is counted anew: nobody knows what was there meanwhile."""

STEADY_S = 60.0
"""Seconds for which frames must come again until it is told that they do."""


@dataclass(frozen=True, slots=True)
class Alert:
    """A message for people.

    Attributes:
        title: what it is about.
        text: what has happened.
    """

    title: str
    text: str

    def as_bytes(self) -> bytes:
        """The alert as it waits in the outbox; `parse` undoes it."""
        return json.dumps({"title": self.title, "text": self.text}, ensure_ascii=False).encode()

    @classmethod
    def parse(cls, data: bytes) -> Alert:
        """An alert from the outbox."""
        told = json.loads(data)
        return cls(str(told["title"]), str(told["text"]))


@dataclass(frozen=True, slots=True)
class AlertRules:
    """When there is an alert.

    Attributes:
        refused_for: seconds for which a field must take no value.
        gone_for: seconds for which no frame must come.
    """

    refused_for: float = 3600.0
    gone_for: float = 300.0


@dataclass(slots=True)
class _Watched:
    """A field that takes no value.

    Attributes:
        since: when that began, or frames came again, seconds.
        told: an alert said so.
    """

    since: float
    told: bool = False


@dataclass(slots=True)
class _Camera:
    """What is known of the camera.

    Attributes:
        last: when its last frame came, seconds; None before the first.
        since: from when on its frames came without a gap, seconds.
        told: an alert said that it is gone.
    """

    last: float | None = None
    since: float = 0.0
    told: bool = False


@dataclass(slots=True)
class Watch:
    """Tells what lasts from what passes. All times are seconds of one monotonic clock.

    Each alert is given once, and once it is over, one that says so.

    Attributes:
        device: the name of this device, for the titles.
        rules: when there is an alert.
        began: when the watch did: a camera that shows nothing from then on is gone as well.
    """

    device: str
    rules: AlertRules
    began: float
    _camera: _Camera = field(default_factory=_Camera)
    _refused: dict[str, _Watched] = field(default_factory=dict)

    def see(self, fields: Sequence[FieldReading], now: float) -> list[Alert]:
        """Take what is known of the fields in a frame that was just read."""
        alerts = self.idle(now)
        for name in self._refused.keys() - {one.name for one in fields}:
            del self._refused[name]  # it is no longer in the settings
        for one in fields:
            if one.name and one.due:
                alerts += self._see_field(one, now)
        return alerts

    def idle(self, now: float) -> list[Alert]:
        """Take a frame that was not read: the camera is there."""
        camera = self._camera
        if camera.last is None or now - camera.last > GAP_S:
            camera.since = now
            for watched in self._refused.values():
                watched.since = now
        camera.last = now
        if not camera.told or now - camera.since < STEADY_S:
            return []
        camera.told = False
        return [self._alert("the camera is back", "Frames come again.")]

    def pass_time(self, now: float) -> list[Alert]:
        """Take note of the time, now and then, whether frames come or not."""
        last = self.began if self._camera.last is None else self._camera.last
        if self._camera.told or now - last < self.rules.gone_for:
            return []
        self._camera.told = True
        return [self._alert("the camera is gone", f"No frame has come for {_span(now - last)}.")]

    def _see_field(self, one: FieldReading, now: float) -> list[Alert]:
        watched = self._refused.get(one.name)
        if one.problem is None:
            self._refused.pop(one.name, None)
            if watched is None or not watched.told:
                return []
            return [self._alert(f"{one.name} is read again", one.as_text())]
        if watched is None:
            watched = self._refused[one.name] = _Watched(now)
        if watched.told or now - watched.since < self.rules.refused_for:
            return []
        watched.told = True
        text = f"It has taken no value for {_span(now - watched.since)}. {one.as_text()}"
        return [self._alert(f"{one.name} is not read", text)]

    def _alert(self, what: str, text: str) -> Alert:
        return Alert(f"{self.device}: {what}", text)


def _span(seconds: float) -> str:
    """A time for people, in minutes up to two hours."""
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.0f} h"
