"""Fifteen ways to spoil a digit that people still read, after MNIST-C.

The kinds, and how strong each is, are those of the benchmark (Mu, Gilmer, "MNIST-C: A Robustness Benchmark
for Computer Vision", 2019); they are drawn anew here, so that figures are near the published ones but not the
same. Nothing is framed again afterwards: as in the benchmark, the network gets the spoiled picture as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import cv2
import numpy as np
import numpy.typing as npt

from edge.preprocess import GLYPH_SIZE
from edge.types import ByteArray, FloatArray
from training.scenes.draws import Random, floats, pixels

Corruption = Callable[[FloatArray, Random], FloatArray]
"""Takes and gives pictures, shape (n, 28, 28), 0 (paper) to 1 (ink); what it gives may lie beyond."""

MIDDLE = (GLYPH_SIZE - 1) / 2
_PLACES = np.arange(GLYPH_SIZE, dtype=np.float32)

LINE_WIDTH = 1.5
"""Pixels from the middle of a drawn line to where it has faded."""


def corrupt(kind: str, glyphs: ByteArray, seed: int = 0) -> ByteArray:
    """A spoiled copy of each glyph; the same seed spoils them the same way.

    Args:
        kind: one of `CORRUPTIONS`.
        glyphs: shape (n, 28, 28), uint8, white ink on black.
        seed: of all chance.
    """
    random = np.random.default_rng([seed, list(CORRUPTIONS).index(kind)])
    pictures = CORRUPTIONS[kind](floats(glyphs) / np.float32(255), random)
    return pixels(cv2.convertScaleAbs(pictures.clip(0, 1), alpha=255))


def shot_noise(pictures: FloatArray, random: Random) -> FloatArray:
    """Too little light: each pixel counts photons, 3 where it is white."""
    photons = 3
    return floats(random.poisson(pictures * photons) / photons)


def impulse_noise(pictures: FloatArray, random: Random) -> FloatArray:
    """Dead pixels: 17 in a hundred are black or white."""
    amount = 0.17
    chance = random.random(pictures.shape, np.float32)
    return floats(np.where(chance < amount, chance < amount / 2, pictures))


def glass_blur(pictures: FloatArray, random: Random) -> FloatArray:
    """Frosted glass: blurred, half of the pixels show a neighbour, twice over, and blurred again."""
    sigma, passes = 0.7, 2
    which, row, column = np.ogrid[: len(pictures), :GLYPH_SIZE, :GLYPH_SIZE]
    pictures = _blurred(pictures, sigma)
    for _ in range(passes):
        moved = random.random(pictures.shape, np.float32) < 0.5
        down, right = (random.integers(-1, 2, pictures.shape) * moved for _ in range(2))
        last = GLYPH_SIZE - 1
        pictures = pictures[which, (row + down).clip(0, last), (column + right).clip(0, last)]
    return _blurred(pictures, sigma)


def motion_blur(pictures: FloatArray, random: Random) -> FloatArray:
    """The camera moved, within 45 degrees of level: ink leaves a trail that fades over some 6 pixels."""
    length, fade = 10, 3.0
    side = 2 * length + 1
    steps = np.linspace(0, length, 4 * length + 1)
    weights = np.exp(-(steps**2) / (2 * fade**2))
    kernels = []
    for angle in np.radians(np.arange(-45, 46)):
        columns, rows = (np.rint(length + steps * way(angle)).astype(int) for way in (np.cos, np.sin))
        kernel = np.bincount(rows * side + columns, weights, side * side).reshape(side, side)
        kernels.append(kernel / kernel.sum())
    turns = random.integers(0, len(kernels), len(pictures))
    blurred = [
        cv2.filter2D(picture, -1, kernels[turn], borderType=cv2.BORDER_CONSTANT)
        for picture, turn in zip(pictures, turns, strict=True)
    ]
    return floats(blurred)


def shear(pictures: FloatArray, random: Random) -> FloatArray:
    """Slanted by 0.4 pixels a row, to either side."""
    slants = 0.4 * _sides(random, len(pictures))
    return _warped(pictures, [((1, slant), (0, 1)) for slant in slants])


def scale(pictures: FloatArray, random: Random) -> FloatArray:
    """Seven tenths of the size."""
    return _warped(pictures, [((0.7, 0), (0, 0.7))] * len(pictures))


def rotate(pictures: FloatArray, random: Random) -> FloatArray:
    """Turned by 0.4 radians (23 degrees), to either side."""
    turns = 0.4 * _sides(random, len(pictures))
    return _warped(
        pictures, [((np.cos(turn), -np.sin(turn)), (np.sin(turn), np.cos(turn))) for turn in turns]
    )


def brightness(pictures: FloatArray, random: Random) -> FloatArray:
    """Brighter by one half: what was black is grey."""
    return floats(pictures + 0.5)


def translate(pictures: FloatArray, random: Random) -> FloatArray:
    """Off its place by 3 pixels, across and down."""
    shifts = 3 * np.stack([_sides(random, len(pictures)), _sides(random, len(pictures))], axis=1)
    return _warped(pictures, [((1, 0), (0, 1))] * len(pictures), shifts)


def stripe(pictures: FloatArray, random: Random) -> FloatArray:
    """The left and the right quarter inverted: a black stripe between white ones."""
    striped = pictures.copy()
    for part in (np.s_[:, :, : GLYPH_SIZE // 4], np.s_[:, :, -(GLYPH_SIZE // 4) :]):
        striped[part] = 1 - striped[part]
    return striped


def fog(pictures: FloatArray, random: Random) -> FloatArray:
    """Three parts of fog to one of picture: octaves of noise, each 1.4 times as strong as the next finer."""
    density, decay = 3.0, 1.4
    cloud = np.full(pictures.shape, 0.5, np.float32)
    for octave, cell in enumerate((256, 128, 64, 32, 16, 8, 4, 2)):
        points = GLYPH_SIZE // cell + 2
        # Row by row of the picture: how much of each point of the coarse grid, between which it is linear.
        mix = np.maximum(0, 1 - np.abs(_PLACES[:, np.newaxis] / cell - np.arange(points, dtype=np.float32)))
        noise = random.standard_normal((len(pictures), points, points), np.float32)
        # 0.15: all octaves together then stay within 0 to 1, but for one pixel in 150.
        cloud += np.float32(0.15 * decay**-octave) * (mix @ noise @ mix.T)
    return floats((pictures + density * cloud.clip(0, 1)) / (1 + density))


def spatter(pictures: FloatArray, random: Random) -> FloatArray:
    """Blots of dark grey mud over the digit."""
    drops = _blurred(random.standard_normal(pictures.shape, np.float32), 1.0) > 0
    cover = _blurred(drops.astype(np.float32), 1.5)
    cover[cover < 0.8] = 0
    return floats((1 - cover) * pictures + 0.25 * cover)


def dotted_line(pictures: FloatArray, random: Random) -> FloatArray:
    """A dashed line from side to side, two pixels on and two off."""
    start, end = random.integers(0, GLYPH_SIZE - 1, (2, len(pictures), 1, 1)).astype(np.float32)
    slope = (end - start) / (GLYPH_SIZE - 1)
    off = np.abs(_PLACES[:, np.newaxis] - start - slope * _PLACES)
    shown = _PLACES // 2 % 2 == 1
    return floats(np.maximum(pictures, shown * _line(off / np.hypot(1, slope))))


def zigzag(pictures: FloatArray, random: Random) -> FloatArray:
    """A zigzag line, two pixels high and eight from tooth to tooth, nearly from side to side."""
    height, period, left, right = 2, 8, 2, 25
    start = random.integers(0, GLYPH_SIZE - 1, (len(pictures), 1, 1)).astype(np.float32)
    slope = np.arctan(random.integers(-5, 5, start.shape).astype(np.float32) / (right - left))
    x, y = _PLACES - left, _PLACES[:, np.newaxis] - start
    along, across = np.cos(slope) * x + np.sin(slope) * y, np.cos(slope) * y - np.sin(slope) * x
    phase = (along / period + 0.25) % 1
    tooth = height * (4 * np.abs(phase - 0.5) - 1)
    off = np.abs(across - tooth) / np.hypot(1, 4 * height / period)
    shown = (x >= 0) & (x <= right - left)
    return floats(np.maximum(pictures, shown * _line(off)))


def canny_edges(pictures: FloatArray, random: Random) -> FloatArray:
    """Only the outlines that Canny's detector finds after a blur of one pixel."""
    smooth = np.rint(255 * _blurred(pictures, 1.0)).astype(np.uint8)
    return floats([cv2.Canny(picture, 50, 100) for picture in smooth]) / np.float32(255)


