"""[Line], time -> [Reading]: numbers keep their identity from frame to frame, and several frames decide.

A frame can be blurred, shaded or half covered; a number on paper does not change because of that. So once a
number is known, something else in its place is a part of it or lies over it, unless the whole page is another
or it lasts. `edge.track` is a single number.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np

from edge.track import Reals, Sight, Track, TrackerOptions
from edge.types import Line, Reading, Thresholds

STRAY = 0.3
"""Heights that a number may seem to move otherwise than the paper from one frame to the next: as far as the
edges of its digits stray, and a little more."""


class Tracker:
    """Follows numbers over the frames of one stream.

    Args:
        options: when a number is believed; None takes the usual.
    """

    def __init__(self, options: TrackerOptions | None = None) -> None:
        self.options = options or TrackerOptions()
        self._tracks: list[Track] = []
        self._strange: list[float] = []  # times of the frames in a row that seem to show another page
        self._ids = itertools.count(1)

    def reset(self) -> None:
        """Forget every number. Its id belongs to it all the same, and no other number gets it."""
        self._tracks.clear()
        self._strange.clear()

    def update(
        self, lines: Sequence[Line], timestamp: float, thresholds: Thresholds, size: tuple[int, int]
    ) -> list[Reading]:
        """Take the lines of one frame.

        Args:
            lines: in reading order.
            timestamp: of the frame, seconds on a monotonic clock.
            thresholds: those of the model.
            size: width and height of the frame in pixels.

        Returns:
            A reading for each number of which something is seen, in reading order. It is "accepted" when
            frames have agreed on it for long enough and all of it is seen, otherwise "uncertain".
        """
        try:
            return self._update(lines, timestamp, thresholds, size)
        except Exception:
            self.reset()  # what is half updated would fail with each frame to come
            raise

    def _update(
        self, lines: Sequence[Line], timestamp: float, thresholds: Thresholds, size: tuple[int, int]
    ) -> list[Reading]:
        self._tracks = [track for track in self._tracks if track.is_remembered(timestamp)]
        sights = [Sight(line) for line in lines]
        known = [track for track in self._tracks if track.known]
        found = _recognise(sights, known, thresholds)
        lost = [track for track in known if track not in found.values()]
        rest = [sight for sight in sights if sight not in found]
        gone: list[Track] = []
        if self._is_another_page(found, rest, lost, timestamp, thresholds):
            gone, lost = lost, []
            for track in gone:
                track.give_up()
        over = {sight: [track for track in lost if track.is_touched(sight)] for sight in rest}
        rest = [sight for sight in rest if not over[sight]]
        found |= _recognise(rest, [track for track in self._tracks if not track.known], thresholds)
        for sight in rest:
            if sight not in found:
                found[sight] = self._nearest(sight, found.values())
            if found[sight] in gone and not sight.agrees(found[sight].text, thresholds):
                self._tracks.remove(found[sight])
                found[sight] = self._new_track()

        shown: dict[Track, bool] = {}  # in reading order; whether all of it is clearly seen
        for sight in sights:
            if sight in found:
                shown[found[sight]] = self._see(found[sight], sight, timestamp, thresholds)
            else:
                shown |= dict.fromkeys(over[sight], False)
        for track in self._tracks:
            if track not in found.values():
                track.miss(timestamp, covered=track in shown)
        return self._readings(shown, timestamp, thresholds, size, covered=bool(lost))

    def _see(self, track: Track, sight: Sight, timestamp: float, thresholds: Thresholds) -> bool:
        """Add what one frame shows of a number, and say whether it shows it clearly."""
        clear = track.see(sight, timestamp, thresholds)
        if track.is_another or track.named not in ("", track.text):
            track.become(next(self._ids))
        return clear

    def _readings(
        self,
        shown: Mapping[Track, bool],
        timestamp: float,
        thresholds: Thresholds,
        size: tuple[int, int],
        *,
        covered: bool,
    ) -> list[Reading]:
        """What is read of each number that is shown, in the same order.

        Where a known number was surely read a moment ago and is not now, something lies over the paper, and
        what appears may belong to that: it is not accepted. What leaves the picture is not covered.
        """
        readings: dict[Track, Reading] = {}
        for track in sorted(shown, key=lambda track: not track.known):
            clear = shown[track] and (track.known or not covered)
            reading = track.reading(timestamp, thresholds, size, clear=clear)
            unread = track.known and reading.status != "accepted"
            if unread and not track.may_be_cut(size):
                covered |= timestamp - track.accepted_at <= self.options.forget_after_s
            readings[track] = reading
        return [readings[track] for track in shown]

    def _is_another_page(
        self,
        found: Iterable[Sight],
        rest: Iterable[Sight],
        lost: Sequence[Track],
        timestamp: float,
        thresholds: Thresholds,
    ) -> bool:
        """Whether most digits that are seen, in some frames in a row, have nothing to do with what was known.

        Not most numbers: of a page that is written on the same lines, many share a digit with what was there.
        Nor does what is no certain digit count: a hand is full of that.

        Args:
            found: lines that show known numbers.
            rest: the other lines.
            lost: the other known numbers.
            timestamp: of the frame, seconds.
            thresholds: those of the model.
        """
        familiar = sum(len(sight.text) for sight in found)
        strange = 0
        for sight in rest:
            seen = np.zeros(len(sight.text), bool)
            for track in lost:
                seen |= track.digits_in(sight)
            certain = [digit.prediction.confidence >= thresholds.accept for digit in sight.line.digits]
            familiar += int(seen.sum())
            strange += int((~seen & certain).sum())
        if strange <= familiar:
            self._strange.clear()
            return False
        if not self.options.change.is_reached(self._strange):
            self._strange.append(timestamp)
        return self.options.change.is_reached(self._strange)

    def _nearest(self, sight: Sight, taken: Collection[Track]) -> Track:
        """The number that stood about here and is not known yet, or a new one."""
        near = [
            (distance, track.track_id, track)
            for track in self._tracks
            if not track.known and track not in taken and (distance := track.distance(sight)) is not None
        ]
        if near:
            return min(near)[-1]
        return self._new_track()

    def _new_track(self) -> Track:
        track = Track(next(self._ids), self.options)
        self._tracks.append(track)
        return track


def _recognise(
    sights: Sequence[Sight], tracks: Iterable[Track], thresholds: Thresholds
) -> dict[Sight, Track]:
    """The tracks that lines show with all their digits in their places: the nearest, the same text first.

    The paper moves as a whole: tracks that are not found move with the others, as most digits do, and what
    strays from that is something else.
    """
    pairs = []
    for track in tracks:
        for place, sight in enumerate(sights):
            distance = track.distance(sight)
            if distance is not None and (shift := track.recognise(sight, thresholds)) is not None:
                pairs.append((track.text != sight.text, distance, track.track_id, place, track, shift))
    found: dict[Sight, Track] = {}
    shifts: dict[Sight, Reals] = {}
    for *_, place, track, shift in sorted(pairs, key=lambda pair: pair[:4]):
        sight = sights[place]
        if sight not in found and track not in found.values():
            found[sight], shifts[sight] = track, shift
    if not found:
        return found
    drift = np.median([shifts[sight] for sight in found for _ in sight.text], axis=0)
    straight = [sight for sight in found if np.abs(shifts[sight] - drift).max() <= STRAY * sight.height]
    found = {sight: found[sight] for sight in straight or found}
    for track in tracks:
        if track not in found.values():
            track.moved += drift
    return found
