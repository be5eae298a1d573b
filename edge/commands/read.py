"""`digitcam read`: pictures to numbers."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from edge.commands.common import (
    ASKED,
    ASKED_NAMES,
    MODEL,
    SOURCES,
    make_reader,
    source_options,
    tell_what_is_not_taken,
)
from edge.commands.output import Errors, put, say
from edge.commands.parser import Option, Verb
from edge.errors import ImageError, SourceError, UsageError
from edge.sources import SourceOptions, open_source

if TYPE_CHECKING:
    from edge.reader import DigitReader
    from edge.types import Result


def _read(args: argparse.Namespace) -> int:
    from edge.files import write_whole
    from edge.overlay import draw, encode

    options = source_options(args)
    reader = make_reader(args)
    errors = Errors()
    width = max(len(name) for name in args.files)
    written: set[Path] = set()
    for name in args.files:
        tell_what_is_not_taken(args, name)
        try:
            for result in _results(reader, name, options, errors):
                put(json.dumps(result.as_dict()) if args.json else _row(result, name, width))
                if args.annotate:
                    picture = draw(result.frame.image, result.readings)
                    path = _free_name(args.annotate, result, written)
                    write_whole(path, encode(picture, path.suffix))
                    written.add(path)
        except (ImageError, SourceError, UsageError) as error:
            errors.add(error)  # the others are still read
    return errors.exit_code


def _results(reader: DigitReader, name: str, options: SourceOptions, errors: Errors) -> Iterator[Result]:
    with open_source(name, options, on_error=errors.add, on_notice=say) as source:
        if source.live:
            frame = next(iter(source))
            yield reader.read_image(frame.image, source.name)
        else:
            yield from reader.results(source)


def _row(result: Result, name: str, width: int) -> str:
    """What people read: the picture, and the numbers in it."""
    picture = result.frame.source
    if picture == name and result.frame.frame_id:  # one of many in a video or on standard input
        picture += f" #{result.frame.frame_id}"
    numbers = "  ".join(reading.text for reading in result.readings if reading.status != "rejected")
    return f"{picture:<{width}}  {numbers or '(no number)'}"


def _free_name(folder: Path, result: Result, written: set[Path]) -> Path:
    """Where to write an annotated picture: never over the picture itself, nor over another of this run."""
    from edge.overlay import SUFFIXES

    source = Path("stdin.png" if result.frame.source == "-" else result.frame.source)
    suffix = source.suffix if source.suffix.lower() in SUFFIXES else ".png"
    names = (f"{source.stem}-read{f'-{n}' if n else ''}{suffix}" for n in count())
    return next(path for path in (folder / name for name in names) if path not in written)


VERB = Verb(
    name="read",
    help="read pictures",
    description="Read pictures, folders and videos; of a live source, one picture.",
    options=(
        Option(
            "files", f"{SOURCES}; of a live source one picture is taken", metavar="FILE", kind="arguments"
        ),
        Option("json", "print one JSON object for each picture (schema 1)", default=False, kind="switch"),
        Option("annotate", "write each picture with its readings drawn on it", Path, "DIR"),
        *ASKED,
        MODEL,
    ),
    run=_read,
    asked_of_sources=ASKED_NAMES,
)
