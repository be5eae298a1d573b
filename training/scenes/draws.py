"""Draws from the caller's random generator that the scenes are made of, and the two kinds of array."""

from __future__ import annotations

import functools
from collections.abc import Mapping

import cv2
import numpy as np
import numpy.typing as npt

from edge.types import ByteArray, FloatArray

Random = np.random.Generator

TILE = 512
SHARED = ((12, 12), (1.5, 1.5))
"""Cells of the noise along pen strokes, of which there are hundreds on a page."""


def floats(values: npt.ArrayLike) -> FloatArray:
    """Values as an array of float32; no copy where they are one."""
    return np.asarray(values, np.float32)


def pixels(values: npt.ArrayLike) -> ByteArray:
    """Values as an array of uint8; no copy where they are one."""
    return np.asarray(values, np.uint8)


def chance(random: Random, probability: float) -> bool:
    """True with this probability."""
    return bool(random.random() < probability)


def between(random: Random, low: float, high: float) -> float:
    """Uniform in low..high."""
    return float(random.uniform(low, high))


def log_between(random: Random, low: float, high: float) -> float:
    """Uniform in the logarithm: as many between 10 and 20 as between 100 and 200."""
    return float(np.exp(random.uniform(np.log(low), np.log(high))))


def pick(random: Random, weights: Mapping[str, float]) -> str:
    """One of the names, by its weight."""
    names = list(weights)
    edges = np.cumsum([weights[name] for name in names])
    return names[int(np.searchsorted(edges, random.random() * edges[-1], side="right"))]


def smooth_noise(random: Random, rows: int, columns: int, cells: tuple[float, float]) -> FloatArray:
    """Noise of mean 0 and deviation of about 0.7 that changes over `cells` (rows, columns) pixels.

    Returns:
        Shape (rows, columns), float32.
    """
    tile = _tile(cells) if cells in SHARED and max(rows, columns) <= TILE // 2 else None
    if tile is not None:
        top, left = random.integers(0, (TILE - rows, TILE - columns))
        return tile[top : top + rows, left : left + columns]
    grid = max(2, round(rows / cells[0]) + 1), max(2, round(columns / cells[1]) + 1)
    coarse = random.standard_normal(grid, dtype=np.float32)
    # Cubic shows no cells; where they are as small as pixels nobody can tell, and linear is quicker.
    way = cv2.INTER_CUBIC if min(cells) > 4 else cv2.INTER_LINEAR
    return floats(cv2.resize(coarse, (columns, rows), interpolation=way))


@functools.cache
def _tile(cells: tuple[float, float]) -> FloatArray:
    """Noise that small pieces are cut from: to make each its own costs more than to draw it."""
    grid = round(TILE / cells[0]) + 1, round(TILE / cells[1]) + 1
    coarse = np.random.default_rng(0).standard_normal(grid, dtype=np.float32)
    way = cv2.INTER_CUBIC if min(cells) > 4 else cv2.INTER_LINEAR
    tile = floats(cv2.resize(coarse, (TILE, TILE), interpolation=way))
    tile.flags.writeable = False
    return tile


def draw_colour(random: Random, low: float, high: float) -> tuple[float, float, float]:
    """Any colour: blue, green and red in low..high."""
    blue, green, red = random.uniform(low, high, 3)
    return float(blue), float(green), float(red)
