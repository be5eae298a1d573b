"""Frames per second and latency of a running reader."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence

import numpy as np

from edge.types import Result

RECENT_S = 2.0
"""Seconds that frames per second are measured over: long enough to be steady, short enough to be now."""

KEPT = 10_000
"""Latest frames whose latency is kept, so that months of running take no memory: minutes of them."""


class Speedometer:
    """Counts frames and measures how old each is when it has been read.

    Args:
        clock: seconds, monotonic, the clock of `Frame.timestamp`.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._started = clock()
        self._times: deque[float] = deque()
        self._latencies: deque[float] = deque(maxlen=KEPT)
        self.frames = 0

    def tick(self, result: Result) -> None:
        """Count a frame that has just been read."""
        now = self._clock()
        self.frames += 1
        self._latencies.append(now - result.frame.timestamp)
        self._times.append(now)
        while now - self._times[0] > RECENT_S:
            self._times.popleft()

    @property
    def elapsed_s(self) -> float:
        """Seconds since the start."""
        return self._clock() - self._started

    @property
    def frames_per_second(self) -> float:
        """Over the last seconds; 0 before the second frame."""
        if len(self._times) < 2:
            return 0.0
        return (len(self._times) - 1) / max(1e-9, self._times[-1] - self._times[0])

    def latency_ms(self, percentiles: Sequence[float] = (50, 90)) -> list[float]:
        """Milliseconds from capture to reading, at these percentiles of the latest frames."""
        if not self._latencies:
            return [0.0 for _ in percentiles]
        return [float(ms) for ms in 1000 * np.percentile(self._latencies, percentiles)]
