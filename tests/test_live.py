"""The loop: a source, a reader and sinks."""

import itertools
import threading
import time
from datetime import UTC, datetime

import cv2
import pytest
from inked import dark
from samples import result_of, written

from edge import live as module
from edge.by_ink.road import InkRoad
from edge.errors import OutputError, SourceError
from edge.live import LiveLoop
from edge.reader import DigitReader
from edge.sinks import PAUSED, Sink
from edge.sources import Source, open_source
from edge.track import TrackerOptions
from edge.types import Frame

WHEN = datetime(2026, 1, 1, tzinfo=UTC)


class Kept(Sink):
    """Keeps what it was given, and is full after so many frames."""

    name = "kept"

    def __init__(self, full_after=10**9):
        self.frames, self.events, self.troubles = [], [], []
        self.closed = False
        self._full_after = full_after

    def write(self, result, events):
        if len(self.frames) >= self._full_after:
            raise OutputError("full")
        self.frames.append(result.frame.frame_id)
        self.events += events

    def trouble(self, text):
        self.troubles.append(text)

    def finish(self, events):
        self.events += events

    def close(self):
        self.closed = True


class Camera(Source):
    """A live source that gives a page again and again, loses one frame for each, and breaks after some."""

    live = continuous = True

    def __init__(self, frames=None, error=None):
        super().__init__("camera")
        self._frames, self._error = frames, error or SourceError("the cable is out")
        self._closed = False

    def __iter__(self):
        for frame_id in itertools.count():
            if self._closed:
                return
            if frame_id == self._frames:
                raise self._error
            time.sleep(0.001)
            self.drops["missed"] += 1
            yield Frame(written("407"), frame_id, time.monotonic(), WHEN, self.name)

    def close(self):
        self._closed = True


class Reader:
    """Reads nothing, and fails at some frames."""

    tracking = TrackerOptions()

    def __init__(self, fails=lambda frame_id: False):
        self._fails = fails

    def read_frame(self, frame, tracker=None):
        if self._fails(frame.frame_id):
            raise ZeroDivisionError("a fault")
        return result_of(frame_id=frame.frame_id, timestamp=frame.timestamp)


@pytest.fixture
def pages(tmp_path):
    for k in range(6):
        cv2.imwrite(str(tmp_path / f"{k}.png"), written(str(k)))
    return tmp_path


@pytest.fixture
def camera_back_at_once(monkeypatch):
    monkeypatch.setattr(module, "REOPEN_S", 0.01)


@pytest.fixture(scope="module")
def reader(classifier):
    reader = DigitReader(classifier)
    reader.road = InkRoad(classifier, dark)
    return reader


class Run:
    """A loop that has run, and what it said."""

    def __init__(self, opening, reader, sinks, **limits):
        self.errors, self.notices = [], []
        with LiveLoop(
            opening,
            reader,
            on_error=lambda error: self.errors.append(str(error)),
            on_notice=self.notices.append,
        ) as self.loop:
            for sink in sinks:
                self.loop.add(sink)
            self.loop.run(**limits)


def test_every_sink_is_told_of_every_frame_of_a_file_and_closed(pages, reader):
    first, second = Kept(), Kept()
    run = Run(lambda: open_source(pages), reader, [first, second])
    assert first.frames == second.frames == [0, 1, 2, 3, 4, 5]
    assert first.closed
    assert second.closed
    assert run.errors == []
    assert run.loop.speedometer.accepted == 6


def test_a_sink_that_is_full_is_left_out_and_the_others_go_on(pages, reader):
    full, other = Kept(full_after=2), Kept()
    run = Run(lambda: open_source(pages), reader, [full, other])
    assert run.errors == ["full"]
    assert (full.frames, other.frames) == ([0, 1], [0, 1, 2, 3, 4, 5])


def test_a_sink_that_never_returns_does_not_stop_the_others():
    class Stuck(Kept):
        def write(self, result, events):
            threading.Event().wait()

    other = Kept()
    run = Run(Camera, Reader(), [Stuck(), other], frames=100)
    assert run.loop.speedometer.frames == 100
    assert other.frames[0] == 0
    assert len(other.frames) > 50
    assert run.errors == ["kept is not finished in time; what it has written is kept"]


def test_reading_ends_when_nobody_is_left_to_be_told():
    run = Run(Camera, Reader(), [Kept(full_after=2)])
    assert run.errors == ["full"]
    assert run.loop.speedometer.frames >= 3


@pytest.mark.parametrize("until_hung_up", [True, False])
def test_reading_ends_when_the_next_program_has_seen_enough_unless_others_listen(until_hung_up):
    class Pipe(Kept):
        def write(self, result, events):
            raise BrokenPipeError

    other = Kept()
    try:
        run = Run(Camera, Reader(), [Pipe(), other], frames=200, until_hung_up=until_hung_up)
    except BrokenPipeError:
        assert until_hung_up
        assert len(other.frames) < 200
    else:
        assert not until_hung_up
        assert run.loop.speedometer.frames == 200


def test_reading_ends_after_so_many_frames(pages, reader):
    sink = Kept()
    Run(lambda: open_source(pages), reader, [sink], frames=2)
    assert sink.frames == [0, 1]


def test_the_error_that_ends_a_file_is_said_and_what_was_read_counts(pages, reader):
    (pages / "3.png").write_bytes(b"no picture")
    sink = Kept()
    run = Run(lambda: open_source(pages), reader, [sink])
    (error,) = run.errors
    assert "3.png" in error
    assert sink.frames == [0, 1, 2]


