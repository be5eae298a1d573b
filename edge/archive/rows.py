"""A row of the output: schema 1, flattened."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Any, Literal

from edge.types import Reading, Result

Kind = Literal["number", "nothing", "failed"]
"""A number; a picture without one, or a field without one; a picture that could not be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What the output has a row for. None stands where there is nothing to say.

    Attributes:
        source: the picture's file or address.
        page: of a file of several pages, from 1.
        kind: "number", "nothing" (no number in the picture, or none in a field) or "failed".
        number: which one of the page in reading order, from 1.
        text: the number as it is written, `?` for a digit that is not certain.
        value: the same as a number, where that is certain and plain.
        status: "accepted", "uncertain" or "rejected".
        confidence: of its least certain digit or mark, 0 to 1.
        left: of its box in pixels of the picture as the user sees it.
        top: likewise.
        right: likewise; exclusive.
        bottom: likewise; exclusive.
        field: name of the field that it is read for.
        problem: why it is rejected, or what is wrong with the field.
        error: why the picture could not be read, in words; of a field without a number, the same.
        width: of the page, pixels.
        height: of the page, pixels.
        turned: degrees, clockwise, that the page stands turned.
        complete: whether all that may be digits was looked at.
        taken_at: when the picture was taken, as its EXIF says: local time, ISO 8601.
        modified_at: when the file was last changed, UTC, ISO 8601.
        read_ms: milliseconds that reading the page took.
    """

    source: str
    page: int = 1
    kind: Kind
    number: int | None = None
    text: str | None = None
    value: float | None = None
    status: str | None = None
    confidence: float | None = None
    left: int | None = None
    top: int | None = None
    right: int | None = None
    bottom: int | None = None
    field: str | None = None
    problem: str | None = None
    error: str | None = None
    width: int | None = None
    height: int | None = None
    turned: int | None = None
    complete: bool | None = None
    taken_at: str | None = None
    modified_at: str | None = None
    read_ms: float | None = None


COLUMNS = tuple(column.name for column in fields(Row))


values_of = attrgetter(*COLUMNS)
"""The values of a row in the order of `COLUMNS`. (`dataclasses.astuple` copies each, and takes ten times as
long.)"""


def as_list(row: Row) -> list[Any]:
    """The values in the order of `COLUMNS`, for JSON."""
    return list(values_of(row))


def from_list(values: Sequence[Any]) -> Row:
    """The row of `as_list`."""
    return Row(**dict(zip(COLUMNS, values, strict=True)))


def rows_of(
    result: Result, source: str, page: int, taken_at: str | None, modified_at: str | None
) -> list[Row]:
    """The rows of a page: one for each number, one for each field without one, or a single one.

    Args:
        result: what was read.
        source: the file that the page is of.
        page: its number, from 1.
        taken_at: when the picture was taken.
        modified_at: when the file was last changed.
    """
    width, height = result.frame.size
    page_of: dict[str, Any] = {
        "source": source,
        "page": page,
        "width": width,
        "height": height,
        "turned": 90 * result.turned,
        "complete": result.complete,
        "taken_at": taken_at,
        "modified_at": modified_at,
        "read_ms": round(result.speed.total - result.speed.capture, 3),
    }
    numbers = [Row(**page_of, **_of_reading(k, reading)) for k, reading in enumerate(result.readings, 1)]
    rows = [*numbers, *_of_fields(result, page_of)]
    return rows or [Row(**page_of, kind="nothing")]


def failed(source: str, page: int, why: str, modified_at: str | None = None) -> Row:
    """The row of a page that could not be read."""
    return Row(source=source, page=page, kind="failed", error=why, modified_at=modified_at)


def _of_reading(number: int, reading: Reading) -> dict[str, Any]:
    box = reading.box
    return {
        "kind": "number",
        "number": number,
        "text": reading.text,
        "value": reading.value,
        "status": reading.status,
        "confidence": round(reading.confidence, 4),
        "left": box.left,
        "top": box.top,
        "right": box.right,
        "bottom": box.bottom,
        "field": reading.field or None,
        "problem": reading.problem,
    }


def _of_fields(result: Result, page_of: dict[str, Any]) -> Iterator[Row]:
    for field in result.fields:
        if field.raw is None:
            yield Row(
                **page_of, kind="nothing", field=field.name, problem=field.problem, error=field.why or None
            )
