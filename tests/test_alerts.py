"""When somebody is told: rules on a clock that the test turns."""

import time
from dataclasses import replace

import pytest
from samples import result_of

from edge.alerts import Alert, AlertRules, Watch
from edge.errors import OutputError
from edge.sinks.alerts import Alerts
from edge.types import FieldReading

WELL = FieldReading("water", raw="001", text="001", unit="m³", status="accepted", problem=None)
REFUSED = replace(WELL, raw="9", status="rejected", problem="limit", why="too high")


def watch(began: float = 0.0) -> Watch:
    return Watch("shed", AlertRules(refused_for=3600, gone_for=300), began)


def titles(alerts: list[Alert]) -> list[str]:
    return [alert.title for alert in alerts]


def run(watch: Watch, field: FieldReading | None, begin: int, end: int) -> list[tuple[int, str]]:
    """Frames from one second to another, and the seconds at which something was told."""
    told = []
    for now in range(begin, end, 5):
        alerts = watch.idle(now) if field is None else watch.see([field], now)
        told += [(now, title) for title in titles([*alerts, *watch.pass_time(now)])]
    return told


def test_a_field_that_is_refused_for_an_hour_is_told_once_and_then_that_it_is_well():
    seen = watch()
    assert run(seen, WELL, 0, 100) == []
    assert run(seen, REFUSED, 100, 9000) == [(3700, "shed: water is not read")]
    assert run(seen, WELL, 9000, 9100) == [(9000, "shed: water is read again")]
    assert run(seen, REFUSED, 9100, 12800) == [(12700, "shed: water is not read")]


def test_an_alert_says_how_long_and_why():
    seen = watch()
    for now in range(0, 3601, 5):
        alerts = seen.see([REFUSED], now)
    assert alerts == [
        Alert("shed: water is not read", "It has taken no value for 60 min. water = 001 m³ (limit: too high)")
    ]
    assert Alert.parse(alerts[0].as_bytes()) == alerts[0]


def test_a_field_that_takes_a_value_now_and_then_is_well():
    seen = watch()
    for begin in range(0, 36000, 3000):
        assert run(seen, REFUSED, begin, begin + 2995) == []
        assert run(seen, WELL, begin + 2995, begin + 3000) == []


def test_a_field_that_is_not_due_is_left_alone():
    resting = FieldReading("water", problem="not found", due=False)
    assert run(watch(), resting, 0, 9000) == []


def test_a_field_that_is_removed_is_forgotten():
    seen = watch()
    run(seen, REFUSED, 0, 3000)
    assert seen.see([], 3000) == []
    assert run(seen, REFUSED, 3005, 6600) == []


def test_time_without_a_camera_does_not_count_for_fields():
    seen = watch()
    run(seen, REFUSED, 0, 3000)
    seen.pass_time(3300)
    assert run(seen, REFUSED, 7000, 10600) == [(7060, "shed: the camera is back")]
    assert run(seen, REFUSED, 10600, 10605) == [(10600, "shed: water is not read")]


def test_a_camera_that_is_gone_is_told_once_and_then_that_it_is_back():
    seen = watch()
    run(seen, WELL, 0, 100)
    told = [(now, title) for now in range(100, 5000, 5) for title in titles(seen.pass_time(now))]
    assert told == [(395, "shed: the camera is gone")]
    assert run(seen, WELL, 5000, 5200) == [(5060, "shed: the camera is back")]


def test_a_camera_that_comes_for_a_moment_only_is_not_back():
    seen = watch()
    seen.pass_time(300)
    for begin in range(1000, 9000, 400):
        assert run(seen, WELL, begin, begin + 50) == []


def test_a_camera_that_never_shows_a_frame_is_gone():
    seen = watch(began=1000.0)
    assert seen.pass_time(1299) == []
    assert titles(seen.pass_time(1300)) == ["shed: the camera is gone"]


def test_a_reading_that_is_paused_is_no_alert():
    seen = watch()
    run(seen, REFUSED, 0, 3000)
    assert run(seen, None, 3000, 20000) == []


class Outbox:
    def __init__(self) -> None:
        self.full, self.messages = False, []

    def add(self, messages) -> None:
        if self.full:
            raise OutputError("the disk is full")
        self.messages += messages


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_alerts_wait_for_an_outbox_that_takes_none():
    outbox, clock = Outbox(), Clock()
    sink = Alerts(Watch("shed", AlertRules(refused_for=20), 0.0), outbox, clock=clock, look_s=600)
    result = replace(result_of(), fields=(REFUSED,))
    outbox.full = True
    for clock.now in range(0, 20, 5):
        sink.write(result, [])
    for clock.now in (20, 25):
        with pytest.raises(OutputError):
            sink.write(result, [])
    outbox.full = False
    sink.unread(result.frame)
    sink.close()
    sink.close()
    (message,) = outbox.messages
    assert message.destination == "phone"
    assert Alert.parse(message.body).title == "shed: water is not read"


def test_a_camera_that_shows_nothing_is_noticed_without_a_frame():
    outbox, clock = Outbox(), Clock()
    sink = Alerts(watch(), outbox, clock=clock, look_s=0.01)
    clock.now = 301.0
    until = time.monotonic() + 30
    while not outbox.messages and time.monotonic() < until:
        time.sleep(0.01)
    sink.close()
    assert Alert.parse(outbox.messages[0].body).title == "shed: the camera is gone"
