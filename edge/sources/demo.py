"""`demo`: a simulated camera over handwritten paper, drawn from a seed. It needs no hardware and no data set.

It knows its own truth. Every frame is a function of the seed and its number alone, whatever was left out.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import cv2
import numpy as np

from edge.errors import UsageError
from edge.sheet import in_reading_order
from edge.sources.base import DEFAULT_FPS, DEFAULT_SIZE, Source, wall_clock
from edge.sources.handwriting import Points
from edge.sources.paper import FINENESS, MARGIN, Sheet
from edge.sources.scene import Lying, Scene
from edge.types import Box, ByteArray, FloatArray, Frame

SMALLEST = 160, 120
"""Width and height in pixels below which there is no room for a number."""

MOST_PIXELS = 1920 * 1080
"""Of a picture: to draw the first takes 3 s and 360 MB on a desktop, and one of 9999 x 9999 two minutes."""

_NOISE_MARGIN = 64
_LIGHT_STEP = 16  # pixels; light and shadow are soft, so they are computed for one pixel in 16 x 16


class Shown(NamedTuple):
    """A number that is in a frame, or a part of it.

    Attributes:
        text: its digits.
        box: of its ink; parts of it may be hidden, or beyond the border.
        whole: all of it is seen: inside the picture, under no arm, on a sheet that lies flat and uncovered.
        key: its sheet, from 0, and its place there in reading order, from 0: the same in all frames.
    """

    text: str
    box: Box
    whole: bool
    key: tuple[int, int]


class DemoCamera(Source):
    """A simulated camera, by default in real time: who comes late misses frames, which are counted.

    Args:
        seed: the same seed gives the same pictures.
        size: width and height in pixels.
        fps: frames per second.
        realtime: False gives every frame as fast as it is asked for, and drops none.
        words: words stand beside the numbers.
        whole: all of each sheet, with its edges, is inside the picture.
        clock: seconds, monotonic; for tests.
        sleep: waits for seconds; for tests.

    Raises:
        UsageError: a size below 160 x 120 or of more than 1920 x 1080 pixels, or a frame rate that is not
            positive.
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
        words: bool = True,
        whole: bool = False,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__("demo")
        if size[0] < SMALLEST[0] or size[1] < SMALLEST[1] or size[0] * size[1] > MOST_PIXELS or not fps > 0:
            raise UsageError(
                f"demo: expected {SMALLEST[0]} x {SMALLEST[1]} to 1920 x 1080 pixels, in all at most "
                f"{MOST_PIXELS:,}, and a positive frame rate, "
                f"found {size[0]} x {size[1]} at {fps:g} frames per second: --size 640x480 --fps 30 is usual"
            )
        self._size, self._fps = size, fps
        self._scene = Scene(abs(seed), size, fps, words=words, whole=whole)
        self._realtime = self.in_time = realtime
        self._clock, self._sleep = clock, sleep
        self._closed = False
        rng = self._scene.rng("camera")
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
        for lying in self._scene.sheets(frame_id):
            self._lay_down(lying, self._map(frame_id, lying), image)
        across, down = (round(abs(pixels) / 2) for pixels in self._scene.speed(frame_id))
        if across or down:  # the shutter is open for half a frame
            cv2.blur(image, (max(1, across), max(1, down)), image)
        if reaching := self._scene.arm(frame_id):
            reaching.arm.lay_over(image, reaching.arm.map(reaching.tip, reaching.angle))
        rng = self._scene.rng("frame", frame_id)
        light = cv2.resize(self._light(frame_id, rng), self._size, interpolation=cv2.INTER_CUBIC)
        cv2.multiply(image, light, image, 1 / 128)
        left, top = rng.integers(0, _NOISE_MARGIN, 2)
        noise = self._noise[top : top + self._size[1], left : left + self._size[0]]
        cv2.add(image, noise, image, dtype=cv2.CV_8U)
        return image

    def shown(self, frame_id: int) -> list[Shown]:
        """The numbers of which at least a part is inside a frame, in reading order, sheet by sheet."""
        frame = Box(0, 0, *self._size)
        reaching = self._scene.arm(frame_id)
        turning = [lying for lying in self._scene.sheets(frame_id) if lying.turned]
        pages = [_box(_corners(page.sheet), self._map(frame_id, page), 0) for page in turning]
        found = []
        for lying in self._scene.sheets(frame_id):
            map = self._map(frame_id, lying)
            for place, number in enumerate(lying.sheet.numbers):
                box = _box(number.way, map, number.radius)
                if not box.intersection(frame).area:
                    continue
                hidden = bool(lying.turned) or any(page.intersection(box).area for page in pages)
                if reaching:
                    way = number.way @ map[:, :2].T + map[:, 2]
                    hidden |= reaching.arm.covers(way, reaching.arm.map(reaching.tip, reaching.angle))
                whole = not hidden and box.intersection(frame) == box
                found.append(Shown(number.text, box, whole, (lying.number, place)))
        return found

    def truth(self, frame_id: int) -> list[tuple[str, Box]]:
        """The numbers that are wholly visible in a frame, in reading order, each with the box of its ink."""
        return [(number.text, number.box) for number in self.shown(frame_id) if number.whole]

    def corners(self, frame_id: int) -> Points:
        """Corners of the uppermost sheet in a frame, top left first, clockwise: shape (4, 2), pixels."""
        lying = self._scene.sheets(frame_id)[-1]
        outline, _ = cv2.findContours(lying.sheet.paper, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        corners = cv2.boxPoints(cv2.minAreaRect(outline[0]))
        map = self._map(frame_id, lying)
        return in_reading_order(corners @ map[:, :2].T + map[:, 2])

    def moving(self, frame_id: int) -> bool:
        """Whether sheets are being pushed: the frame is blurred, and only hands could say what it shows."""
        return self._scene.speed(frame_id) != (0, 0)

    def _lay_down(self, lying: Lying, map: FloatArray, image: ByteArray) -> None:
        """Draw a sheet into the picture; of one that is being turned, the paper alone."""
        sheet = lying.sheet
        if not lying.turned:
            cv2.warpAffine(sheet.image, map, self._size, image, cv2.INTER_LINEAR, cv2.BORDER_TRANSPARENT)
            return
        page = cv2.warpAffine(sheet.image, map, self._size, flags=cv2.INTER_LINEAR)
        paper = cv2.warpAffine(sheet.paper, map, self._size, flags=cv2.INTER_NEAREST)
        # It turns away from the light.
        cv2.copyTo(cv2.convertScaleAbs(page, alpha=1 - 0.4 * lying.turned), paper, image)

    def _map(self, frame_id: int, lying: Lying) -> FloatArray:
        """Where a sheet is seen: the affine map (2, 3) from its pixels to the frame's.

        The camera drifts, turns and nears a little, all slowly.
        """
        seconds = frame_id / self._fps
        # Two sines each, of periods that never meet again, so that it wanders.
        waves = np.sin(seconds * np.array((0.71, 1.93)) + self._phases) @ (0.7, 0.3)
        width, height = self._size
        centre = np.array((width, height)) / 2
        linear = cv2.getRotationMatrix2D((0, 0), 1.6 * waves[2], (1 + 0.025 * waves[3]) / FINENESS)
        drift = waves[:2] * 0.018 * width + lying.shift
        sheet_centre = centre * (1 + 2 * MARGIN) * FINENESS
        linear[:, 2] = centre + drift - linear[:, :2] @ sheet_centre
        if lying.turned:
            # Seen from above, a page that turns over its left edge becomes narrower towards it.
            spine, narrower = _corners(lying.sheet)[:, 0].min(), np.cos(lying.turned * np.pi / 2)
            linear[:, 2] += linear[:, 0] * spine * (1 - narrower)
            linear[:, 0] *= narrower
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


def _corners(sheet: Sheet) -> Points:
    """Two opposite corners of the box that holds the paper, shape (2, 2), in the sheet's pixels."""
    left, top, width, height = cv2.boundingRect(sheet.paper)
    return np.array([(left, top), (left + width, top + height)], np.float64)


def _box(way: Points, map: FloatArray, radius: float) -> Box:
    """The box of a line of this half width after an affine map."""
    way = way @ map[:, :2].T + map[:, 2]
    radius *= float(np.sqrt(np.abs(np.linalg.det(map[:, :2]))))
    left, top = np.floor(way.min(axis=0) - radius).astype(int).tolist()
    right, bottom = np.ceil(way.max(axis=0) + radius).astype(int).tolist()
    return Box(left, top, right + 1, bottom + 1)
