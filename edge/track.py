"""One number over the frames of a stream: where it stands, and what the last frames said of its digits."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from edge.lines import to_reading
from edge.naming import SMALLEST, fuse
from edge.types import Box, FloatArray, Line, Prediction, Reading, Thresholds

Reals = npt.NDArray[np.float64]

CHANGED_AFTER = 2
"""Frames in a row that must say something else, or nothing, before a number that is not known yet is given
up: one such frame is a blur or a finger."""

FLICKER = 0.2
"""Share of the last frames, two windows of them, that may say something else while a reading counts as
steady: those that show that digits changed, but not that they changed back as well."""

SETTLED = 5
"""Frames in a row that say the same from which on it does not matter what was before: a number that was seen
once, and then not, while its page came in."""

SURE = 0.9
"""Confidence of its least certain digit from which on a number is accepted for the first time. Below it, one
in ten is wrong, and a later frame may show what this one leaves in doubt: an 8 half under a finger is a 3."""

SAME_EDGE = 0.2
"""How far, in heights, an edge of a digit's box strays from frame to frame: faint ends of strokes come and
go."""

FAST = 0.2
"""Heights that a number moves from one frame to the next when it is too blurred to be read."""

TOUCHED = 0.3
"""Share of the smaller of two boxes that they have in common where one lies over the other."""

AT_BORDER = 0.1
"""Heights from the picture's border within which it may cut a digit."""

BESIDE_BORDER = 1.3
"""Heights from the picture's left or right border within which a number may go on beyond it: the widest gap
in a number (`edge.lines.USUAL_CUT`) and a digit that is half outside and therefore not found."""

STILL = 0.1
"""Heights that a number moves at most, over the frames that confirm it, while it lies still."""


