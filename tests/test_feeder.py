"""One sink and the thread that feeds it."""

import threading
import time

import pytest
from samples import THRESHOLDS, number, result_of

from edge.errors import OutputError
from edge.events import Event
from edge.lines import to_reading
from edge.sinks import Sink
from edge.sinks.feeder import Feeder

PATIENCE_S = 120  # of a test, on a busy machine


class Gate(Sink):
    """Takes what it is given only while it is open, and fails while it is told to."""

    name = "the gate"

    def __init__(self):
        self.open = threading.Event()
        self.entered = threading.Semaphore(0)
        self.error = None
        self.frames, self.events, self.troubles, self.ends = [], [], [], []
        self.places = []  # of the frames, among all that were read
        self.next_place = 0
        self.closed = 0

    def write(self, result, events):
        self.entered.release()
        assert self.open.wait(PATIENCE_S)
        if self.error:
            raise self.error
        self.frames.append(result.frame.frame_id)
        self.unread(result.frame)
        self.events += events

    def unread(self, frame):
        self.places.append((self.next_place, frame.frame_id))
        self.next_place += 1

    def missed(self, frames):
        self.next_place += frames

    def trouble(self, text):
        self.troubles.append(text)

    def finish(self, events):
        self.ends.append([event.reading.text for event in events])

    def close(self):
        self.closed += 1


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


class Rig:
    """A gate with its feeder, and what that said."""

    def __init__(self, *, wait=False):
        self.gate, self.clock, self.errors, self.notices = Gate(), Clock(), [], []
        self.feeder = Feeder(
            self.gate,
            wait=wait,
            on_error=lambda error: self.errors.append(str(error)),
            on_notice=self.notices.append,
            clock=self.clock,
        )
        self.fed = 0

    def feed(self, count=1):
        """Hand over frames, each with an event."""
        for _ in range(count):
            result = result_of(frame_id=self.fed)
            reading = to_reading(number(str(self.fed)), THRESHOLDS, track_id=self.fed)
            self.feeder.write(result, [Event("accepted", reading, result.frame.moment)])
            self.fed += 1

    def feed_one(self):
        """Hand over a frame and wait until the sink has it in hand."""
        self.feed()
        assert self.gate.entered.acquire(timeout=PATIENCE_S)

    def end(self):
        self.gate.open.set()
        self.feeder.end([])
        assert self.feeder.join(PATIENCE_S)

    def numbers(self):
        """Of which the sink has heard."""
        return [int(event.reading.text) for event in self.gate.events]


def until(it_is_so):
    """Wait for what the feeder's thread does."""
    deadline = time.monotonic() + PATIENCE_S
    while not it_is_so():
        assert time.monotonic() < deadline
        time.sleep(0.001)


@pytest.fixture
def rig():
    made = Rig()
    yield made
    made.gate.error = None
    made.end()


def test_a_sink_takes_every_frame_in_order_and_is_closed_at_the_end(rig):
    rig.gate.open.set()
    for _ in range(30):
        rig.feed_one()
    rig.end()
    assert rig.gate.frames == rig.numbers() == list(range(30))
    assert (rig.gate.closed, rig.feeder.skipped, rig.errors) == (1, 0, [])


def test_a_slow_sink_misses_frames_but_no_event_and_holds_nobody_up(rig):
    rig.feed_one()  # it is stuck in this one
    rig.feed(1000)
    assert rig.feeder.skipped == 1000 - 8
    rig.gate.open.set()
    rig.feeder.trouble("the lens is dirty")
    rig.end()
    assert rig.gate.frames == list(range(1 + 8))
    owed = [int(text) for texts in rig.gate.ends for text in texts]
    assert [*rig.numbers(), *owed] == list(range(1001))


def test_a_sink_that_must_miss_nothing_is_waited_for():
    rig = Rig(wait=True)
    feeding = threading.Thread(target=rig.feed, args=[100])
    feeding.start()
    assert rig.gate.entered.acquire(timeout=PATIENCE_S)
    feeding.join(0.1)
    assert feeding.is_alive()
    rig.gate.open.set()
    feeding.join(PATIENCE_S)
    rig.end()
    assert rig.gate.frames == list(range(100))


