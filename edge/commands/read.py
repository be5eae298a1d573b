"""`digitcam read`: pictures to numbers."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from edge.commands import values
from edge.commands.common import (
    ASKED,
    ASKED_NAMES,
    FIELD,
    FORMAT_AND_REGION,
    MODELS,
    SOURCES,
    THREADS,
    fields_asked,
    make_reader,
    source_options,
    tell_what_is_not_taken,
)
from edge.commands.output import Errors, put, say
from edge.commands.parser import Option, Verb
from edge.errors import ImageError, SourceError, UsageError
from edge.sources import SourceOptions, open_source, public_name
from edge.words import counted

if TYPE_CHECKING:
    from edge.live import FrameReader
    from edge.types import Result


def _read(args: argparse.Namespace) -> int:
    if args.out is not None:
        from edge.commands.archive import read_into

        return read_into(args)
    if alone := [name for name in ARCHIVE_NAMES if name in args.given]:
        raise UsageError(
            f"--{alone[0].replace('_', '-')} goes with --out NAME, into which an archive is read"
        )
    return _read_one_by_one(args)


def _read_one_by_one(args: argparse.Namespace) -> int:
    from edge.field_reader import FieldReader
    from edge.files import write_whole
    from edge.overlay import draw, draw_fields, encode

    options = source_options(args)
    fields = fields_asked(args)
    reader = make_reader(args, thorough=not args.quick)
    frames = FieldReader(reader, fields) if fields else reader
    errors = Errors()
    width = max(len(public_name(name)) for name in args.files)
    written: set[Path] = set()
    for name in args.files:
        tell_what_is_not_taken(args, name)
        try:
            for result in _results(frames, name, options, errors):
                put(json.dumps(result.as_dict()) if args.json else _row(result, public_name(name), width))
                if hint := _how_it_was_held(frames, result, options):
                    say(hint)
                if args.annotate:
                    picture = draw_fields(draw(result.frame.image, result.readings), result.fields)
                    path = _free_name(args.annotate, result, written)
                    write_whole(path, encode(picture, path.suffix))
                    written.add(path)
        except (ImageError, SourceError, UsageError) as error:
            errors.add(error)  # the others are still read
    return errors.exit_code


def _results(reader: FrameReader, name: str, options: SourceOptions, errors: Errors) -> Iterator[Result]:
    with open_source(name, options, on_error=errors.add, on_notice=say) as source:
        if source.live:
            yield reader.read_frame(next(iter(source)))
            return
        from edge.live import Stream

        for step in Stream(reader).steps(source):
            if step.result is not None:
                yield step.result
            elif step.error is not None:
                errors.add(step.error)


DOUBTFUL, CLEAR = 0.75, 0.9
"""Where less than the first share of the places that may be digits is certain to be one, a picture may be
the wrong way round; where the second share is, it is the right one. Pages of words are full of such places
when they are turned, few of them certain. Of 72 photos of digits and 69 pages with words or without any
digit, none is told to be the wrong way round. Of the photos that are read badly when they are turned by a
quarter, 77 of 118 are; of those upside down 23 of 45, and of mirrored ones 41 of 66."""

WORTH, MORE = 3, 2
"""Digits that must be certain the other way round, and how many more than before, to be worth a word."""

MANY = 100
"""Places that may be digits: more are on no photo of a number, and a full page takes its time to be read
again."""


def _how_it_was_held(reader: FrameReader, result: Result, options: SourceOptions) -> str:
    """Which way round a picture is read better, in words; "" where it is read well as it is.

    What is not upright may look like digits to the page network, but not to all networks, or like nothing at
    all. The picture is looked at again only where that is so.
    """
    from edge.sources.turning import turned

    places, sure = result.candidates, _certain(result)
    if places > MANY or (sure and sure >= DOUBTFUL * places):
        return ""
    ways = (*(SourceOptions(rotation=degrees) for degrees in (90, 180, 270)), SourceOptions(mirror=True))
    others = [reader.read_frame(turned(result.frame, way)) for way in ways]
    found = [_certain(other) for other in others]
    better = max(range(len(ways)), key=lambda index: found[index])
    if found[better] < max(WORTH, sure + MORE, CLEAR * others[better].candidates):
        return ""
    # Turned so, it may have been seen to stand on its head still.
    rotation = (options.rotation + ways[better].rotation - 90 * others[better].turned) % 360
    way = "--mirror" if ways[better].mirror else f"--rotation {rotation}"
    return (
        f"{result.frame.source}: of {counted(places, 'place')} that may be digits, "
        f"{sure} {'is' if sure == 1 else 'are'} certain; "
        f"{found[better]} would be with {way}"
    )


def _certain(result: Result) -> int:
    """How many digits are shown."""
    return sum(character.isdigit() for reading in result.readings for character in reading.text)


def _row(result: Result, name: str, width: int) -> str:
    """What people read: the picture, and the numbers in it."""
    picture = result.frame.source
    if picture == name and result.frame.frame_id:  # one of many in a video or on standard input
        picture += f" #{result.frame.frame_id}"
    named = [field.as_text() for field in result.fields]
    numbers = [
        reading.as_text() for reading in result.readings if reading.status != "rejected" and not reading.field
    ]
    return f"{picture:<{width}}  {'  '.join([*named, *numbers]) or '(no number)'}"


def _free_name(folder: Path, result: Result, written: set[Path]) -> Path:
    """Where to write an annotated picture: never over the picture itself, nor over another of this run."""
    from edge.overlay import SUFFIXES

    source = Path("stdin.png" if result.frame.source == "-" else result.frame.source)
    suffix = source.suffix if source.suffix.lower() in SUFFIXES else ".png"
    names = (f"{source.stem}-read{f'-{n}' if n else ''}{suffix}" for n in count())
    return next(path for path in (folder / name for name in names) if path not in written)


MOST_WORKERS = 1024

ARCHIVE = (
    Option(
        "out",
        "read an archive into this folder of files: NAME.parquet, NAME.csv or NAME.jsonl",
        values.archive_output,
        "NAME",
        settable=False,
    ),
    Option(
        "workers",
        "with --out: processes that read, on this machine (default: as many as there are processors)",
        partial(values.whole_number, least=1, most=MOST_WORKERS),
        "N",
    ),
    Option(
        "cluster",
        "with --out: read on the Dask cluster whose scheduler has this address; local starts one here",
        values.cluster_address,
        "ADDRESS",
    ),
    Option(
        "resume",
        "with --out: go on with an output that is there, and read again what was gone or took too long",
        default=False,
        kind="switch",
        settable=False,
    ),
    Option("time-limit", "with --out: for each page (60 s)", values.duration, "TIME"),
    Option(
        "memory-limit",
        "with --out: address space of a process that reads pictures (2 GiB)",
        values.amount_of_data,
        "SIZE",
    ),
)
"""What an archive is read with."""

ARCHIVE_NAMES = tuple(option.attribute for option in ARCHIVE)

VERB = Verb(
    name="read",
    help="read pictures",
    description="Read pictures, folders and videos; of a live source, one picture.",
    options=(
        Option(
            "files", f"{SOURCES}; of a live source one picture is taken", metavar="FILE", kind="arguments"
        ),
        Option("json", "print one JSON object for each picture (schema 1)", default=False, kind="switch"),
        Option(
            "quick",
            "look at each picture once, as at the frame of a stream: two to three times as fast, fewer "
            "numbers read right",
            default=False,
            kind="switch",
        ),
        Option("annotate", "write each picture with its readings drawn on it", values.folder, "DIR"),
        *ARCHIVE,
        *FORMAT_AND_REGION,
        FIELD,
        *ASKED,
        *MODELS,
        THREADS,
    ),
    run=_read,
    asked_of_sources=ASKED_NAMES,
)
