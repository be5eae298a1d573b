"""How Home Assistant learns of a device: one retained message that describes all of its entities.

The protocol is MQTT device discovery: https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload.
Device classes, with the units that each allows and how its values are summed up, are those of Home Assistant
2026.2 (homeassistant/components/sensor/const.py), less those of which a number on paper is never one;
`make home-assistant` compares them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from edge.fields import Field
from edge.formats import value_of
from edge.senders.broker import Broker
from edge.senders.topics import Topics

Components = Mapping[str, Mapping[str, Any]]
"""What is told of each entity, by the key under which it is told."""

VOLUME = frozenset({"m³", "L", "mL", "gal", "fl. oz.", "ft³", "CCF", "MCF"})
METERED = frozenset({"m³", "L", "ft³", "CCF", "MCF"})
ENERGY = frozenset(
    {"J", "kJ", "MJ", "GJ", "mWh", "Wh", "kWh", "MWh", "GWh", "TWh", "cal", "kcal", "Mcal", "Gcal"}
)
LENGTH = frozenset({"km", "m", "cm", "mm", "mi", "nmi", "yd", "ft", "in"})
SPEED = frozenset({"ft/s", "in/s", "m/s", "m/min", "km/h", "kn", "mph", "mm/s"})


@dataclass(frozen=True, slots=True)
class DeviceClass:
    """A device class of Home Assistant's sensors.

    Attributes:
        units: that it allows.
        counts: whether its values are the state of a counter, which is summed up by its differences.
    """

    units: frozenset[str]
    counts: bool = False


CLASSES: Mapping[str, DeviceClass] = {
    "apparent_power": DeviceClass(frozenset({"mVA", "VA", "kVA"})),
    "area": DeviceClass(frozenset({"m²", "cm²", "km²", "mm²", "in²", "ft²", "yd²", "mi²", "ac", "ha"})),
    "battery": DeviceClass(frozenset({"%"})),
    "carbon_dioxide": DeviceClass(frozenset({"ppm"})),
    "current": DeviceClass(frozenset({"A", "mA"})),
    "distance": DeviceClass(LENGTH),
    "duration": DeviceClass(frozenset({"d", "h", "min", "s", "ms", "μs"})),
    "energy": DeviceClass(ENERGY, counts=True),
    "energy_storage": DeviceClass(ENERGY),
    "frequency": DeviceClass(frozenset({"Hz", "kHz", "MHz", "GHz"})),
    "gas": DeviceClass(METERED, counts=True),
    "humidity": DeviceClass(frozenset({"%"})),
    "illuminance": DeviceClass(frozenset({"lx"})),
    "moisture": DeviceClass(frozenset({"%"})),
    "power": DeviceClass(frozenset({"mW", "W", "kW", "MW", "GW", "TW"})),
    "pressure": DeviceClass(
        frozenset({"mPa", "Pa", "hPa", "kPa", "bar", "cbar", "mbar", "mmHg", "inHg", "inH₂O", "psi"})
    ),
    "reactive_power": DeviceClass(frozenset({"mvar", "var", "kvar"})),
    "speed": DeviceClass(SPEED),
    "temperature": DeviceClass(frozenset({"°C", "°F", "K"})),
    "voltage": DeviceClass(frozenset({"μV", "mV", "V", "kV", "MV"})),
    "volume": DeviceClass(VOLUME, counts=True),
    "volume_flow_rate": DeviceClass(
        frozenset({"m³/h", "m³/min", "m³/s", "L/h", "L/min", "L/s", "ft³/min", "gal/min"})
    ),
    "volume_storage": DeviceClass(VOLUME),
    "water": DeviceClass(METERED | {"gal"}, counts=True),
    "weight": DeviceClass(frozenset({"kg", "g", "mg", "μg", "oz", "lb", "st"})),
    "wind_speed": DeviceClass(SPEED),
}
"""By their names in Home Assistant."""

OF_A_UNIT = (
    "volume",
    "energy",
    "power",
    "voltage",
    "current",
    "frequency",
    "temperature",
    "pressure",
    "weight",
    "distance",
    "area",
    "duration",
    "speed",
    "volume_flow_rate",
    "illuminance",
    "apparent_power",
    "reactive_power",
)
"""Classes that a unit alone tells: of what 1 % or 1 ppm are a share, nobody can know."""

SPELLINGS = {
    "m3": "m³",
    "m2": "m²",
    "l": "L",
    "ml": "mL",
    "ft3": "ft³",
    "ft2": "ft²",
    "l/min": "L/min",
    "m3/h": "m³/h",
}
"""How else people write a unit -> how Home Assistant does."""

NUMBER_OR_UNKNOWN = "{{ value if is_number(value) else 'None' }}"
"""A template: what is no number is unknown, where a number must be."""


def unit_of(field: Field) -> str:
    """A field's unit as Home Assistant writes it."""
    return SPELLINGS.get(field.unit, field.unit)


def class_of(field: Field, classes: Mapping[str, str]) -> str | None:
    """The device class of a field: what settings say, else what its unit says; None where neither does."""
    unit = unit_of(field)
    wanted = classes.get(field.name)
    if wanted is not None:
        return wanted if unit in CLASSES[wanted].units else None
    return next((name for name in OF_A_UNIT if unit in CLASSES[name].units), None)


def misfits(fields: Iterable[Field], classes: Mapping[str, str]) -> list[str]:
    """Which classes in settings do not go with the units of their fields, in lines for people."""
    return [
        f"[mqtt] classes: expected the field {field.name} in {', '.join(sorted(CLASSES[wanted].units))}, as "
        f"its class is {wanted}, found {field.unit or 'no unit'}; Home Assistant is told no class"
        for field in fields
        if (wanted := classes.get(field.name)) is not None and unit_of(field) not in CLASSES[wanted].units
    ]


