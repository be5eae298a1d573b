from samples import THRESHOLDS, number, result_of

from edge.events import Changes
from edge.tracker import Tracker


def events_of(frames, fps=30):
    """(frame, kind, text) of all events while a tracker follows the lines of each frame."""
    tracker, changes = Tracker(confirm_after=3), Changes(gone_after_s=0.5)
    found: list[tuple[int, str, str]] = []
    for k, lines in enumerate(frames):
        readings = tracker.update(lines, k / fps, THRESHOLDS, (640, 480))
        events = changes.update(result_of(*readings, frame_id=k, timestamp=k / fps))
        found += [(k, event.kind, event.reading.text) for event in events]
    return found


def test_a_number_appears_is_accepted_and_goes():
    frames = [[number("12")]] * 10 + [[]] * 30
    assert events_of(frames) == [(0, "appeared", "12"), (2, "accepted", "12"), (25, "gone", "12")]


def test_a_number_that_becomes_another_is_accepted_again():
    frames = [[number("12")]] * 10 + [[number("34")]] * 5
    assert [(kind, text) for _, kind, text in events_of(frames)][-1] == ("accepted", "34")


def test_a_number_that_is_covered_for_a_moment_makes_no_event():
    frames = [[number("12")]] * 10 + [[number("1")]] * 10 + [[number("12")]] * 20
    assert events_of(frames) == [(0, "appeared", "12"), (2, "accepted", "12")]


def test_each_accepted_number_of_a_single_picture_is_an_event():
    from edge.lines import to_reading

    readings = [to_reading(number("12"), THRESHOLDS), to_reading(number("3", confidence=0.6), THRESHOLDS)]
    (event,) = Changes().update(result_of(*readings))
    assert (event.kind, event.reading.text) == ("accepted", "12")


def test_an_event_is_one_json_object():
    reading = Tracker(confirm_after=1).update([number("7")], 0.0, THRESHOLDS, (640, 480))[0]
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
