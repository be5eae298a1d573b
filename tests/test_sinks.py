import io
import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
from rich.console import Console
from samples import THRESHOLDS, number, result_of

from edge.events import Changes
from edge.lines import to_reading
from edge.sinks.jsonlines import JsonLines
from edge.sinks.live_view import LiveView
from edge.sinks.picture import LastPicture
from edge.sinks.plain import PlainLines
from edge.sources import open_source
from edge.sources.demo import DemoCamera
from edge.speedometer import Speedometer
from edge.types import Speed


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


@pytest.fixture
def speedometer():
    return Speedometer(DemoCamera())


def test_without_a_terminal_each_accepted_number_is_a_plain_line(speedometer):
    out = io.StringIO()
    with PlainLines(speedometer, output=out, status=io.StringIO()) as sink:
        for result, events in frames("407", 4):
            sink.write(result, events)
    (line,) = out.getvalue().splitlines()
    assert line.split()[2:] == ["#5", "407", "accepted", "99%"]


def test_what_was_never_certain_is_no_line(speedometer):
    out = io.StringIO()
    reading = to_reading(number("4", confidence=0.6), THRESHOLDS, track_id=1)
    changes = Changes()
    with PlainLines(speedometer, output=out, status=io.StringIO()) as sink:
        for k, readings in enumerate([[reading], [], []]):
            result = result_of(*readings, frame_id=k, timestamp=float(k))
            sink.write(result, changes.update(result))
    assert out.getvalue() == ""


def test_what_stays_uncertain_is_a_line_and_so_is_its_end(speedometer):
    out = io.StringIO()
    reading = to_reading(number("4", confidence=0.6), THRESHOLDS, track_id=1)
    changes = Changes()
    with PlainLines(speedometer, output=out, status=io.StringIO()) as sink:
        for k in range(90):
            result = result_of(reading, frame_id=k, timestamp=k / 30)
            sink.write(result, changes.update(result))
        sink.finish(changes.end())
    assert [line.split()[2:5] for line in out.getvalue().splitlines()] == [
        ["#1", "?", "uncertain"],
        ["#1", "?", "gone"],
    ]


@pytest.mark.parametrize(("every_frame", "lines"), [(False, ["accepted", "gone"]), (True, [None] * 4)])
def test_json_lines_tells_the_end_unless_it_has_a_line_for_each_frame(every_frame, lines):
    stream, changes = io.StringIO(), Changes()
    with JsonLines(stream, every_frame=every_frame) as sink:
        for k in range(4):
            result = result_of(to_reading(number("12"), THRESHOLDS, track_id=5), frame_id=k, timestamp=k / 30)
            sink.write(result, changes.update(result))
        sink.finish(changes.end())
    assert [json.loads(line).get("event") for line in stream.getvalue().splitlines()] == lines


def test_on_a_terminal_trouble_is_shown_until_the_next_frame(speedometer):
    console = Console(file=io.StringIO(), width=100, force_terminal=True, color_system=None)
    paper = Console(file=io.StringIO(), width=100)  # the other one shows what its thread drew last, too
    with LiveView(speedometer, console=console) as sink:
        sink.trouble("the cable is out")
        with paper.capture() as capture:
            paper.print(sink._view())
        assert "the cable is out" in capture.get()
        sink.write(result_of(), [])
        with paper.capture() as capture:
            paper.print(sink._view())
        assert "the cable is out" not in capture.get()


def test_a_line_tells_when_its_frame_was_captured_whenever_it_is_read(speedometer):
    out = io.StringIO()
    changes = Changes()
    with PlainLines(speedometer, output=out, status=io.StringIO()) as sink:
        for k, seen in enumerate([[], [], ["407"], ["407"]]):
            readings = [to_reading(number(text), THRESHOLDS, track_id=5) for text in seen]
            result = result_of(*readings, frame_id=k, timestamp=9000.0 + k)
            events = changes.update(result)
            speedometer.tick(result, events)
            sink.write(result, events)
        sink.finish(changes.end())
    assert [line.split()[0] for line in out.getvalue().splitlines()] == ["2.0", "3.0"]


