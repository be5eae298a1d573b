"""How well photos are read that were taken worse: turned, faint, dark, noisy, in shadow, as a negative.

    python -m benchmarks.changed_photos path/to/data/real

The folder must have what `training.photos` reads. Each photo is changed in each way and read again; photos in
which nothing should be asked of some places are left out. Prints, for each change and group, the share of
digits misread, unsure, missed or read where there is none, and what was certain and wrong.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from edge import DigitReader
from edge.decode import decode_image
from edge.types import ByteArray
from training.photos import load_photos, tally
from training.pictures import Tally, digits_read

GROUPS = ("photos", "strings_submitty", "negatives")

Change = Callable[[ByteArray, np.random.Generator], ByteArray]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", nargs="+", choices=list(CHANGES), metavar="CHANGE", default=list(CHANGES))
    args = parser.parse_args()
    photos = [p for p in load_photos(args.folder) if p.group in GROUPS and not p.ignored]
    reader = DigitReader(thorough=True)
    print(f"{'':24}" + "".join(f"{group:>26}" for group in GROUPS))
    for name in args.only:
        counts = dict.fromkeys(GROUPS, Tally())
        for number, photo in enumerate(photos):
            image = decode_image(photo.path.read_bytes(), str(photo.path))
            if image.ndim == 2:
                image = cv2.merge([image] * 3)
            changed = CHANGES[name](image, np.random.default_rng([1, number]))
            counts[photo.group] += tally(photo, digits_read(reader.read_image(changed)))
        print(f"{name:24}" + "".join(f"{_words(counts[group]):>26}" for group in GROUPS), flush=True)


def _words(counts: Tally) -> str:
    if not counts.digits:
        return f"{counts.false_digits} false"
    return f"{counts.edits / counts.digits:.1%} / {counts.confident / counts.digits:.1%} wrong"


def turned(degrees: float) -> Change:
    """The camera held askew: whole, with its border drawn out into the corners."""

    def change(image: ByteArray, random: np.random.Generator) -> ByteArray:
        rows, columns = image.shape[:2]
        turn = cv2.getRotationMatrix2D((columns / 2, rows / 2), degrees, 1)
        cosine, sine = np.abs(turn[0, :2])
        size = math.ceil(columns * cosine + rows * sine), math.ceil(columns * sine + rows * cosine)
        turn[:, 2] += (size[0] - columns) / 2, (size[1] - rows) / 2
        return _bytes(cv2.warpAffine(image, turn, size, borderMode=cv2.BORDER_REPLICATE))

    return change


def faint(share: float, noise: float = 0.0) -> Change:
    """So much of the contrast between ink and paper is left, and the sensor's noise, in levels, is added."""

    def change(image: ByteArray, random: np.random.Generator) -> ByteArray:
        side = round(0.12 * min(image.shape[:2])) // 4 | 1
        small = cv2.resize(image, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
        closed = cv2.morphologyEx(small, cv2.MORPH_CLOSE, np.ones((side, side), np.uint8))
        paper = cv2.resize(cv2.blur(closed, (side, side)), image.shape[1::-1]).astype(np.float32)
        return noisy(noise)(_bytes(paper + share * (image - paper)), random)

    return change


def noisy(deviation: float) -> Change:
    """Noise of the sensor, in levels."""
    return lambda image, random: _bytes(image + random.normal(0, deviation, (*image.shape[:2], 1)))


def dark(share: float) -> Change:
    """So much of the light."""
    return lambda image, random: noisy(2)(_bytes(image * share), random)


def blurred(deviation: float) -> Change:
    """Out of focus, in pixels of a picture 1000 wide or high."""
    return lambda image, _: _bytes(cv2.GaussianBlur(image, (0, 0), deviation * max(image.shape) / 1000))


def shadow(depth: float) -> Change:
    """The edge of a shadow through the middle, that takes so much of the light."""

    def change(image: ByteArray, random: np.random.Generator) -> ByteArray:
        rows, columns = image.shape[:2]
        down, across = np.mgrid[:rows, :columns]
        angle = random.uniform(0, np.pi)
        beyond = (across - columns / 2) * np.cos(angle) + (down - rows / 2) * np.sin(angle)
        light = 1 - depth / (1 + np.exp(-np.clip(beyond * 100 / max(rows, columns), -30, 30)))
        return _bytes(image * light[..., np.newaxis])

    return change


def ruled(step: float, depth: float, *, squared: bool = False) -> Change:
    """Lines a pixel wide in a picture 900 wide, that far apart, as a share of the shorter side."""

    def change(image: ByteArray, random: np.random.Generator) -> ByteArray:
        rows, columns = image.shape[:2]
        apart, pen = max(8, round(step * min(rows, columns))), max(1, round(max(rows, columns) / 900))
        left = np.ones((rows, columns), np.float32)
        for k in range(pen):
            left[int(random.integers(apart)) + k :: apart] = 1 - depth
            if squared:
                left[:, int(random.integers(apart)) + k :: apart] = 1 - depth
        return _bytes(image * cv2.GaussianBlur(left, (0, 0), 0.7)[..., np.newaxis])

    return change


def tinted(blue: float, green: float, red: float) -> Change:
    """On coloured paper, or in coloured light."""
    return lambda image, _: _bytes(image * np.array([blue, green, red]))


def sized(longest: int) -> Change:
    """At another size, in pixels."""

    def change(image: ByteArray, random: np.random.Generator) -> ByteArray:
        scale = longest / max(image.shape)
        way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        return _bytes(cv2.resize(image, None, fx=scale, fy=scale, interpolation=way))

    return change


def on_desk(border: float) -> Change:
    """From further away: a mottled desk around it, so many times its size more."""

    def change(image: ByteArray, random: np.random.Generator) -> ByteArray:
        rows, columns = image.shape[:2]
        size = round(rows * (1 + border)), round(columns * (1 + border))
        grain = random.normal(size=(size[0] // 8, size[1] // 8)).astype(np.float32)
        grain = cv2.resize(cv2.GaussianBlur(grain, (0, 0), 3), size[::-1])
        desk = 90 + 18 * grain / grain.std() + random.normal(0, 5, size)
        whole = _bytes(desk[..., np.newaxis] * [0.7, 0.9, 1.1])
        top, left = (size[0] - rows) // 2, (size[1] - columns) // 2
        whole[top : top + rows, left : left + columns] = image
        return whole

    return change


def compressed(quality: int) -> Change:
    """By JPEG."""

    def change(image: ByteArray, random: np.random.Generator) -> ByteArray:
        written = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        return _bytes(cv2.imdecode(written, cv2.IMREAD_COLOR))

    return change


def _bytes(pixels: np.ndarray) -> ByteArray:
    return np.clip(np.rint(pixels), 0, 255).astype(np.uint8)


CHANGES: dict[str, Change] = {
    "as they are": lambda image, _: image,
    "turned by 5 degrees": turned(5),
    "turned by -10 degrees": turned(-10),
    "turned by 15 degrees": turned(15),
    "turned by -20 degrees": turned(-20),
    "negative": lambda image, _: _bytes(255 - image),
    "faint, 40 %": faint(0.4),
    "faint, 20 %": faint(0.2),
    "faint and noisy": faint(0.25, 6),
    "noisy": noisy(15),
    "very noisy": noisy(30),
    "dark": dark(0.25),
    "blurred": blurred(3),
    "in half a shadow": shadow(0.5),
    "in half a dark shadow": shadow(0.75),
    "ruled": ruled(0.1, 0.3),
    "squared": ruled(0.06, 0.25, squared=True),
    "squared, dark lines": ruled(0.06, 0.5, squared=True),
    "yellow": tinted(0.5, 0.95, 1),
    "blue": tinted(0.9, 0.7, 0.45),
    "640 pixels": sized(640),
    "3500 pixels": sized(3500),
    "JPEG of quality 10": compressed(10),
    "on a desk": on_desk(0.6),
    "on a desk, far away": on_desk(2),
}
"""What may happen to a photo."""


if __name__ == "__main__":
    main()
