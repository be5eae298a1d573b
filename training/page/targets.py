"""What the page network should say of a picture, cell by cell.

A cell is a block of 4x4 pixels. What the network says of it is in `edge.page.CHANNELS`; a lesson holds, for
each head, what is true and how much that counts. The heads for centres are CenterNet's (Zhou, Wang,
Krähenbühl, "Objects as Points", 2019): a Gaussian at each centre, everything else is background.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edge.page import BLOCK, BOX_UNIT
from edge.types import FloatArray

NEAREST, FARTHEST = 10.0, 96.0
"""Pixels: digits of such heights are asked for in one look; lower and higher ones are other looks' to see."""

SMALL = 14.0
"""Pixels: of lower digits the network says that they are seen better from closer."""

UNREADABLE, GIANT = 7.5, 150.0
"""Pixels: what is lower is background to the centres, and so is what is higher; in between nothing is
asked."""

SIGMA = 0.16
"""Standard deviation of a centre's Gaussian, in widths and heights of the box (as the probe of the network
had)."""

LEAST_SIGMA = 0.6
"""The same at least, in cells."""

CORE = 0.5
"""Height of the Gaussian from which on a cell also learns which digit it is, and its box and company."""

TRUTH = (
    ("ink", 16),
    ("ink_weight", 16),
    ("digit", 1),
    ("digit_weight", 1),
    ("label", 10),
    ("writing", 1),
    ("writing_weight", 1),
    ("box", 4),
    ("box_weight", 1),
    ("links", 2),
    ("link_weight", 1),
    ("small", 1),
    ("small_weight", 1),
    ("ways", 4),
)
"""Planes of a lesson and how many channels each has. `label` is one-hot times how much it counts."""


def _slices() -> dict[str, slice]:
    slices, start = {}, 0
    for name, count in TRUTH:
        slices[name] = slice(start, start + count)
        start += count
    return slices


PLANES = _slices()
"""Where each plane is in the truth of a lesson."""

DEPTH = sum(count for _, count in TRUTH)


@dataclass(frozen=True, slots=True)
class SeenDigit:
    """A digit in a lesson: its box in pixels (left, top, right, bottom), and whether its number goes on."""

    box: tuple[float, float, float, float]
    label: int
    left: bool
    right: bool


def draw_truth(
    digits: Sequence[SeenDigit],
    ink: FloatArray,
    ink_weight: FloatArray,
    writing: FloatArray,
    ignore: FloatArray,
    *,
    way: int = 0,
) -> FloatArray:
    """The truth of a lesson.

    Args:
        digits: whole, legible digits.
        ink: blocks, shape (rows, columns, 16), 0 to 1.
        ink_weight: the same shape.
        writing: share of each cell that other writing covers, shape (rows, columns).
        ignore: share of each cell where nothing is asked.
        way: quarter turns that the page has been turned clockwise; turned pages teach nothing else.

    Returns:
        Shape (rows, columns, DEPTH), float32.
    """
    rows, columns = writing.shape
    truth = np.zeros((rows, columns, DEPTH), np.float32)
    inked = (ink.max(axis=-1) > 0.5) | (writing > 0.25)
    truth[..., PLANES["ways"]][..., way] = inked
    if way:
        return truth
    asked = (ignore < 0.25).astype(np.float32)
    small = truth[..., PLANES["small"]][..., 0]
    digit_weight = truth[..., PLANES["digit_weight"]][..., 0]
    truth[..., PLANES["ink"]] = ink
    truth[..., PLANES["ink_weight"]] = ink_weight
    truth[..., PLANES["writing"]][..., 0] = writing > 0.12
    truth[..., PLANES["writing_weight"]][..., 0] = asked
    truth[..., PLANES["small_weight"]][..., 0] = asked
    digit_weight[...] = asked
    for seen in digits:
        left, top, right, bottom = (side / BLOCK for side in seen.box)
        cells = (
            slice(max(0, int(top)), max(1, int(np.ceil(bottom)))),
            slice(max(0, int(left)), max(1, int(np.ceil(right)))),
        )
        height = seen.box[3] - seen.box[1]
        if height < SMALL:
            small[cells] = 1
        if height < NEAREST:
            if height >= UNREADABLE:
                digit_weight[cells] = 0
        elif height > FARTHEST:
            if height < GIANT:
                digit_weight[cells] = 0
            truth[cells][..., PLANES["ink_weight"]] = 0
    for seen in digits:
        height = seen.box[3] - seen.box[1]
        if NEAREST <= height <= FARTHEST:
            _centre(truth, seen)
    return truth


def _centre(truth: FloatArray, seen: SeenDigit) -> None:
    left, top, right, bottom = (side / BLOCK for side in seen.box)
    spot, bump = _bump(truth.shape, left, top, right, bottom, SIGMA)
    if spot is None:
        return
    place = truth[spot]
    digit = place[..., PLANES["digit"]][..., 0]
    mine = bump > digit
    digit[mine] = bump[mine]
    core = mine & (bump >= CORE)
    core[np.unravel_index(bump.argmax(), bump.shape)] = True
    place[..., PLANES["digit_weight"]][core] = 1
    label = place[..., PLANES["label"]]
    label[core] = 0
    label[core, seen.label] = bump[core]
    ys, xs = np.nonzero(core)
    y, x = ys + spot[0].start + 0.5, xs + spot[1].start + 0.5
    # Where a box ends on one side of a cell, never less than half a cell away: logarithms need that.
    distances = np.maximum(np.stack([x - left, y - top, right - x, bottom - y], axis=-1), 0.5) * BLOCK
    place[..., PLANES["box"]][core] = np.log(distances) * BOX_UNIT
    place[..., PLANES["box_weight"]][core, 0] = bump[core]
    place[..., PLANES["links"]][core] = (seen.left, seen.right)
    place[..., PLANES["link_weight"]][core, 0] = bump[core]


def _bump(
    shape: tuple[int, ...], left: float, top: float, right: float, bottom: float, sigma: float
) -> tuple[tuple[slice, slice] | None, FloatArray]:
    """A Gaussian at the middle of a box (in cells) and where it is; its peak cell is exactly 1."""
    rows, columns = shape[:2]
    x, y = (left + right) / 2 - 0.5, (top + bottom) / 2 - 0.5
    wide, high = max(sigma * (right - left), LEAST_SIGMA), max(sigma * (bottom - top), LEAST_SIGMA)
    column, row = round(x), round(y)
    if not (0 <= column < columns and 0 <= row < rows):
        return None, np.zeros((0, 0), np.float32)
    reach_x, reach_y = int(np.ceil(3 * wide)), int(np.ceil(3 * high))
    across = np.arange(max(0, column - reach_x), min(columns, column + reach_x + 1))
    down = np.arange(max(0, row - reach_y), min(rows, row + reach_y + 1))
    bump = np.exp(
        -(((down - row) / high) ** 2)[:, np.newaxis] / 2 - (((across - column) / wide) ** 2)[np.newaxis] / 2
    ).astype(np.float32)
    return (slice(down[0], down[-1] + 1), slice(across[0], across[-1] + 1)), bump
