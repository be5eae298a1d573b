from collections import deque
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import numpy as np
from samples import THRESHOLDS, number

from edge.control import ALL, Control
from edge.events import FieldChanges, FieldEvent
from edge.field_reader import FieldReader
from edge.fields import Field, Region, field_of
from edge.formats import Format
from edge.live import Stream
from edge.track import TrackerOptions
from edge.tracker import Tracker
from edge.types import Frame, ModelName, Scan, Speed

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
NAME = ModelName("m", "0")
FIELD = {"name": "water", "region": [0, 0, 1, 0.5]}


class Reader:
    """Finds the lines that it is told are in the picture, and counts the pictures that it was shown."""

    def __init__(self, *lines):
        self.lines, self.shown = list(lines), []
        self.tracking = TrackerOptions()
        self.thresholds = THRESHOLDS
        self.page = self.classifier = SimpleNamespace(name=NAME)

    def scan(self, grey, *, separate=False):
        self.shown.append(grey.shape)
        return Scan(self.lines, Speed(segment=1.0))

    def expect(self, grey, form):
        return Scan([], Speed())


def frame(k: int, picture=None, seconds: float | None = None) -> Frame:
    """A frame of 640 x 480 with a sensor's noise of its own, thirty a second."""
    seconds = k / 30 if seconds is None else seconds
    picture = np.full((480, 640), 200.0) if picture is None else picture
    noisy = np.clip(picture + np.random.default_rng(k).normal(0, 2.5, picture.shape), 0, 255)
    return Frame(noisy.astype(np.uint8), k, seconds, NOON + timedelta(seconds=seconds), "camera")


def test_only_the_regions_are_looked_at():
    reader = Reader()
    fields = [field_of({"name": "a", "region": [0.5, 0.5, 0.6, 0.6]}), field_of(FIELD)]
    FieldReader(reader, fields).read_frame(frame(0))
    (small, large) = reader.shown
    assert small == (72, 88) and large == (300, 640)  # with a little around them


def test_two_fields_in_one_region_are_looked_for_once():
    reader = Reader()
    FieldReader(reader, [field_of(FIELD), field_of({**FIELD, "name": "b", "least": 1})]).read_frame(frame(0))
    assert len(reader.shown) == 1


def test_a_number_outside_of_the_region_is_none_of_the_fields():
    reader = Reader(number("12", top=60), number("99", top=245))
    result = FieldReader(reader, [field_of(FIELD)]).read_frame(frame(0))
    assert [(reading.text, reading.field) for reading in result.readings] == [("12", "water")]
    assert result.fields[0].text == "12"


def test_a_number_that_goes_on_beyond_what_was_cut_out_is_not_certain():
    field = field_of({"name": "a", "region": [0.1, 0.4, 0.4, 0.6]})  # cut out from 40 pixels on
    result = FieldReader(Reader(number("123", left=0, top=30)), [field]).read_frame(frame(0))
    assert (result.fields[0].raw, result.fields[0].problem) == ("123", "unsure")


def test_what_a_field_refuses_is_rejected_and_says_why():
    field = field_of({**FIELD, "most": 10})
    result = FieldReader(Reader(number("12", top=60)), [field]).read_frame(frame(0))
    (reading,) = result.as_dict()["readings"]
    assert (reading["status"], reading["field"], reading["problem"]) == ("rejected", "water", "limit")


def test_a_field_without_a_name_rejects_what_has_another_format():
    reader = Reader(number("12", top=60), number("345", left=400, top=60))
    result = FieldReader(reader, [Field(format=Format("000"))]).read_frame(frame(0))
    assert [(r.text, r.status, r.problem) for r in result.readings] == [
        ("12", "rejected", "format"),
        ("345", "accepted", None),
    ]
    assert result.fields == ()


def test_a_field_without_a_name_and_with_a_region_reads_only_there():
    reader = Reader(number("12", top=60), number("99", top=245))
    result = FieldReader(reader, [Field(region=Region(0, 0, 1, 0.5))]).read_frame(frame(0))
    assert [reading.text for reading in result.readings] == ["12"]


def test_a_picture_that_stands_still_is_read_until_its_number_is_accepted_and_no_more():
    reader = Reader(number("12", top=60))
    fields, tracker = FieldReader(reader, [field_of(FIELD)]), Tracker(reader.tracking)
    results = [fields.read_frame(frame(k), tracker) for k in range(60)]
    accepted = [k for k, result in enumerate(results) if result.fields[0].problem is None]
    assert accepted == list(range(accepted[0], 60))
    assert len(reader.shown) == accepted[0] + 1 <= 5
    assert results[-1].fields[0].age_s == 0  # that it still stands there was checked
    assert results[-1].frame.frame_id == 59


