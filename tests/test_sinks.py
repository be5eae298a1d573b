import io
import json

import pytest
from rich.console import Console
from samples import THRESHOLDS, number, result_of

from edge.events import Changes
from edge.lines import to_reading
from edge.sinks.jsonlines import JsonLines
from edge.sinks.terminal import Terminal
from edge.sources.demo import DemoCamera
from edge.speedometer import Speedometer


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def frames(text, count):
    reading = to_reading(number(text), THRESHOLDS, track_id=5)
    changes = Changes()
    for k in range(count):
        result = result_of(reading, frame_id=k, timestamp=k / 30)
        yield result, changes.update(result)


@pytest.mark.parametrize(("every_frame", "lines"), [(False, 1), (True, 4)])
def test_json_lines_has_a_line_for_each_change_or_each_frame(every_frame, lines):
    stream = io.StringIO()
    with JsonLines(stream, every_frame=every_frame) as sink:
        for result, events in frames("12", 4):
            sink.write(result, events)
    objects = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert len(objects) == lines
    assert all(o["schema"] == 1 and o["source"] == "camera" for o in objects)
    assert ("readings" in objects[0]) is every_frame


def test_without_a_terminal_each_accepted_number_is_a_plain_line():
    out = io.StringIO()
    with Terminal(DemoCamera(), Speedometer(), output=Console(file=out, width=80)) as sink:
        for result, events in frames("407", 4):
            sink.write(result, events)
    (line,) = out.getvalue().splitlines()
    assert line.split()[2:] == ["#5", "407", "accepted", "99%"]


def test_what_was_never_certain_is_no_line():
    out = io.StringIO()
    reading = to_reading(number("4", confidence=0.6), THRESHOLDS, track_id=1)
    changes = Changes()
    with Terminal(DemoCamera(), Speedometer(), output=Console(file=out, width=80)) as sink:
        for k, readings in enumerate([[reading], [], []]):
            result = result_of(*readings, frame_id=k, timestamp=float(k))
            sink.write(result, changes.update(result))
    assert out.getvalue() == ""


def test_on_a_terminal_the_numbers_and_the_pace_are_shown_and_taken_away_again():
    out = io.StringIO()
    speedometer = Speedometer()
    console = Console(file=out, width=100, force_terminal=True, color_system=None)
    with Terminal(DemoCamera(), speedometer, output=console) as sink:
        for result, events in frames("407", 4):
            speedometer.tick(result)
            sink.write(result, events)
        shown = out.getvalue()
    assert "407" in shown
    assert "frames/s" in shown
    sink.close()


def test_the_speedometer_counts_frames_per_second_and_latency():
    clock = Clock()
    speedometer = Speedometer(clock)
    for k in range(60):
        clock.now = 100 + k / 20 + 0.004
        speedometer.tick(result_of(timestamp=100 + k / 20))
    assert speedometer.frames == 60
    assert speedometer.frames_per_second == pytest.approx(20)
    assert speedometer.latency_ms() == pytest.approx([4, 4])
    assert speedometer.elapsed_s == pytest.approx(59 / 20 + 0.004)


def test_a_speedometer_that_saw_nothing_shows_zeros():
    speedometer = Speedometer(Clock())
    assert (speedometer.frames_per_second, speedometer.latency_ms()) == (0.0, [0.0, 0.0])
