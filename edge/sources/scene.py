"""What happens on the simulated desk, frame by frame: sheets are changed, an arm reaches over them.

A sheet is pushed away by the next from any side, or turned over its left edge like a page, or is simply
another one from one frame to the next, as when a video is cut.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal, NamedTuple, get_args

import numpy as np

from edge.sources.arm import Arm, draw_arm
from edge.sources.paper import FINENESS, MARGIN, SPREAD, WHOLE, Sheet, draw_desk, draw_sheet

SHEET_S = 5.0
"""Seconds from one sheet to the next."""

MOVE_S = 0.6
"""Of which so many go by while the next one is pushed in place, or uncovered."""

ARM_SHARE = 0.6
"""Of the sheets, so many see an arm."""

ARM_FROM_S = 1.2, 2.0
"""Seconds after the sheet's start when an arm appears, at the earliest and at the latest: all is in place."""

REACH_S = 0.4
"""Seconds that an arm takes to its place, and back."""

REST_S = 0.5, 1.4
"""Seconds that it rests there, at least and at most."""

Change = Literal["from the right", "from the left", "from below", "from above", "turned", "cut"]
"""How a sheet takes the place of the one before it."""

_SIDES: dict[Change, tuple[int, int]] = {
    "from the right": (1, 0),
    "from the left": (-1, 0),
    "from below": (0, 1),
    "from above": (0, -1),
}


class Lying(NamedTuple):
    """A sheet on the desk.

    Attributes:
        number: sheets count from 0.
        sheet: what is drawn on it.
        shift: how far it is off its place, x and y in pixels of the picture.
        turned: how far it has been turned over its left edge: 0 lies flat, 1 stands upright and is not seen.
    """

    number: int
    sheet: Sheet
    shift: tuple[float, float] = (0.0, 0.0)
    turned: float = 0.0


class Reaching(NamedTuple):
    """An arm over the desk: its tip's place in the picture, x and y in pixels, and its turn in degrees."""

    arm: Arm
    tip: tuple[float, float]
    angle: float


class Scene:
    """What lies where in each frame: a function of the seed and the frame's number alone.

    Args:
        seed: the same seed gives the same scene.
        size: width and height in pixels of the picture that is taken of it.
        fps: frames per second.
        words: whether words stand beside the numbers.
        whole: whether all of each sheet, with its edges, is inside the picture.
    """

    def __init__(
        self, seed: int, size: tuple[int, int], fps: float, *, words: bool = False, whole: bool = False
    ) -> None:
        self._words, self._spread = words, WHOLE if whole else SPREAD
        self._seed, self._size, self._fps = seed, size, fps
        self._desk = draw_desk(self.rng("desk"), size)
        # The sheet in place and the one that goes; drawing one takes longer than a frame.
        self._sheet = lru_cache(maxsize=2)(self._draw_sheet)
        self._arm = lru_cache(maxsize=1)(self._draw_arm)

    def rng(self, *what: str | int) -> np.random.Generator:
        """Random numbers of their own for each thing, so that none depends on the order of the others."""
        key = [int.from_bytes(part.encode()) if isinstance(part, str) else part for part in what]
        return np.random.default_rng([self._seed, *key])

    def sheets(self, frame_id: int) -> list[Lying]:
        """The sheets in a frame, the lowest first: one, or two while they are being changed."""
        number, done = self._progress(frame_id)
        new = Lying(number, self._sheet(number))
        if done == 1:
            return [new]
        old = Lying(number - 1, self._sheet(number - 1))
        change = self.change(number)
        if change == "turned":
            return [new, old._replace(turned=_smooth(done))]
        way = np.multiply(_SIDES[change], self._size) * (1 + 2 * MARGIN)
        x, y = (way * (1 - _smooth(done))).tolist()
        return [old._replace(shift=(x - way[0], y - way[1])), new._replace(shift=(x, y))]

    def speed(self, frame_id: int) -> tuple[float, float]:
        """How fast sheets are pushed, to the right and down, in pixels of the picture for each frame."""
        number, done = self._progress(frame_id)
        x, y = _SIDES.get(self.change(number), (0, 0))
        # The derivative of the smooth step.
        pace = (1 + 2 * MARGIN) * 6 * done * (1 - done) / MOVE_S / self._fps
        return -x * pace * self._size[0], -y * pace * self._size[1]

    def change(self, number: int) -> Change:
        """How this sheet comes."""
        return "cut" if number == 0 else get_args(Change)[self.rng("change", number).integers(6)]

    def arm(self, frame_id: int) -> Reaching | None:
        """The arm that is seen in a frame."""
        number, since = divmod(frame_id, self._frames(SHEET_S))
        rng = self.rng("arm", number)
        seen, begins, rests = rng.random() < ARM_SHARE, rng.uniform(*ARM_FROM_S), rng.uniform(*REST_S)
        seconds = since / self._fps - begins
        if not seen or not 0 <= seconds <= 2 * REACH_S + rests:
            return None
        # From below more often than from the side; 0 comes from below, 90 from the right.
        angle = rng.normal(0, 40)
        numbers = self._sheet(number).numbers
        aim = numbers[rng.integers(len(numbers))].way
        goal = aim[rng.integers(len(aim))] / FINENESS - np.multiply(self._size, MARGIN)
        away = 1 - _smooth(min(1.0, min(seconds, 2 * REACH_S + rests - seconds) / REACH_S))
        direction = np.array((np.sin(np.radians(angle)), np.cos(np.radians(angle))))
        sway = np.sin(seconds * np.array((5.1, 7.3))) * 0.003 * self._size[1]
        x, y = goal + sway + away * np.hypot(*self._size) * direction
        return Reaching(self._arm(number), (float(x), float(y)), angle)

    def _draw_sheet(self, number: int) -> Sheet:
        words = self.rng("words", number) if self._words else None
        return draw_sheet(self.rng("sheet", number), self._desk, self._size, words=words, spread=self._spread)

    def _draw_arm(self, number: int) -> Arm:
        return draw_arm(self.rng("skin", number), self._size)

    def _frames(self, seconds: float) -> int:
        # Whole frames, so that rounding does not leave a sheet a hair off its place.
        return max(1, round(seconds * self._fps))

    def _progress(self, frame_id: int) -> tuple[int, float]:
        """Which sheet is the newest in a frame, and how far it is in place, 0 to 1."""
        number, since = divmod(frame_id, self._frames(SHEET_S))
        return number, 1.0 if self.change(number) == "cut" else min(1.0, (since + 1) / self._frames(MOVE_S))


def _smooth(done: float) -> float:
    """A smooth step: 0 to 1, starting and ending slowly."""
    return done * done * (3 - 2 * done)