@pytest.mark.parametrize("error", [OutputError("the gate is full"), ZeroDivisionError("by zero")])
def test_a_sink_that_fails_is_said_once_left_out_and_tried_again(rig, error):
    rig.gate.open.set()
    rig.feed_one()
    rig.gate.error = error
    for wait_s in (1, 2, 4, 8):
        rig.feed_one()
        until(lambda: rig.feeder.broken and rig.feeder._busy_since is None)
        rig.feed(50)  # nobody asks the sink
        rig.clock.now += wait_s
    assert len(rig.errors) == 1
    assert str(error) in rig.errors[0]
    assert "the gate" in rig.errors[0]
    rig.gate.error = None
    rig.feed_one()
    rig.end()
    assert rig.notices == ["the gate works again"]
    assert rig.gate.frames == [0, rig.fed - 1]
    assert rig.numbers() == list(range(rig.fed))
    assert not rig.feeder.broken


def test_the_end_is_told_to_a_sink_that_fails_until_then(rig):
    rig.gate.open.set()
    rig.gate.error = OutputError("full")
    rig.feed_one()
    until(lambda: rig.feeder.broken)
    rig.feed(3)
    rig.end()
    assert rig.gate.ends == [["0", "1", "2", "3"]]
    assert rig.gate.closed == 1


def test_a_sink_whose_reader_has_seen_enough_is_never_tried_again(rig):
    rig.gate.open.set()
    rig.gate.error = BrokenPipeError("gone")
    rig.feed_one()
    until(lambda: rig.feeder.hung_up)
    rig.gate.error = None
    rig.clock.now += 1000
    rig.feed(5)
    rig.end()
    assert (rig.gate.frames, rig.errors) == ([], [])


def test_a_sink_that_hangs_is_said_to(rig):
    rig.feed_one()
    rig.feed(8)
    rig.clock.now += 11
    rig.feed(3)
    assert len(rig.notices) == 1
    assert "the gate has taken nothing" in rig.notices[0]


def test_trouble_is_told_in_its_turn(rig):
    rig.gate.open.set()
    rig.feed_one()
    rig.feeder.trouble("no light")
    rig.end()
    assert rig.gate.troubles == ["no light"]


def test_a_sink_knows_the_place_of_each_frame_whatever_was_left_out(rig):
    rig.feed_one()  # it is stuck in this one
    rig.feed(20)  # of which it misses twelve
    rig.gate.error = OutputError("full")
    rig.gate.open.set()
    until(lambda: rig.feeder.broken)
    rig.feed(5)  # too early to try again
    rig.clock.now += 2
    rig.gate.error = None
    rig.feed_one()
    rig.feeder.trouble("it is no picture", result_of(frame_id=rig.fed).frame)
    rig.fed += 1
    rig.feed_one()
    rig.end()
    assert len(rig.gate.places) == 3
    assert all(place == frame_id for place, frame_id in rig.gate.places)
    assert rig.gate.next_place == rig.fed
    assert rig.feeder.skipped == rig.fed - 3


def test_a_sink_that_failed_works_again_only_when_it_has_taken_a_frame(rig):
    rig.gate.error = OutputError("full")
    rig.gate.open.set()
    rig.feed()
    until(lambda: rig.feeder.broken)
    rig.clock.now += 2
    rig.feeder.trouble("no light")
    until(lambda: rig.gate.troubles)
    rig.end()
    assert rig.feeder.broken
    assert rig.notices == []


def test_events_that_are_too_many_to_wait_are_counted_and_told(rig):
    rig.gate.error = OutputError("the disk is full")
    rig.gate.open.set()
    rig.feed_one()
    until(lambda: rig.feeder.broken)
    assert rig.feeder.failure == "the disk is full"
    rig.feed(10_006)
    assert rig.feeder.lost == 7
    rig.gate.error = None
    rig.clock.now += 100
    rig.feed_one()
    until(lambda: rig.notices)
    assert rig.notices == ["the gate works again; 8 events lost in all"]
    assert rig.feeder.failure == ""
    assert rig.numbers() == list(range(8, 10_008))


@pytest.mark.parametrize(("wait", "taken"), [(False, [0, 3, 4, 8]), (True, list(range(10)))])
def test_a_sink_for_which_a_frame_is_a_sign_of_life_gets_no_more_than_it_asks_for(wait, taken):
    rig = Rig(wait=wait)
    rig.gate.pace_s = 1.0
    rig.gate.open.set()
    for frame_id in range(10):
        if frame_id == 3:  # something happens
            rig.feed_one()
        else:
            rig.feeder.write(result_of(frame_id=frame_id), [])
            rig.fed += 1
        if frame_id == 3:
            rig.feeder.trouble("no light")
        rig.clock.now += 0.25
    rig.end()
    assert rig.gate.frames == taken
    assert rig.numbers() == [3]
    assert rig.feeder.skipped == 0  # it has missed nothing
