import sys
from dataclasses import replace

import numpy as np
from samples import THRESHOLDS, number, result_of

from edge.events import Changes
from edge.lines import to_reading
from edge.track import TrackerOptions
from edge.tracker import Tracker
from edge.types import Line, Span


def events_of(frames, fps=30):
    """(frame, kind, text) of all events while a tracker follows the lines of each frame."""
    tracker, changes = Tracker(TrackerOptions(confirm=Span(0.06, 3))), Changes(gone=Span(0.5, 2))
    found: list[tuple[int, str, str]] = []
    for k, lines in enumerate(frames):
        readings = tracker.update(lines, k / fps, THRESHOLDS, (640, 480))
        events = changes.update(result_of(*readings, frame_id=k, timestamp=k / fps))
        found += [(k, event.kind, event.reading.text) for event in events]
    return found


def test_a_number_appears_is_accepted_and_goes():
    frames = [[number("12")]] * 10 + [[]] * 30
    assert events_of(frames) == [(0, "appeared", "12"), (2, "accepted", "12"), (25, "gone", "12")]


def test_a_number_that_becomes_another_is_gone_and_the_other_is_accepted():
    frames = [[number("12")]] * 10 + [[number("34")]] * 25
    told = [(kind, text) for _, kind, text in events_of(frames)]
    assert told[-2:] == [("accepted", "34"), ("gone", "12")]


def test_every_number_that_was_told_of_is_told_to_be_gone():
    pages = [[number(f"{k}{k + 1}", top=50), number(f"{k}", top=150)] for k in range(1, 9)]
    tracker, changes = Tracker(), Changes()
    told: dict[int, list[str]] = {}
    for k in range(8 * 30):
        readings = tracker.update(pages[k // 30], k / 30, THRESHOLDS, (640, 480))
        for event in changes.update(result_of(*readings, frame_id=k, timestamp=k / 30)):
            told.setdefault(event.reading.track_id, []).append(event.kind)
    for event in changes.end():
        told.setdefault(event.reading.track_id, []).append(event.kind)
    assert all(kinds.count("gone") == 1 and kinds[-1] == "gone" for kinds in told.values())
    assert sum("accepted" in kinds for kinds in told.values()) == 16
    assert changes.end() == []


def test_a_number_that_stays_doubtful_is_said_once_and_its_end_too():
    frames = [[number("4", confidence=0.6)]] * 120 + [[]] * 30
    assert [(kind, text) for _, kind, text in events_of(frames)] == [
        ("appeared", "?"),
        ("uncertain", "?"),
        ("gone", "?"),
    ]


def test_a_board_that_stood_still_takes_no_number_for_gone_or_doubtful():
    changes = Changes()
    one = to_reading(number("12"), THRESHOLDS, track_id=1)
    other = to_reading(number("34", confidence=0.6), THRESHOLDS, track_id=2)
    told = []
    for now, readings in [(0.0, [one, other]), (10.0, [one, other]), (20.0, [one]), (20.1, [one, other])]:
        told += [event.kind for event in changes.update(result_of(*readings, timestamp=now))]
    assert told == ["accepted", "appeared"]


def test_a_known_number_that_can_not_be_read_any_more_is_said_to_be_uncertain():
    frames = [[number("12")]] * 10 + [[number("12", confidence=0.6)]] * 100 + [[number("12")]] * 10
    told = [(kind, text) for _, kind, text in events_of(frames)]
    assert told[:3] == [("appeared", "12"), ("accepted", "12"), ("uncertain", "??")]


def test_an_event_keeps_no_pixels():
    ink = np.full((400, 400), 255, np.uint8)
    line = number("7")
    line = Line(tuple(replace(digit, ink=ink) for digit in line.digits))
    reading = to_reading(line, THRESHOLDS, track_id=1)
    image = np.zeros((480, 640, 3), np.uint8)
    references = [sys.getrefcount(image), sys.getrefcount(ink)]
    (event,) = (changes := Changes()).update(result_of(reading, image=image))
    del reading, line
    assert sys.getrefcount(image) == references[0]
    assert sys.getrefcount(ink) < references[1]
    assert event.reading.digits[0].ink is None
    assert [event.kind for event in changes.end()] == ["gone"]


def test_a_number_that_is_covered_for_a_moment_makes_no_event():
    frames = [[number("12")]] * 10 + [[number("1")]] * 10 + [[number("12")]] * 20
    assert events_of(frames) == [(0, "appeared", "12"), (2, "accepted", "12")]


def test_each_number_of_a_single_picture_is_an_event():
    readings = [to_reading(number("12"), THRESHOLDS), to_reading(number("3", confidence=0.6), THRESHOLDS)]
    events = Changes().update(result_of(*readings))
    assert [(event.kind, event.reading.text) for event in events] == [("accepted", "12"), ("uncertain", "?")]


def test_an_event_is_one_json_object():
    reading = Tracker(TrackerOptions(confirm=Span(0, 1))).update([number("7")], 0.0, THRESHOLDS, (640, 480))[
        0
    ]
    (event,) = Changes().update(result_of(reading, frame_id=4))
    values = event.as_dict()
    assert {key: values[key] for key in ("schema", "event", "source", "frame_id", "captured_at")} == {
        "schema": 1,
        "event": "accepted",
        "source": "camera",
        "frame_id": 4,
        "captured_at": "2026-01-01T12:00:00.000Z",
    }
    assert values["reading"] == reading.as_dict()
