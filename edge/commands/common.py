"""What several verbs take: a source and what it is asked for, and the networks."""

from __future__ import annotations

import argparse
import dataclasses
from argparse import ArgumentTypeError
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.commands import values
from edge.commands.output import say
from edge.commands.parser import Option
from edge.errors import UsageError
from edge.fields import Field, fields_of
from edge.senders.broker import broker_of
from edge.senders.settings import phone_of
from edge.sources import KINDS, SourceOptions, options_taken, public_name
from edge.sources.base import DEFAULT_FPS

if TYPE_CHECKING:
    from edge.reader import DigitReader

SOURCES = ", ".join(KINDS)

MOST_THREADS = 64


def source_value(field: str, convert: Callable[[str], Any], text: str) -> object:
    """A value of one of the fields of `SourceOptions`, which knows its limits."""
    value = convert(text)
    # How long is too long an exposure depends on the frame rate, which may be given as well.
    others = {"fps": min(DEFAULT_FPS, 1e6 / value)} if field == "exposure_us" and value > 0 else {}
    try:
        SourceOptions(**{field: value, **others})
    except UsageError as error:
        raise ArgumentTypeError(str(error)) from error
    return value


def _asked(name: str, convert: Callable[[str], Any], metavar: str, text: str) -> Option:
    return Option(name, text, partial(source_value, name.replace("-", "_"), convert), metavar)


ASKED = (
    _asked("size", values.size, "WxH", "of cameras and demo, pixels (640x480)"),
    _asked("fps", values.number, "N", "of cameras and demo, frames per second (30)"),
    _asked(
        "rotation",
        values.integer,
        "DEGREES",
        "turns cameras, pictures and videos clockwise: 0, 90, 180 or 270",
    ),
    Option("mirror", "of cameras, pictures and videos: swaps left and right", kind="switch"),
    _asked("exposure-us", values.integer, "N", "of picamera, microseconds (default: automatic)"),
    _asked("gain", values.number, "X", "of picamera, 1 or more (default: automatic)"),
    _asked("focus", values.number, "X", "of picamera, dioptres, 1 / metres (default: automatic)"),
    _asked(
        "frozen-after-s",
        values.number,
        "S",
        "of cameras: the same picture for so long counts as frozen (1; inf: never)",
    ),
    Option(
        "realtime",
        "frames in their own time, or as fast as they can be read (default: demo in time, videos fast)",
        kind="switch",
    ),
    _asked("seed", values.integer, "N", "of demo: which pages it shows (0)"),
)
"""The fields of `SourceOptions`, under their own names."""

ASKED_NAMES = frozenset(option.name for option in ASKED)

OUTPUTS = (
    Option("json", "print a JSON line for each change of a reading", default=False, kind="switch"),
    Option("every-frame", "with --json: one object for each frame (schema 1)", default=False, kind="switch"),
    Option("save", "at the end, save the last frame that had numbers", values.picture, "FILE"),
    Option("record", "write every frame with its readings as an MP4 video", values.video, "FILE"),
)
"""Where a live reading goes."""

KEEPING = (
    Option("keep-frames", "keep every frame that is read, for digitcam replay", values.folder, "DIR"),
    Option(
        "keep-size",
        "bytes of kept frames, at most; the oldest are deleted (500 MB)",
        values.amount_of_data,
        "SIZE",
    ),
    Option("keep-age", "kept frames that are older are deleted (7 d)", values.duration, "TIME"),
)
"""What else becomes of the frames of a live reading."""

HISTORY = (
    Option(
        "history",
        "keeps every accepted number and every change of a field, for digitcam history and the page "
        "(default: none is kept; as a service, history.db in its StateDirectory; none: none there, either)",
        values.history,
        "FILE",
    ),
    Option(
        "keep-crops",
        "keeps a picture of each as well, so many bytes at most, such as 500 MB; the oldest are deleted",
        values.amount_of_data,
        "SIZE",
    ),
    Option(
        "history-size",
        "bytes of the history without crops, at most; the oldest entries are deleted (200 MB)",
        values.amount_of_data,
        "SIZE",
    ),
    Option(
        "history-age",
        "entries that are older are deleted, such as 365 d (default: all are kept)",
        values.duration,
        "TIME",
    ),
)
"""What is kept of what was read."""

