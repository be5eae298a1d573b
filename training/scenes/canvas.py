"""The canvas: what is seen and what is true, drawn side by side.

Everything is drawn once, straight into the picture's own pixels: points of the plane of the page go through
`Geometry` first, so perspective and bent paper cost no resampling and the truth stays sharp.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar

import cv2
import numpy as np
import numpy.typing as npt

from edge.types import Box, ByteArray, FloatArray
from training.scenes.draws import Random, between, chance, floats, pixels

Colour = tuple[float, float, float]
"""Blue, green, red; 0 to 1, linear in what the paper throws back."""

Role = int
"""What is drawn: a digit's number (1 and up), or one of the following."""
CLUTTER: Role = 0
IGNORE: Role = -1
SCENERY: Role = -2

FAINT = 63
"""Of 255: pixels that a digit covers no more than this belong to no instance."""

Scalar = TypeVar("Scalar", bound=np.generic)

SUBPIXEL = 4  # bits; OpenCV's lines then end at a sixteenth of a pixel


@dataclass(frozen=True, slots=True, eq=False)
class Geometry:
    """Where a point of the page's plane stands in the picture.

    Attributes:
        homography: shape (3, 3): perspective and rotation about the middle of the picture.
        wave: x and y of the direction in which the paper is bent, in radians per pixel.
        phase: of the bend, radians.
        lift: x and y by which the bend moves a point, in pixels.
    """

    homography: FloatArray
    wave: tuple[float, float] = (0.0, 0.0)
    phase: float = 0.0
    lift: tuple[float, float] = (0.0, 0.0)

    def map(self, points: FloatArray) -> FloatArray:
        """Points of the plane, shape (..., 2), to pixels of the picture."""
        flat = np.asarray(points, np.float32).reshape(-1, 2)
        if self.lift != (0.0, 0.0):
            bend = np.sin(flat @ floats(self.wave) + np.float32(self.phase))
            flat = flat + bend[:, None] * floats(self.lift)
        homogeneous = flat @ self.homography[:, :2].T + self.homography[:, 2]
        return (homogeneous[:, :2] / homogeneous[:, 2:]).reshape(np.shape(points)).astype(np.float32)


def draw_geometry(random: Random, rows: int, columns: int, *, flat: bool) -> Geometry:
    """A camera over the page: straight above it when `flat`, else tilted and turned up to 15 degrees."""
    tilt, turn = (
        (0.0, np.deg2rad(random.normal(0, 0.7 if chance(random, 0.7) else 4)))
        if flat
        else (0.2, np.deg2rad(random.normal(0, 5)))
    )
    turn = float(np.clip(turn, -np.pi / 12, np.pi / 12))
    size = max(rows, columns)
    to_middle = np.array([[1, 0, -columns / 2], [0, 1, -rows / 2], [0, 0, 1]])
    rotation = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    lean = np.array(
        [
            [1, between(random, -tilt, tilt) / 2, 0],
            [0, 1, 0],
            [*(random.uniform(-tilt, tilt, 2) / size * 1.5), 1],
        ]
    )
    homography = np.linalg.inv(to_middle) @ lean @ rotation @ to_middle
    if flat or chance(random, 0.6):
        return Geometry(homography.astype(np.float32))
    angle = between(random, 0, np.pi)
    pace = between(random, 1, 5) / size
    lift = random.normal(0, 0.012 * size, 2)
    return Geometry(
        homography.astype(np.float32),
        (pace * float(np.cos(angle)), pace * float(np.sin(angle))),
        between(random, 0, 2 * np.pi),
        (float(lift[0]), float(lift[1])),
    )


