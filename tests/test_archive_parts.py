"""Rows, and the files that hold them."""

import csv
import io
import json
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path

import pytest
from samples import number, result_of

from edge.archive.parts import SUFFIXES, TYPES, encode, part_name
from edge.archive.rows import COLUMNS, Row, as_list, failed, from_list, rows_of
from edge.lines import to_reading
from edge.types import FieldReading, Thresholds

READING = to_reading(number("407"), Thresholds(accept=0.9, digit=0.5))

ROWS = [
    *rows_of(result_of(READING), 'a, "b".jpg', 1, "2026-01-01T12:00:00", "2026-01-02T00:00:00.123Z"),
    *rows_of(result_of(), "empty.jpg", 2, None, None),
    failed("bad.jpg", 1, "bad.jpg is no picture: é\nreally", "2026-01-02T00:00:00.000Z"),
]


def test_a_page_has_a_row_for_each_number_and_one_where_there_is_none():
    first, second, third = ROWS
    assert (first.kind, first.number, first.text, first.status) == ("number", 1, "407", "accepted")
    assert (first.left, first.top, first.right, first.bottom) == (100, 100, 210, 150)
    assert (first.width, first.height, first.turned, first.complete) == (320, 240, 0, True)
    assert (second.kind, second.page, second.number, second.width) == ("nothing", 2, None, 320)
    assert (third.kind, third.width, third.error) == ("failed", None, "bad.jpg is no picture: é\nreally")


def test_a_field_without_a_number_has_a_row_of_its_own():
    result = result_of(READING)
    water, gas = FieldReading("water", raw="407", problem=None), FieldReading("gas", why="nothing is there")
    result = type(result)(
        result.frame, result.readings, result.speed, result.model, result.page, fields=(water, gas)
    )
    number, nothing = rows_of(result, "a.jpg", 1, None, None)
    assert number.kind == "number"
    assert (nothing.kind, nothing.field, nothing.problem) == ("nothing", "gas", "not found")
    assert nothing.error == "nothing is there"


def test_a_row_goes_through_json_unchanged():
    assert [from_list(json.loads(json.dumps(as_list(row)))) for row in ROWS] == ROWS


def test_every_column_has_a_type_and_is_documented():
    assert tuple(TYPES) == COLUMNS == tuple(field.name for field in fields(Row))
    text = (Path(__file__).parent.parent / "docs" / "archives.md").read_text(encoding="utf-8")
    assert [name for name in COLUMNS if f"`{name}`" not in text] == []


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_part_holds_what_the_rows_say(suffix):
    if suffix == ".parquet":
        pytest.importorskip("pyarrow")
    data = encode(ROWS, suffix, told='{"schema": 1}')
    if suffix == ".jsonl":
        assert [Row(**json.loads(line)) for line in data.decode().splitlines()] == ROWS
    elif suffix == ".csv":
        first, second, third = csv.DictReader(io.StringIO(data.decode(), newline=""))
        assert (first["source"], first["text"], first["complete"], first["value"]) == (
            *('a, "b".jpg', "407", "true", "407.0"),
        )
        assert second["number"] == ""
        assert third["error"] == ROWS[2].error
    else:
        parquet = pytest.importorskip("pyarrow.parquet")
        table = parquet.read_table(io.BytesIO(data))
        assert table.column_names == list(COLUMNS)
        assert table.schema.metadata[b"digitcam"] == b'{"schema": 1}'
        first, second, third = table.to_pylist()
        assert first["taken_at"] == datetime(2026, 1, 1, 12)
        assert first["modified_at"] == datetime(2026, 1, 2, 0, 0, 0, 123_000, tzinfo=UTC)
        assert (first["text"], first["left"], first["complete"]) == ("407", 100, True)
        assert second["text"] is None
        assert third["error"] == ROWS[2].error


def test_many_rows_are_written_group_by_group():
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    data = encode((failed(f"{k}.jpg", 1, "why") for k in range(25_000)), ".parquet", told="{}")
    file = parquet.ParquetFile(pyarrow.BufferReader(data))
    assert (file.metadata.num_rows, file.metadata.num_row_groups) == (25_000, 3)


def test_parts_are_in_order_by_their_names():
    assert part_name(Path("out.parquet"), 3) == Path("out.parquet/part-000003.parquet")