@pytest.mark.parametrize(
    ("fails", "most_said"),
    [(lambda k: True, 1), (lambda k: k % 10 == 3, 10)],
    ids=["every frame", "some frames"],
)
def test_a_frame_that_cannot_be_read_is_said_and_counted_and_reading_goes_on(fails, most_said):
    sink = Kept()
    run = Run(Camera, Reader(fails), [sink], frames=100)
    speed, failed = run.loop.speedometer, sum(map(fails, range(100)))
    assert (speed.frames, speed.failed) == (100 - failed, failed)
    assert len(run.notices) == most_said
    assert all(
        "cannot be read: ZeroDivisionError: a fault (test_live.py, line" in said for said in run.notices
    )
    assert "a fault" in sink.troubles[0]
    assert f"{failed} could not be read" in run.loop.summary()[0]


def test_a_picture_that_cannot_be_read_is_an_error_and_the_others_are_read(pages):
    sink = Kept()
    run = Run(lambda: open_source(pages), Reader(lambda k: k == 2), [sink])
    assert sink.frames == [0, 1, 3, 4, 5]
    (error,) = run.errors
    assert "frame 2 of" in error


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (SourceError("the cable is out"), "the cable is out; opening it again"),
        (ZeroDivisionError("by zero"), "camera failed: ZeroDivisionError: by zero"),
    ],
)
def test_a_source_that_breaks_is_opened_again_and_nothing_is_forgotten(
    reader, camera_back_at_once, error, said
):
    opened = []

    def opening():
        opened.append(Camera(8, error))
        if len(opened) in (3, 4):
            raise OSError("still out")
        return opened[-1]

    sink = Kept()
    run = Run(opening, reader, [sink], frames=40)
    assert len(opened) == 7
    assert run.notices[0].startswith(said)
    assert "camera cannot be opened: OSError: still out" in run.notices[2]
    assert len([notice for notice in run.notices if "still out" in notice]) == 1
    assert run.loop.speedometer.drops.total() == 40
    told = [(event.kind, event.reading.text, event.reading.track_id) for event in sink.events]
    assert told == [("appeared", "407", 1), ("accepted", "407", 1), ("gone", "407", 1)]


def test_a_source_that_cannot_be_opened_at_all_is_an_error():
    def opening():
        raise SourceError("no camera")

    with pytest.raises(SourceError, match="no camera"):
        LiveLoop(opening, Reader(), on_error=print, on_notice=print)


def test_a_loop_is_stopped_from_another_thread_also_while_it_waits_for_a_source():
    loop = LiveLoop(lambda: Camera(3), Reader(), on_error=print, on_notice=lambda text: loop.stop())
    loop.run()
    loop.close()
    assert loop.speedometer.frames == 3


def test_seconds_are_over_also_while_no_frame_comes():
    class Silent(Camera):
        def __init__(self):
            super().__init__()
            self._over = threading.Event()

        def __iter__(self):
            assert self._over.wait(20)
            return iter(())

        def close(self):
            self._over.set()

    sink = Kept()
    run = Run(Silent, Reader(), [sink], seconds=0.1)
    assert (run.loop.speedometer.frames, sink.closed, run.errors) == (0, True, [])


def test_each_stream_has_numbers_of_its_own(reader):
    class Recorded(Camera):
        live = False

        def __init__(self, text):
            super().__init__()
            self._text = text

        def __iter__(self):
            for k in range(10):
                yield Frame(written(self._text), k, k / 30, WHEN, self.name)

    for text in ("4075", "12"):
        results = list(reader.results(Recorded(text)))
        assert {r.text for result in results for r in result.readings} == {text}
        assert {r.track_id for result in results for r in result.readings} == {1}
    assert [reading.text for reading in reader.read(Recorded("31"))] == ["31"]


def test_a_camera_that_is_paused_passes_unread_and_the_sinks_hear_why():
    sink, read = Kept(), threading.Event()

    class Seen(Reader):
        def read_frame(self, frame, tracker=None):
            read.set()
            return super().read_frame(frame, tracker)

    with LiveLoop(Camera, Seen(), on_error=print, on_notice=print) as loop:
        loop.add(sink)
        thread = threading.Thread(target=loop.run)
        thread.start()
        assert read.wait(20)
        loop.control.pause(True)
        while PAUSED not in sink.troubles:
            time.sleep(0.01)
        before = loop.speedometer.frames
        told = len(sink.troubles)
        while len(sink.troubles) < told + 10:
            time.sleep(0.01)
        assert loop.speedometer.frames == before
        loop.control.pause(False)
        while loop.speedometer.frames == before:
            time.sleep(0.01)
        loop.stop()
        thread.join(20)
        assert not thread.is_alive()


def test_a_file_that_is_paused_loses_no_frame(pages):
    sink = Kept()
    with LiveLoop(lambda: open_source(str(pages)), Reader(), on_error=print, on_notice=print) as loop:
        loop.add(sink)
        loop.control.pause(True)
        thread = threading.Thread(target=loop.run)
        thread.start()
        while PAUSED not in sink.troubles:
            time.sleep(0.01)
        assert not sink.frames
        loop.control.pause(False)
        thread.join(20)
        assert not thread.is_alive()
    assert sink.frames == [0, 1, 2, 3, 4, 5]


def test_a_file_that_is_paused_can_be_stopped(pages):
    with LiveLoop(lambda: open_source(str(pages)), Reader(), on_error=print, on_notice=print) as loop:
        loop.control.pause(True)
        thread = threading.Thread(target=loop.run)
        thread.start()
        loop.stop()
        thread.join(20)
        assert not thread.is_alive()
