"""Pens, and writing with them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from edge.types import ByteArray, FloatArray
from training.scenes.canvas import FAINT, SUBPIXEL, Canvas, Colour, Role, fixed
from training.scenes.draws import Random, between, chance, floats, log_between, pick, pixels, smooth_noise
from training.scenes.shapes import Shape

USUAL = 60.0  # pixels: digits of more than this height are large for the pens
THINNEST = 0.8  # pixels; a thinner stroke leaves no legible trace in a picture
RASTER_LEVEL = 110  # of 255: where the border of an MNIST stroke is


@dataclass(frozen=True, slots=True)
class Pen:
    """What writes.

    Attributes:
        name: its kind.
        colour: of its ink, BGR 0 to 1.
        width: of its stroke, pixels.
        opacity: 0 to 1; a pencil is faint.
        pressure: how much width and darkness change along a stroke, 0 to 1.
        grain: how much of the paper's grain shows through, 0 to 1.
        gaps: share of a stroke where the ball skips, 0 to 1.
        nib: length of a broad nib, in widths; 0 for a round one.
        twice: the stroke is gone over a second time.
    """

    name: str
    colour: Colour
    width: float
    opacity: float = 1.0
    pressure: float = 0.15
    grain: float = 0.0
    gaps: float = 0.0
    nib: float = 0.0
    twice: bool = False


BLUES = ((0.55, 0.16, 0.10), (0.62, 0.30, 0.16), (0.45, 0.12, 0.14), (0.70, 0.36, 0.10))
BLACKS = ((0.07, 0.07, 0.08), (0.16, 0.14, 0.14), (0.22, 0.20, 0.19))
REDS = ((0.14, 0.10, 0.66), (0.10, 0.08, 0.50), (0.30, 0.20, 0.75))
GREENS = ((0.25, 0.42, 0.10), (0.30, 0.50, 0.16))
OTHERS = ((0.55, 0.12, 0.45), (0.08, 0.36, 0.75), (0.55, 0.45, 0.08), (0.10, 0.22, 0.36), (0.60, 0.20, 0.62))

PENS = {"ballpoint": 3.8, "pencil": 3.2, "felt": 1.8, "marker": 1.2, "fountain": 1.0, "coloured pencil": 0.6}

# Stroke width as a share of the digits' height: what the pens make of small and of large writing.
WIDTHS = {
    "ballpoint": (0.022, 0.10),
    "pencil": (0.022, 0.10),
    "felt": (0.06, 0.16),
    "marker": (0.10, 0.20),
    "fountain": (0.03, 0.09),
    "coloured pencil": (0.05, 0.14),
    "dry marker": (0.05, 0.15),
    "chalk": (0.05, 0.14),
}


def draw_pen(random: Random, height: float, name: str | None = None) -> Pen:
    """A pen for digits of this height (pixels); of any kind when it is not named."""
    name = name or pick(random, PENS)
    thin, thick = WIDTHS[name]
    # The same pen writes large and small: large digits may have strokes that are thin against them.
    thin *= min(1.0, float(np.sqrt(USUAL / height)))
    width = max(THINNEST + between(random, 0, 0.5), height * log_between(random, thin, thick))
    hues = {"blue": 4.0, "black": 4.0, "red": 1.2, "green": 0.5, "other": 0.6}
    hue = pick(random, hues)
    palette = {"blue": BLUES, "black": BLACKS, "red": REDS, "green": GREENS, "other": OTHERS}[hue]
    colour = _shade(random, palette[random.integers(len(palette))])
    plain = Pen(name, colour, width, twice=chance(random, 0.03))
    match name:
        case "pencil":
            grey = between(random, 0.2, 0.45)
            return replace(
                plain,
                colour=(grey, grey * 0.99, grey * 0.97),
                opacity=log_between(random, 0.2, 0.95),
                pressure=between(random, 0.1, 0.45),
                grain=between(random, 0.2, 0.85),
            )
        case "coloured pencil":
            return replace(
                plain, opacity=between(random, 0.4, 0.9), pressure=0.35, grain=between(random, 0.3, 0.8)
            )
        case "ballpoint":
            skips = between(random, 0.03, 0.25) if chance(random, 0.25) else 0.0
            return replace(
                plain, opacity=between(random, 0.45, 1.0), pressure=between(random, 0.05, 0.4), gaps=skips
            )
        case "fountain":
            return replace(
                plain, opacity=between(random, 0.6, 1.0), nib=between(random, 0.6, 2.0), pressure=0.25
            )
        case "dry marker":
            return replace(
                plain,
                opacity=between(random, 0.55, 1.0),
                grain=between(random, 0, 0.35),
                gaps=between(random, 0, 0.08),
            )
        case "chalk":
            white = between(random, 0.75, 0.95)
            return replace(
                plain, colour=(white, white, white), opacity=between(random, 0.55, 0.95), grain=0.7
            )
        case _:
            return replace(plain, opacity=between(random, 0.75, 1.0), pressure=between(random, 0.05, 0.2))


def _shade(random: Random, colour: Colour) -> Colour:
    blue, green, red = np.clip(np.array(colour) + random.normal(0, 0.04, 3), 0.02, 0.95)
    return float(blue), float(green), float(red)


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a shape is written, in pixels of the page's plane.

    Attributes:
        x: left of the shape's box.
        y: top of it.
        size: length of the box's longer side.
        angle: radians, clockwise, about the box's lower left corner.
        slant: how far the top leans to the right, in heights.
        stretch: width over what the shape has by itself.
    """

    x: float
    y: float
    size: float
    angle: float = 0.0
    slant: float = 0.0
    stretch: float = 1.0

    def map(self, points: FloatArray, height: float) -> FloatArray:
        """Points of a shape with this height, shape (..., 2), to the page."""
        cosine, sine = np.cos(self.angle) * self.size, np.sin(self.angle) * self.size
        upright = floats([[self.stretch, 0], [-self.slant, 1]])  # rows: what x and what y add to
        turn = floats([[cosine, sine], [-sine, cosine]])
        foot = floats([self.x, self.y + height * self.size])
        page: FloatArray = (points - floats([0, height])) @ (upright @ turn) + foot
        return page


