"""Distortions of handwriting: each digit as another hand, pen and camera might have left it.

A digit is enlarged, distorted, and taken back to 28x28 by edge's own `to_glyph`, so that the network learns
the form that the camera path hands it.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from edge.preprocess import GLYPH_SIZE, to_glyph
from edge.types import ByteArray, FloatArray

ENLARGE = 2
CANVAS = (GLYPH_SIZE + 4) * ENLARGE  # room for a digit that grows when it is turned and sheared
EDGE_GAIN = ENLARGE  # enlarging widens the grey edge of a stroke; this makes it as steep as before
FAINT = 60  # grey levels; fainter ink would enlarge the box that `to_glyph` scales to 20x20, by 4 %
_PEN = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))


@dataclass(frozen=True, slots=True)
class Distortion:
    """How far `distort` may go. Lengths are in pixels of the 28x28 glyph, shares from 0 to 1.

    Attributes:
        untouched: share of digits that stay as they are.
        rotation: degrees, to either side.
        shear: sideways shift per unit of height, to either side.
        stretch: natural logarithm of width against height, to either side.
        waves: standard deviation of the elastic displacement at each of `knots` x `knots` points.
        knots: points along a side; in between, the elastic displacement is interpolated.
        edge: grey levels at which the edge of a stroke is taken, lowest and highest: thick and thin ink.
        pen: share of digits whose strokes grow or shrink by up to half a pixel a side.
        shift: share of digits that end up to one pixel off their place.
        blur: share of digits that are out of focus.
        fade: share of digits that lose contrast.
    """

    untouched: float = 0.1
    rotation: float = 12.0
    shear: float = 0.2
    stretch: float = 0.15
    waves: float = 0.8
    knots: int = 6
    edge: tuple[float, float] = (60, 140)
    pen: float = 0.15
    shift: float = 0.15
    blur: float = 0.05
    fade: float = 0.05


MILD = Distortion()


def distort(glyphs: ByteArray, rng: np.random.Generator, how: Distortion = MILD) -> ByteArray:
    """A distorted copy of each glyph.

    Args:
        glyphs: shape (n, 28, 28), uint8, white ink on black.
        rng: where chance comes from: the same state gives the same glyphs.
        how: how far to go.

    Returns:
        Shape (n, 28, 28), uint8.
    """
    count = len(glyphs)
    distorted = glyphs.copy()
    columns, rows = _displaced(count, rng, how)
    edges = rng.uniform(*how.edge, count)
    chances = rng.random((count, 5))
    strengths = rng.random((count, 3))
    shifts = rng.integers(-1, 2, (count, 2))
    for i in np.flatnonzero(chances[:, 0] >= how.untouched):
        ink = cv2.remap(glyphs[i], columns[i], rows[i], cv2.INTER_CUBIC)
        if chances[i, 1] < how.pen:
            other = cv2.dilate(ink, _PEN) if chances[i, 1] < how.pen / 2 else cv2.erode(ink, _PEN)
            ink = cv2.addWeighted(other, strengths[i, 0], ink, 1 - strengths[i, 0], 0)
        ink = cv2.addWeighted(ink, EDGE_GAIN, ink, 0, (1 - EDGE_GAIN) * edges[i])
        glyph = to_glyph(cv2.threshold(ink, FAINT, 0, cv2.THRESH_TOZERO)[1])
        if chances[i, 2] < how.shift:
            glyph = np.roll(glyph, shifts[i], axis=(0, 1))
        if chances[i, 3] < how.blur:
            glyph[:] = cv2.GaussianBlur(glyph, (3, 3), 0.3 + 0.4 * strengths[i, 1])
        if chances[i, 4] < how.fade:
            glyph[:] = cv2.convertScaleAbs(glyph, alpha=0.7 + 0.3 * strengths[i, 2])
        distorted[i] = glyph
    return distorted


def _displaced(count: int, rng: np.random.Generator, how: Distortion) -> tuple[FloatArray, FloatArray]:
    """Columns and rows of the glyph where each pixel of the canvas comes from: (count, CANVAS, CANVAS)."""
    angle = np.radians(rng.uniform(-how.rotation, how.rotation, count))
    shear = rng.uniform(-how.shear, how.shear, count)
    stretch = np.exp(rng.uniform(-how.stretch, how.stretch, count) / 2)
    cos, sin = np.cos(angle), np.sin(angle)
    # Along a side of the canvas: the cubic interpolation between the knots, the place, and a constant. What
    # is looked up is linear in each of them, so that one product of matrices holds elastic and affine both.
    knots = slice(how.knots)
    place, constant = how.knots, how.knots + 1
    side = np.ones((CANVAS, how.knots + 2), np.float32)
    side[:, knots] = cv2.resize(np.eye(how.knots), (how.knots, CANVAS), interpolation=cv2.INTER_CUBIC)
    side[:, place] = (np.arange(CANVAS) - (CANVAS - 1) / 2) / ENLARGE  # pixels of the glyph from its middle
    # Axes: digit, column or row that is looked up, down the canvas, across it.
    weights = np.zeros((count, 2, how.knots + 2, how.knots + 2), np.float32)
    weights[:, :, knots, knots] = rng.normal(0, how.waves, (count, 2, how.knots, how.knots))
    weights[:, :, constant, constant] = (GLYPH_SIZE - 1) / 2
    # Rotation times shear times stretch.
    weights[:, 0, constant, place] = cos * stretch
    weights[:, 0, place, constant] = (cos * shear - sin) / stretch
    weights[:, 1, constant, place] = sin * stretch
    weights[:, 1, place, constant] = (sin * shear + cos) / stretch
    where: FloatArray = np.asarray(side @ weights @ side.T, np.float32)
    return where[:, 0], where[:, 1]
