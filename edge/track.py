"""One number over the frames of a stream: where it stands, and what the last frames said of its digits."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field, replace
from itertools import takewhile

import numpy as np
import numpy.typing as npt

from edge.lines import to_reading
from edge.naming import SMALLEST, fuse
from edge.types import Box, FloatArray, Line, Prediction, Reading, Span, Thresholds

Reals = npt.NDArray[np.float64]

FLICKER = 0.2
"""Share of the last frames, two windows of them, that may say something else while a reading counts as
steady: those that show that digits changed, but not that they changed back as well."""

SAME_EDGE = 0.2
"""How far, in heights, an edge of a digit's box strays from frame to frame: faint ends of strokes come and
go."""

FAST = 6.0
"""Heights a second that a number moves when it is too blurred to be read: with a shutter that is open for a
sixtieth of a second, the smear is as wide as a stroke."""

STILL = 0.1
"""Heights that a number moves at most, over the frames that confirm it, while it lies still. Nor does such a
movement from one frame to the next smear anything, however short the time between them."""

TOUCHED = 0.3
"""Share of the smaller of two boxes that they have in common where one lies over the other."""

AT_BORDER = 0.1
"""Heights from the picture's border within which it may cut a digit that moves."""

BESIDE_BORDER = 1.3
"""Heights from the picture's left or right border within which a number may go on beyond it: a wide gap in a
number, and a digit that is half outside and therefore not found."""


@dataclass(frozen=True, slots=True)
class TrackerOptions:
    """When a stream's number is believed. In seconds, so that slow boards wait no longer than fast ones.

    The spans were found with frames that come 30 times a second (`benchmarks/live_reading.py`).

    Attributes:
        confirm: how long frames must agree before a reading is accepted.
        confirm_doubtful: the same where a digit has less than `sure`.
        sure: confidence of its least certain digit from which on a number is accepted after `confirm`. Below
            it, a later frame may show what this one leaves in doubt: an 8 half under a finger is a 3. (Of the
            numbers of 5,600 simulated frames, 96 % are accepted within 5 frames; at 0.9 it would be 90 %, and
            no fewer of them wrong.)
        change: how long frames must say something else, or nothing, before a number that is not known yet is
            given up: one such frame is a blur or a finger.
        settle: how long frames must say the same until it does not matter what was before: a number that was
            seen once, and then not, while its page came in.
        window: whose frames' probabilities are fused.
        forget_after_s: seconds after which a known number that is no longer seen whole is forgotten.
    """

    confirm: Span = Span(0.09, 3)
    confirm_doubtful: Span = Span(1.0, 5)
    sure: float = 0.75
    change: Span = Span(0.03, 2)
    settle: Span = Span(0.12, 4)
    window: Span = Span(0.22, 4)
    forget_after_s: float = 3.0


class Sight:
    """What one frame shows of a number.

    Attributes:
        line: as it was found.
        box: of the line.
        edges: left, top, right and bottom of each digit, shape (digits, 4), pixels.
        height: of the highest digit, pixels.
        text: the most probable digits.
        vote: logarithms of all probabilities, shape (digits, 10).
        signs: the same of what stands before each, shape (digits, len(SIGNS)).
        certainty: logit of the probability that all of it is right, where it was read by a format; else None.
    """

    def __init__(self, line: Line) -> None:
        self.line = line
        self.certainty = None if line.chance is None else _logit(line.chance)
        self.box = line.box
        self.edges: Reals = np.array([digit.box.as_list() for digit in line.digits], np.float64)
        self.height = max(digit.box.height for digit in line.digits)
        self.text = "".join(str(digit.prediction.label) for digit in line.digits)
        probabilities = np.array([digit.prediction.probabilities for digit in line.digits])
        self.vote: FloatArray = np.log(np.maximum(probabilities, SMALLEST))
        before = np.array([digit.before for digit in line.digits])
        self.signs: FloatArray = np.log(np.maximum(before, SMALLEST))

    def shift_from(self, edges: Reals) -> Reals | None:
        """How far digits moved, x and y in pixels, if they are as many and stand as before; else None."""
        if len(edges) != len(self.edges):
            return None
        corners = (self.edges - edges).reshape(-1, 2)
        shift: Reals = corners.sum(axis=0) / len(corners)
        height = min(self.height, float((edges[:, 3] - edges[:, 1]).max()))
        return shift if np.abs(corners - shift).max() <= SAME_EDGE * height else None

    def agrees(self, text: str, thresholds: Thresholds) -> bool:
        """Whether it may say `text`: it is as long, and none of its digits is surely another."""
        return self.text == text or (
            len(self.text) == len(text)
            and all(
                digit.prediction.label == int(label) or digit.prediction.confidence < thresholds.accept
                for digit, label in zip(self.line.digits, text, strict=True)
            )
        )


