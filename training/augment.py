"""Distortions of handwriting: each digit as another hand, pen and camera might have left it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from edge.preprocess import GLYPH_SIZE, to_glyph
from edge.types import ByteArray, FloatArray, Glyph

FAINT = 30
"""Grey levels; fainter ink, which interpolation leaves around strokes, would enlarge the box."""

_PEN = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))


@dataclass(frozen=True, slots=True)
class Distortion:
    """How far `distort` may go. Lengths are in pixels of the 28x28 glyph, shares from 0 to 1.

    Attributes:
        untouched: share of digits that stay as they are.
        rotation: degrees, to either side.
        shear: sideways shift per unit of height, to either side.
        stretch: natural logarithm of width against height, to either side.
        zoom: natural logarithm of the size, to either side.
        shift: off its place, in both directions, to either side.
        waves: standard deviation of the elastic displacement at each of `knots` x `knots` points.
        knots: points along a side; in between, the elastic displacement is interpolated.
        framed: share of digits that edge's `to_glyph` brings back to their size and place; the others stay
            off it, as a badly segmented digit is.
        pen: share of digits whose strokes grow or shrink by up to a pixel a side.
        blur: share of digits that are out of focus.
        fade: share of digits that lose contrast.
        spoiled: share of digits that something is laid over, or that lose their body: see `SPOILS`.
    """

    untouched: float = 0.1
    rotation: float = 10.0
    shear: float = 0.15
    stretch: float = 0.12
    zoom: float = 0.12
    shift: float = 2.0
    waves: float = 0.5
    knots: int = 5
    framed: float = 0.4
    pen: float = 0.1
    blur: float = 0.03
    fade: float = 0.03
    spoiled: float = 0.12


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
    columns, rows = displaced(count, (GLYPH_SIZE, GLYPH_SIZE), rng, how)
    chances = rng.random((count, 5))
    strengths = rng.random((count, 3))
    for i in np.flatnonzero(chances[:, 0] >= how.untouched):
        glyph = np.asarray(cv2.remap(glyphs[i], columns[i], rows[i], cv2.INTER_CUBIC), np.uint8)
        if chances[i, 1] < how.pen:
            other = cv2.dilate(glyph, _PEN) if chances[i, 1] < how.pen / 2 else cv2.erode(glyph, _PEN)
            glyph[:] = cv2.addWeighted(other, strengths[i, 0], glyph, 1 - strengths[i, 0], 0)
        if chances[i, 2] < how.framed:
            glyph = to_glyph(np.asarray(cv2.threshold(glyph, FAINT, 0, cv2.THRESH_TOZERO)[1], np.uint8))
        if chances[i, 3] < how.blur:
            glyph[:] = cv2.GaussianBlur(glyph, (3, 3), 0.3 + 0.4 * strengths[i, 1])
        if chances[i, 4] < how.fade:
            glyph[:] = cv2.convertScaleAbs(glyph, alpha=0.7 + 0.3 * strengths[i, 2])
        distorted[i] = glyph
    for i in np.flatnonzero(rng.random(count) < how.spoiled):
        distorted[i] = SPOILS[rng.integers(len(SPOILS))](distorted[i], rng)
    return distorted


def _veil(glyph: Glyph, rng: np.random.Generator) -> Glyph:
    """Behind mist, which is thicker here and thinner there, or in a light that leaves nothing black."""
    patches = int(rng.integers(1, 6))
    mist = rng.uniform(0, 255, (patches, patches)) if rng.random() < 0.6 else np.full((1, 1), 255.0)
    wide = cv2.resize(mist, (GLYPH_SIZE, GLYPH_SIZE), interpolation=cv2.INTER_LINEAR)
    if rng.random() < 0.4:
        return np.clip(glyph + wide * rng.uniform(0.2, 0.6), 0, 255).astype(np.uint8)
    left = rng.uniform(0.2, 1)
    return (left * glyph + (1 - left) * wide).astype(np.uint8)


def _speckle(glyph: Glyph, rng: np.random.Generator) -> Glyph:
    """Some pixels are black or white, whatever they should be."""
    chance, share = rng.random(glyph.shape), rng.uniform(0.02, 0.25)
    return np.where(chance < share, np.where(chance < share / 2, 0, 255), glyph).astype(np.uint8)


def _strike(glyph: Glyph, rng: np.random.Generator) -> Glyph:
    """Crossed by a line with some corners, whole or broken."""
    corners = np.stack([np.linspace(0, GLYPH_SIZE - 1, int(rng.integers(2, 9)))] * 2, axis=1)
    corners[:, 1] = np.interp(corners[:, 0], [0, GLYPH_SIZE - 1], rng.uniform(2, GLYPH_SIZE - 2, 2))
    corners[1:-1, 1] += rng.normal(0, 2, len(corners) - 2)
    line = np.zeros_like(glyph)
    cv2.polylines(
        line, [np.round(corners).astype(np.int32)], False, 255, int(rng.integers(1, 3)), cv2.LINE_AA
    )
    if rng.random() < 0.5:
        line[:, np.arange(GLYPH_SIZE) // int(rng.integers(1, 4)) % 2 == 0] = 0
    return np.maximum(glyph, line)


def _outline(glyph: Glyph, rng: np.random.Generator) -> Glyph:
    """Only the borders of the strokes are left."""
    smooth = cv2.GaussianBlur(glyph, (0, 0), rng.uniform(0.6, 1.2))
    return np.asarray(cv2.Canny(smooth, 50, rng.uniform(80, 150)), np.uint8)


def _invert(glyph: Glyph, rng: np.random.Generator) -> Glyph:
    """Bands from top to bottom, or side to side, show black for white."""
    spoiled, width = glyph.copy(), int(rng.integers(3, 10))
    bands = [slice(width), slice(-width, None)][: int(rng.integers(1, 3))]
    for band in bands:
        spoiled[:, band] = 255 - spoiled[:, band]
    return spoiled if rng.random() < 0.8 else np.ascontiguousarray(255 - spoiled)


SPOILS: tuple[Callable[[Glyph, np.random.Generator], Glyph], ...] = (
    _veil,
    _veil,
    _speckle,
    _strike,
    _outline,
    _invert,
)
"""What is laid over digits; mist twice, as it comes in most forms."""


def displaced(
    count: int, shape: tuple[int, int], rng: np.random.Generator, how: Distortion
) -> tuple[FloatArray, FloatArray]:
    """Where each pixel of distorted pictures is taken from, for `cv2.remap`.

    Args:
        count: of the pictures.
        shape: rows and columns of each; lengths are in its pixels.
        rng: where chance comes from.
        how: how far to go: its rotation, shear, stretch, zoom, shift, waves and knots.

    Returns:
        Columns and rows, each of shape (count, rows, columns).
    """
    angle = np.radians(rng.uniform(-how.rotation, how.rotation, count))
    shear = rng.uniform(-how.shear, how.shear, count)
    stretch = np.exp(rng.uniform(-how.stretch, how.stretch, count) / 2)
    zoom = np.exp(rng.uniform(-how.zoom, how.zoom, count))
    cos, sin = np.cos(angle) * zoom, np.sin(angle) * zoom
    # What is looked up is linear in each of what a side holds, so that one product of matrices holds elastic
    # and affine both.
    knots = slice(how.knots)
    place, constant = how.knots, how.knots + 1
    down, across = (_side(length, how.knots) for length in shape)
    middle = (np.array(shape[::-1]) - 1) / 2
    # Axes: picture, column or row that is looked up, down the picture, across it.
    weights = np.zeros((count, 2, how.knots + 2, how.knots + 2), np.float32)
    weights[:, :, knots, knots] = rng.normal(0, how.waves, (count, 2, how.knots, how.knots))
    weights[:, :, constant, constant] = middle + rng.uniform(-how.shift, how.shift, (count, 2))
    # Rotation times shear times stretch.
    weights[:, 0, constant, place] = cos * stretch
    weights[:, 0, place, constant] = (cos * shear - sin) / stretch
    weights[:, 1, constant, place] = sin * stretch
    weights[:, 1, place, constant] = (sin * shear + cos) / stretch
    where: FloatArray = np.asarray(down @ weights @ across.T, np.float32)
    return where[:, 0], where[:, 1]


def _side(length: int, knots: int) -> FloatArray:
    """Along a side of a picture: the cubic interpolation between the knots, the place, and a constant."""
    side = np.ones((length, knots + 2), np.float32)
    side[:, :knots] = cv2.resize(np.eye(knots), (knots, length), interpolation=cv2.INTER_CUBIC)
    side[:, knots] = np.arange(length) - (length - 1) / 2  # pixels from the middle
    return side
