"""Handwritten digits and some letters drawn with a pen: the project's own shapes, no data set.

A digit is a few strokes through points in a box that is 1 high; a `Hand` bends them as one person would.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from edge.types import ByteArray

Points = npt.NDArray[np.float64]
"""A pen's way: shape (n, 2), x to the right and y down."""

Shape = tuple[tuple[tuple[float, float], ...], ...]

SHAPES: tuple[tuple[Shape, ...], ...] = (
    (  # 0
        (((0.34, 0.02), (0.14, 0.16), (0.03, 0.52), (0.14, 0.88), (0.33, 0.99), (0.53, 0.84), (0.61, 0.48),
          (0.52, 0.14), (0.33, 0.01), (0.27, 0.04)),),
        (((0.46, 0.1), (0.28, 0.02), (0.08, 0.28), (0.04, 0.66), (0.2, 0.97), (0.44, 0.86), (0.55, 0.5),
          (0.5, 0.16), (0.36, 0.0), (0.26, 0.03)),),
        (((0.3, 0.0), (0.08, 0.22), (0.02, 0.6), (0.18, 0.96), (0.42, 0.92), (0.56, 0.55), (0.5, 0.15),
          (0.32, 0.03)),),
    ),
    (  # 1
        (((0.26, 0.0), (0.25, 0.5), (0.23, 1.0)),),
        (((0.13, 0.2), (0.21, 0.12), (0.29, 0.0), (0.29, 0.0), (0.29, 0.5), (0.28, 1.0)),),
        (((0.08, 0.22), (0.2, 0.12), (0.3, 0.0), (0.3, 0.0), (0.3, 0.5), (0.3, 0.99)),
         ((0.06, 1.0), (0.3, 0.98), (0.55, 0.99))),
    ),
    (  # 2
        (((0.05, 0.24), (0.14, 0.06), (0.34, 0.01), (0.52, 0.16), (0.46, 0.44), (0.24, 0.74), (0.03, 0.97),
          (0.03, 0.97), (0.3, 0.96), (0.62, 0.95)),),
        (((0.06, 0.22), (0.2, 0.03), (0.42, 0.05), (0.5, 0.25), (0.38, 0.55), (0.16, 0.86), (0.05, 0.93),
          (0.06, 0.8), (0.2, 0.78), (0.38, 0.93), (0.6, 0.9)),),
        (((0.08, 0.14), (0.3, 0.0), (0.5, 0.12), (0.46, 0.4), (0.26, 0.7), (0.04, 0.94), (0.04, 0.94),
          (0.2, 0.88), (0.38, 0.96), (0.64, 0.93)),),
    ),
    (  # 3
        (((0.06, 0.12), (0.24, 0.0), (0.46, 0.08), (0.46, 0.3), (0.2, 0.46), (0.2, 0.46), (0.46, 0.54),
          (0.54, 0.77), (0.38, 0.97), (0.16, 0.98), (0.02, 0.87)),),
        (((0.06, 0.04), (0.28, 0.03), (0.5, 0.02), (0.5, 0.02), (0.22, 0.4), (0.22, 0.4), (0.44, 0.46),
          (0.54, 0.7), (0.4, 0.94), (0.18, 0.99), (0.02, 0.9)),),
        (((0.08, 0.1), (0.26, 0.0), (0.48, 0.12), (0.42, 0.36), (0.26, 0.44), (0.3, 0.48), (0.5, 0.58),
          (0.52, 0.84), (0.3, 1.0), (0.04, 0.9)),),
    ),
    (  # 4
        (((0.14, 0.02), (0.1, 0.3), (0.03, 0.56), (0.03, 0.56), (0.3, 0.56), (0.6, 0.54)),
         ((0.46, 0.16), (0.45, 0.6), (0.42, 1.0))),
        (((0.42, 0.0), (0.24, 0.32), (0.01, 0.66), (0.01, 0.66), (0.3, 0.66), (0.62, 0.64)),
         ((0.43, 0.0), (0.43, 0.5), (0.41, 1.0))),
        (((0.1, 0.0), (0.04, 0.3), (0.07, 0.5), (0.26, 0.53), (0.5, 0.44)),
         ((0.52, 0.02), (0.5, 0.5), (0.46, 1.0))),
    ),
    (  # 5
        (((0.16, 0.04), (0.14, 0.24), (0.1, 0.42), (0.1, 0.42), (0.3, 0.36), (0.5, 0.48), (0.54, 0.74),
          (0.38, 0.96), (0.16, 0.99), (0.02, 0.9)),
         ((0.15, 0.04), (0.36, 0.03), (0.58, 0.01))),
        (((0.55, 0.02), (0.34, 0.03), (0.16, 0.04), (0.16, 0.04), (0.13, 0.24), (0.1, 0.44), (0.1, 0.44),
          (0.32, 0.38), (0.52, 0.54), (0.52, 0.8), (0.32, 0.98), (0.03, 0.94)),),
        (((0.54, 0.03), (0.34, 0.02), (0.17, 0.06), (0.1, 0.3), (0.14, 0.43), (0.36, 0.46), (0.52, 0.66),
          (0.42, 0.92), (0.2, 1.0), (0.02, 0.9)),),
    ),
    (  # 6
        (((0.46, 0.02), (0.24, 0.2), (0.07, 0.54), (0.07, 0.82), (0.24, 0.99), (0.46, 0.88), (0.49, 0.66),
          (0.34, 0.54), (0.16, 0.62), (0.07, 0.78)),),
        (((0.34, 0.0), (0.16, 0.26), (0.05, 0.6), (0.1, 0.9), (0.3, 1.0), (0.5, 0.84), (0.46, 0.6),
          (0.28, 0.52), (0.08, 0.68)),),
        (((0.5, 0.08), (0.36, 0.01), (0.16, 0.18), (0.04, 0.56), (0.1, 0.88), (0.3, 0.99), (0.5, 0.82),
          (0.42, 0.58), (0.22, 0.58), (0.08, 0.74)),),
    ),
    (  # 7
        (((0.04, 0.05), (0.3, 0.04), (0.56, 0.03), (0.56, 0.03), (0.36, 0.42), (0.22, 1.0)),),
        (((0.04, 0.06), (0.3, 0.05), (0.57, 0.03), (0.57, 0.03), (0.38, 0.44), (0.22, 1.0)),
         ((0.14, 0.52), (0.32, 0.5), (0.52, 0.47))),
        (((0.05, 0.18), (0.06, 0.04), (0.06, 0.04), (0.3, 0.05), (0.55, 0.02), (0.55, 0.02), (0.38, 0.4),
          (0.26, 1.0)),),
    ),
    (  # 8
        (((0.5, 0.14), (0.32, 0.0), (0.12, 0.1), (0.14, 0.32), (0.34, 0.48), (0.52, 0.68), (0.46, 0.92),
          (0.24, 1.0), (0.05, 0.84), (0.14, 0.62), (0.36, 0.46), (0.5, 0.28), (0.47, 0.1)),),
        (((0.3, 0.47), (0.1, 0.3), (0.14, 0.06), (0.34, 0.0), (0.5, 0.14), (0.44, 0.36), (0.26, 0.48),
          (0.06, 0.66), (0.08, 0.9), (0.28, 1.0), (0.5, 0.88), (0.5, 0.64), (0.28, 0.46)),),
        (((0.44, 0.06), (0.24, 0.01), (0.1, 0.18), (0.24, 0.4), (0.46, 0.6), (0.5, 0.86), (0.26, 1.0),
          (0.04, 0.82), (0.2, 0.56), (0.42, 0.34), (0.54, 0.08)),),
    ),
    (  # 9
        (((0.48, 0.12), (0.28, 0.01), (0.07, 0.16), (0.08, 0.4), (0.26, 0.5), (0.44, 0.36), (0.49, 0.1),
          (0.49, 0.1), (0.48, 0.5), (0.45, 1.0)),),
        (((0.5, 0.14), (0.3, 0.0), (0.08, 0.18), (0.12, 0.44), (0.34, 0.46), (0.5, 0.2), (0.5, 0.2),
          (0.5, 0.6), (0.36, 0.92), (0.1, 0.98)),),
        (((0.46, 0.06), (0.22, 0.02), (0.05, 0.24), (0.18, 0.47), (0.4, 0.4), (0.5, 0.12), (0.49, 0.3),
          (0.4, 0.66), (0.28, 1.0)),),
    ),
)  # fmt: skip
"""For each digit the ways in which people write it: strokes, each a smooth way through its points; a point
that is given twice is a corner."""

