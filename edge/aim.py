"""Whether a picture shows its numbers well: what to do about it before they are read wrong.

Everything is measured around the digits that were read: their height, how sharp their strokes are, how far
the ink stands out, the tilt of their rows. `LIMITS` says from where on digits read well; its numbers are
measured on drawn pages by `python -m benchmarks.aiming` (docs/aiming.md).
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import cv2
import numpy as np

from edge.types import (
    UNSURE,
    Box,
    ByteArray,
    Digit,
    FieldReading,
    FloatArray,
    Reading,
    Result,
    bounding_box,
)

SATURATED = 250
"""Grey level from which on a pixel shows no more than that there was too much light."""

AROUND = 0.15
"""Of a digit's height: what is looked at around it, so that paper is in the majority."""

LEAST_LEVELS = 4
"""Grey levels between ink and paper below which noise would be measured instead of strokes."""

LEAST_RUN = 3.0
"""Heights that digits of one number must stand apart, in all, to tell their tilt: two digits alone do not, as
each stands a tenth of its height higher or lower than it should."""

RECENT_S = 10.0
"""Seconds that `Recent` looks back: long enough for a share, short enough to show what a move changed."""

MOSTLY = 0.5
"""Share of refused frames from which on the tracker, too, has more doubts than readings."""

What = Literal["nothing", "height", "sharpness", "contrast", "glare", "tilt", "reading"]


@dataclass(frozen=True, slots=True)
class Limits:
    """From where on digits read well.

    Attributes:
        height: pixels of a digit, at least.
        edge: width of a stroke's edge over the height of its digit, at most.
        contrast: of ink to paper, 0 to 1, at least.
        glare: share of the pixels around the digits that are saturated, at most.
        tilt: degrees of the rows, either way, at most.
    """

    height: float
    edge: float
    contrast: float
    glare: float
    tilt: float

    def as_dict(self) -> dict[str, float]:
        """The limits as the API tells them."""
        return asdict(self)


LIMITS = Limits(height=18, edge=0.12, contrast=0.09, glare=0.1, tilt=19)


@dataclass(frozen=True, slots=True)
class Aim:
    """How a picture shows its digits. What cannot be measured, as there are no digits, is None.

    Attributes:
        digits: how many were measured.
        height: of a digit, pixels; the median.
        edge: from paper to ink across a stroke's edge, pixels; the median. 2 is as sharp as pixels can be.
        contrast: of ink to paper, as a share of the brighter of the two, 0 to 1; the median.
        glare: share of the pixels around the digits that are saturated where the paper is not, 0 to 1.
        tilt: of the rows, degrees, clockwise.
    """

    digits: int
    height: float | None
    edge: float | None
    contrast: float | None
    glare: float | None
    tilt: float | None

    def as_dict(self) -> dict[str, float | None]:
        """The measurements as the API tells them."""
        return {
            name: round(value, 4) if isinstance(value, float) else value
            for name, value in asdict(self).items()
        }


@dataclass(frozen=True, slots=True)
class Trend:
    """How far from failing reading was over the last frames.

    Attributes:
        frames: how many there were.
        refused: share of them in which nothing was read, or a digit that is not certain; 0 to 1.
        lowest: the lowest confidence in what was read; None where nothing was.
    """

    frames: int = 0
    refused: float = 0.0
    lowest: float | None = None

    def as_dict(self) -> dict[str, float | None]:
        """The trend as the API tells it."""
        lowest = None if self.lowest is None else round(self.lowest, 4)
        return {"frames": self.frames, "refused": round(self.refused, 4), "lowest_confidence": lowest}


@dataclass(frozen=True, slots=True)
class Advice:
    """Something to do about a picture.

    Attributes:
        what: the measurement that it is about.
        text: a line that a person acts on.
    """

    what: What
    text: str

    def as_dict(self) -> dict[str, Any]:
        """The advice as the API tells it."""
        return asdict(self)


def measure(grey: ByteArray, readings: Sequence[Reading], area: Box | None = None) -> Aim:
    """How a picture shows its digits.

    Args:
        grey: shape (rows, columns), uint8.
        readings: what was read in it.
        area: the part to measure: digits whose middle is elsewhere do not count. None is all of it.
    """
    if area is not None:
        area = area.clipped(*grey.shape)
    lines = [
        [digit for digit in reading.digits if area is None or _holds(area, digit.box)] for reading in readings
    ]
    digits = [digit for line in lines for digit in line]
    strokes = [stroke for digit in digits if (stroke := _stroke(grey, digit.box)) is not None]
    height = float(np.median([digit.box.height for digit in digits])) if digits else None
    return Aim(
        digits=len(digits),
        height=height,
        edge=float(np.median([edge for edge, _ in strokes])) if strokes else None,
        contrast=float(np.median([contrast for _, contrast in strokes])) if strokes else None,
        glare=_glare(grey, digits, height, area),
        tilt=tilt_of(lines),
    )