MODELS = (
    Option("model", "a .tflite file instead of the shipped digit network", Path, "FILE"),
    Option("page-model", "a .tflite file instead of the shipped page network", Path, "FILE"),
)
"""The two networks, which must be a pair."""

FORMAT_AND_REGION = (
    Option(
        "format",
        "what numbers look like: 0 a digit, ? one or none, . , : / - as written, such as 00000.0; others are "
        "rejected",
        values.number_format,
        "FORMAT",
    ),
    Option(
        "region",
        "read only there: left,top,right,bottom as shares of the picture, such as 0.1,0.2,0.6,0.4; behind "
        "sheet: of the sheet of paper in it",
        values.region,
        "REGION",
    ),
)
"""A field without a name: it replaces those of the settings."""

FIELD = Option("field", "the numbers that are wanted, by name", fields_of, default=(), kind="tables")
"""Tables [[field]] of the settings."""

MQTT = Option("mqtt", "the broker that messages go to", broker_of, kind="table")
"""Table [mqtt] of the settings."""

SENDING = (
    MQTT,
    Option(
        "webhook",
        "posts accepted numbers and changes of fields as JSON to this URL; the table [webhook] says more",
        values.webhook,
        "URL",
        kind="table",
    ),
    Option("phone", "when people are told, and through what", phone_of, kind="table"),
)
"""Where readings are sent, as tables of the settings."""

STATE = Option(
    "state",
    "keeps the last value of each field over a restart, as JSON (default: none is kept)",
    values.json_file,
    "FILE",
)

THREADS = Option(
    "threads",
    f"of the page network, 1 to {MOST_THREADS} (default 1; digitcam bench tells what more of them give)",
    partial(values.whole_number, least=1, most=MOST_THREADS),
    "N",
    default=1,
)


def source_argument(otherwise: str) -> Option:
    """The source, which may be left out."""
    return Option("source", f"{SOURCES} (default: {otherwise})", metavar="SOURCE", kind="argument")


def source_options(args: argparse.Namespace) -> SourceOptions:
    """What a source is asked for.

    Raises:
        UsageError: two values that do not fit together; where they come from settings, it is said.
    """
    fields = [field.name for field in dataclasses.fields(SourceOptions)]
    chosen = {name: getattr(args, name) for name in fields if getattr(args, name) is not None}
    try:
        return SourceOptions(**chosen)
    except UsageError as error:
        raise UsageError(f"{error}{settings_behind(args, *chosen)}") from error


def settings_behind(args: argparse.Namespace, *attributes: str) -> str:
    """Which of these values come from settings, and from where, to be put behind a message."""
    told = [args.origins[attribute] for attribute in attributes if attribute in args.origins]
    return f" ({', '.join(told)})" if told else ""


def tell_what_is_not_taken(args: argparse.Namespace, source: str) -> None:
    """Say which of the options on the command line mean nothing to this source.

    Settings are for all sources together, so what a source takes no notice of there is not worth a word.
    """
    meant = options_taken(source)
    useless = [
        f"--{option.name}"
        for option in ASKED
        if option.attribute in args.given and option.attribute not in meant
    ]
    if useless:
        mean = "mean" if len(useless) > 1 else "means"
        say(f"{' and '.join(useless)} {mean} nothing to {public_name(source)}")


def fields_asked(args: argparse.Namespace) -> tuple[Field, ...]:
    """The fields that are wanted: one without a name on the command line, else those of the settings."""
    if args.format or args.region:
        return (Field(region=args.region, format=args.format),)
    fields: tuple[Field, ...] = args.field
    return fields


def make_reader(args: argparse.Namespace, *, thorough: bool = False) -> DigitReader:
    """The reader with the networks asked for.

    Args:
        args: of the command line.
        thorough: look at separate pictures in more sizes.
    """
    from edge.reader import DigitReader

    return DigitReader.of_files(args.model, args.page_model, threads=args.threads, thorough=thorough)