LETTERS: dict[str, Shape] = {
    "a": (((0.42, 0.5), (0.25, 0.42), (0.06, 0.62), (0.1, 0.92), (0.27, 1.0), (0.42, 0.8), (0.44, 0.46),
           (0.44, 0.46), (0.44, 0.8), (0.5, 1.0)),),
    "e": (((0.05, 0.72), (0.26, 0.7), (0.42, 0.62), (0.34, 0.44), (0.14, 0.48), (0.04, 0.74), (0.16, 0.97),
           (0.42, 0.94)),),
    "g": (((0.42, 0.5), (0.22, 0.42), (0.05, 0.64), (0.14, 0.92), (0.34, 0.9), (0.43, 0.46), (0.43, 0.46),
           (0.42, 1.1), (0.28, 1.36), (0.05, 1.28)),),
    "h": (((0.08, 0.0), (0.07, 0.5), (0.06, 1.0), (0.06, 1.0), (0.1, 0.6), (0.24, 0.45), (0.36, 0.58),
           (0.37, 1.0)),),
    "i": (((0.08, 0.44), (0.07, 0.75), (0.08, 1.0)), ((0.09, 0.2), (0.1, 0.23))),
    "k": (((0.08, 0.0), (0.08, 0.5), (0.07, 1.0)),
          ((0.4, 0.42), (0.1, 0.72), (0.1, 0.72), (0.26, 0.84), (0.44, 1.0))),
    "l": (((0.1, 0.0), (0.08, 0.6), (0.14, 0.97), (0.24, 0.97)),),
    "m": (((0.05, 0.44), (0.06, 0.7), (0.05, 1.0), (0.05, 1.0), (0.08, 0.6), (0.2, 0.43), (0.3, 0.55),
           (0.3, 1.0), (0.3, 1.0), (0.33, 0.6), (0.45, 0.43), (0.56, 0.56), (0.56, 1.0)),),
    "n": (((0.05, 0.44), (0.07, 0.7), (0.05, 1.0), (0.05, 1.0), (0.1, 0.6), (0.25, 0.44), (0.38, 0.57),
           (0.38, 1.0)),),
    "r": (((0.06, 0.44), (0.08, 0.7), (0.06, 1.0), (0.06, 1.0), (0.1, 0.6), (0.22, 0.44), (0.36, 0.48)),),
    "t": (((0.18, 0.1), (0.16, 0.6), (0.2, 0.95), (0.36, 0.97)), ((0.02, 0.4), (0.18, 0.39), (0.36, 0.37))),
    "u": (((0.05, 0.43), (0.04, 0.8), (0.14, 0.99), (0.32, 0.9), (0.4, 0.44), (0.4, 0.44), (0.4, 0.8),
           (0.46, 1.0)),),
    "w": (((0.02, 0.44), (0.12, 1.0), (0.12, 1.0), (0.26, 0.55), (0.26, 0.55), (0.4, 1.0), (0.4, 1.0),
           (0.52, 0.44)),),
}  # fmt: skip
"""Small letters, as high against the digits as people write them."""

