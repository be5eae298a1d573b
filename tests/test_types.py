from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import pytest
from samples import number, prediction, result_of

from edge.types import (
    Box,
    Digit,
    FieldReading,
    Frame,
    ModelName,
    Prediction,
    Reading,
    Result,
    Speed,
    bounding_box,
    iso_utc,
)


def test_a_box_knows_its_measures():
    box = Box(2, 3, 12, 8)
    assert (box.width, box.height, box.area, box.centre) == (10, 5, 50, (7.0, 5.5))


@pytest.mark.parametrize(
    ("other", "overlap"),
    [
        (Box(0, 0, 10, 10), 1.0),
        (Box(0, 0, 10, 5), 0.5),
        (Box(10, 0, 20, 10), 0.0),
        (Box(5, 5, 15, 15), 25 / 175),
        (Box(20, 20, 5, 5), 0.0),
    ],
)
def test_overlap_is_intersection_over_union(other, overlap):
    assert Box(0, 0, 10, 10).overlap(other) == pytest.approx(overlap)


def test_a_box_is_scaled_outwards_so_that_no_ink_is_lost():
    assert Box(1, 1, 4, 4).scaled(1.5) == Box(1, 1, 6, 6)


def test_a_box_is_clipped_to_the_picture():
    assert Box(-5, -5, 700, 500).clipped(480, 640) == Box(0, 0, 640, 480)


def test_a_box_views_its_pixels():
    image = np.zeros((10, 10), np.uint8)
    Box(2, 3, 5, 7).of(image)[:] = 1
    assert image.sum() == 12


def test_the_bounding_box_holds_all():
    assert bounding_box([Box(5, 5, 6, 6), Box(0, 7, 2, 9), Box(4, 1, 5, 2)]) == Box(0, 1, 6, 9)


def test_a_prediction_names_the_most_probable_digit_and_how_far_it_is_ahead():
    p = np.full(10, 0.01, np.float32)
    p[[4, 9]] = 0.7, 0.22
    prediction = Prediction(p)
    assert prediction.label == 4
    assert prediction.confidence == pytest.approx(0.7)
    assert prediction.margin == pytest.approx(0.48)
    assert [label for label, _ in prediction.top_k(2)] == [4, 9]


def test_a_result_is_schema_1():
    line = number("07")
    reading = Reading("07", "accepted", 0.99, line.box, line.digits, track_id=3)
    when = datetime(2026, 1, 1, 12, 0, 0, 123456, UTC)
    frame = Frame(np.zeros((480, 640, 3), np.uint8), 7, 1.5, when, "photo.jpg")
    result = Result(
        frame,
        (reading,),
        Speed(segment=1.25, classify=0.5),
        ModelName("digits", "ab"),
        ModelName("page", "cd"),
    )
    assert result.as_dict() == {
        "schema": 1,
        "source": "photo.jpg",
        "frame_id": 7,
        "captured_at": "2026-01-01T12:00:00.123Z",
        "image_size": [640, 480],
        "readings": [
            {
                "text": "07",
                "value": 7.0,
                "status": "accepted",
                "confidence": 0.99,
                "box": [100, 100, 170, 150],
                "track_id": 3,
                "digits": [
                    {
                        "label": label,
                        "confidence": 0.99,
                        "margin": pytest.approx(0.9889, abs=1e-4),
                        "box": box,
                        "top_k": [[label, 0.99], [second, pytest.approx(0.0011, abs=1e-4)]],
                    }
                    for label, second, box in [(0, 1, [100, 100, 130, 150]), (7, 0, [140, 100, 170, 150])]
                ],
                "field": "",
                "problem": None,
            }
        ],
        "speed_ms": {"capture": 0.0, "segment": 1.25, "normalise": 0.0, "classify": 0.5, "total": 1.75},
        "model": {"name": "digits", "sha256": "ab"},
        "page_model": {"name": "page", "sha256": "cd"},
        "turned": 0,
        "complete": True,
        "fields": [],
    }


def test_a_field_is_schema_1_and_a_line_for_people():
    when = datetime(2026, 1, 1, 12, tzinfo=UTC)
    field = FieldReading(
        "water",
        raw="00993.4",
        text="00123.4",
        value=Decimal("123.4"),
        unit="m³",
        status="rejected",
        problem="change",
        why="870 more than 123.4",
        confidence=0.98766,
        box=Box(1, 2, 3, 4),
        outline=((0.04, 1), (5, 1), (5, 6), (0, 6)),
        age_s=12.3456,
        accepted_at=when,
        since=when,
    )
    assert field.as_dict() == {
        "name": "water",
        "raw": "00993.4",
        "text": "00123.4",
        "value": 123.4,
        "unit": "m³",
        "status": "rejected",
        "problem": "change",
        "why": "870 more than 123.4",
        "confidence": 0.9877,
        "box": [1, 2, 3, 4],
        "outline": [[0.0, 1], [5, 1], [5, 6], [0, 6]],
        "due": True,
        "age_s": 12.346,
        "accepted_at": "2026-01-01T12:00:00.000Z",
        "since": "2026-01-01T12:00:00.000Z",
    }
    assert field.as_text() == "water = 00123.4 m³ (change: 870 more than 123.4)"
    assert replace(field, problem=None).as_text() == "water = 00123.4 m³"
    assert FieldReading("gas", unit="m³").as_text() == "gas = ? (not found)"


def test_times_are_written_in_utc_with_milliseconds():
    assert iso_utc(datetime(2026, 5, 6, 7, 8, 9, tzinfo=UTC)) == "2026-05-06T07:08:09.000Z"


@pytest.mark.parametrize("quarters", [0, 1, 2, 3, 4])
def test_a_box_turns_with_its_picture(quarters):
    picture, box = np.zeros((30, 50), np.uint8), Box(5, 7, 9, 20)
    box.of(picture)[:] = 1
    turned = np.rot90(picture, -quarters)
    assert box.turned(quarters, 30, 50).of(turned).sum() == turned.sum() == box.area


def test_values_show_themselves_in_a_line():
    digit = Digit(Box(1, 2, 31, 52), prediction(4, 0.987))
    reading = Reading("4", "accepted", 0.987, digit.box, (digit,), track_id=3)
    assert repr(digit.prediction) == "<Prediction 4, 98.7%>"
    assert repr(digit) == "<Digit 4, 98.7%, at [1, 2, 31, 52]>"
    assert repr(reading) == "<Reading 4 accepted, 98.7%, at [1, 2, 31, 52], track 3>"
    result = result_of(reading)
    assert repr(result) == "<Result of camera, frame 0: 4>"
    doubtful = result_of(reading, replace(reading, status="uncertain"))
    assert repr(doubtful) == "<Result of camera, frame 0: 4, 4 (uncertain)>"
    assert repr(result.frame) == "<Frame 0 of camera, 320 x 240>"
