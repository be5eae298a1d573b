"""What is told by MQTT, and where: topics, and [Event] -> [NewMessage]. Nothing here speaks to a broker.

All topics of a device begin with `digitcam/<device>/`:

    availability                  online or offline; the broker says offline when the device is gone
    field/<name>/state            the number that was accepted last, and nothing else
    field/<name>/attributes       JSON: what was read, what is wrong with it, how sure it is, how old
    field/<name>/picture          JPEG of what the last value was read from, where it is asked for
    event                         JSON: a number without a field, when it is accepted
    problem                       JSON: why there are no readings at present, null where all is well
    paused                        ON or OFF
    command/read                  reads at once: a field by its name, all fields where there is no name
    command/pause                 ON or OFF
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from edge.events import AnyEvent, Event, FieldEvent
from edge.store import Message, NewMessage
from edge.types import SCHEMA, FieldReading, ModelName, Moment, iso_utc

DESTINATION = "mqtt"
"""Of the messages in the outbox."""

ONLINE, OFFLINE = b"online", b"offline"

ON, OFF = b"ON", b"OFF"

RESERVED = "%/+#"
"""Characters that no level of a topic can hold (MQTT 5, 4.7), and the one that stands for them."""


@dataclass(frozen=True, slots=True)
class Topics:
    """The topics of a device.

    Attributes:
        device: its name.
    """

    device: str

    @property
    def base(self) -> str:
        """What all of them begin with, without a slash at its end."""
        return f"digitcam/{self.device}"

    @property
    def availability(self) -> str:
        """Online or offline."""
        return f"{self.base}/availability"

    @property
    def event(self) -> str:
        """Accepted numbers without fields."""
        return f"{self.base}/event"

    @property
    def problem(self) -> str:
        """Why there are no readings."""
        return f"{self.base}/problem"

    @property
    def paused(self) -> str:
        """Whether reading is paused."""
        return f"{self.base}/paused"

    @property
    def read(self) -> str:
        """The command to read at once."""
        return f"{self.base}/command/read"

    @property
    def pause(self) -> str:
        """The command to pause, or to go on."""
        return f"{self.base}/command/pause"

    def state(self, name: str) -> str:
        """The value of a field."""
        return f"{self.base}/field/{_level(name)}/state"

    def attributes(self, name: str) -> str:
        """What else is known of a field."""
        return f"{self.base}/field/{_level(name)}/attributes"

    def picture(self, name: str) -> str:
        """What a field's value was read from."""
        return f"{self.base}/field/{_level(name)}/picture"


@dataclass(frozen=True, slots=True)
class MqttMessages:
    """Writes the messages about events.

    Attributes:
        topics: where they go.
        model: the network that names the digits.
    """

    topics: Topics
    model: ModelName

    def messages(self, events: Sequence[AnyEvent]) -> list[NewMessage]:
        """What is to be sent of the events of a frame, in this order."""
        return [message for event in events for message in self._of(event)]

    def _of(self, event: AnyEvent) -> list[NewMessage]:
        if isinstance(event, FieldEvent):
            is_new = event.kind == "value"
            return field_messages(self.topics, event.field, event.moment, self.model, state=is_new)
        if event.kind != "accepted":
            return []
        return [NewMessage(DESTINATION, self.topics.event, _json(self._number(event)))]

    def _number(self, event: Event) -> dict[str, Any]:
        reading, moment = event.reading, event.moment
        return {
            "schema": SCHEMA,
            "text": reading.text,
            "value": reading.value,
            "confidence": round(reading.confidence, 4),
            "box": reading.box.as_list(),
            "track_id": reading.track_id,
            "source": moment.source,
            "captured_at": iso_utc(moment.captured_at),
            "model": self.model.name,
        }


def field_messages(
    topics: Topics, field: FieldReading, moment: Moment, model: ModelName, *, state: bool = True
) -> list[NewMessage]:
    """What is known of a field, to be kept by the broker for those who come later.

    Args:
        topics: where it goes.
        field: what is known.
        moment: the frame that showed it.
        model: the network that names the digits.
        state: whether its value is told, too.
    """
    told = {
        "schema": SCHEMA,
        "name": field.name,
        "raw": field.raw,
        "text": field.text,
        "value": None if field.value is None else float(field.value),
        "problem": field.problem,
        "why": field.why,
        "confidence": round(field.confidence, 4),
        "unit": field.unit,
        "age_s": None if field.age_s is None else round(field.age_s, 1),
        "accepted_at": None if field.accepted_at is None else iso_utc(field.accepted_at),
        "since": None if field.since is None else iso_utc(field.since),
        "captured_at": iso_utc(moment.captured_at),
        "model": model.name,
    }
    attributes = NewMessage(DESTINATION, topics.attributes(field.name), _json(told), retain=True)
    if not state or field.text is None:
        return [attributes]
    value = state_of(field.text, field.value).encode()
    return [attributes, NewMessage(DESTINATION, topics.state(field.name), value, retain=True)]


def state_of(text: str, value: Decimal | None) -> str:
    """A value as its topic has it: a plain decimal number, or as it is written where it is a time or date."""
    return text if value is None else f"{value:f}"


def problem_of(trouble: str) -> bytes:
    """Why there are no readings, as its topic has it; "" where all is well."""
    return _json({"schema": SCHEMA, "problem": trouble or None})


def body_of(message: Message) -> bytes:
    """The body as it is sent: a JSON object holds the message's id, which is the same in every repeat."""
    if not message.body.startswith(b"{"):
        return message.body
    return _json({"id": message.id, **json.loads(message.body)})


def _level(name: str) -> str:
    """A field's name as a level of a topic; other names are other levels."""
    return "".join(f"%{ord(sign):02X}" if sign in RESERVED else sign for sign in name)


def _json(data: dict[str, Any]) -> bytes:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()