@dataclass(slots=True, eq=False)
class Track:
    """One number.

    Attributes:
        track_id: stays with it.
        options: when it is believed.
        sights: those of the latest frames that agree, as many as are fused.
        times: of all frames in a row that agree, as many as confirm it, seconds.
        rivals: of the latest frames in a row that showed something else here, each with its time.
        agreed: for each of the last frames, two windows of them, its time and whether it said the same.
        fused: probabilities of its digits, as all of `sights` together say, shape (digits, 10).
        signs: those of what stands before each, likewise, shape (digits, len(SIGNS)).
        text: the most probable digits.
        former: what they were before.
        named: what it was accepted as since it has its id; "" before.
        known: it was accepted since its digits last changed.
        accepted_at: when it was last accepted, seconds.
        anchor: where its middle was when it was last seen to move, x and y in pixels.
        still_since: when that was, seconds.
        moved: how far the paper moved since the last of `sights`, x and y in pixels.
        whole_at: when it was last seen, and not only a part of it, seconds.
        missing: times of the frames since then.
        is_another: what is seen now shares no digit in its place with what it was.
    """

    track_id: int
    options: TrackerOptions
    sights: deque[Sight] = field(default_factory=deque)
    times: deque[float] = field(default_factory=deque)
    rivals: list[tuple[float, Sight]] = field(default_factory=list)
    agreed: deque[tuple[float, bool]] = field(default_factory=deque)
    fused: FloatArray = field(init=False)
    signs: FloatArray = field(init=False)
    text: str = ""
    former: str = ""
    named: str = ""
    known: bool = False
    accepted_at: float = 0.0
    anchor: tuple[float, float] = (-np.inf, -np.inf)
    still_since: float = 0.0
    moved: Reals = field(default_factory=lambda: np.zeros(2))
    whole_at: float = 0.0
    missing: list[float] = field(default_factory=list)
    is_another: bool = False

    @property
    def box(self) -> Box:
        """Where it should be in this frame."""
        across, down = self.moved.tolist()
        return self.sights[-1].box.moved(round(across), round(down))

    def is_remembered(self, timestamp: float) -> bool:
        """Whether it may come back: a known number after seconds, one that is not known yet after a frame."""
        if self.known:
            return timestamp - self.whole_at <= self.options.forget_after_s
        return not self.options.change.is_reached(self.missing)

    def distance(self, sight: Sight) -> float | None:
        """Pixels to a line that may be this number; None where it is farther than its own height."""
        own = self.box
        (x, y), (x2, y2) = own.centre, sight.box.centre
        reach = min(self.sights[-1].height, sight.height)
        across, down = abs(x2 - x), abs(y2 - y)
        near = down <= reach / 2 and across <= max(reach, min(own.width, sight.box.width) / 2)
        return across + down if near else None

    def recognise(self, sight: Sight, thresholds: Thresholds) -> Reals | None:
        """How far it moved, x and y in pixels, if a line shows all its digits in their places; else None.

        The digits of a known number must agree; those of another may turn out to be different.
        """
        shift = sight.shift_from(self.sights[-1].edges)
        if shift is None or (self.known and not sight.agrees(self.text, thresholds)):
            return None
        return shift - self.moved

    def is_touched(self, sight: Sight) -> bool:
        """Whether a line lies over where it should be."""
        own = self.box
        return own.intersection(sight.box).area >= TOUCHED * min(own.area, sight.box.area)

    def digits_in(self, sight: Sight) -> npt.NDArray[np.bool_]:
        """Which digits of a line are seen where this has the same one, though one side may be covered."""
        own = self.sights[-1].edges + np.tile(self.moved, 2)
        off = np.abs(sight.edges[:, np.newaxis] - own) / (own[:, 3] - own[:, 1])[:, np.newaxis]
        same = np.array([[a == b for b in self.text] for a in sight.text])
        seen: npt.NDArray[np.bool_] = (same & ((off <= SAME_EDGE).sum(axis=2) >= 3)).any(axis=1)
        return seen

    def see(self, sight: Sight, timestamp: float, thresholds: Thresholds) -> bool:
        """Add what one frame shows, and say whether it shows the number clearly."""
        elapsed, self.whole_at = timestamp - self.whole_at, timestamp
        self.missing.clear()
        shift = sight.shift_from(self.sights[-1].edges) if self.sights else self.moved
        same = not self.sights or sight.agrees(self.text, thresholds)
        agrees = shift is not None and same
        if shift is not None and agrees:
            fast = np.abs(shift - self.moved).max() > max(FAST * elapsed, STILL) * sight.height
            # A known number that is doubtfully another in this frame is neither confirmed by it nor changed:
            # a finger on an 8 leaves a 2, a blurred 0 may pass for a 7.
            if fast or (self.known and sight.text != self.text):
                self.moved = shift
                return False
        self._agree(timestamp, same)  # what only moved does not flicker
        if agrees:
            self.sights.append(sight)
            self.times.append(timestamp)
        else:
            self.rivals.append((timestamp, sight))
            if not self.options.change.is_reached([time for time, _ in self.rivals]):
                return False
            those = [pair for pair in self.rivals if sight.shift_from(pair[1].edges) is not None]
            self.is_another = not self.digits_in(sight).any()
            self.times = deque(time for time, _ in those)
            self.sights = deque(rival for _, rival in those)
        self.rivals.clear()
        if np.abs(np.subtract(sight.box.centre, self.anchor)).max() > STILL * sight.height:
            self.anchor, self.still_since = sight.box.centre, timestamp
        self._forget_old()
        self.moved = np.zeros(2)
        self.fused = fuse(sight.vote for sight in self.sights)
        self.signs = fuse(sight.signs for sight in self.sights)
        text = "".join(map(str, self.fused.argmax(axis=1)))
        if text not in (self.text, self.former):  # what it never was owes nothing to the flicker before
            self.agreed = deque((time, True) for time in self.times)
        if text != self.text:
            self.text, self.former = text, self.text
        return True

    def give_up(self) -> None:
        """What is seen now is another page: it need not be confirmed nor contradicted any more.

        What it was before its last change, on that page, makes nothing flicker on this one.
        """
        self.known, self.former = False, ""

    def become(self, track_id: int) -> None:
        """It has turned out to be another number."""
        self.track_id, self.named = track_id, ""
        self.known = self.is_another = False

    def miss(self, timestamp: float, *, covered: bool) -> None:
        """It was not seen in a frame: what is known may be hidden, what is not must be seen in most."""
        self.missing.append(timestamp)
        if covered or not self.known:
            self._agree(timestamp, False)

    def _agree(self, timestamp: float, same: bool) -> None:
        self.agreed.append((timestamp, same))
        window = self.options.window
        two = Span(2 * window.seconds, 2 * window.frames)
        for _ in range(len(self.agreed) - two.latest([time for time, _ in self.agreed])):
            self.agreed.popleft()

    def _chance(self) -> float | None:
        """The probability that all of it is right, as the frames in which it was read by a format say."""
        told = [sight.certainty for sight in self.sights if sight.certainty is not None]
        return 1 / (1 + math.exp(-sum(told) / len(told))) if told else None

    def _forget_old(self) -> None:
        """Keep what is fused, and the times that it takes to be accepted at all."""
        for _ in range(len(self.sights) - self.options.window.latest(list(self.times)[-len(self.sights) :])):
            self.sights.popleft()
        for _ in range(len(self.times) - self.options.confirm_doubtful.latest(self.times)):
            self.times.popleft()

    def _is_steady(self) -> bool:
        """Whether it did not flicker, or has not for long enough."""
        said = [same for _, same in self.agreed]
        if said.count(False) <= FLICKER * len(said):
            return True
        settled = list(takewhile(lambda one: one[1], reversed(self.agreed)))
        return self.options.settle.is_reached([time for time, _ in reversed(settled)])

    def reading(
        self, timestamp: float, thresholds: Thresholds, size: tuple[int, int], *, clear: bool
    ) -> Reading:
        """What all frames in the window say together.

        Args:
            timestamp: of the latest frame, seconds.
            thresholds: those of the model.
            size: width and height of the frame, pixels.
            clear: the latest frame shows it clearly.
        """
        across, down = np.rint(self.moved).astype(int).tolist()
        digits = tuple(
            replace(
                digit, box=digit.box.moved(across, down), prediction=Prediction(probabilities), before=before
            )
            for digit, probabilities, before in zip(
                self.sights[-1].line.digits, self.fused, self.signs, strict=True
            )
        )
        reading = to_reading(Line(digits, self._chance()), thresholds, track_id=self.track_id)
        sure = self.known or reading.confidence >= self.options.sure
        enough = self.options.confirm if sure else self.options.confirm_doubtful
        confirmed = (
            clear and self._is_steady() and enough.is_reached(self.times) and not self.may_be_cut(size)
        )
        if reading.status == "accepted" and not confirmed:
            return replace(reading, status="uncertain")
        if reading.status == "accepted":
            self.known, self.accepted_at, self.named = True, timestamp, self.text
        return reading

    def may_be_cut(self, size: tuple[int, int]) -> bool:
        """Whether the picture's border may cut it; what moves beside the border may go on beyond it.

        What lies still at the border for as long as confirms a doubtful number is taken to be whole: a number
        that fills the picture, as `read` takes it.
        """
        box, height = self.box, self.sights[-1].height
        across = min(box.left, size[0] - box.right)
        down = min(box.top, size[1] - box.bottom)
        if min(across, down) <= AT_BORDER * height:
            lasting = self.options.confirm_doubtful
            lain_s = self.times[-1] - self.still_since
            return lain_s < lasting.seconds or not lasting.is_reached(self.times)
        count = self.options.confirm.latest(list(self.times)[-len(self.sights) :])
        latest = list(self.sights)[-count:]
        moved = np.ptp([sight.box.centre for sight in latest], axis=0).max() + np.abs(self.moved).max()
        return bool(across <= BESIDE_BORDER * height and moved > STILL * height)


def _logit(chance: float) -> float:
    kept = min(max(chance, SMALLEST), 1 - SMALLEST)
    return math.log(kept / (1 - kept))
