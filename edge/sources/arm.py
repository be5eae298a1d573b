"""An arm that reaches over the paper, as a camera above it sees it: the project's own drawing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from edge.sources.handwriting import Points
from edge.types import ByteArray, FloatArray

BREADTH = 0.26
"""Of the hand, as a share of the picture's height: two to three digits as the simulated sheets have them."""

_SKINS = ((140, 172, 222), (120, 150, 205), (88, 120, 178), (62, 86, 134), (46, 60, 92))
_SLEEVES = ((120, 96, 70), (60, 60, 66), (70, 70, 150), (200, 205, 210))

_FINGERS = (
    ((0.62, 0.66), (0.58, 1.05), 0.10),
    ((0.44, 0.50), (0.42, 1.00), 0.11),
    ((0.23, 0.40), (0.24, 1.00), 0.12),
    ((-0.36, 0.78), (0.02, 1.25), 0.13),
    ((0.00, 0.11), (0.04, 1.00), 0.11),
)
"""Fingers of a right hand that points up: tip, root and half width in breadths of the hand, x to the right
and y down from the tip of the index finger. The little finger lies lowest and is drawn first."""

_PALM, _WRIST, _CUFF = (0.27, 1.2), 1.6, 2.3  # where they are, in the same measure

_SHADOW = 0.35
"""How much of the light the arm's shadow takes."""


@dataclass(frozen=True, slots=True, eq=False)
class Arm:
    """An arm that comes from below and points up, with its shadow.

    Attributes:
        over: BGR, uint8; what is seen of it, 0 elsewhere.
        keep: (rows, columns, 3), uint8; how much stays of what lies below it, 255 is all.
        hides: (rows, columns), uint8, 255 where nothing is seen of what lies below it, or nearly.
        tip: x and y of the tip of its index finger.
    """

    over: ByteArray
    keep: ByteArray
    hides: ByteArray
    tip: tuple[float, float]

    def map(self, tip: tuple[float, float], angle: float) -> FloatArray:
        """The affine map (2, 3) that puts its tip there, turned to the left by `angle` degrees."""
        turned = cv2.getRotationMatrix2D(self.tip, angle, 1.0)
        turned[:, 2] += np.subtract(tip, self.tip)
        return turned.astype(np.float32)

    def lay_over(self, image: ByteArray, map: FloatArray) -> None:
        """Draw it into a BGR picture."""
        size = image.shape[1], image.shape[0]
        keep = cv2.warpAffine(self.keep, map, size, borderValue=(255, 255, 255))
        cv2.multiply(image, keep, image, 1 / 255)
        cv2.add(image, cv2.warpAffine(self.over, map, size), image)

    def covers(self, points: Points, map: FloatArray) -> bool:
        """Whether it hides any of these points (n, 2) of the picture."""
        back = cv2.invertAffineTransform(map)
        x, y = np.rint(points @ back[:, :2].T + back[:, 2]).astype(int).T
        rows, columns = self.hides.shape
        inside = (x >= 0) & (y >= 0) & (x < columns) & (y < rows)
        return bool(self.hides[y[inside], x[inside]].any())


def draw_arm(rng: np.random.Generator, size: tuple[int, int]) -> Arm:
    """Somebody's arm, long enough to reach across a picture of this width and height in pixels."""
    breadth = BREADTH * size[1] * rng.uniform(0.85, 1.15)
    rows, columns = round(np.hypot(*size) + 2 * breadth), round(2.6 * breadth)
    tip = np.array((1.05, 0.3)) * breadth

    def at(*place: float) -> list[int]:
        x, y = np.rint(tip + np.array(place) * breadth).astype(int).tolist()
        return [x, y]

    colour = np.zeros((rows, columns, 3), np.float32)
    alpha = np.zeros((rows, columns), np.float32)

    def paint(part: npt.NDArray[Any], tint: tuple[int, ...]) -> None:
        """Lay a rounded part over the others: it is darker towards its edges."""
        cover = cv2.GaussianBlur(part, (0, 0), 0.8).astype(np.float32)[..., np.newaxis] / 255
        bright = 0.55 + 0.45 * cv2.GaussianBlur(part, (0, 0), 0.07 * breadth).astype(np.float32) / 255
        shaded = bright[..., np.newaxis] * np.array(tint, np.float32)
        colour[:] += cover * (shaded - colour)
        np.maximum(alpha, cover[..., 0], out=alpha)

    def blank() -> ByteArray:
        return np.zeros((rows, columns), np.uint8)

    skin, sleeve = (kinds[rng.integers(len(kinds))] for kinds in (_SKINS, _SLEEVES))
    end = rows / breadth
    left, right = _PALM[0] - 0.3, _PALM[0] + 0.3
    forearm = np.array([at(left, _WRIST), at(right, _WRIST), at(right + 0.25, end), at(left - 0.25, end)])
    paint(cv2.fillConvexPoly(blank(), forearm, 255, cv2.LINE_AA), skin)
    axes = round(0.47 * breadth), round(0.55 * breadth)
    paint(cv2.ellipse(blank(), at(*_PALM), axes, 0, 0, 360, 255, cv2.FILLED, cv2.LINE_AA), skin)
    for finger, root, radius in _FINGERS:
        paint(cv2.line(blank(), at(*finger), at(*root), 255, round(2 * radius * breadth), cv2.LINE_AA), skin)
    cuff = np.array(
        [at(left - 0.12, _CUFF), at(right + 0.12, _CUFF), at(right + 0.45, end), at(left - 0.45, end)]
    )
    paint(cv2.fillConvexPoly(blank(), cuff, 255, cv2.LINE_AA), sleeve)

    aside = np.array([(1, 0, 0.1 * breadth), (0, 1, 0.1 * breadth)])
    shade = cv2.warpAffine(cv2.GaussianBlur(alpha, (0, 0), 0.06 * breadth), aside, (columns, rows))
    keep = (1 - alpha) * (1 - _SHADOW * shade) * 255
    mirrored = rng.random() < 0.3  # a left hand
    over, keeps, hides = (
        np.ascontiguousarray(plane[:, ::-1] if mirrored else plane)
        for plane in (
            (colour * alpha[..., np.newaxis]).astype(np.uint8),
            np.repeat(keep.astype(np.uint8)[..., np.newaxis], 3, axis=2),
            np.where(alpha > 0.3, 255, 0).astype(np.uint8),
        )
    )
    x, y = float(tip[0]), float(tip[1])
    return Arm(over, keeps, hides, (columns - 1 - x if mirrored else x, y))