def test_the_speedometer_counts_what_could_not_be_read_and_goes_on_with_a_source_that_is_opened_anew():
    first, second = DemoCamera(), DemoCamera()
    speedometer = Speedometer(first, clock=Clock())
    first.drops.update(busy=3)
    speedometer.follow(second)
    second.drops.update(busy=2, outage=1)
    speedometer.fail()
    assert speedometer.dropped() == "6 dropped (5 busy, 1 outage)"
    assert "1 could not be read" in speedometer.pace()
    assert speedometer.summary().startswith(
        "0 frames in 0.0 s, 6 dropped (5 busy, 1 outage), 1 could not be read"
    )


def test_without_a_terminal_the_pace_is_a_line_now_and_then(speedometer):
    status, clock = io.StringIO(), Clock()
    with PlainLines(speedometer, output=io.StringIO(), status=status, clock=clock) as sink:
        for _ in range(150):
            clock.now += 1.0
            sink.write(result_of(), [])
    assert len(status.getvalue().splitlines()) == 2
    assert "frames/s" in status.getvalue()


def test_on_a_terminal_the_numbers_and_the_pace_are_shown_and_taken_away_again(speedometer):
    out = io.StringIO()
    console = Console(file=out, width=100, force_terminal=True, color_system=None)
    with LiveView(speedometer, console=console) as sink:
        for result, events in frames("407", 4):
            speedometer.tick(result, events)
            sink.write(result, events)
    shown = out.getvalue()
    assert "407" in shown
    assert "frames/s" in shown
    assert shown.endswith("\x1b[1A\x1b[2K")  # the cursor goes up and the line is emptied
    sink.close()


def test_the_picture_saved_is_of_the_last_frame_that_had_numbers(tmp_path):
    reading = to_reading(number("407"), THRESHOLDS)
    white, black = np.full((240, 320), 255, np.uint8), np.zeros((240, 320), np.uint8)
    with LastPicture(tmp_path / "page.png") as sink:
        for image, readings in [(black, []), (white, [reading]), (black, [])]:
            sink.write(result_of(*readings, image=image), [])
    assert cv2.imread(str(tmp_path / "page.png"))[0, 0].tolist() == [255, 255, 255]


def test_no_picture_is_saved_when_there_was_no_frame(tmp_path):
    LastPicture(tmp_path / "page.png").close()
    assert list(tmp_path.iterdir()) == []


def test_the_speedometer_counts_frames_per_second_and_latency():
    clock = Clock()
    speedometer = Speedometer(DemoCamera(), clock=clock)
    for k in range(60):
        clock.now = 100 + k / 20 + 0.004
        speedometer.tick(result_of(timestamp=100 + k / 20))
    assert speedometer.frames == 60
    assert speedometer.frames_per_second == pytest.approx(20)
    assert speedometer.latency_ms() == pytest.approx([4, 4])
    assert speedometer.elapsed_s == pytest.approx(59 / 20 + 0.004)


def test_latency_of_a_camera_that_need_not_keep_time_is_what_reading_took():
    clock = Clock()
    speedometer = Speedometer(DemoCamera(realtime=False), clock=clock)
    clock.now = 500  # long behind the times of the frames
    speedometer.tick(replace(result_of(timestamp=100), speed=Speed(2.0, 5.0, 1.0, 4.0)))
    assert speedometer.latency_ms() == pytest.approx([12, 12])


def test_latency_in_a_file_is_what_reading_took(tmp_path):
    cv2.imwrite(str(tmp_path / "photo.png"), np.zeros((9, 9), np.uint8))
    speedometer = Speedometer(open_source(tmp_path / "photo.png"))
    speedometer.tick(replace(result_of(timestamp=-1000.0), speed=Speed(2.0, 5.0, 1.0, 4.0)))
    assert speedometer.latency_ms() == pytest.approx([12, 12])


def test_the_pace_says_how_the_source_is_and_why_frames_were_dropped():
    source, clock = DemoCamera(), Clock()
    speedometer = Speedometer(source, clock=clock)
    for _ in range(2):
        clock.now += 0.1
        speedometer.tick(result_of(timestamp=clock.now))
    assert "demo: 10.0 frames/s" in speedometer.pace()
    source.drops.update(busy=3, outage=60)
    source.state = "lost"
    clock.now += 10.0
    assert "demo: lost, 0.0 frames/s" in speedometer.pace()
    assert speedometer.dropped() == "63 dropped (3 busy, 60 outage)"


def test_a_speedometer_that_saw_nothing_shows_zeros():
    speedometer = Speedometer(DemoCamera(), clock=Clock())
    assert (speedometer.frames_per_second, speedometer.latency_ms()) == (0.0, [0.0, 0.0])