@dataclass(slots=True, eq=False)
class Canvas:
    """A scene being drawn.

    Attributes:
        geometry: page to picture.
        colour: shape (rows, columns, 3), float32, BGR 0 to 1: what the things are like under white light.
        ink: coverage by digits, uint8.
        clutter: coverage by writing that is no digit, uint8.
        ignore: where nothing is asked of a reader, uint8.
        instances: number of the digit that a pixel belongs to, uint16, 0 for none.
        ruling: coverage by printed lines and frames, uint8: no paper to compare ink with.
        boxes: of the digits drawn, by their number; clipped to the picture.
        areas: coverage that each digit had when it was drawn, in pixels, also outside the picture.
        conditions: what was drawn, name to strength.
    """

    geometry: Geometry
    colour: FloatArray
    ink: ByteArray
    clutter: ByteArray
    ignore: ByteArray
    instances: npt.NDArray[np.uint16]
    ruling: ByteArray
    boxes: dict[int, Box] = field(default_factory=dict)
    areas: dict[int, float] = field(default_factory=dict)
    conditions: dict[str, float] = field(default_factory=dict)

    @classmethod
    def empty(cls, geometry: Geometry, rows: int, columns: int) -> Canvas:
        """A picture to be painted, in which nothing is true yet."""
        ink, clutter, ignore, ruling = np.zeros((4, rows, columns), np.uint8)
        colour = np.empty((rows, columns, 3), np.float32)
        return cls(geometry, colour, ink, clutter, ignore, np.zeros((rows, columns), np.uint16), ruling)

    @property
    def rows(self) -> int:
        """Height in pixels."""
        return len(self.ink)

    @property
    def columns(self) -> int:
        """Width in pixels."""
        return len(self.ink[0])

    def lay(
        self,
        coverage: ByteArray,
        left: int,
        top: int,
        colour: Colour | FloatArray,
        seen: FloatArray,
        role: Role,
    ) -> None:
        """Lay a piece of ink or a thing on what is there.

        Args:
            coverage: shape (height, width), uint8: the truth, how much of a pixel is covered.
            left: column of its first pixel in the picture; it may stick out.
            top: row of its first pixel.
            colour: of the thing, one for all or shape (height, width, 3).
            seen: opacity, shape (height, width), float32 0 to 1: the truth less gaps, grain and faintness.
            role: a digit's number, or what else it is. `SCENERY` hides the writing below it.
        """
        height, width = coverage.shape
        place = Box(left, top, left + width, top + height)
        inside = place.clipped(self.rows, self.columns)
        if inside.width <= 0 or inside.height <= 0:
            return
        part = inside.moved(-left, -top)
        coverage, shown = part.of(coverage), window(seen, part)[..., None]
        tint = window(colour, part) if isinstance(colour, np.ndarray) else floats(colour)
        below = window(self.colour, inside)
        below += (tint - below) * shown
        if role == SCENERY:
            for mask in (self.ink, self.clutter):
                cut = inside.of(mask)
                np.minimum(cut, 255 - coverage, out=cut)
            window(self.instances, inside)[coverage > 127] = 0
            return
        mask = inside.of(self.ink if role > 0 else self.clutter if role == CLUTTER else self.ignore)
        if role > 0:
            mine = coverage > np.maximum(mask, FAINT)
            window(self.instances, inside)[mine] = role
            left, top, wide, high = cv2.boundingRect((coverage > FAINT).view(np.uint8))
            if wide and high:
                box = Box(left, top, left + wide, top + high).moved(inside.left, inside.top)
                self.boxes[role] = self.boxes[role].union(box) if role in self.boxes else box
        np.maximum(mask, coverage, out=mask)

    def fill(self, points: FloatArray, *, soft: float = 0.0) -> ByteArray:
        """A polygon in the page's plane as a mask of the picture, its edge softened by `soft` pixels."""
        mask = np.zeros((self.rows, self.columns), np.uint8)
        cv2.fillPoly(mask, [fixed(self.geometry.map(points))], 255, cv2.LINE_AA, SUBPIXEL)
        return pixels(cv2.GaussianBlur(mask, (0, 0), soft)) if soft > 0.3 else mask


def window(array: npt.NDArray[Scalar], box: Box) -> npt.NDArray[Scalar]:
    """The part of a picture or a mask of any type inside the box: a view."""
    return array[box.top : box.bottom, box.left : box.right]


def fixed(points: npt.ArrayLike) -> npt.NDArray[np.int32]:
    """Points as OpenCV's drawing wants them: whole numbers of `SUBPIXEL` bits."""
    return np.round(np.clip(floats(points), -3e4, 3e4) * (1 << SUBPIXEL)).astype(np.int32)