_STEPS = 8
"""Pieces that the way between two points is drawn in."""


@dataclass(frozen=True, slots=True)
class Hand:
    """How one person writes, today, with this pen.

    Attributes:
        height: of a digit, pixels.
        slant: how far the top leans to the right, as a share of the height.
        width: of digits, 1 is as the shapes are drawn.
        gap: between digits, as a share of the height.
        pen: width of the line, as a share of the height.
        shake: how far points stray, as a share of the height.
        habits: for each digit, which of its shapes this person writes.
    """

    height: float
    slant: float
    width: float
    gap: float
    pen: float
    shake: float
    habits: tuple[int, ...]


def some_hand(rng: np.random.Generator, height: float) -> Hand:
    """A person who writes digits of about this height."""
    return Hand(
        height=height,
        slant=float(np.clip(rng.normal(0.08, 0.12), -0.15, 0.35)),
        width=float(rng.uniform(0.9, 1.2)),
        gap=float(rng.uniform(0.2, 0.34)),
        pen=float(rng.uniform(0.055, 0.11)),
        shake=float(rng.uniform(0.01, 0.026)),
        habits=tuple(int(rng.integers(len(shapes))) for shapes in SHAPES),
    )


def write_number(text: str, hand: Hand, rng: np.random.Generator) -> list[Points]:
    """The pen's strokes for a number, in pixels: it begins at x = 0 and stands on y = 0."""
    strokes: list[Points] = []
    x = 0.0
    climb = rng.normal(0, 0.02)  # nobody's line is level
    for character in text:
        digit = _write_digit(int(character), hand, rng)
        left = min(stroke[:, 0].min() for stroke in digit)
        right = max(stroke[:, 0].max() for stroke in digit)
        lift = np.array([x - left, climb * x + rng.normal(0, 0.025) * hand.height])
        strokes += [stroke + lift for stroke in digit]
        x += right - left + hand.gap * hand.height * rng.uniform(0.75, 1.3)
    return strokes