def advice(aim: Aim, trend: Trend | None = None, limits: Limits = LIMITS) -> list[Advice]:
    """What to do, what helps most first; empty where all reads well.

    Args:
        aim: of the newest frame.
        trend: of the last ones.
        limits: from where on digits read well.
    """
    made: list[Advice] = []
    if not aim.digits:
        made.append(Advice("nothing", "point it at the numbers, from near enough: no digit is seen"))
    if aim.height is not None and aim.height < limits.height:
        text = f"move nearer: digits are {aim.height:.0f} pixels high, {limits.height:.0f} read well"
        made.append(Advice("height", text))
    if aim.glare is not None and aim.glare > limits.glare:
        text = (
            f"turn away from the lamp: {_percent(aim.glare)} of the paper is glare, up to "
            f"{_percent(limits.glare)} reads well"
        )
        made.append(Advice("glare", text))
    if aim.edge is not None and aim.height is not None and aim.edge > limits.edge * aim.height:
        text = (
            f"focus, and hold it still: edges of strokes are {aim.edge:.1f} pixels wide, up to "
            f"{limits.edge * aim.height:.1f} read well"
        )
        made.append(Advice("sharpness", text))
    if aim.contrast is not None and aim.contrast < limits.contrast:
        text = (
            f"more light, or a darker pen: ink stands out from the paper by {_percent(aim.contrast)}, "
            f"from {_percent(limits.contrast)} on it reads well"
        )
        made.append(Advice("contrast", text))
    if aim.tilt is not None and abs(aim.tilt) > limits.tilt:
        way = "anticlockwise" if aim.tilt > 0 else "clockwise"
        text = (
            f"turn the paper {way}: rows are tilted by {abs(aim.tilt):.0f} degrees, up to "
            f"{limits.tilt:.0f} read well"
        )
        made.append(Advice("tilt", text))
    if not made and trend is not None and trend.refused > MOSTLY:
        text = (
            f"see what is read, and why it is refused: {_percent(trend.refused)} of the last frames were "
            "refused, though the picture is good"
        )
        made.append(Advice("reading", text))
    return made


@dataclass(frozen=True, slots=True)
class Aiming:
    """All that is told of a picture, or of the region of a field.

    Attributes:
        aim: of the newest frame.
        trend: of the last ones.
        name: of the field; "" for the whole picture.
    """

    aim: Aim
    trend: Trend
    name: str = ""

    def as_dict(self) -> dict[str, Any]:
        """It as the API tells it."""
        return {
            "name": self.name,
            "aim": self.aim.as_dict(),
            "trend": self.trend.as_dict(),
            "advice": [each.as_dict() for each in advice(self.aim, self.trend)],
        }


def measure_all(grey: ByteArray, result: Result) -> dict[str, Aim]:
    """How a frame shows its digits: all of them, under "", and those in each field's region, under its name.

    Args:
        grey: the frame, shape (rows, columns), uint8.
        result: what was read in it. A field that has no region, or whose sheet is not found, is left out.
    """
    aims = {"": measure(grey, result.readings)}
    for field in result.fields:
        if field.outline is not None:
            across, down = zip(*field.outline, strict=True)
            area = Box(
                math.floor(min(across)), math.floor(min(down)), math.ceil(max(across)), math.ceil(max(down))
            )
            aims[field.name] = measure(grey, result.readings, area)
    return aims


def tilt_of(lines: Sequence[Sequence[Digit]]) -> float | None:
    """Degrees, clockwise, by which rows are tilted; None where their digits do not tell.

    Args:
        lines: digits that stand together in a row.
    """
    across = down = run = 0.0
    for line in lines:
        if len(line) < 2:
            continue
        places = np.array([digit.box.centre for digit in line])
        height = float(np.mean([digit.box.height for digit in line]))
        # Least squares of all rows together, each about its own middle; a large digit strays by more pixels.
        x, y = ((places - places.mean(axis=0)) / max(1.0, height)).T
        run += float(np.ptp(x))
        across += float(x @ x)
        down += float(x @ y)
    return math.degrees(math.atan2(down, across)) if run >= LEAST_RUN else None


