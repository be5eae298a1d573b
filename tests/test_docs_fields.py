"""The examples of docs/fields.md, on pages in the demo's own hand.

With DIGITCAM_PICTURES=docs their picture is made again, as docs/fields.jpg.
"""

import os
import re
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest
from written_pages import form, meter_book, score_sheet

from edge.field_reader import FieldReader
from edge.fields import fields_of
from edge.overlay import draw, draw_fields, encode
from edge.reader import DigitReader
from edge.types import Frame

TEXT = (Path(__file__).parent.parent / "docs" / "fields.md").read_text(encoding="utf-8")

PAGES = {
    "A meter book": (meter_book("00412", "00415"), {"water": "00415"}),
    "A score sheet": (score_sheet([("21", "17"), ("8", "12")]), {"home": "21", "guests": "17"}),
    "A form": (form("40718263", "27"), {"unit": "40718263", "week": "27"}),
}

PLACES = [((0, 0), 0.0), ((14, -9), 2.5), ((-20, 10), -4.0)]
"""How the sheet lies: pixels off its place, and degrees."""


@pytest.fixture(scope="module")
def reader():
    return DigitReader()


def example(title: str):
    """The fields of an example."""
    (section,) = re.findall(rf"^### {title}$(.*?)(?=^###|\Z)", TEXT, flags=re.MULTILINE | re.DOTALL)
    (toml,) = re.findall(r"```toml\n(.*?)```", section, flags=re.DOTALL)
    return fields_of(tomllib.loads(toml)["field"])


def read(reader, fields, image):
    frame = Frame(image, 0, 0.0, datetime(2026, 1, 1, tzinfo=UTC), "page")
    return FieldReader(reader, fields).read_frame(frame)


def test_the_examples_read_what_is_written_however_the_sheet_lies(reader):
    """A single picture may leave a number in doubt; it never shows another one."""
    fields = []
    for title, (page, written) in PAGES.items():
        for place, lies in enumerate(PLACES):
            result = read(reader, example(title), page.picture(*lies, noise=place))
            assert {field.name: field.raw for field in result.fields} == written, f"{title}, {lies}"
            assert all(field.problem in (None, "unsure") for field in result.fields), f"{title}, {lies}"
            fields += result.fields
    accepted = sum(field.text == field.raw for field in fields)
    assert len(fields) == 15 and accepted >= 9


def test_a_week_that_no_year_has_is_refused(reader):
    result = read(reader, example("A form"), form("40718263", "72").picture())
    week = result.fields[1]
    assert (week.raw, week.text, week.problem, week.status) == ("72", None, "limit", "rejected")
    (refused,) = (reading for reading in result.readings if reading.status == "rejected")
    assert (refused.text, refused.field, refused.problem) == ("72", "week", "limit")


def test_without_a_sheet_nothing_is_read_from_a_wrong_place(reader):
    beyond = score_sheet([("21", "17")]).picture(shift=(0, 160))
    result = read(reader, example("A score sheet"), beyond)
    assert [(field.raw, field.problem) for field in result.fields] == [(None, "not found")] * 2
    assert "sheet" in result.fields[0].why


def test_the_first_table_of_the_page_is_as_it_is_described():
    (toml, *_) = re.findall(r"```toml\n(.*?)```", TEXT, flags=re.DOTALL)
    (field,) = fields_of(tomllib.loads(toml)["field"])
    assert field.name == "water" and field.needs_value


def test_the_picture_of_the_examples_is_made(reader, tmp_path):
    shown = []
    for (title, (page, _)), place in zip(PAGES.items(), (1, 2, 1), strict=True):
        result = read(reader, example(title), page.picture(*PLACES[place], noise=place))
        drawn = draw_fields(draw(result.frame.image, result.readings), result.fields)
        shown.append(cv2.resize(drawn, (640, 480), interpolation=cv2.INTER_AREA))
    path = Path(os.environ.get("DIGITCAM_PICTURES", tmp_path)) / "fields.jpg"
    path.write_bytes(encode(np.hstack(shown), ".jpg", quality=85))
    assert cv2.imread(str(path)).shape == (480, 1920, 3)