class Sight:
    """What one frame shows of a number.

    Attributes:
        line: as it was found.
        box: of the line.
        edges: left, top, right and bottom of each digit, shape (digits, 4), pixels.
        height: of the highest digit, pixels.
        text: the most probable digits.
        vote: logarithms of all probabilities, shape (digits, 10).
    """

    def __init__(self, line: Line) -> None:
        self.line = line
        self.box = line.box
        self.edges: Reals = np.array([digit.box.as_list() for digit in line.digits], np.float64)
        self.height = max(digit.box.height for digit in line.digits)
        self.text = "".join(str(digit.prediction.label) for digit in line.digits)
        probabilities = np.array([digit.prediction.probabilities for digit in line.digits])
        self.vote: FloatArray = np.log(np.maximum(probabilities, SMALLEST))

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
        window: frames that are fused.
        sights: those of the window that agree.
        rivals: of the latest frames in a row that showed something else here.
        agreed: for each of the last frames, two windows of them, whether it said the same.
        fused: probabilities of its digits, as all of `sights` together say, shape (digits, 10).
        text: the most probable digits.
        former: what they were before.
        known: it was accepted since its digits last changed.
        accepted_at: when it was last accepted, seconds.
        moved: how far the paper moved since the last of `sights`, x and y in pixels.
        whole_at: when it was last seen, and not only a part of it, seconds.
        missed: frames since then.
    """

    track_id: int
    window: int
    sights: deque[Sight] = field(init=False)
    rivals: list[Sight] = field(default_factory=list)
    agreed: deque[bool] = field(init=False)
    fused: FloatArray = field(init=False)
    text: str = ""
    former: str = ""
    known: bool = False
    accepted_at: float = 0.0
    moved: Reals = field(default_factory=lambda: np.zeros(2))
    whole_at: float = 0.0
    missed: int = 0

    def __post_init__(self) -> None:
        self.sights = deque(maxlen=self.window)
        self.agreed = deque(maxlen=2 * self.window)

    @property
    def box(self) -> Box:
        """Where it should be in this frame."""
        across, down = self.moved.tolist()
        return self.sights[-1].box.moved(round(across), round(down))

    def is_remembered(self, timestamp: float, forget_after_s: float) -> bool:
        """Whether it may come back: a known number after seconds, one that is not known yet after a frame."""
        return timestamp - self.whole_at <= forget_after_s if self.known else self.missed < CHANGED_AFTER

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
        self.whole_at, self.missed = timestamp, 0
        shift = sight.shift_from(self.sights[-1].edges) if self.sights else self.moved
        same = not self.sights or sight.agrees(self.text, thresholds)
        agrees = shift is not None and same
        if shift is not None and agrees:
            fast = np.abs(shift - self.moved).max() > FAST * sight.height
            # A known number that is doubtfully another in this frame is neither confirmed by it nor changed:
            # a finger on an 8 leaves a 2, a blurred 0 may pass for a 7.
            if fast or (self.known and sight.text != self.text):
                self.moved = shift
                return False
        self.agreed.append(same)  # what only moved does not flicker
        if agrees:
            self.sights.append(sight)
        else:
            self.rivals.append(sight)
            if len(self.rivals) < CHANGED_AFTER:
                return False
            self.sights.clear()
            self.sights.extend(rival for rival in self.rivals if sight.shift_from(rival.edges) is not None)
        self.rivals.clear()
        self.moved = np.zeros(2)
        self.fused = fuse(sight.vote for sight in self.sights)
        text = "".join(map(str, self.fused.argmax(axis=1)))
        if text not in (self.text, self.former):  # what it never was owes nothing to the flicker before
            self.agreed = deque([True] * len(self.sights), 2 * self.window)
        if text != self.text:
            self.text, self.former = text, self.text
        return True

    def give_up(self) -> None:
        """What is seen now is another page: it need not be confirmed nor contradicted any more.

        What it was before its last change, on that page, makes nothing flicker on this one.
        """
        self.known, self.former = False, ""

    def start_anew(self) -> None:
        """Its digits are others from now on: what is seen next is the first of them."""
        self.sights.clear()
        self.rivals.clear()

    def miss(self, *, covered: bool) -> None:
        """It was not seen in a frame: what is known may be hidden, what is not must be seen in most."""
        self.missed += 1
        if covered or not self.known:
            self.agreed.append(False)

    def reading(
        self,
        timestamp: float,
        thresholds: Thresholds,
        size: tuple[int, int],
        confirm_after: int,
        *,
        clear: bool,
    ) -> Reading:
        """What all frames in the window say together.

        Args:
            timestamp: of the latest frame, seconds.
            thresholds: those of the model.
            size: width and height of the frame, pixels.
            confirm_after: frames that must agree.
            clear: the latest frame shows it clearly.
        """
        across, down = np.rint(self.moved).astype(int).tolist()
        digits = tuple(
            replace(digit, box=digit.box.moved(across, down), prediction=Prediction(probabilities))
            for digit, probabilities in zip(self.sights[-1].line.digits, self.fused, strict=True)
        )
        reading = to_reading(Line(digits), thresholds, track_id=self.track_id)
        flickers = self.agreed.count(False) > FLICKER * len(self.agreed)
        steady = not flickers or all(list(self.agreed)[-SETTLED:])
        confirmed = (
            clear
            and steady
            and (self.known or reading.confidence >= SURE)
            and len(self.sights) >= confirm_after
            and not self.may_be_cut(size, confirm_after)
        )
        if reading.status == "accepted" and not confirmed:
            return replace(reading, status="uncertain")
        if reading.status == "accepted":
            self.known, self.accepted_at = True, timestamp
        return reading

    def may_be_cut(self, size: tuple[int, int], confirm_after: int) -> bool:
        """Whether the picture's border may cut it; what moves beside the border may go on beyond it."""
        box, height = self.box, self.sights[-1].height
        across = min(box.left, size[0] - box.right)
        down = min(box.top, size[1] - box.bottom)
        if min(across, down) <= AT_BORDER * height:
            return True
        latest = list(self.sights)[-confirm_after:]
        moved = np.ptp([sight.box.centre for sight in latest], axis=0).max() + np.abs(self.moved).max()
        return bool(across <= BESIDE_BORDER * height and moved > STILL * height)