class Trends:
    """Remembers how the last frames of a stream went: all of it, under "", and each field, under its name."""

    def __init__(self) -> None:
        self._recent: dict[str, Recent] = {}

    def see(self, result: Result) -> dict[str, Trend]:
        """Add a frame, and tell how the last ones went."""
        at = result.frame.timestamp
        names = ["", *(field.name for field in result.fields)]
        self._recent = {name: self._recent.get(name) or Recent() for name in names}
        self._recent[""].see(at, result.readings)
        for field in result.fields:
            self._recent[field.name].see_field(at, field)
        return {name: recent.trend() for name, recent in self._recent.items()}


class Recent:
    """Remembers how the last frames of a stream went.

    Args:
        seconds: how far back.
    """

    def __init__(self, *, seconds: float = RECENT_S) -> None:
        self._seconds = seconds
        self._frames: deque[tuple[float, bool, float | None]] = deque()

    def add(self, at: float, refused: bool, confidence: float | None) -> None:
        """Add a frame.

        Args:
            at: when it was captured, seconds, monotonic.
            refused: whether nothing was read, or not all of it for certain.
            confidence: the lowest in what was read; None where nothing was.
        """
        self._frames.append((at, refused, confidence))
        while at - self._frames[0][0] > self._seconds:
            self._frames.popleft()

    def see_field(self, at: float, field: FieldReading) -> None:
        """Add a frame of a field, where it was looked for; one that waits for more frames is not refused."""
        if field.due:
            waits = field.problem == "unsure" and field.raw is not None and UNSURE not in field.raw
            confidence = None if field.raw is None else field.confidence
            self.add(at, field.problem is not None and not waits, confidence)

    def see(self, at: float, readings: Sequence[Reading]) -> None:
        """Add a frame whose numbers all count; one that waits for more frames to agree is not refused."""
        refused = not readings or any(
            UNSURE in reading.text or reading.status == "rejected" for reading in readings
        )
        self.add(at, refused, min((reading.confidence for reading in readings), default=None))

    def trend(self) -> Trend:
        """How they went."""
        frames = tuple(self._frames)
        lowest = [confidence for _, _, confidence in frames if confidence is not None]
        refused = sum(refused for _, refused, _ in frames) / len(frames) if frames else 0.0
        return Trend(len(frames), refused, min(lowest, default=None))


def _holds(area: Box, box: Box) -> bool:
    x, y = box.centre
    return area.left <= x < area.right and area.top <= y < area.bottom


def _stroke(grey: ByteArray, box: Box) -> tuple[float, float] | None:
    """The width of a digit's edges, pixels, and the contrast of its ink; None where there is no ink to see.

    The width is how far it is from paper to ink at the slope of the steeper half of the edges. Unlike the
    variance of the Laplacian, it does not depend on how much is written, how thick the pen is, or how dark.
    """
    margin = max(2, round(AROUND * box.height))
    wide = Box(box.left - margin, box.top - margin, box.right + margin, box.bottom + margin)
    patch = wide.clipped(*grey.shape).of(grey)
    if min(patch.shape) < 5:
        return None
    low, paper, high = np.percentile(patch, [5, 50, 95]).tolist()
    levels = max(paper - low, high - paper)  # dark on light, or light on dark
    if levels < LEAST_LEVELS:
        return None
    steep = _slope(patch)
    edges = steep[steep > np.percentile(steep, 97) / 2]
    brighter = paper if paper - low >= high - paper else high
    return levels / float(np.median(edges)), levels / brighter


def _slope(patch: ByteArray) -> FloatArray:
    """Grey levels a pixel, but for the outermost pixels; Scharr's kernel is the same in every direction."""
    across, down = cv2.Scharr(patch, cv2.CV_32F, 1, 0), cv2.Scharr(patch, cv2.CV_32F, 0, 1)
    return np.asarray(np.hypot(across, down)[1:-1, 1:-1] / 32, np.float32)


def _glare(grey: ByteArray, digits: Sequence[Digit], height: float | None, area: Box | None) -> float:
    """The share of saturated pixels in the area, or around the digits; strokes of chalk are not glare.

    Paper that is all saturated, as in a scan, shows in the contrast where it does harm.
    """
    if area is None and digits and height is not None:
        near = math.ceil(height)
        box = bounding_box(digit.box for digit in digits)
        area = Box(box.left - near, box.top - near, box.right + near, box.bottom + near)
    patch = grey if area is None else area.clipped(*grey.shape).of(grey)
    if not patch.size or np.median(patch) >= SATURATED:
        return 0.0
    spots = (patch >= SATURATED).astype(np.uint8)
    side = max(3, round((height or min(grey.shape) / 20) / 3))
    opened = cv2.morphologyEx(spots, cv2.MORPH_OPEN, np.ones((side, side), np.uint8))
    return float(opened.mean())


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
