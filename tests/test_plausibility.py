from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from samples import number

from edge.fields import field_of
from edge.plausibility import Judge, Known, in_words
from edge.types import Moment, Reading

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
RATE = {"most_change": "6 / h"}
METER = {"format": "000.0", "least": 0, "most": 500, "most_change": "up 6 / h", "agree_for": "1 min"}


def at(seconds: float) -> Moment:
    """A frame that comes so many seconds after noon, on a clock that began at 1000."""
    return Moment("camera", round(seconds), 1000 + seconds, NOON + timedelta(seconds=seconds), (640, 480))


def reading(text: str, status: str = "accepted") -> Reading:
    line = number("1" * sum(c.isalnum() or c == "?" for c in text))
    return Reading(text, status, 0.97, line.box, line.digits)


def readings(text: str | None) -> list[Reading]:
    """Numbers from a text: `(7)` is one that the tracker does not accept, None is no number."""
    words = (text or "").split()
    return [reading(w.strip("()"), "uncertain" if "(" in w or "?" in w else "accepted") for w in words]


CASES = {
    "a first number is taken as it is": ({}, [(0, "12.5", "12.5", None)]),
    "leading zeros are kept": ({"format": "00000.0"}, [(0, "00123.4", "00123.4", None)]),
    "nothing is no value": ({}, [(0, None, None, "not found")]),
    "what is not seen any more keeps its value": ({}, [(0, "5", "5", None), (9, None, "5", "not found")]),
    "a doubtful digit is never a value": ({}, [(0, "5", "5", None), (1, "1?", "5", "unsure")]),
    "what the tracker does not accept is not taken": ({}, [(0, "(7)", None, "unsure"), (1, "7", "7", None)]),
    "two numbers are in doubt": ({}, [(0, "7 8", None, "unsure")]),
    "of two numbers the one of its format is taken": ({"format": "00.0"}, [(0, "7 12.5", "12.5", None)]),
    "of two numbers of its format none is taken": ({"format": "00"}, [(0, "12 13", None, "unsure")]),
    "of two numbers one may have its format": ({"format": "00"}, [(0, "12 1?", None, "unsure")]),
    "of two numbers none has its format": ({"format": "000"}, [(0, "12 13", None, "format")]),
    "another format is refused": ({"format": "00.0"}, [(0, "125", None, "format")]),
    "a time has a format": ({"format": "?0:00"}, [(0, "9:30", "9:30", None), (1, "930", "9:30", "format")]),
    "what must be a number is no date": ({"least": 0}, [(0, "1/2", None, "format")]),
    "the least is allowed": ({"least": 5}, [(0, "5", "5", None), (1, "4.9", "5", "limit")]),
    "the most is allowed": ({"most": "x"}, [(0, "5", "5", None), (1, "5.1", "5", "limit")]),
    "limits count exactly": ({"most": "0.3"}, [(0, "0.3", "0.3", None), (1, "0.30001", "0.3", "limit")]),
    "a decimal comma counts as a point": ({"most": "x"}, [(0, "4,99", "4,99", None)]),
    "below zero": ({"least": -10}, [(0, "-3", "-3", None), (1, "-11", "-3", "limit")]),
    "a slow change is taken": (RATE, [(0, "10", "10", None), (600, "11", "11", None)]),
    "a fast change is refused": (RATE, [(0, "10", "10", None), (599, "11", "10", "change")]),
    "down is as far as up": (RATE, [(0, "10", "10", None), (600, "9", "9", None), (601, "8", "9", "change")]),
    "the time since the value began counts": (
        RATE,
        [(0, "10", "10", None), (599, "10", "10", None), (600, "11", "11", None)],
    ),
    "a change that waits long enough is taken": (
        RATE | {"agree_for": "1 d"},
        [(0, "10", "10", None), (1, "11", "10", "change"), (600, "11", "11", None)],
    ),
    "what only rises does not fall": (
        {"most_change": "up"},
        [(0, "10", "10", None), (1, "900", "900", None), (2, "899", "900", "change")],
    ),
    "what rises by so much": (METER, [(0, "010.0", "010.0", None), (60, "010.1", "010.1", None)]),
    "a jump that lasts is taken after all": (
        METER,
        [
            (0, "010.0", "010.0", None),
            (1, "050.0", "010.0", "change"),
            (2, "050.0", "010.0", "change"),
            (3, "050.0", "010.0", "change"),
            (60, "050.0", "010.0", "change"),
            (61, "050.0", "050.0", None),
        ],
    ),
    "a jump is not taken before it was read often enough": (
        METER,
        [
            (0, "010.0", "010.0", None),
            (1, "050.0", "010.0", "change"),
            (300, "050.0", "010.0", "change"),
            (301, "050.0", "050.0", None),
        ],
    ),
    "a jump that is read in two ways is not taken": (
        METER,
        [
            (0, "010.0", "010.0", None),
            (1, "050.0", "010.0", "change"),
            (30, "080.0", "010.0", "change"),
            (40, "050.0", "010.0", "change"),
            (70, "050.0", "010.0", "change"),
            (99, "050.0", "010.0", "change"),
            (101, "050.0", "050.0", None),
        ],
    ),
    "a jump that was none is forgotten": (
        METER,
        [
            (0, "010.0", "010.0", None),
            (1, "050.0", "010.0", "change"),
            (2, "050.0", "010.0", "change"),
            (3, "010.0", "010.0", None),
            (70, "050.0", "010.0", "change"),
        ],
    ),
    "a jump that a limit refuses in between begins anew": (
        METER,
        [
            (0, "010.0", "010.0", None),
            (1, "050.0", "010.0", "change"),
            (2, "050.0", "010.0", "change"),
            (61, "950.0", "010.0", "limit"),
            (62, "050.0", "010.0", "change"),
        ],
    ),
    "doubt in between does not count": (
        METER,
        [
            (0, "010.0", "010.0", None),
            (1, "050.0", "010.0", "change"),
            (2, "05?.0", "010.0", "unsure"),
            (30, None, "010.0", "not found"),
            (40, "050.0", "010.0", "change"),
            (61, "050.0", "050.0", None),
        ],
    ),
    "what lasts is never taken against a limit": (
        METER | {"agree": 2},
        [(t, "600.0", None, "limit") for t in range(0, 600, 100)],
    ),
    "a value that is not seen becomes stale": (
        {"stale_after": "1 min"},
        [(0, "5", "5", None), (60, None, "5", "not found"), (61, None, "5", "stale"), (62, "5", "5", None)],
    ),
    "what is read but refused is not called stale": (
        {"stale_after": "1 min", "most": 9},
        [(0, "5", "5", None), (61, "10", "5", "limit")],
    ),
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case)
def test_a_field_takes_what_is_plausible(case):
    rules, steps = CASES[case]
    rules = {
        key: Decimal(5 if value == "x" else value) if key == "most" else value for key, value in rules.items()
    }
    judge = Judge(field_of({"name": "water", **rules}))
    for seconds, raw, text, problem in steps:
        field, _ = judge.take(readings(raw), at(seconds))
        assert (field.text, field.problem) == (text, problem), f"{case}: after {seconds} s"
        assert field.raw == (raw.strip("()") if raw and len(raw.split()) == 1 else field.raw)
        status = {None: "accepted", "format": "rejected", "limit": "rejected", "change": "rejected"}
        assert field.status == status.get(problem, "uncertain")
        assert bool(field.why) == (problem is not None)


