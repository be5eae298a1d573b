import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from samples import result_of

from edge.errors import UsageError
from edge.plausibility import Known
from edge.sinks.known_values import KnownValues, load_known
from edge.types import FieldReading

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
WATER = FieldReading(
    "water", "00123.4", "00123.4", Decimal("123.4"), problem=None, accepted_at=NOON, since=NOON
)


def shown(*fields):
    return replace(result_of(), fields=fields)


def later(field, seconds):
    return replace(field, accepted_at=NOON + timedelta(seconds=seconds))


def test_what_was_written_is_known_after_a_restart(tmp_path):
    path = tmp_path / "state.json"
    with KnownValues(path) as sink:
        sink.write(shown(WATER, FieldReading("gas")), [])
    assert load_known(path) == {"water": Known("00123.4", NOON, NOON)}


def test_it_is_written_when_a_value_changes_and_seldom_for_its_age(tmp_path):
    path = tmp_path / "state.json"
    with KnownValues(path) as sink:
        sink.write(shown(WATER), [])
        sink.write(shown(later(WATER, 599)), [])
        assert load_known(path)["water"].at == NOON
        sink.write(shown(later(WATER, 600)), [])
        assert load_known(path)["water"].at == NOON + timedelta(seconds=600)
        sink.write(shown(later(replace(WATER, text="00123.5"), 601)), [])
        assert load_known(path)["water"].text == "00123.5"
        sink.write(shown(later(replace(WATER, text="00123.5"), 605)), [])
    assert load_known(path)["water"].at == NOON + timedelta(seconds=605)  # at the end


def test_a_field_that_is_not_set_any_more_stays_in_the_file(tmp_path):
    path = tmp_path / "state.json"
    for name in ("water", "gas"):
        with KnownValues(path) as sink:
            sink.write(shown(replace(WATER, name=name)), [])
    assert set(load_known(path)) == {"water", "gas"}


def test_where_there_is_no_file_nothing_is_known(tmp_path):
    assert load_known(tmp_path / "none.json") == {}


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "null",
        "{}",
        '{"version": 2, "fields": {}}',
        '{"version": 1, "fields": []}',
        '{"version": 1, "fields": {"water": {"text": "1"}}}',
        json.dumps({"version": 1, "fields": {"w": {"text": 1, "since": "2026", "accepted_at": "2026"}}}),
        json.dumps({"version": 1, "fields": {"w": {"text": "1", "since": "x", "accepted_at": "x"}}}),
    ],
)
def test_a_file_that_is_something_else_is_an_error_and_is_left_as_it_is(tmp_path, content):
    path = tmp_path / "state.json"
    path.write_text(content)
    with pytest.raises(UsageError, match=r"state\.json is not as digitcam writes it.*delete the file"):
        KnownValues(path)
    assert path.read_text() == content