def test_a_picture_without_a_number_is_read_for_seconds_before_it_is_left_alone():
    reader = Reader()
    fields, tracker = FieldReader(reader, [field_of(FIELD)]), Tracker(reader.tracking)
    for k in range(150):
        fields.read_frame(frame(k), tracker)
    assert 60 <= len(reader.shown) <= 65


def test_a_change_in_a_region_is_read_and_one_beside_it_is_not():
    reader = Reader(number("12", top=60))
    fields, tracker = (
        FieldReader(reader, [field_of({**FIELD, "region": [0, 0, 1, 0.4]})]),
        Tracker(reader.tracking),
    )
    for k in range(30):
        fields.read_frame(frame(k), tracker)
    before = len(reader.shown)
    picture = np.full((480, 640), 200.0)
    picture[300:, :] = 50
    fields.read_frame(frame(30, picture), tracker)
    assert len(reader.shown) == before
    picture[100:103, 300:303] = 120  # a point
    fields.read_frame(frame(31, picture), tracker)
    assert len(reader.shown) == before + 1


def test_a_light_that_changes_slowly_does_not_hide_a_change_for_ever():
    reader = Reader(number("12", top=60))
    fields, tracker = FieldReader(reader, [field_of(FIELD)]), Tracker(reader.tracking)
    picture = np.full((480, 640), 200.0)
    for k in range(120):
        picture[100:120, 300:320] -= 1
        fields.read_frame(frame(k, picture), tracker)
    assert len(reader.shown) >= 12  # every eight levels


def test_frames_that_show_the_same_are_no_evidence_and_what_is_known_does_not_grow_old():
    reader = Reader(number("12", top=60))
    fields, tracker = FieldReader(reader, [field_of(FIELD)]), Tracker(reader.tracking)
    for k in range(300):  # ten seconds, where a number is forgotten after three
        result = fields.read_frame(frame(k), tracker)
    (track,) = tracker._tracks
    assert len(track.times) <= 6
    reader.lines = [number("1", top=60)]  # a hand covers one of its digits
    picture = np.full((480, 640), 200.0)
    picture[50:120, 135:200] = 90
    result = fields.read_frame(frame(300, picture), tracker)
    assert (result.fields[0].text, result.fields[0].problem) == ("12", "unsure")
    assert [reading.track_id for reading in result.readings] == [1]


def test_a_jump_in_a_picture_that_stands_still_is_taken_in_the_end():
    reader = Reader(number("12", top=60))
    field = field_of({**FIELD, "most_change": "1 / h", "agree_for": "2 s"})
    fields, tracker = FieldReader(reader, [field]), Tracker(reader.tracking)
    for k in range(30):
        fields.read_frame(frame(k), tracker)
    reader.lines = [number("87", top=60)]
    picture = np.full((480, 640), 200.0)
    picture[60:110, 100:180] = 120
    read = len(reader.shown)
    results = [fields.read_frame(frame(k, picture), tracker).fields[0] for k in range(30, 150)]
    texts = [result.text for result in results]
    assert texts[0] == "12" and texts[-1] == "87"
    refused = [result.problem for result in results].count("change")
    assert refused >= 55
    assert len(reader.shown) - read < 20


def test_a_field_that_rests_costs_nothing():
    reader = Reader(number("12", top=60))
    fields, tracker = FieldReader(reader, [field_of({**FIELD, "every": "10 s"})]), Tracker(reader.tracking)
    picture = np.full((480, 640), 200.0)
    due = deque()
    for k in range(360):
        picture[200:220, 300:320] = 255 - 100 * (k % 2)  # it changes all the time
        due.append(fields.read_frame(frame(k, picture), tracker).fields[0].due)
    assert 4 <= sum(due) == len(reader.shown) <= 12
    assert fields.read_frame(frame(360, picture), tracker).fields[0].text == "12"


def test_separate_pictures_know_nothing_of_each_other():
    reader = Reader(number("12", top=60))
    fields = FieldReader(reader, [field_of({**FIELD, "most_change": "up"})])
    assert fields.read_frame(frame(0)).fields[0].text == "12"
    reader.lines = [number("10", top=60)]
    assert fields.read_frame(frame(1)).fields[0].text == "10"


