"""Ink made by hand, for tests of the road by ink."""

import cv2
import numpy as np
from samples import prediction

from edge.by_ink.pieces import Ink, Marked
from edge.types import Box


def dark(grey: np.ndarray) -> Marked:
    """A marker for clean pictures: all that is dark is ink."""
    return Marked(np.where(grey < 128, 255, 0).astype(np.uint8))


def inked(pixels):
    """The weight of ink that the marker is sure of."""
    return float(pixels.sum() / 255)


def touching_zeros():
    """Two ovals that share a little ink."""
    pixels = np.zeros((60, 84), np.uint8)
    for x in (21, 63):
        cv2.ellipse(pixels, (x, 30), (19, 27), 0, 0, 360, 255, 5)
    return Ink(Box(200, 100, 284, 160), pixels, inked(pixels))


def by_width(answers, otherwise=(3, 0.1)):
    """A classifier that goes by how wide ink is: {(least, most): (label, confidence)}."""

    def name(inks):
        return [
            prediction(
                *next(
                    (said for (least, most), said in answers.items() if least <= ink.box.width <= most),
                    otherwise,
                )
            )
            for ink in inks
        ]

    return name