def write(
    random: Random,
    canvas: Canvas,
    shape: Shape,
    place: Placement,
    pen: Pen,
    role: Role,
    *,
    as_raster: bool = False,
) -> None:
    """Write a shape on the canvas; `as_raster` keeps its strokes' own widths, where it has a picture."""
    if as_raster and shape.raster is not None:
        corners = canvas.geometry.map(place.map(shape.corners, shape.height))
        _stamp(random, canvas, shape.raster, corners, pen, role)
        return
    draw_strokes(random, canvas, strokes_of(random, canvas, shape, place, pen), pen, role)


def strokes_of(random: Random, canvas: Canvas, shape: Shape, place: Placement, pen: Pen) -> list[FloatArray]:
    """The centre lines of a shape as this pen goes along them, in pixels of the picture."""
    # A slow wave over a digit's size: the same shape is never written twice the same way.
    points = np.concatenate(shape.strokes)
    span = np.float32(min(1.0, 1.5 * max(shape.height, 0.02)))
    wave = random.normal(0, 3.6, (2, 2)).astype(np.float32) / span
    points = points + np.sin(points @ wave + random.uniform(0, 6, 2).astype(np.float32)) * (
        np.float32(0.015) * span
    )
    points = canvas.geometry.map(place.map(points, shape.height))
    ends = itertools.accumulate(map(len, shape.strokes), initial=0)
    strokes = [points[start:end] for start, end in itertools.pairwise(ends)]
    if pen.twice:
        strokes += [stroke + random.normal(0, pen.width * 0.5, 2).astype(np.float32) for stroke in strokes]
    return strokes


