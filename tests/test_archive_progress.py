"""What is said while an archive is read."""

import io

import pytest

from edge.archive import progress
from edge.archive.journal import Counts
from edge.archive.progress import Meter, Pace, Progress, duration


def counts(done, listed=40_000, failed=0):
    return Counts(listed=listed, done=done, failed=failed, again=0, rows=0, parts=0, kept=0, held=0)


def test_the_rate_is_that_of_the_last_minutes_and_tells_the_time_left():
    now = iter([0.0, 10.0, 100.0, 400.0])
    meter = Meter(lambda: next(now))
    assert meter.pace(counts(1000), all_listed=False).rate == 0  # read by an earlier run
    assert meter.pace(counts(1100), all_listed=False).rate == pytest.approx(10)
    assert meter.pace(counts(2000), all_listed=False).rate == pytest.approx(10)
    pace = meter.pace(counts(8000, failed=3), all_listed=True)
    assert pace.rate == pytest.approx(20)
    assert pace.as_text() == "8,000 of 40,000 pictures, 3 not read, 20 / s, 27 min left"


def test_while_pictures_are_listed_what_is_left_is_a_bound():
    pace = Pace(done=500, listed=3000, all_listed=False, failed=0, rate=9.5)
    assert pace.as_text() == "500 of at least 3,000 pictures, 9.5 / s, at least 4 min left"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (99, "99 s"), (720, "12 min"), (11_100, "3 h 5 min"), (187_200, "2 d 4 h")],
)
def test_times_are_told_as_people_do(seconds, text):
    assert duration(seconds) == text


def test_without_a_terminal_a_line_comes_now_and_then(monkeypatch):
    now = iter([0.0, 10.0, 31.0, 40.0, 62.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(now))
    monkeypatch.setattr(progress, "Meter", lambda: Meter(lambda: 0.0))
    said = []
    with Progress(said.append, io.StringIO()) as told:
        for done in (10, 20, 30, 40):
            told.tell(counts(done), all_listed=True)
    assert said == ["20 of 40,000 pictures", "40 of 40,000 pictures"]


def test_on_a_terminal_one_line_is_written_over_and_taken_away(monkeypatch):
    terminal = io.StringIO()
    terminal.isatty = lambda: True
    now = iter([0.0, 2.0, 4.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(now))
    monkeypatch.setattr(progress, "Meter", lambda: Meter(lambda: 0.0))
    with Progress(print, terminal) as told:
        told.tell(counts(10), all_listed=True)
        told.tell(counts(9), all_listed=True)
    lines = terminal.getvalue().split("\r")
    assert lines == ["", "10 of 40,000 pictures", "9 of 40,000 pictures ", " " * 20, ""]