def discovery_topic(broker: Broker) -> str:
    """Where a device is described."""
    return f"{broker.discovery}/device/digitcam_{broker.device}/config"


def status_topic(broker: Broker) -> str:
    """Where Home Assistant says that it has started."""
    return f"{broker.discovery}/status"


def discovery(
    broker: Broker, fields: Sequence[Field], *, version: str, gone: Components | None = None
) -> bytes:
    """The description of a device, as JSON.

    Args:
        broker: knows what the device is called.
        fields: with names; without any, the device has a sensor for the number that was accepted last.
        version: of digitcam.
        gone: components that Home Assistant is to remove, with their platforms; `removed` makes them.
    """
    topics = Topics(broker.device)
    return json.dumps(
        {
            "device": {
                "identifiers": [f"digitcam_{broker.device}"],
                "name": f"digitcam {broker.device}",
                "manufacturer": "digitcam",
                "sw_version": version,
            },
            "origin": {"name": "digitcam", "sw_version": version},
            "availability_topic": topics.availability,
            "qos": 1,
            "components": {**components(broker, fields), **(gone or {})},
        },
        ensure_ascii=False,
    ).encode()


def components(broker: Broker, fields: Sequence[Field]) -> Components:
    """The entities of a device: for each field what it says and what is wrong with it, and the commands."""
    topics = Topics(broker.device)
    named = [field for field in fields if field.name]
    made: dict[str, dict[str, Any]] = {
        "read": {
            "platform": "button",
            "name": "Read now",
            "icon": "mdi:camera-iris",
            "command_topic": topics.read,
            "payload_press": "",
        },
        "pause": {
            "platform": "switch",
            "name": "Pause",
            "icon": "mdi:pause-circle-outline",
            "command_topic": topics.pause,
            "state_topic": topics.paused,
        },
        "problem": {
            "platform": "binary_sensor",
            "name": "Problem",
            "device_class": "problem",
            "entity_category": "diagnostic",
            "state_topic": topics.problem,
            "value_template": "{{ 'ON' if value_json.problem else 'OFF' }}",
            "json_attributes_topic": topics.problem,
        },
    }
    if not named:
        made["number"] = {
            "platform": "sensor",
            "name": "Last number",
            "state_topic": topics.event,
            "value_template": "{{ value_json.text }}",
            "json_attributes_topic": topics.event,
        }
    for field in named:
        made |= _of_field(field, topics, broker)
    for key, component in made.items():
        component["unique_id"] = f"digitcam_{broker.device}_{key}"
    return made


def removed(before: Components, after: Components) -> Components:
    """What tells Home Assistant to remove components that are not there any more: their platforms alone."""
    return {
        key: {"platform": component["platform"]}
        for key, component in before.items()
        if key not in after and "platform" in component
    }


def topics_of(described: Components, base: str) -> frozenset[str]:
    """The topics below one that a description names to be kept by the broker."""
    return frozenset(
        topic
        for component in described.values()
        for key, topic in component.items()
        if key in ("state_topic", "json_attributes_topic", "image_topic")
        if str(topic).startswith(f"{base}/field/")
    )


def described_by(body: bytes) -> Components:
    """The components of a description; none of what is none."""
    try:
        found = json.loads(body)["components"]
        return {str(key): dict(component) for key, component in found.items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}


def _of_field(field: Field, topics: Topics, broker: Broker) -> dict[str, dict[str, Any]]:
    key = quote(field.name, safe="")  # without spaces, at which Home Assistant parts its own keys
    sensor: dict[str, Any] = {
        "platform": "sensor",
        "name": field.name,
        "state_topic": topics.state(field.name),
        "json_attributes_topic": topics.attributes(field.name),
    }
    if _is_number(field):
        device_class = class_of(field, broker.classes)
        rises = field.most_change is not None and field.most_change.up
        counts = rises if device_class is None else CLASSES[device_class].counts
        # What rises and starts again from 0 is a meter that was changed; of what may fall, nobody knows that.
        sensor["state_class"] = ("total_increasing" if rises else "total") if counts else "measurement"
        sensor["value_template"] = NUMBER_OR_UNKNOWN
        if device_class is not None:
            sensor["device_class"] = device_class
        if field.unit:
            sensor["unit_of_measurement"] = unit_of(field)
        if field.format is not None:
            sensor["suggested_display_precision"] = _decimals(field)
    made = {
        f"field_{key}": sensor,
        f"problem_{key}": {
            "platform": "binary_sensor",
            "name": f"{field.name} problem",
            "device_class": "problem",
            "entity_category": "diagnostic",
            "state_topic": topics.attributes(field.name),
            "value_template": "{{ 'ON' if value_json.problem else 'OFF' }}",
        },
    }
    if broker.pictures:
        made[f"picture_{key}"] = {
            "platform": "image",
            "name": f"{field.name} picture",
            "image_topic": topics.picture(field.name),
            "content_type": "image/jpeg",
        }
    return made


def _is_number(field: Field) -> bool:
    """Whether its values are numbers, and not times or dates."""
    if field.format is not None:
        return value_of(field.format.text.replace("?", "0")) is not None
    return field.needs_value or bool(field.unit)


def _decimals(field: Field) -> int:
    assert field.format is not None
    return len(field.format.text.replace(",", ".").partition(".")[2])