def test_fields_can_be_changed_while_a_stream_is_read():
    reader = Reader(number("12", top=60))
    fields, tracker = FieldReader(reader, [field_of(FIELD)]), Tracker(reader.tracking)
    for k in range(10):
        fields.read_frame(frame(k), tracker)
    fields.change([field_of(FIELD), field_of({"name": "new", "region": [0, 0.5, 1, 1]})])
    result = fields.read_frame(frame(10), tracker)
    assert [field.name for field in result.fields] == ["water", "new"]
    assert result.fields[0].text == "12"


def changes(*states):
    """The events of a field that is read so in frames, thirty a second: (raw, times)."""
    told, reader, k = FieldChanges(), Reader(), 0
    fields, tracker = FieldReader(reader, [field_of({**FIELD, "most": 50})]), None
    events = []
    for text, times in states:
        for _ in range(times):
            reader.lines = [number(text, top=60)] if text else []
            result = fields.read_frame(frame(k), tracker)
            events += [(event.kind, event.as_text()) for event in told.update(result)]
            k += 1
    return events


def test_a_value_is_told_once_and_again_when_it_is_another():
    assert changes(("12", 90), ("13", 5)) == [("value", "water = 12"), ("value", "water = 13")]


def test_what_is_refused_for_a_moment_is_not_told_and_what_lasts_is():
    assert changes(("12", 5), ("99", 30), ("12", 30)) == [("value", "water = 12")]
    assert changes(("12", 5), ("99", 90), ("12", 5)) == [
        ("value", "water = 12"),
        ("refused", "water: 99 limit: expected 50 or less"),
        ("value", "water = 12"),
    ]


class Frames(list):
    """Frames that follow each other in time."""

    continuous = True


def test_numbers_of_fields_make_no_events_of_their_own():
    reader = Reader()
    wanted = [field_of(FIELD), Field(region=Region(0, 0.6, 1, 1))]
    reader.scan = lambda grey, separate: Scan([number("12" if len(grey) == 300 else "99", top=60)], Speed())
    steps = list(Stream(FieldReader(reader, wanted)).steps(Frames(frame(k) for k in range(10))))
    told = [event.as_text() for step in steps for event in step.events]
    assert told.count("water = 12") == 1
    assert any("99  accepted" in text for text in told)
    assert not any("12  accepted" in text for text in told)


def test_a_field_that_was_asked_for_is_read_at_once_and_then_rests_again():
    reader = Reader(number("12", top=60))
    fields, tracker = FieldReader(reader, [field_of({**FIELD, "every": "1 h"})]), Tracker(reader.tracking)
    due = [fields.read_frame(frame(k), tracker).fields[0].due for k in range(90)]
    assert not due[-1]
    fields.ask(["another"])
    assert not fields.read_frame(frame(90), tracker).fields[0].due
    fields.ask(["water"])
    before, *after = [fields.read_frame(frame(k), tracker).fields[0] for k in range(91, 120)]
    assert before.due and before.age_s == 0
    assert not after[-1].due


def test_a_field_that_is_due_while_another_keeps_the_picture_still_is_read_all_the_same():
    reader = Reader(number("12", top=60))
    wanted = [field_of(FIELD), field_of({**FIELD, "name": "hourly", "every": "1 h"})]
    fields, tracker = FieldReader(reader, wanted), Tracker(reader.tracking)
    for k in range(30):
        fields.read_frame(frame(k), tracker)
    picture = np.full((480, 640), 200.0)
    picture[100:140, 300:340] = 40  # somebody writes while the second one rests
    for k in range(30, 60):
        fields.read_frame(frame(k, picture), tracker)
    seen = len(reader.shown)
    fields.read_frame(frame(60, picture), tracker)
    assert len(reader.shown) == seen
    fields.read_frame(frame(61, picture, seconds=3700), tracker)
    assert len(reader.shown) == seen + 1


def test_what_was_asked_for_is_told_whether_it_is_new_or_not():
    reader, control = Reader(number("12", top=60)), Control()
    wanted = [field_of(FIELD), field_of({**FIELD, "name": "hourly", "every": "1 h"})]
    events = []
    asking = {40: "water", 80: "hourly", 120: ALL}
    steps = Stream(FieldReader(reader, wanted), control).steps(Frames(frame(k) for k in range(160)))
    for k, step in enumerate(steps):
        events += [(event.field.name, k) for event in step.events if isinstance(event, FieldEvent)]
        if k in asking:
            control.ask(asking[k])
    names = [name for name, _ in events]
    assert names == ["water", "hourly", "water", "hourly", "water", "hourly"]
    assert all(abs(k - asked) <= 10 for (_, k), asked in zip(events[2:], (40, 80, 120, 120), strict=True))
