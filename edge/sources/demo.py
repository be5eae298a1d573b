"""`demo`: a simulated camera over handwritten paper, drawn from a seed. It needs no hardware and no data set.

It knows its own truth. Every frame is a function of the seed and its number alone, whatever was left out.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np

from edge.errors import UsageError
from edge.sources.base import DEFAULT_FPS, DEFAULT_SIZE, Source, wall_clock
from edge.sources.paper import FINENESS, MARGIN, Number, Sheet, draw_desk, draw_sheet
from edge.types import Box, ByteArray, FloatArray, Frame

SHEET_S = 5.0
"""Seconds from one sheet to the next."""

MOVE_S = 0.6
"""Of which so many go by while the next one is pushed in place."""

_NOISE_MARGIN = 64
_LIGHT_STEP = 16  # pixels; light and shadow are soft, so they are computed for one pixel in 16 x 16


class _View(NamedTuple):
    """A sheet in a frame: the affine map (2, 3) from its pixels to those of the frame."""

    sheet: Sheet
    map: FloatArray


class DemoCamera(Source):
    """A simulated camera, by default in real time: who comes late misses frames, which are counted.

    Args:
        seed: the same seed gives the same pictures.
        size: width and height in pixels.
        fps: frames per second.
        realtime: False gives every frame as fast as it is asked for, and drops none.
        clock: seconds, monotonic; for tests.
        sleep: waits for seconds; for tests.

    Raises:
        UsageError: a size below 160 x 120, or a frame rate that is not positive.
    """

    live = True
    continuous = True

    def __init__(
        self,
        seed: int = 0,
        *,
        size: tuple[int, int] = DEFAULT_SIZE,
        fps: float = DEFAULT_FPS,
        realtime: bool = True,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__("demo")
        if size[0] < 160 or size[1] < 120 or not fps > 0:
            raise UsageError(
                f"demo: expected at least 160 x 120 pixels and a positive frame rate, "
                f"found {size[0]} x {size[1]} at {fps:g} frames per second"
            )
        self._seed, self._size, self._fps = abs(seed), size, fps
        self._realtime, self._clock, self._sleep = realtime, clock, sleep
        self._closed = False
        # The sheet in place and the one that is pushed away; drawing one takes longer than a frame.
        self._sheet = lru_cache(maxsize=2)(self._draw_sheet)
        self._desk = draw_desk(self._rng("desk"), size)
        rng = self._rng("camera")
        self._phases = rng.uniform(0, 2 * np.pi, (4, 2))
        self._lamp = rng.uniform(-0.5, 0.5, 2)
        self._falloff = rng.uniform(0.08, 0.3)
        self._white = rng.normal(1, (0.04, 0.005, 0.03)) * rng.uniform(0.76, 0.92)
        self._shadow = rng.uniform(0.1, 0.32)
        shape = size[1] + _NOISE_MARGIN, size[0] + _NOISE_MARGIN
        grey, colour = rng.normal(0, 2.0, shape), rng.normal(0, 1.6, (*shape, 3))
        self._noise = np.rint(grey[..., np.newaxis] + colour).astype(np.int16)
        y, x = np.mgrid[-1 : 1 : size[1] // _LIGHT_STEP * 1j, -1 : 1 : size[0] // _LIGHT_STEP * 1j]
        self._x, self._y = x * size[0] / size[1], y

    def __iter__(self) -> Iterator[Frame]:
        opened = self._clock()
        frame_id = 0
        while not self._closed:
            if self._realtime:
                newest = int((self._clock() - opened) * self._fps)
                self.drops["busy"] += max(0, newest - frame_id)
                frame_id = max(newest, frame_id)
                self._sleep(max(0.0, opened + frame_id / self._fps - self._clock()))
            timestamp = opened + frame_id / self._fps
            started = time.perf_counter()
            image = self.picture(frame_id)
            capture_ms = (time.perf_counter() - started) * 1000
            yield Frame(image, frame_id, timestamp, wall_clock(timestamp), self.name, capture_ms)
            frame_id += 1

    def close(self) -> None:
        """End the iteration."""
        self._closed = True

    def picture(self, frame_id: int) -> ByteArray:
        """What the camera shows in a frame: BGR, uint8; a function of the seed and the frame's number."""
        image = np.zeros((self._size[1], self._size[0], 3), np.uint8)
        for view in self._views(frame_id):
            cv2.warpAffine(
                view.sheet.image, view.map, self._size, image, cv2.INTER_LINEAR, cv2.BORDER_TRANSPARENT
            )
        if blur := round(self._speed(frame_id) * self._size[0] / self._fps / 2):
            cv2.blur(image, (blur, 1), image)
        rng = self._rng("frame", frame_id)
        light = cv2.resize(self._light(frame_id, rng), self._size, interpolation=cv2.INTER_CUBIC)
        cv2.multiply(image, light, image, 1 / 128)
        left, top = rng.integers(0, _NOISE_MARGIN, 2)
        noise = self._noise[top : top + self._size[1], left : left + self._size[0]]
        cv2.add(image, noise, image, dtype=cv2.CV_8U)
        return image

    def truth(self, frame_id: int) -> list[tuple[str, Box]]:
        """The numbers that are wholly inside a frame, in reading order, each with the box of its ink."""
        found = []
        frame = Box(0, 0, *self._size)
        for view in self._views(frame_id):
            for number in view.sheet.numbers:
                box = _box(number, view.map)
                if box.intersection(frame) == box:
                    found.append((number.text, box))
        return found

    def moving(self, frame_id: int) -> bool:
        """Whether sheets are being changed: the frame is blurred, and only hands could say what it shows."""
        return self._speed(frame_id) > 0

    def _rng(self, *what: str | int) -> np.random.Generator:
        """Random numbers of their own for each thing, so that none depends on the order of the others."""
        key = [int.from_bytes(part.encode()) if isinstance(part, str) else part for part in what]
        return np.random.default_rng([self._seed, *key])

    def _draw_sheet(self, number: int) -> Sheet:
        return draw_sheet(self._rng("sheet", number), self._desk, self._size)

    def _push(self, frame_id: int) -> tuple[int, float]:
        """Which sheet is the newest in a frame, and how far it is in place, 0 to 1."""
        # Whole frames, so that rounding does not leave a sheet a hair off its place.
        number, since = divmod(frame_id, max(1, round(SHEET_S * self._fps)))
        return number, min(1.0, since / max(1, round(MOVE_S * self._fps))) if number else 1.0

    def _speed(self, frame_id: int) -> float:
        """How fast the sheets move, frame widths per second."""
        done = self._push(frame_id)[1]
        # The derivative of the smooth step in `_views`.
        return (1 + 2 * MARGIN) * 6 * done * (1 - done) / MOVE_S

    def _views(self, frame_id: int) -> list[_View]:
        """The sheets in a frame, of which one is being pushed out by the next."""
        number, done = self._push(frame_id)
        width = self._size[0] * (1 + 2 * MARGIN)
        smooth = done * done * (3 - 2 * done)
        views = [_View(self._sheet(number), self._map(frame_id, (1 - smooth) * width))]
        if done < 1:
            views.insert(0, _View(self._sheet(number - 1), self._map(frame_id, -smooth * width)))
        return views

    def _map(self, frame_id: int, push: float) -> FloatArray:
        """Where a sheet is seen in a frame: the camera drifts, turns and nears a little, all slowly.

        Args:
            frame_id: the frame.
            push: how far the sheet is off its place to the right, pixels of the frame.
        """
        seconds = frame_id / self._fps
        # Two sines each, of periods that never meet again, so that it wanders.
        waves = np.sin(seconds * np.array((0.71, 1.93)) + self._phases) @ (0.7, 0.3)
        width, height = self._size
        centre = np.array((width, height)) / 2
        linear = cv2.getRotationMatrix2D((0, 0), 1.6 * waves[2], (1 + 0.025 * waves[3]) / FINENESS)
        drift = waves[:2] * 0.018 * width + (push, 0)
        sheet_centre = centre * (1 + 2 * MARGIN) * FINENESS
        linear[:, 2] = centre + drift - linear[:, :2] @ sheet_centre
        return linear.astype(np.float32)

    def _light(self, frame_id: int, rng: np.random.Generator) -> ByteArray:
        """Brightness, BGR, uint8 (128 leaves a colour as it is), one pixel for `_LIGHT_STEP` of the frame."""
        seconds = frame_id / self._fps
        x, y = self._x, self._y
        lamp = 1.15 / (1 + self._falloff * ((x - self._lamp[0]) ** 2 + (y - self._lamp[1]) ** 2))
        vignette = 1 - 0.05 * (x * x + y * y)
        # A head or a hand between the lamp and the paper: a large disc with a soft edge that sways.
        sway = seconds * 0.37 + self._phases[0, 0]
        distance = np.hypot(x - 1.7 * np.cos(sway), y - 1.3 * np.sin(0.7 * sway))
        shadow = 1 - self._shadow / (1 + np.exp((distance - 1.0) * 9))
        flicker = 1 + rng.normal(0, 0.006)
        light = (lamp * vignette * shadow * flicker)[..., np.newaxis] * self._white * 128
        return np.asarray(np.clip(light, 0, 255), np.uint8)


def _box(number: Number, map: FloatArray) -> Box:
    """The box of a number's ink after an affine map."""
    way = number.way @ map[:, :2].T + map[:, 2]
    radius = number.radius * float(np.sqrt(np.linalg.det(map[:, :2])))
    left, top = np.floor(way.min(axis=0) - radius).astype(int).tolist()
    right, bottom = np.ceil(way.max(axis=0) + radius).astype(int).tolist()
    return Box(left, top, right + 1, bottom + 1)
