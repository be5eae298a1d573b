"""Glyphs -> Predictions: what is not clear at once is looked at again, slanted to either side.

A digit stays what it is when it is written with another slant; what only looks like one from one side does
not. (Test-time augmentation, as in Krizhevsky et al., "ImageNet Classification with Deep Convolutional Neural
Networks", 2012, where the network is asked about crops of a picture.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import cv2
import numpy as np

from edge.preprocess import CENTRE, to_glyph
from edge.types import ByteArray, FloatArray, Glyph, Prediction

UNCLEAR = 0.3, 0.9
"""Confidence from which on, and below which, another look may change something."""

SLANTS = -0.2, 0.2
"""Pixels to the right for each further down."""

SMALLEST = 1e-6
"""Stands for a probability of 0, whose logarithm nothing could ever make good again."""

Classify = Callable[[Sequence[Glyph]], list[Prediction]]
"""What the network says of glyphs."""


def name(glyphs: Sequence[Glyph] | ByteArray, classify: Classify) -> list[Prediction]:
    """What glyphs are.

    Args:
        glyphs: as `to_glyph` makes them.
        classify: of a network that knows digits.

    Returns:
        One prediction for each: where it is not clear, the mean of three looks.
    """
    named = classify(list(glyphs))
    lowest, clear = UNCLEAR
    unclear = [k for k, prediction in enumerate(named) if lowest <= prediction.confidence < clear]
    again = iter(classify([to_glyph(_slanted(glyphs[k], slant)) for k in unclear for slant in SLANTS]))
    for k in unclear:
        looks = [named[k], *(next(again) for _ in SLANTS)]
        named[k] = Prediction(fuse(np.log(np.maximum(look.probabilities, SMALLEST)) for look in looks))
    return named


def fuse(votes: Iterable[FloatArray]) -> FloatArray:
    """Probabilities from those of several looks at the same: their geometric mean.

    Looks at one number are anything but independent: their product would be far too sure of itself.

    Args:
        votes: logarithms of probabilities, each of shape (..., 10).

    Returns:
        The same shape, float32, the sum over the last axis is 1.
    """
    powers = np.exp(np.mean(list(votes), axis=0))
    probabilities: FloatArray = (powers / powers.sum(axis=-1, keepdims=True)).astype(np.float32)
    return probabilities


def _slanted(glyph: Glyph, slant: float) -> ByteArray:
    shear = np.array([[1, slant, -slant * CENTRE], [0, 1, 0]])
    return np.asarray(cv2.warpAffine(glyph, shear, glyph.shape[::-1]), np.uint8)