def write_word(text: str, hand: Hand, rng: np.random.Generator) -> list[Points]:
    """The same for a word of `LETTERS`, which stand closer than digits do."""
    strokes: list[Points] = []
    x = 0.0
    for character in text:
        letter = _write_shape(LETTERS[character], hand, rng)
        left = min(stroke[:, 0].min() for stroke in letter)
        right = max(stroke[:, 0].max() for stroke in letter)
        strokes += [stroke + np.array([x - left, 0.0]) for stroke in letter]
        x += right - left + 0.4 * hand.gap * hand.height * rng.uniform(0.75, 1.3)
    return strokes


def _write_digit(digit: int, hand: Hand, rng: np.random.Generator) -> list[Points]:
    return _write_shape(SHAPES[digit][hand.habits[digit]], hand, rng)


def _write_shape(shape: Shape, hand: Hand, rng: np.random.Generator) -> list[Points]:
    size = hand.height * rng.uniform(0.92, 1.06)
    slant = hand.slant + rng.normal(0, 0.03)
    # x' = width x + slant (1 - y), y' = y - 1, then all points bend a little in the same slow wave.
    wave, phase = rng.uniform(0.0, 0.03), rng.uniform(0, 2 * np.pi, 2)
    strokes = []
    for points in shape:
        way = np.array(points)
        # A corner is one place, so both of its points stray alike.
        same = np.r_[False, (way[1:] == way[:-1]).all(axis=1)]
        way += rng.normal(0, hand.shake, way.shape)[np.arange(len(way)) - same]
        way = _smooth(way)
        bent = way + wave * np.sin(4 * way[:, ::-1] + phase)
        x = hand.width * bent[:, 0] + slant * (1 - bent[:, 1])
        strokes.append(size * np.column_stack([x, bent[:, 1] - 1]))
    return strokes


def _smooth(way: Points) -> Points:
    """The curve through all points (Catmull and Rom, "A class of local interpolating splines", 1974)."""
    p = np.concatenate([way[:1], way, way[-1:]])[:, np.newaxis]
    before, start, end, after = p[:-3], p[1:-2], p[2:-1], p[3:]
    t = np.linspace(0, 1, _STEPS, endpoint=False)[:, np.newaxis]
    # At the doubled points of a corner the pen stops and turns.
    curve = (
        2 * start
        + (end - before) * t
        + (2 * before - 5 * start + 4 * end - after) * t**2
        + (3 * start - before - 3 * end + after) * t**3
    ) / 2
    return np.concatenate([curve.reshape(-1, 2), way[-1:]])


def draw_strokes(ink: ByteArray, strokes: list[Points], pen: float, rng: np.random.Generator) -> None:
    """Draw strokes into a layer of ink, shape (rows, columns), uint8, 255 is covered; edges are smooth.

    Args:
        ink: drawn into, where the strokes are inside it.
        strokes: in its pixels.
        pen: the line's width, pixels; it changes with the pen's pressure.
        rng: moves the pressure.
    """
    fine = 4  # drawn larger and then averaged, as OpenCV's lines have whole widths
    margin = round(pen) + 2
    points = np.concatenate(strokes)
    left, top = np.floor(points.min(axis=0)).astype(int) - margin
    right, bottom = np.ceil(points.max(axis=0)).astype(int) + margin
    patch = np.zeros(((bottom - top) * fine, (right - left) * fine), np.uint8)
    for stroke in strokes:
        place = np.rint((stroke - (left, top)) * fine).astype(int)
        n = len(place)
        pressure = 1 + 0.12 * np.sin(np.linspace(0, rng.uniform(2, 7), n) + rng.uniform(0, 6))
        pressure[-3:] *= (0.95, 0.88, 0.8)  # the pen leaves the paper
        for start, end, press in zip(place[:-1], place[1:], pressure[1:], strict=True):
            width = max(1, round(pen * fine * press))
            cv2.line(patch, start.tolist(), end.tolist(), 255, width, cv2.LINE_AA)
    small = cv2.resize(patch, (right - left, bottom - top), interpolation=cv2.INTER_AREA)
    rows, columns = ink.shape
    y = slice(max(top, 0), min(bottom, rows))
    x = slice(max(left, 0), min(right, columns))
    np.maximum(ink[y, x], small[y.start - top : y.stop - top, x.start - left : x.stop - left], out=ink[y, x])
