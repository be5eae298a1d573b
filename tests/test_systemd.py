"""Against a real datagram socket, as systemd's own is."""

import os
import socket

import pytest
from samples import result_of

from edge.sinks.systemd import Systemd
from edge.sources.demo import DemoCamera
from edge.speedometer import Speedometer


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture(params=["in a folder", "abstract"])
def manager(request, tmp_path):
    """A socket that listens as systemd does, its address as NOTIFY_SOCKET says it, and what it was told."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        name = f"digitcam-{os.getpid()}-{id(request)}"
        path = str(tmp_path / "notify")
        listener.bind(path if request.param == "in a folder" else "\0" + name)
        listener.setblocking(False)

        def told():
            messages = []
            while True:
                try:
                    messages.append(listener.recv(4096).decode())
                except BlockingIOError:
                    return messages

        yield (path if request.param == "in a folder" else "@" + name), told


def service(address, clock, watchdog_s=4.0):
    return Systemd(address, Speedometer(DemoCamera()), watchdog_s=watchdog_s, clock=clock)


def test_it_is_ready_with_the_first_frame_and_says_when_it_stops(manager):
    address, told = manager
    clock = Clock()
    sink = service(address, clock)
    assert told() == []
    sink.write(result_of(timestamp=clock.now), [])
    ready, alive, status = told()
    assert (ready, alive) == ("READY=1", "WATCHDOG=1")
    assert status.startswith("STATUS=demo: ")
    sink.close()
    sink.close()
    assert told() == ["STOPPING=1"]


def test_fresh_frames_feed_the_watchdog_a_few_times_in_its_interval(manager):
    address, told = manager
    clock = Clock()
    heard = []
    with service(address, clock, watchdog_s=4.0) as sink:
        for _ in range(120):
            clock.now += 0.1
            sink.write(result_of(timestamp=clock.now), [])
            heard += told()
    assert heard.count("WATCHDOG=1") == pytest.approx(12, abs=2)


@pytest.mark.parametrize(
    ("age_s", "step_s"), [(0.0, 0.0), (5.0, 1.0)], ids=["the same frame again", "old frames"]
)
def test_frames_that_are_not_fresh_do_not_feed_the_watchdog(manager, age_s, step_s):
    address, told = manager
    clock = Clock()
    with service(address, clock) as sink:
        sink.write(result_of(timestamp=clock.now), [])
        told()
        first = clock.now
        for k in range(1, 21):
            clock.now += 1.0
            sink.write(result_of(timestamp=first + k * step_s - age_s), [])
        assert told() == []


def test_without_a_watchdog_it_is_only_told_how_it_fares(manager):
    address, told = manager
    clock = Clock()
    with service(address, clock, watchdog_s=None) as sink:
        for _ in range(25):
            sink.write(result_of(timestamp=clock.now), [])
            clock.now += 1.0
        ready, *statuses = told()
    assert ready == "READY=1"
    assert len(statuses) == 3
    assert all(status.startswith("STATUS=") for status in statuses)


def test_a_manager_that_is_gone_does_not_stop_the_reading(tmp_path):
    clock = Clock()
    with service(str(tmp_path / "nobody"), clock) as sink:
        sink.write(result_of(timestamp=clock.now), [])


@pytest.mark.parametrize(
    ("environment", "watched"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "4000000"}, 4.0),
        ({"WATCHDOG_USEC": "4000000", "WATCHDOG_PID": str(os.getpid())}, 4.0),
        ({"WATCHDOG_USEC": "4000000", "WATCHDOG_PID": "1"}, None),
    ],
)
def test_the_environment_says_whether_systemd_watches(manager, environment, watched):
    address, told = manager
    sink = Systemd.from_environment(Speedometer(DemoCamera()), {"NOTIFY_SOCKET": address, **environment})
    with sink:
        sink.write(result_of(timestamp=1e9), [])  # no older than any clock
    assert ("WATCHDOG=1" in told()) is (watched is not None)


def test_without_systemd_there_is_nobody_to_tell():
    assert Systemd.from_environment(Speedometer(DemoCamera()), {"WATCHDOG_USEC": "1"}) is None


def test_frames_that_are_left_unread_on_purpose_feed_the_watchdog_as_well(manager):
    address, told = manager
    clock = Clock()
    with service(address, clock, watchdog_s=4.0) as sink:
        heard = []
        for _ in range(120):
            clock.now += 0.1
            sink.idle(result_of(timestamp=clock.now).frame.moment)
            heard += told()
    assert heard.count("WATCHDOG=1") == pytest.approx(12, abs=2)
    assert "STATUS=reading is paused" in heard