def test_raw_value_and_problem_are_kept_apart():
    judge = Judge(field_of({"name": "water", "unit": "m³", "most_change": "0.5 / h"}))
    first, chosen = judge.take(readings("00123.4"), at(0))
    assert (first.raw, first.text, first.value, first.age_s) == ("00123.4", "00123.4", Decimal("123.4"), 0)
    assert chosen is not None and chosen.text == "00123.4"
    later, _ = judge.take(readings("00993.4"), at(7200))
    assert (later.raw, later.text, later.value) == ("00993.4", "00123.4", Decimal("123.4"))
    assert (later.status, later.problem, later.age_s) == ("rejected", "change", 7200)
    assert later.why == "870.0 more than 00123.4 of 2 h ago; expected at most 0.5 / h"
    assert (later.since, later.accepted_at) == (NOON, NOON)


def test_a_value_that_is_no_number_is_kept_as_it_is_written():
    field, _ = Judge(field_of({"name": "start"})).take(readings("12:45"), at(0))
    assert (field.text, field.value, field.problem) == ("12:45", None, None)


def test_the_age_counts_from_the_last_reading_and_since_from_the_first():
    judge = Judge(field_of({"name": "a"}))
    for seconds in (0, 10, 20):
        field, _ = judge.take(readings("5"), at(seconds))
    assert (field.since, field.accepted_at, field.age_s) == (NOON, at(20).captured_at, 0)
    field, _ = judge.take([], at(50))
    assert (field.since, field.accepted_at, field.age_s) == (NOON, at(20).captured_at, 30)


