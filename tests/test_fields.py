from datetime import time
from decimal import Decimal

import pytest

from edge.errors import UsageError
from edge.fields import Change, Field, Region, field_of, fields_of, seconds_of
from edge.formats import Format

WATER = {
    "name": "water",
    "region": [0.10, 0.20, 0.55, 0.35],
    "on": "sheet",
    "format": "00000.0",
    "unit": "m³",
    "least": 0,
    "most": 99999.9,
    "most_change": "up 0.5 / h",
    "after": "21:00",
    "agree": 5,
    "agree_for": "10 min",
    "stale_after": "2 d",
}


def test_a_table_becomes_a_field():
    assert field_of(WATER) == Field(
        name="water",
        region=Region(0.10, 0.20, 0.55, 0.35, "sheet"),
        format=Format("00000.0"),
        unit="m³",
        least=Decimal(0),
        most=Decimal("99999.9"),
        most_change=Change(Decimal("0.5"), 3600, up=True),
        after=time(21),
        agree=5,
        agree_for=600.0,
        stale_after=172800.0,
    )


@pytest.mark.parametrize(
    "table",
    [
        WATER,
        {"name": "a"},
        {"name": "b", "every": "90 s", "most_change": "up"},
        {"name": "c", "least": 0.1, "most_change": "7 / 10 min"},
        {"name": "d", "after": "06:30", "region": [0, 0, 1, 0.5]},
    ],
)
def test_a_field_written_as_a_table_is_the_same_when_it_is_read_again(table):
    field = field_of(table)
    assert field_of(field.as_table()) == field


def test_a_table_of_a_field_is_as_short_as_people_write_it():
    assert field_of({"name": "b", "every": "60 s"}).as_table() == {"name": "b", "every": "1 min"}
    assert field_of(WATER).as_table() == WATER


@pytest.mark.parametrize(
    ("text", "change"),
    [
        ("0.5 / h", Change(Decimal("0.5"), 3600)),
        ("0.5/h", Change(Decimal("0.5"), 3600)),
        ("3 / 10 min", Change(Decimal(3), 600)),
        ("up 12 / d", Change(Decimal(12), 86400, up=True)),
        ("up", Change(up=True)),
    ],
)
def test_a_change_is_understood_and_written_so_that_it_is_understood_again(text, change):
    assert Change.parse(text) == change
    assert Change.parse(str(change)) == change


@pytest.mark.parametrize("text", ["", "0.5", "down", "0.5 / week", "-1 / h", "1 / 0 h", "up / h", "x / h"])
def test_a_change_that_makes_no_sense_is_refused(text):
    with pytest.raises(UsageError, match=r"0\.5 / h.*found"):
        Change.parse(text)


def test_what_may_change_grows_with_the_time_and_stays_exact():
    change = Change.parse("0.1 / h")
    assert change.most_after(3 * 3600) == Decimal("0.3")
    assert Change.parse("up").most_after(1) is None


@pytest.mark.parametrize(
    ("text", "seconds"), [("10 min", 600), ("1.5h", 5400), ("30 s", 30), ("2 d", 172800)]
)
def test_times_are_understood(text, seconds):
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "10", "0 s", "-1 h", "10 minutes", "h"])
def test_a_time_that_makes_no_sense_is_refused(text):
    with pytest.raises(UsageError, match="10 min"):
        seconds_of(text)


def test_a_region_on_the_command_line_is_of_the_picture_or_of_the_sheet():
    assert Region.parse("0.1,0.2,0.6,0.4") == Region(0.1, 0.2, 0.6, 0.4)
    assert Region.parse("sheet:0,0,1,1") == Region(0, 0, 1, 1, "sheet")
    for text in ("0.1,0.2,0.6,0.4", "sheet:0,0,1,0.5"):
        assert str(Region.parse(text)) == text


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("0.1,0.2,0.6", "found '0.1,0.2,0.6'"),
        ("a,b,c,d", "found 'a,b,c,d'"),
        ("0.6,0.2,0.1,0.4", "left below right"),
        ("0,0,1,1.1", "0 to 1"),
        ("0,0,nan,1", "0 to 1"),
        ("page:0,0,1,1", "on the picture or the sheet, found 'page'"),
    ],
)
def test_a_region_that_makes_no_sense_is_refused(text, found):
    with pytest.raises(UsageError, match=found):
        Region.parse(text)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({}, "name: expected a name for the field"),
        ({"name": ""}, "name: expected 1 to 40 characters"),
        ({"name": "a\nb"}, "name: expected a text"),
        ({"name": "a", "reigon": [0, 0, 1, 1]}, "reigon: unknown key; the nearest known one is region"),
        ({"name": "a", "region": [0, 0, 1]}, r"region: expected \[left, top, right, bottom\]"),
        ({"name": "a", "region": [0, 0, 2, 1]}, "region: expected left, top, right and bottom as shares"),
        ({"name": "a", "region": [0, 0, 1, 1], "on": "desk"}, "region: .*found 'desk'"),
        ({"name": "a", "on": "sheet"}, "on: expected a region beside it"),
        ({"name": "a", "format": "12.5"}, "format: .*write 0 for each digit"),
        ({"name": "a", "format": 5}, "format: expected a text"),
        ({"name": "a", "least": "0"}, "least: expected a number, found '0'"),
        ({"name": "a", "most": float("inf")}, "most: expected a number"),
        ({"name": "a", "least": 2, "most": 1}, "most: expected 2 or more"),
        ({"name": "a", "most_change": "fast"}, "most_change: expected the most that it changes"),
        ({"name": "a", "after": "25:00"}, "after: expected a time of the day"),
        ({"name": "a", "every": 10}, "every: expected a text such as"),
        ({"name": "a", "every": "1 h", "after": "21:00"}, "every: expected every or after, found both"),
        ({"name": "a", "agree": 1}, "agree: expected a number of readings, 2 or more"),
        ({"name": "a", "format": "00:00", "least": 0}, "least: expected no limit.*leave least out"),
        ({"name": "a", "format": "0000-00-00", "most_change": "up"}, "most_change: expected no limit"),
    ],
)
def test_an_error_in_a_table_names_its_key_and_the_cure(table, message):
    with pytest.raises(UsageError, match=f"^{message}"):
        field_of(table)


def test_an_error_in_one_of_several_tables_names_the_table():
    with pytest.raises(UsageError, match=r"^\[\[field\]\] 2 \('gas'\): least: expected a number"):
        fields_of([{"name": "water"}, {"name": "gas", "least": "x"}])
    with pytest.raises(UsageError, match=r"^\[\[field\]\] 2: name: expected a name for the field"):
        fields_of([{"name": "water"}, {}])
    with pytest.raises(
        UsageError, match=r"^\[\[field\]\] 2 \('water'\): name: expected a name that no other"
    ):
        fields_of([{"name": "water"}, {"name": "water"}])
