"""[Line], time -> [Reading]: numbers keep their identity from frame to frame, and several frames decide.

A frame can be blurred, shaded or half covered; a number on paper does not change because of that. Each track
keeps what the last frames said of each of its digits, and fuses their probabilities.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from edge.lines import to_reading
from edge.types import Box, FloatArray, Line, Prediction, Reading, Thresholds

SMALLEST = 1e-6
"""Stands for a probability of 0, whose logarithm one frame could never make good again."""

CHANGED_AFTER = 2
"""Frames in a row that must say something else before the digits count as changed."""

FLICKER = 0.25
"""Share of the frames in the window that may say something else while a reading counts as steady."""


class Tracker:
    """Follows numbers over the frames of a stream.

    Args:
        confirm_after: frames that must agree before a reading is accepted.
        window: frames whose probabilities are fused.
        forget_after_s: seconds after which a number that is no longer seen is forgotten.
    """

    def __init__(self, *, confirm_after: int = 3, window: int = 8, forget_after_s: float = 0.5) -> None:
        self.confirm_after = confirm_after
        self.window = window
        self.forget_after_s = forget_after_s
        self._tracks: list[_Track] = []
        self._ids = itertools.count(1)

    def update(self, lines: Sequence[Line], timestamp: float, thresholds: Thresholds) -> list[Reading]:
        """Take the lines of one frame.

        Args:
            lines: in reading order.
            timestamp: of the frame, seconds on a monotonic clock.
            thresholds: those of the model.

        Returns:
            A reading for each line, in the same order. It is "accepted" when enough frames agree on it,
            until then "uncertain".
        """
        free = [t for t in self._tracks if timestamp - t.seen_at <= self.forget_after_s]
        self._tracks = list(free)
        readings = []
        for line in lines:
            track = min(
                (track for track in free if track.is_near(line.box)),
                key=lambda track: _distance(track.line.box, line.box),
                default=None,
            )
            if track is None:
                track = _Track(next(self._ids), self.window)
                self._tracks.append(track)
            else:
                free.remove(track)
            track.see(line, timestamp, thresholds)
            readings.append(track.reading(thresholds, self.confirm_after))
        return readings


@dataclass(slots=True, eq=False)
class _Track:
    """One number: where it was last seen and what the last frames said of its digits.

    Attributes:
        votes: logarithms of the probabilities of each frame in the window, each of shape (digits, 10).
        rivals: those of the latest frames in a row that said something else. One such frame is a blur or a
            finger; two in a row mean that the digits were changed, and the old votes say nothing of the new.
        agreed: for each frame in the window, whether it agreed with those before it.
    """

    track_id: int
    window: int
    line: Line = field(init=False)
    seen_at: float = field(init=False)
    votes: deque[FloatArray] = field(init=False)
    rivals: list[tuple[FloatArray, Line]] = field(default_factory=list)
    agreed: deque[bool] = field(init=False)

    def __post_init__(self) -> None:
        self.votes = deque(maxlen=self.window)
        self.agreed = deque(maxlen=self.window)

    def is_near(self, box: Box) -> bool:
        """Whether a line there may be this number: between two frames it moves less than its own height."""
        old = self.line.box
        (x, y), (x2, y2) = old.centre, box.centre
        reach = min(old.height, box.height)
        return abs(y2 - y) <= reach / 2 and abs(x2 - x) <= max(reach, min(old.width, box.width) / 2)

    def see(self, line: Line, timestamp: float, thresholds: Thresholds) -> None:
        """Add what one frame says."""
        self.seen_at = timestamp
        vote = np.log([np.maximum(digit.prediction.probabilities, SMALLEST) for digit in line.digits])
        agrees = not self.votes or self._agrees(line, thresholds)
        self.agreed.append(agrees)
        if agrees:
            self.votes.append(vote)
            self.rivals.clear()
            self.line = line
            return
        self.rivals.append((vote, line))
        if len(self.rivals) >= CHANGED_AFTER:
            digits = len(line.digits)
            self.votes = deque((v for v, rival in self.rivals if len(rival.digits) == digits), self.window)
            self.agreed = deque([True] * len(self.votes), self.window)
            self.rivals.clear()
            self.line = line

    def _agrees(self, line: Line, thresholds: Thresholds) -> bool:
        """Whether a frame may show the same digits: as many, and none that is surely another."""
        return len(line.digits) == len(self.line.digits) and all(
            digit.prediction.label == label or digit.prediction.confidence < thresholds.accept
            for digit, label in zip(line.digits, fuse(self.votes).argmax(axis=1), strict=True)
        )

    def reading(self, thresholds: Thresholds, confirm_after: int) -> Reading:
        """What all frames in the window say together."""
        fused = fuse(self.votes)
        digits = tuple(
            replace(digit, prediction=Prediction(p)) for digit, p in zip(self.line.digits, fused, strict=True)
        )
        reading = to_reading(Line(digits), thresholds, track_id=self.track_id)
        steady = not self.rivals and self.agreed.count(False) <= FLICKER * len(self.agreed)
        if reading.status == "accepted" and not (steady and len(self.votes) >= confirm_after):
            return replace(reading, status="uncertain")
        return reading


def fuse(votes: Iterable[FloatArray]) -> FloatArray:
    """Probabilities from those of several frames: their geometric mean.

    Frames of one number are anything but independent: their product would be far too sure of itself.

    Args:
        votes: logarithms of probabilities, each of shape (digits, 10).

    Returns:
        Shape (digits, 10), float32, each row with the sum 1.
    """
    powers = np.exp(np.mean(list(votes), axis=0))
    probabilities: FloatArray = (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)
    return probabilities


def _distance(a: Box, b: Box) -> float:
    (x, y), (x2, y2) = a.centre, b.centre
    return abs(x2 - x) + abs(y2 - y)
