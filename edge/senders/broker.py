"""The settings of MQTT: which broker, how it is reached, and what this device is called there."""

from __future__ import annotations

import difflib
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from edge.errors import UsageError

PORT, TLS_PORT = 1883, 8883
"""IANA's ports of MQTT, in the clear and through TLS."""

DISCOVERY = "homeassistant"
"""Where Home Assistant looks for devices, unless it is told otherwise."""

LONGEST_DEVICE = 64

SECRETS = ("user", "username", "password", "token")
"""Keys that people look for; they do not stand in settings, which everybody may read."""


@dataclass(frozen=True, slots=True)
class Broker:
    """A broker and how it is reached.

    Attributes:
        host: its name or address.
        port: of TCP.
        tls: whether the connection is encrypted, and the broker's certificate checked.
        ca: file with the certificates that it is checked against; None for the system's.
        certificate: file with this device's own certificate, where the broker asks for one.
        key: file with the key of that, which only its owner may read.
        credentials: file with the user and the password; None for systemd's credential, or for none.
        device: what this device is called: a level of its topics, a part of its client id.
        discovery: first level of the topics on which Home Assistant looks for devices; "" for no discovery.
        pictures: whether the crop of a field's last value is sent, too.
        classes: Home Assistant's device classes of fields, by name, where the unit does not tell them.
    """

    host: str
    port: int = PORT
    tls: bool = False
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    credentials: Path | None = None
    device: str = ""
    discovery: str = DISCOVERY
    pictures: bool = False
    classes: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The broker, for people."""
        return f"the MQTT broker {self.host}:{self.port}"


def broker_of(table: Mapping[str, object], *, machine: str | None = None) -> Broker:
    """The broker of a table of settings.

    Args:
        table: its keys are the attributes of `Broker`.
        machine: the name of this machine, which the device has unless it is given one.

    Raises:
        UsageError: a key is unknown or missing, or a value makes no sense. Values that may be secret are not
            told.
    """
    known = [each.name for each in fields(Broker)]
    for key in table:
        if key in SECRETS:
            raise UsageError(
                f"{key}: expected no secret in settings, which others may read: write the user and the "
                "password into a file, a line each, chmod 600 it, and name it as credentials"
            )
        if key not in known:
            (nearest,) = difflib.get_close_matches(key, known, 1, cutoff=0)
            raise UsageError(f"{key}: unknown key; the nearest known one is {nearest}")
    if "host" not in table:
        raise UsageError('host: expected the name of the broker, such as "homeassistant.local", found none')
    values: dict[str, Any] = {key: _read(key, value) for key, value in table.items()}
    secure = bool(values.get("tls"))
    for key in ("ca", "certificate", "key"):
        if key in values and not secure:
            raise UsageError(f"{key}: expected tls = true beside it, found none")
    if ("certificate" in values) != ("key" in values):
        raise UsageError("certificate: expected a certificate and its key, found one of them")
    values.setdefault("port", TLS_PORT if secure else PORT)
    values.setdefault("device", _device_of(socket.gethostname() if machine is None else machine))
    return Broker(**values)


def _read(key: str, value: object) -> object:
    try:
        match key:
            case "host":
                return _host(value)
            case "port":
                return _port(value)
            case "tls" | "pictures":
                return _switch(value)
            case "device":
                return _device(value)
            case "discovery":
                return _discovery(value)
            case "classes":
                return _classes(value)
            case _:
                return Path(_text(value, "the name of a file"))
    except UsageError as error:
        raise UsageError(f"{key}: {error}") from error


def _text(value: object, expected: str) -> str:
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise UsageError(f"expected {expected}, found {value!r}")
    return value


def _host(value: object) -> str:
    host = value if isinstance(value, str) else ""
    if "/" in host or "@" in host:  # what people paste may hold a password
        raise UsageError(
            "expected the name or the address of the broker alone, found a URL: port, tls and credentials "
            "have keys of their own"
        )
    if not host or not re.fullmatch(r"[\w.:%-]+", host):
        raise UsageError(f'expected the name of the broker, such as "homeassistant.local", found {value!r}')
    return host


def _port(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 1 << 16:
        raise UsageError(f"expected a port, 1 to 65535, found {value!r}")
    return value


def _switch(value: object) -> bool:
    if not isinstance(value, bool):
        raise UsageError(f"expected true or false, found {value!r}")
    return value


def _device(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(rf"[A-Za-z0-9_-]{{1,{LONGEST_DEVICE}}}", value):
        raise UsageError(
            f"expected 1 to {LONGEST_DEVICE} letters from a to z, digits, - and _, such as "
            f'"cellar", found {value!r}'
        )
    return value


def _device_of(machine: str) -> str:
    """A device's name that a machine's name gives: its first label, without what topics do not bear."""
    return re.sub("[^A-Za-z0-9_-]+", "-", machine.partition(".")[0])[:LONGEST_DEVICE].strip("-") or "digitcam"


def _discovery(value: object) -> str:
    if isinstance(value, bool):
        return DISCOVERY if value else ""
    if not isinstance(value, str) or not re.fullmatch(r"[^+#\0\s]+", value) or value.strip("/") != value:
        raise UsageError(
            f'expected true, false, or the prefix that Home Assistant is set to, such as "{DISCOVERY}", '
            f"found {value!r}"
        )
    return value


def _classes(value: object) -> Mapping[str, str]:
    from edge.senders.home_assistant import CLASSES

    if not isinstance(value, Mapping):
        raise UsageError(f'expected device classes by field, such as {{ water = "water" }}, found {value!r}')
    for name, device_class in value.items():
        if device_class not in CLASSES:
            near = difflib.get_close_matches(str(device_class), CLASSES, 1, cutoff=0)
            raise UsageError(
                f"expected a device class of Home Assistant for {name!r}, found {device_class!r}; the "
                f"nearest known one is {near[0]}"
            )
    return dict(value)
