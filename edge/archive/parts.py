"""Rows -> files: Parquet, CSV or JSON lines. The only file that names pyarrow."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.archive.rows import COLUMNS, Row, values_of
from edge.errors import PackageMissingError

if TYPE_CHECKING:
    import pyarrow

SUFFIXES = (".parquet", ".csv", ".jsonl")
"""Of an output, which says what its parts are."""

ROW_GROUP = 10_000
"""Rows that are encoded at a time."""

TYPES = {
    "source": "string",
    "page": "int32",
    "kind": "dictionary",
    "number": "int32",
    "text": "string",
    "value": "double",
    "status": "dictionary",
    "confidence": "float",
    "left": "int32",
    "top": "int32",
    "right": "int32",
    "bottom": "int32",
    "field": "dictionary",
    "problem": "dictionary",
    "error": "string",
    "width": "int32",
    "height": "int32",
    "turned": "int32",
    "complete": "bool",
    "taken_at": "local time",
    "modified_at": "time",
    "read_ms": "float",
}
"""Of the columns, in Parquet."""


def need(suffix: str) -> None:
    """Make sure that parts of this kind can be written.

    Raises:
        PackageMissingError: pyarrow is missing.
    """
    if suffix == ".parquet":
        try:
            import pyarrow.parquet  # noqa: F401
        except ImportError as error:
            raise PackageMissingError.of_extra("archive", "Parquet needs pyarrow") from error


def part_name(folder: Path, number: int) -> Path:
    """The file of a part, from 0."""
    return folder / f"part-{number:06}{folder.suffix.lower()}"


def held_name(folder: Path, number: int) -> Path:
    """The file of a part, from 0, with rows that the next run takes away."""
    return folder / f"part-again-{number:06}{folder.suffix.lower()}"


def held_parts(folder: Path) -> list[Path]:
    """Those that are there."""
    return sorted(folder.glob("part-again-*"))


def encode(rows: Iterable[Row], suffix: str, *, told: str) -> bytes:
    """A part.

    Args:
        rows: of the part.
        suffix: one of `SUFFIXES`.
        told: the manifest, which a Parquet file has among its metadata.
    """
    encoders: dict[str, Callable[[Iterable[Row], str], bytes]] = {
        ".parquet": _parquet,
        ".csv": _csv,
        ".jsonl": _json_lines,
    }
    return encoders[suffix](rows, told)


def _csv(rows: Iterable[Row], told: str) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    # As JSON and DuckDB write it, and pandas reads it: True is Python's.
    writer.writerows([_plain(value) for value in values_of(row)] for row in rows)
    return text.getvalue().encode()


def _plain(value: object) -> object:
    return str(value).lower() if isinstance(value, bool) else value


def _json_lines(rows: Iterable[Row], told: str) -> bytes:
    return "".join(
        json.dumps(dict(zip(COLUMNS, values_of(row), strict=True)), ensure_ascii=False) + "\n" for row in rows
    ).encode()


def _parquet(rows: Iterable[Row], told: str) -> bytes:
    import pyarrow
    from pyarrow import parquet

    schema = _schema().with_metadata({"digitcam": told})
    sink = pyarrow.BufferOutputStream()
    with parquet.ParquetWriter(sink, schema, compression="zstd") as writer:
        for group in _groups(rows):
            values = zip(*map(values_of, group), strict=True)
            columns = [
                pyarrow.array(_of_type(column, TYPES[name]), schema.field(name).type)
                for name, column in zip(COLUMNS, values, strict=True)
            ]
            writer.write_table(pyarrow.Table.from_arrays(columns, schema=schema))
    return bytes(sink.getvalue())


def _schema() -> pyarrow.Schema:
    import pyarrow

    kinds = {
        "string": pyarrow.string(),
        "dictionary": pyarrow.dictionary(pyarrow.int32(), pyarrow.string()),
        "int32": pyarrow.int32(),
        "float": pyarrow.float32(),
        "double": pyarrow.float64(),
        "bool": pyarrow.bool_(),
        "local time": pyarrow.timestamp("ms"),
        "time": pyarrow.timestamp("ms", tz="UTC"),
    }
    return pyarrow.schema([(name, kinds[TYPES[name]]) for name in COLUMNS])


def _of_type(values: Sequence[Any], kind: str) -> Sequence[object]:
    if not kind.endswith("time"):
        return values
    return [None if value is None else datetime.fromisoformat(value) for value in values]


def _groups(rows: Iterable[Row]) -> Iterator[list[Row]]:
    rows = iter(rows)
    while group := list(islice(rows, ROW_GROUP)):
        yield group
