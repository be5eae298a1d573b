"""Turns pictures: of cameras that hang upside down, of photos that do not say how they were held."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edge.sources.base import SourceOptions
from edge.types import ByteArray, Frame


def turned(frame: Frame, options: SourceOptions) -> Frame:
    """The frame, turned clockwise and then mirrored as the options say."""
    if not options.rotation and not options.mirror:
        return frame
    import cv2  # many times faster than numpy's rot90; but the process that captures has no other need of it

    turns = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}

    def turn(image: ByteArray) -> ByteArray:
        if options.rotation:
            image = np.asarray(cv2.rotate(image, turns[options.rotation]), np.uint8)
        return np.asarray(cv2.flip(image, 1), np.uint8) if options.mirror else image

    return replace(frame, image=turn(frame.image), grey=None if frame.grey is None else turn(frame.grey))
