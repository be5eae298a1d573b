"""The settings of webhooks and of alerts to phones: tables `[webhook]` and `[phone]`."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, get_args

from edge.errors import UsageError
from edge.events import FieldKind, Kind
from edge.fields import seconds_of
from edge.senders.address import Address, holds_secret

KINDS: tuple[str, ...] = (*get_args(Kind), *get_args(FieldKind))
"""Of events."""

USUAL_KINDS = ("accepted", "value", "refused")
"""What became of a number in the end, and of a field."""

FILES = {"secret": "secret_file", "secrets": "secret_file", "urls": "urls_file", "services": "urls_file"}
"""Keys that people look for, and what to write instead: settings are for everybody to read."""


@dataclass(frozen=True, slots=True)
class WebhookOptions:
    """Where events are posted, and which.

    Attributes:
        url: where to; it holds neither a user nor a part behind a "?", as others can see it.
        url_file: holds a URL that may hold both, instead; without either, systemd's credential does.
        secret_file: holds what messages are signed with, one secret a line; else systemd's credential does.
            Without a secret they are not signed.
        ca: file of certificates, PEM, of which one must have signed the server's; otherwise the system's.
        allow_http: send to other machines without encryption.
        events: the kinds that are sent.
        device: tells a receiver of several cameras which one it is; "" is the name of this machine.

    Raises:
        UsageError: two of these do not go together, or the URL is not safe. The error begins with a key.
    """

    url: str = field(default="", repr=False)
    url_file: Path | None = None
    secret_file: Path | None = None
    ca: Path | None = None
    allow_http: bool = False
    events: tuple[str, ...] = USUAL_KINDS
    device: str = ""

    def __post_init__(self) -> None:
        """Check what can be checked without the files."""
        if not self.url:
            return
        if self.url_file is not None:
            raise UsageError("url: expected either url or url_file, found both")
        try:
            if holds_secret(self.url):
                raise UsageError(
                    "expected a URL without a user, a password or a part behind a ?, because others can read "
                    "it here: write the whole URL into a file that only you can read (chmod 600), and name "
                    "that as url_file in a table [webhook] of the settings"
                )
            self.address(self.url)
        except UsageError as error:
            raise UsageError(f"url: {error}") from None

    def address(self, url: str) -> Address:
        """Where a URL leads.

        Raises:
            UsageError: it is none, or anybody could read what is sent there.
        """
        address = Address.parse(url)
        if not address.is_safe and not self.allow_http:
            raise UsageError(
                f"expected https, or this machine, found {address.origin}: anybody on the way could read "
                "what is sent; if that is no matter, write allow_http = true in the table [webhook] of the "
                "settings"
            )
        return address


@dataclass(frozen=True, slots=True)
class PhoneOptions:
    """When people are told, and through what.

    Attributes:
        urls_file: holds the addresses of services, one a line; else systemd's credential does.
        refused_for: seconds for which a field must take no value.
        gone_for: seconds for which no frame must come.
        device: the name of this device, for the titles; "" is the name of this machine.
    """

    urls_file: Path | None = None
    refused_for: float = 3600.0
    gone_for: float = 300.0
    device: str = ""


def webhook_of(value: str | Mapping[str, object]) -> WebhookOptions:
    """What is asked for: a URL, or a table of settings, whose keys are the attributes of `WebhookOptions`.

    Raises:
        UsageError: a key is unknown, or a value makes no sense.
    """
    if isinstance(value, str):
        return WebhookOptions(url=value)
    _check_keys(value, [each.name for each in fields(WebhookOptions)])
    values: dict[str, Any] = {key: _read(key, each) for key, each in value.items()}
    return WebhookOptions(**values)


def phone_of(table: Mapping[str, object]) -> PhoneOptions:
    """What is asked for, from a table whose keys are the attributes of `PhoneOptions`.

    Raises:
        UsageError: a key is unknown, or a value makes no sense.
    """
    _check_keys(table, [each.name for each in fields(PhoneOptions)])
    values: dict[str, Any] = {key: _read(key, each) for key, each in table.items()}
    return PhoneOptions(**values)


def _check_keys(table: Mapping[str, object], known: Sequence[str]) -> None:
    for key in table:
        if FILES.get(key) in known:
            raise UsageError(
                f"{key}: expected no secret in settings, which others may read: write it into a file, "
                f"chmod 600 it, and name that as {FILES[key]}"
            )
        if key not in known:
            (nearest,) = difflib.get_close_matches(key, known, 1, cutoff=0)
            raise UsageError(f"{key}: unknown key; the nearest known one is {nearest}")


def _read(key: str, value: object) -> object:
    """The value of a key as the options have it. Messages never hold one that may be secret."""
    match key:
        case "allow_http":
            if not isinstance(value, bool):
                raise UsageError(f"{key}: expected true or false, found {value!r}")
            return value
        case "events":
            kinds = value if isinstance(value, list) else [value]
            if not kinds or not all(kind in KINDS for kind in kinds):
                raise UsageError(f"{key}: expected some of {', '.join(KINDS)}, found {value!r}")
            return tuple(kinds)
        case "url":
            if not isinstance(value, str) or not value:
                raise UsageError(f"{key}: expected a text, found something else, or nothing")
            return value
        case "device":
            if not isinstance(value, str) or not value.isprintable() or not 0 < len(value) <= 64:
                raise UsageError(f'{key}: expected a name such as "shed", found {value!r}')
            return value
        case "refused_for" | "gone_for":
            try:
                return seconds_of(value if isinstance(value, str) else "")
            except UsageError:
                raise UsageError(f'{key}: expected a time such as "90 min", found {value!r}') from None
        case _:
            if not isinstance(value, str) or not value:
                raise UsageError(f"{key}: expected the name of a file, found {value!r}")
            return Path(value)