CORRUPTIONS: Mapping[str, Corruption] = {
    "shot noise": shot_noise,
    "impulse noise": impulse_noise,
    "glass blur": glass_blur,
    "motion blur": motion_blur,
    "shear": shear,
    "scale": scale,
    "rotate": rotate,
    "brightness": brightness,
    "translate": translate,
    "stripe": stripe,
    "fog": fog,
    "spatter": spatter,
    "dotted line": dotted_line,
    "zigzag": zigzag,
    "canny edges": canny_edges,
}
"""The fifteen kinds by name; their order is part of the seed."""


def _sides(random: Random, count: int) -> npt.NDArray[np.int64]:
    """-1 or 1 for each, shape (count,)."""
    return 2 * random.integers(0, 2, count) - 1


def _warped(
    pictures: FloatArray,
    matrices: list[tuple[tuple[float, float], tuple[float, float]]],
    shifts: npt.NDArray[np.int64] | None = None,
) -> FloatArray:
    """Each picture under its own matrix, around its middle, then shifted by (x, y) pixels."""
    out = np.empty_like(pictures)
    moves = np.zeros((len(pictures), 2)) if shifts is None else shifts
    for picture, warped, matrix, move in zip(pictures, out, np.array(matrices), moves, strict=True):
        offset = MIDDLE - matrix @ (MIDDLE, MIDDLE) + move
        cv2.warpAffine(picture, np.column_stack([matrix, offset]), (GLYPH_SIZE, GLYPH_SIZE), warped)
    return out


def _blurred(pictures: FloatArray, sigma: float) -> FloatArray:
    """Gaussian blur of this many pixels; what lies beyond the border does not count."""
    weights = np.exp(-((_PLACES[:, np.newaxis] - _PLACES) ** 2) / (2 * sigma**2))
    weights /= weights.sum(axis=1, keepdims=True)
    return floats(weights @ pictures @ weights.T)


def _line(off: FloatArray) -> FloatArray:
    """How white a line is this many pixels off its middle."""
    return floats((1 - off / LINE_WIDTH).clip(0, 1))
