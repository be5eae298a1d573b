"""Texts -> values of options. What makes no sense is said as expected and found."""

from __future__ import annotations

import ipaddress
import math
import re
import sys
from argparse import ArgumentTypeError
from collections.abc import Mapping, Sequence
from pathlib import Path

from edge.errors import UsageError
from edge.fields import Region
from edge.formats import Format
from edge.senders.settings import WebhookOptions, webhook_of


def count(text: str) -> int:
    """A whole number of 1 or more."""
    return whole_number(text, least=1)


def whole_number(text: str, *, least: int = 0, most: int | None = None) -> int:
    """A whole number within limits."""
    digits = text.removeprefix("-")
    value = int(text) if digits.isdecimal() and digits.isascii() and len(digits) < 20 else None
    if value is None or value < least or (most is not None and value > most):
        wanted = f"{least} or more" if most is None else f"{least} to {most}"
        raise ArgumentTypeError(f"expected a number of {wanted}, found {text!r}")
    return value


def integer(text: str) -> int:
    """Any whole number."""
    return whole_number(text, least=-sys.maxsize)


def network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    """An address, or a network of them."""
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        raise ArgumentTypeError(
            f"expected an address as 192.168.1.2 or a network as 10.0.0.0/8, found {text!r}"
        ) from error


def number(text: str) -> float:
    """A number, `inf` among them."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if math.isnan(value):
        raise ArgumentTypeError(f"expected a number, found {text!r}")
    return value


def seconds(text: str) -> float:
    """A time of more than 0."""
    try:
        value = number(text)
    except ArgumentTypeError:
        value = math.nan
    if not 0 < value < math.inf:
        raise ArgumentTypeError(f"expected seconds, more than 0, found {text!r}")
    return value


_DATA_UNITS = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}
_TIME_UNITS = {"s": 1, "min": 60, "h": 3600, "d": 86400}


def amount_of_data(text: str) -> int:
    """Bytes: 500 MB, 2GB."""
    return round(_with_unit(text, _DATA_UNITS, "a size such as 500 MB or 2 GB"))


def duration(text: str) -> float:
    """Seconds: 90 s, 10 min, 12h, 7 d."""
    return _with_unit(text, _TIME_UNITS, "a time such as 90 s, 10 min, 12 h or 7 d")


def _with_unit(text: str, units: Mapping[str, int], expected: str) -> float:
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*", text.lower())
    unit = units.get(match[2]) if match else None
    if not match or unit is None or not float(match[1]):
        raise ArgumentTypeError(f"expected {expected}, found {text!r}")
    return float(match[1]) * unit


def size(text: str) -> tuple[int, int]:
    """Width and height."""
    width, _, height = text.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal()):
        raise ArgumentTypeError(f"expected width and height such as 640x480, found {text!r}")
    return int(width), int(height)


def port(text: str) -> int:
    """A TCP port; 0 takes a free one."""
    if not text.isdecimal() or int(text) > 65535:
        raise ArgumentTypeError(f"expected a port, 0 to 65535, found {text!r}")
    return int(text)


def folder(text: str) -> Path:
    """The name of a folder, which is there or can be made."""
    if not text.strip():
        raise ArgumentTypeError("expected the name of a folder, found none; the current one is called .")
    return Path(text)


def picture(text: str) -> Path:
    """The name of a picture to write."""
    from edge.overlay import SUFFIXES

    return named(text, SUFFIXES)


def json_file(text: str) -> Path:
    """The name of a JSON file."""
    return named(text, (".json",))


def history(text: str) -> Path:
    """The name of a history, or that there is to be none."""
    return Path(text) if text == "none" else named(text, (".db", ".sqlite"))


def webhook(value: str | Mapping[str, object]) -> WebhookOptions:
    """Where events are posted: a URL, or a table of settings."""
    if not isinstance(value, str):
        return webhook_of(value)
    try:
        return webhook_of(value)
    except UsageError as error:
        raise ArgumentTypeError(str(error).removeprefix("url: ")) from None


def video(text: str) -> Path:
    """The name of a video to write."""
    return named(text, (".mp4",))


def archive_output(text: str) -> Path:
    """The name of the folder that an archive is read into."""
    from edge.archive.parts import SUFFIXES

    return named(text, SUFFIXES)


def cluster_address(text: str) -> str:
    """The address of a Dask scheduler, or `local`."""
    if text != "local" and not re.fullmatch(r"[a-z]+://[^\s/]+(:\d+)?", text):
        raise ArgumentTypeError(
            f"expected local or the address of a scheduler such as tcp://10.0.0.1:8786, found {text!r}"
        )
    return text


def named(text: str, suffixes: Sequence[str]) -> Path:
    """The name of a file that ends in one of these."""
    path = Path(text)
    if path.suffix.lower() not in suffixes:
        raise ArgumentTypeError(f"expected a name that ends in {' or '.join(suffixes)}, found {text!r}")
    return path


def number_format(text: str) -> Format:
    """What numbers look like, as 00000.0."""
    try:
        return Format.parse(text)
    except UsageError as error:
        raise ArgumentTypeError(str(error)) from error


def region(text: str) -> Region:
    """A part of the picture, or of the sheet in it."""
    try:
        return Region.parse(text)
    except UsageError as error:
        raise ArgumentTypeError(str(error)) from error