def draw_strokes(random: Random, canvas: Canvas, strokes: Sequence[FloatArray], pen: Pen, role: Role) -> None:
    """Draw centre lines, given in pixels of the picture, with a pen."""
    points = np.concatenate(strokes)
    half = pen.width / 2
    room = half * (1 + pen.nib) * 1.5 + 2
    left, top = np.floor(points.min(axis=0) - room).astype(int)
    right, bottom = np.ceil(points.max(axis=0) + room).astype(int)
    if right <= 0 or bottom <= 0 or left >= canvas.columns or top >= canvas.rows:
        return
    width, height = int(right - left), int(bottom - top)
    # Drawn finer and averaged down: the line's own pixels must be small against its width.
    fine = 4 if max(width, height) <= 64 else 2 if half < 4 or max(width, height) <= 160 else 1
    lines = np.full((height * fine, width * fine), 255, np.uint8)
    offset = floats([left, top])
    cv2.polylines(lines, [fixed((s - offset) * fine) for s in strokes], False, 0, 1, cv2.LINE_8, SUBPIXEL)
    if pen.nib:
        lines = pixels(cv2.erode(lines, _nib(pen.nib * half * fine)))
    away = floats(cv2.distanceTransform(lines, cv2.DIST_L2, 3))
    reach = half * fine * (1 - 0.3 * min(pen.nib, 1))
    ink = reach + 0.5 - away
    if pen.pressure:
        rows, columns = lines.shape
        press = smooth_noise(random, rows, columns, (max(8, 0.3 * rows), max(8, 0.3 * columns)))
        ink += press * np.float32(pen.pressure * reach * 0.6)
    np.clip(ink, 0, 1, out=ink)
    coverage = cv2.resize(ink, (width, height), interpolation=cv2.INTER_AREA) if fine > 1 else ink
    lay_ink(random, canvas, floats(coverage), int(left), int(top), pen, role)


def lay_ink(
    random: Random, canvas: Canvas, coverage: FloatArray, left: int, top: int, pen: Pen, role: Role
) -> None:
    """Lay ink that covers this much of each pixel, float32 0 to 1; the pen decides how much of it shows."""
    seen = coverage * np.float32(pen.opacity)
    rows, columns = coverage.shape
    if pen.pressure:
        seen *= np.clip(
            1 + smooth_noise(random, rows, columns, (12, 12)) * np.float32(0.4 * pen.pressure), 0.4, 1
        )
    if pen.grain:
        rough = smooth_noise(random, rows, columns, (1.5, 1.5))
        seen *= np.clip(1 - np.float32(pen.grain) * (0.35 + 0.6 * rough), 0.05, 1)
    if pen.gaps:
        skip = smooth_noise(random, rows, columns, (max(3, pen.width * 1.2),) * 2)
        seen *= np.clip((skip + np.float32(1.1 - 2.2 * pen.gaps)) * 4, 0.08, 1)
    if role > 0:
        canvas.areas[role] = float(coverage[coverage > FAINT / 255].sum())
    canvas.lay((coverage * 255).astype(np.uint8), left, top, pen.colour, seen, role)


def _nib(length: float) -> ByteArray:
    """A broad nib held at 45 degrees, as a structuring element."""
    side = max(1, round(length * 0.7))
    return np.eye(side, dtype=np.uint8)[::-1].copy()


def _stamp(
    random: Random, canvas: Canvas, raster: ByteArray, corners: FloatArray, pen: Pen, role: Role
) -> None:
    """Write a picture of a digit with the stroke widths that it has; `corners` are those of its box."""
    left, top = np.floor(corners.min(axis=0)).astype(int) - 2
    right, bottom = np.ceil(corners.max(axis=0)).astype(int) + 2
    if right <= 0 or bottom <= 0 or left >= canvas.columns or top >= canvas.rows:
        return
    width, height = int(right - left), int(bottom - top)
    rows, columns = raster.shape
    fine = 2 if max(width, height) <= 100 else 1
    box = floats([[0, 0], [columns, 0], [columns, rows], [0, rows]]) + np.float32(
        1.5
    )  # the border added below
    target = (corners - floats([left, top])) * fine - np.float32(0.5)
    padded = cv2.copyMakeBorder(raster, 2, 2, 2, 2, cv2.BORDER_CONSTANT)
    scale = fine * float(np.hypot(*(corners[3] - corners[0]))) / rows
    if scale > 1.5:  # soften the pixels of the source before they are enlarged
        padded = cv2.GaussianBlur(padded, (3, 3), 0)
    warped = cv2.warpPerspective(
        padded, cv2.getPerspectiveTransform(box, target), (width * fine, height * fine), flags=cv2.INTER_CUBIC
    ).astype(np.float32)
    # A level set with an edge of one pixel: ink has a sharp border at any size.
    level = np.float32(RASTER_LEVEL - between(random, -45, 45))
    ink = np.clip((warped - level) * np.float32(max(scale, 1.0) / 110) + 0.5, 0, 1)
    coverage = cv2.resize(ink, (width, height), interpolation=cv2.INTER_AREA) if fine > 1 else ink
    lay_ink(random, canvas, floats(coverage), int(left), int(top), pen, role)
