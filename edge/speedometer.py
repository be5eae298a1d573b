"""Frames per second, latency, drops and failures of a running reader."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Sequence

import numpy as np

from edge.events import AnyEvent
from edge.sources.base import Drop, Source
from edge.types import Moment, Result

RECENT_S = 2.0
"""Seconds that frames per second are measured over: long enough to be steady, short enough to be now."""

KEPT = 10_000
"""Latest frames whose latency is kept, so that months of running take no memory: minutes of them."""


class Speedometer:
    """Counts frames and measures how long each took until it was read.

    The frames of a live source have the time they were captured at, and latency counts from then. Those of a
    file have the time of the recording: there latency is what fetching and reading took.

    Args:
        source: where the frames come from.
        clock: seconds, monotonic, the clock of `Frame.timestamp`.

    Attributes:
        frames: that were read.
        accepted: numbers that were accepted.
        failed: frames that could not be read.
    """

    def __init__(self, source: Source, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._source = source
        self._clock = clock
        self._started = clock()
        self._first_at: float | None = None  # on the clock of the frames
        self._times: deque[float] = deque()
        self._latencies: deque[float] = deque(maxlen=KEPT)
        self._dropped_before: Counter[Drop] = Counter()
        self.frames = self.accepted = self.failed = 0

    def follow(self, source: Source) -> None:
        """Go on with a source that was opened anew; what the one before dropped still counts."""
        self._dropped_before.update(self._source.drops)
        self._source = source

    def fail(self) -> None:
        """Count a frame that could not be read."""
        self.failed += 1

    def tick(self, result: Result, events: Sequence[AnyEvent] = ()) -> None:
        """Count a frame that has just been read, and the numbers that it had accepted."""
        now = self._clock()
        if self._first_at is None:
            self._first_at = result.frame.timestamp
        self.frames += 1
        self.accepted += sum(event.kind == "accepted" for event in events)
        self._latencies.append(self.latency_s(result))
        self._times.append(now)
        while now - self._times[0] > RECENT_S:
            self._times.popleft()

    def latency_s(self, result: Result) -> float:
        """Seconds from the capture of a frame that has just been read."""
        took = result.speed.total / 1000
        if not (self._source.live and self._source.in_time):
            return took
        return max(took, self._clock() - result.frame.timestamp)

    def seconds_in(self, moment: Moment) -> float:
        """Seconds from the first frame that was read to a moment, by the clock of the frames."""
        return 0.0 if self._first_at is None else moment.timestamp - self._first_at

    @property
    def elapsed_s(self) -> float:
        """Seconds since the start."""
        return self._clock() - self._started

    @property
    def frames_per_second(self) -> float:
        """Over the last seconds; 0 where they had less than two frames."""
        now = self._clock()
        recent = [time for time in tuple(self._times) if now - time <= RECENT_S]
        return (len(recent) - 1) / max(1e-9, recent[-1] - recent[0]) if len(recent) > 1 else 0.0

    def latency_ms(self, percentiles: Sequence[float] = (50, 90)) -> list[float]:
        """Milliseconds from capture to reading, at these percentiles of the latest frames."""
        if not self._latencies:
            return [0.0 for _ in percentiles]
        return [float(ms) for ms in 1000 * np.percentile(self._latencies, percentiles)]

    @property
    def drops(self) -> Counter[Drop]:
        """Frames that the source gave up so far, by their cause."""
        return self._dropped_before + self._source.drops

    def pace(self) -> str:
        """How the source is and how fast it is read, in a line for people."""
        (latency,) = self.latency_ms([50])
        state = "" if self._source.state == "running" else f"{self._source.state}, "
        return (
            f"{self._source.name}: {state}{self.frames_per_second:.1f} frames/s, latency {latency:.1f} ms, "
            f"{_frames(self.frames)} read, {self.dropped()}{self._unread()}"
        )

    def dropped(self) -> str:
        """How many frames were dropped, and why, in words."""
        drops = self.drops
        causes = ", ".join(f"{count} {cause}" for cause, count in drops.items() if count)
        return f"{drops.total()} dropped{f' ({causes})' if causes else ''}"

    def summary(self) -> str:
        """What was read in all, in a line for people."""
        middle, high = self.latency_ms([50, 90])
        return (
            f"{_frames(self.frames)} in {self.elapsed_s:.1f} s, {self.dropped()}{self._unread()}; "
            f"from capture to reading {middle:.1f} ms (p50), {high:.1f} ms (p90); "
            f"{self.accepted} number{'' if self.accepted == 1 else 's'} accepted"
        )

    def _unread(self) -> str:
        return f", {self.failed} could not be read" if self.failed else ""


def _frames(count: int) -> str:
    return f"{count} frame{'' if count == 1 else 's'}"
