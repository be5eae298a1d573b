"""`digitcam fields`: the fields of the settings, tried on a picture or a camera."""

from __future__ import annotations

import argparse
import json
import os
from functools import partial
from typing import TYPE_CHECKING

from edge.commands import values
from edge.commands.common import (
    ASKED,
    ASKED_NAMES,
    FIELD,
    MODELS,
    STATE,
    THREADS,
    make_reader,
    source_argument,
    source_options,
    tell_what_is_not_taken,
)
from edge.commands.config import settings_files
from edge.commands.output import Errors, put, say
from edge.commands.parser import Option, Verb
from edge.errors import SourceError, UsageError
from edge.fields import Field
from edge.sources import open_source

if TYPE_CHECKING:
    from edge.types import Result

FRAMES = 30
"""Frames of a stream that are read, unless told otherwise: a steady camera has accepted its numbers then."""

COLUMNS = ("field", "region", "format", "raw", "value", "problem", "age")


def _fields(args: argparse.Namespace) -> int:
    fields: tuple[Field, ...] = args.field
    if not fields:
        file, _ = settings_files(os.environ)
        raise UsageError(
            f'no fields are set: add a table [[field]] with name = "water" to {file} (docs/fields.md)'
        )
    if args.source is None:
        put(json.dumps([field.as_table() for field in fields]) if args.json else _table(fields, None))
        return 0
    errors = Errors()
    result = _try(args, fields, errors)
    if result is None:
        return errors.exit_code or 1
    put(json.dumps(result.as_dict()) if args.json else _table(fields, result))
    if args.annotate:
        from edge.files import write_whole
        from edge.overlay import draw, draw_fields, encode

        picture = draw_fields(draw(result.frame.image, result.readings), result.fields)
        write_whole(args.annotate, encode(picture, args.annotate.suffix))
        say(f"saved {args.annotate}")
    return errors.exit_code


def _try(args: argparse.Namespace, fields: tuple[Field, ...], errors: Errors) -> Result | None:
    """The last result of a picture, or of the first frames of a stream; None where nothing can be read."""
    from edge.field_reader import FieldReader
    from edge.live import Stream
    from edge.sinks.known_values import load_known

    tell_what_is_not_taken(args, args.source)
    known = load_known(args.state) if args.state else {}
    reader = FieldReader(make_reader(args, thorough=True), fields, known=known)
    result = None
    with open_source(args.source, source_options(args), on_error=errors.add, on_notice=say) as source:
        steps = Stream(reader).steps(source)
        for count, step in enumerate(steps, 1):
            result = step.result or result
            if step.error is not None:
                errors.add(step.error)
            settled = result is not None and all(field.problem is None for field in result.fields)
            if not source.continuous or settled or count >= args.frames:
                break
        else:
            if result is None:
                errors.add(SourceError(f"{source.name} has no picture to try the fields on"))
    return result


def _table(fields: tuple[Field, ...], result: Result | None) -> str:
    """The fields in columns, with what was read where it was tried."""
    rows = [COLUMNS if result else COLUMNS[:3]]
    rows += [
        (field.name, str(field.region or "anywhere"), field.format.text if field.format else "any")
        for field in fields
    ]
    if result:
        for row, read in enumerate(result.fields, 1):
            value = "-" if read.text is None else f"{read.text} {read.unit}".rstrip()
            problem = f"{read.problem}: {read.why}" if read.problem else "-"
            age = "-" if read.age_s is None else f"{read.age_s:.0f} s"
            rows[row] = (*rows[row], read.raw or "-", value, problem, age)
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


VERB = Verb(
    name="fields",
    help="list the fields of the settings, and try them",
    description="List the fields of the settings; with a source, read them in a picture of it, or in the "
    "first frames of a stream, and say what is refused and why.",
    options=(
        source_argument("none: they are listed only"),
        Option("json", "print JSON instead of a table", default=False, kind="switch"),
        Option("annotate", "write the picture with regions and readings drawn on it", values.picture, "FILE"),
        Option(
            "frames",
            f"frames of a stream to read at most (default {FRAMES})",
            partial(values.whole_number, least=1),
            "N",
            default=FRAMES,
        ),
        FIELD,
        STATE,
        *ASKED,
        *MODELS,
        THREADS,
    ),
    run=_fields,
    asked_of_sources=ASKED_NAMES,
)