def test_a_frame_that_shows_the_same_renews_the_age_and_proves_nothing():
    judge = Judge(field_of({"name": "water", **METER}))
    judge.take(readings("010.0"), at(0))
    assert judge.hold(at(30)).age_s == 0
    judge.take(readings("050.0"), at(40))
    for seconds in range(41, 200):
        assert judge.hold(at(seconds)).problem == "change"
    assert judge.hold(at(200)).age_s == 170


def test_a_jump_in_a_picture_that_stands_still_is_read_again_until_it_is_taken():
    judge = Judge(field_of({"name": "water", **METER}))  # 3 readings in a minute
    judge.take(readings("010.0"), at(0))
    judge.take(readings("050.0"), at(10))
    read = []
    for seconds in range(11, 100):
        if judge.wants_another(at(seconds)):
            read.append(seconds)
            judge.take(readings("050.0"), at(seconds))
        else:
            judge.hold(at(seconds))
    assert read == [40, 70]
    assert judge.hold(at(100)).text == "050.0"


def test_a_field_that_is_read_every_ten_minutes_rests_in_between():
    judge = Judge(field_of({"name": "a", "every": "10 min"}))
    assert judge.is_due(at(0))
    judge.take([], at(0))
    assert judge.is_due(at(1))  # nothing was read yet
    judge.take(readings("5"), at(2))
    assert [judge.is_due(at(seconds)) for seconds in (3, 601, 602)] == [False, False, True]
    rested = judge.rest(at(500))
    assert (rested.due, rested.text, rested.problem, rested.age_s) == (False, "5", None, 498)


def test_a_field_that_is_read_after_nine_in_the_evening_is_read_once_a_day():
    zone = timezone(timedelta(hours=2))  # noon of UTC is 14 o'clock there
    judge = Judge(field_of({"name": "a", "after": "21:00"}), zone=zone)
    assert judge.is_due(at(0))  # nothing since yesterday evening
    judge.take(readings("5"), at(0))
    hours = [hour for hour in range(1, 60) if judge.is_due(at(3600 * hour))]
    assert hours[0] == 7  # 21 o'clock, and until it is read
    assert len(hours) == 53
    judge.take(readings("6"), at(3600 * 8))
    assert [judge.is_due(at(3600 * hour)) for hour in (9, 16, 30, 31)] == [False, False, False, True]


def test_what_was_known_before_a_restart_counts_with_its_time():
    known = Known("010.0", since=NOON - timedelta(hours=2), at=NOON - timedelta(hours=1))
    judge = Judge(field_of({"name": "water", **METER}), known)
    field, _ = judge.take(readings("022.1"), at(0))
    assert (field.text, field.problem, field.age_s) == ("010.0", "change", 3600)
    field, _ = judge.take(readings("022.0"), at(1))
    assert (field.text, field.problem) == ("022.0", None)


def test_what_is_not_due_after_a_restart_is_known_all_the_same():
    known = Known("7", since=NOON - timedelta(minutes=2), at=NOON - timedelta(minutes=2))
    judge = Judge(field_of({"name": "a", "every": "10 min"}), known)
    assert not judge.is_due(at(0))
    field = judge.rest(at(0))
    assert (field.text, field.problem, field.status, field.age_s) == ("7", None, "accepted", 120)


def test_a_clock_that_was_set_back_makes_no_value_younger_than_new():
    known = Known("7", since=NOON + timedelta(days=1), at=NOON + timedelta(days=1))
    field, _ = Judge(field_of({"name": "a"}), known).take([], at(0))
    assert field.age_s == 0


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.04, "0.0 s"), (59, "59 s"), (90, "2 min"), (7200, "2 h"), (900_000, "10 d")]
)
def test_a_time_is_said_in_its_largest_unit(seconds, words):
    assert in_words(seconds) == words
