"""What is noticed in the content and the times of frames."""

import math

import numpy as np
import pytest

from edge.errors import UsageError
from edge.sources import SourceOptions
from edge.sources.gaps import FrameNumbers
from edge.sources.watch import Watch


def noisy(seed, level=120, shape=(48, 64)):
    """A picture as a sensor gives it: another one for each seed."""
    return np.random.default_rng(seed).integers(level - 10, level + 10, shape).astype(np.uint8)


STILL = noisy(0)


class Time:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.mark.parametrize(
    ("pictures", "sights"),
    [
        ([noisy(1), noisy(2), noisy(3)], ["fresh", "fresh", "fresh"]),
        ([STILL, STILL, STILL, noisy(4)], ["fresh", "repeated", "repeated", "fresh"]),
        ([noisy(5, 10), noisy(6, 10)], ["black", "black"]),
        ([np.zeros((48, 64), np.uint8)] * 2, ["black", "black"]),
        ([np.full((48, 64, 3), 255, np.uint8)] * 2, ["fresh", "fresh"]),
        ([np.full((48, 64, 3), (20, 90, 200), np.uint8)] * 2, ["fresh", "fresh"]),
        ([noisy(7), noisy(8, shape=(24, 32))], ["fresh", "resized"]),
        ([noisy(9), noisy(10, shape=(48, 64, 3))], ["fresh", "resized"]),
    ],
    ids=["live", "frozen", "dark", "a cap", "a lamp", "a blue screen", "half the size", "suddenly in colour"],
)
def test_a_picture_is_fresh_black_repeated_or_resized(pictures, sights):
    watch = Watch(SourceOptions())
    assert [watch.see(picture) for picture in pictures] == sights


@pytest.mark.parametrize(
    ("options", "after_s", "verdict"),
    [
        (SourceOptions(), 0.9, None),
        (SourceOptions(), 1.1, "hung"),
        (SourceOptions(fps=2), 1.4, None),
        (SourceOptions(fps=2), 1.6, "hung"),
    ],
)
def test_a_source_without_frames_hangs_after_a_second_or_three_frames(options, after_s, verdict):
    time = Time()
    watch = Watch(options, clock=time)
    watch.see(noisy(11))
    time.now += after_s
    assert watch.verdict() == verdict


@pytest.mark.parametrize(
    ("options", "after_s", "verdict"),
    [
        (SourceOptions(), 0.9, None),
        (SourceOptions(), 1.2, "frozen"),
        (SourceOptions(fps=2), 1.2, None),
        (SourceOptions(frozen_after_s=5), 4.9, None),
        (SourceOptions(frozen_after_s=5), 5.2, "frozen"),
        (SourceOptions(frozen_after_s=math.inf), 99, None),
    ],
)
def test_a_source_that_repeats_a_picture_is_frozen_after_a_while(options, after_s, verdict):
    time = Time()
    watch = Watch(options, clock=time)
    for _ in range(1 + int(after_s * 10)):
        watch.see(STILL)
        time.now += 0.1
        assert watch.verdict() != "hung"
    assert watch.verdict() == verdict


@pytest.mark.parametrize("picture", [np.zeros((48, 64), np.uint8), np.full((48, 64), 255, np.uint8)])
def test_what_has_nothing_in_it_is_not_frozen(picture):
    time = Time()
    watch = Watch(SourceOptions(), clock=time)
    for _ in range(30):
        watch.see(picture)
        time.now += 0.1
    assert watch.verdict() is None


def test_a_source_has_more_time_for_its_first_frame():
    time = Time()
    watch = Watch(SourceOptions(), clock=time)
    time.now += 19.9
    assert watch.verdict() is None
    time.now += 0.2
    assert watch.verdict() == "hung"
    watch.begin()
    assert watch.verdict() is None


def test_a_picture_that_was_frozen_before_a_restart_is_known_after_it():
    before, time = Watch(SourceOptions()), Time()
    before.see(STILL)
    after = Watch(SourceOptions(), fingerprint=before.fingerprint, clock=time)
    time.now += 5  # opening took its time
    assert after.see(STILL) == "repeated"
    assert after.verdict() is None
    time.now += 0.9
    assert after.see(STILL) == "repeated"
    time.now += 0.2
    assert after.verdict() == "frozen"
    assert after.see(noisy(12)) == "fresh"
    assert after.verdict() is None


@pytest.mark.parametrize(
    ("times", "numbers"),
    [
        ([0, 1, 2, 3], [0, 1, 2, 3]),
        ([0, 1, 4, 5], [0, 1, 4, 5]),
        ([7, 8.1, 8.9, 10.02, 14], [0, 1, 2, 3, 7]),
        ([5, 5, 5], [0, 1, 2]),
        ([5, 6, 2, 3], [0, 1, 2, 3]),
        ([5, 6, 5000, 5001], [0, 1, 2, 3]),
    ],
    ids=["regular", "two lost", "a little late", "no clock", "a clock set back", "a clock that jumped"],
)
def test_frames_that_were_lost_leave_out_their_numbers(times, numbers):
    count = FrameNumbers()
    assert [count.next(time, period=1) for time in times] == numbers


def test_the_period_is_learnt_from_the_times():
    count = FrameNumbers()
    times = [*np.arange(0, 10) * 0.125, 1.125 + 4 * 0.125, 1.125 + 5 * 0.125]
    assert [count.next(time) for time in times] == [*range(10), 13, 14]


@pytest.mark.parametrize(
    "wrong",
    [
        {"size": (8, 480)},
        {"fps": 0},
        {"fps": math.nan},
        {"rotation": 45},
        {"exposure_us": 0},
        {"exposure_us": 40_000},
        {"gain": 0.5},
        {"focus": -1},
        {"frozen_after_s": 0},
    ],
    ids=str,
)
def test_options_that_make_no_sense_are_named(wrong):
    (value,) = wrong.values()
    with pytest.raises(UsageError, match=r"expected .*found ") as caught:
        SourceOptions(**wrong)
    assert str(value[0] if isinstance(value, tuple) else value) in str(caught.value)
