"""Which frames a camera, its driver or the network lost: the gaps between the times of those that came."""

from __future__ import annotations

import statistics
from collections import deque

_REMEMBERED = 15
_ENOUGH = 5
_LONGEST = 100
"""A gap of more frames than this is a clock that jumped."""


class FrameNumbers:
    """Numbers frames by their times, leaving out the numbers of those that were lost."""

    def __init__(self) -> None:
        self._number = -1
        self._last = 0.0
        self._intervals: deque[float] = deque(maxlen=_REMEMBERED)

    def next(self, timestamp: float, period: float | None = None) -> int:
        """The number of a frame.

        Args:
            timestamp: when it was captured, seconds on the clock of the camera.
            period: seconds from one frame to the next; None takes the median of the latest, once there are
                some: what a camera says of its frame rate is not what it does in dim light.
        """
        interval = timestamp - self._last
        if period is None and len(self._intervals) >= _ENOUGH:
            period = statistics.median(self._intervals)
        lost = round(interval / period) - 1 if self._number >= 0 and period and interval > 0 else 0
        if self._number >= 0:
            self._intervals.append(interval)
        self._last = timestamp
        self._number += 1 + (max(0, lost) if lost <= _LONGEST else 0)
        return self._number
