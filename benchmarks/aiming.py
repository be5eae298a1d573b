"""From where on digits read well: by height, blur, contrast, glare and tilt; and how well each is measured.

    python -m benchmarks.aiming path/to/data

Draws pages of numbers in hands that the networks have not learned from, each with one thing made worse and
the rest as it should be, and reads them by the page network. For each step it prints the share of the digits
that are read right and shown, the share that is shown and wrong, and what `edge.aim` measures: the median of
the pages, and the 10th and 90th percentile. `edge.aim.LIMITS` and docs/aiming.md hold what comes out.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from edge import DigitReader
from edge.aim import Aim, measure
from edge.types import UNSURE, Box, ByteArray, FloatArray
from training.pictures import Outcome, compare, digits_read
from training.scenes import GlyphBank, load_bank, paper
from training.scenes.canvas import Canvas, Geometry
from training.scenes.draws import Random, floats
from training.scenes.ink import draw_pen, write
from training.scenes.layout import draw_hand, write_number

ROWS, COLUMNS = 480, 640
PAPER, INK = 0.92, 0.13
LIGHT = 0.8
"""What the camera makes of white, as a share of its full scale."""

NOISE = 2.5
"""Of the sensor, grey levels."""

HEIGHTS = (8, 10, 12, 14, 16, 18, 20, 24, 28, 32, 40, 48, 64, 96, 160)
BLURS = (0.0, 0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.08, 0.1, 0.12)
"""Standard deviation of the blur, as a share of the digits' height."""

BLURRED = (24, 40, 80)
CONTRASTS = (0.8, 0.4, 0.3, 0.2, 0.15, 0.1, 0.08, 0.06, 0.04)
GLARES = (0.0, 0.005, 0.01, 0.02, 0.05, 0.1)
TILTS = (0, 5, 10, 15, 20, 25, 30, 35)
USUAL = 40
MOST = 30
"""Digits on a page."""


Shoot = Callable[["Page", Random], ByteArray]


@dataclass(frozen=True, slots=True, eq=False)
class Page:
    """A page as it is: reflectance, shape (rows, columns), float32, 0 to 1; and its digits.

    Attributes:
        paper: the picture.
        digits: label and box of each.
        cut: boxes of those that reach out of the picture, which are not asked for.
    """

    paper: FloatArray
    digits: list[tuple[str, Box]]
    cut: list[Box]


def exposed(light: FloatArray, random: Random) -> ByteArray:
    """What the sensor makes of this much light, 0 to 1, and its noise."""
    levels = 255 * LIGHT * light + random.normal(0, NOISE, light.shape)
    return np.clip(np.rint(levels), 0, 255).astype(np.uint8)


def sharp(page: Page, random: Random) -> ByteArray:
    """The camera's picture of a page as it is."""
    return exposed(page.paper, random)


def blurred(sigma: float, page: Page, random: Random) -> ByteArray:
    """With a Gaussian blur of this standard deviation, pixels."""
    return exposed(floats(cv2.GaussianBlur(page.paper, (0, 0), sigma)) if sigma else page.paper, random)


def faint(contrast: float, page: Page, random: Random) -> ByteArray:
    """With ink that stands out from the paper by this share of its brightness."""
    share = contrast / (1 - INK / PAPER)
    return exposed(PAPER + (page.paper - PAPER) * np.float32(share), random)


def glaring(share: float, page: Page, random: Random) -> ByteArray:
    """With a lamp's reflection somewhere on it that saturates about this share of the picture."""
    if not share:
        return sharp(page, random)
    radius = np.sqrt(share * ROWS * COLUMNS / np.pi)
    x, y = random.uniform(0.2, 0.8, 2) * (COLUMNS, ROWS)
    down, across = np.mgrid[:ROWS, :COLUMNS]
    away = np.hypot(down - y, across - x) / radius
    return exposed(page.paper + floats(1.5 / (1 + away**4)), random)


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """Pages of one kind, and the measurement that should tell what is wrong with them."""

    name: str
    measured: str
    shoot: Shoot = sharp
    height: int = USUAL
    tilt: float = 0.0


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pages", type=int, default=40, help="for each step (%(default)s)")
    parser.add_argument("--only", default="", metavar="NAME", help="steps whose name begins so")
    options = parser.parse_args()
    bank, reader = load_bank(options.folder, "test"), DigitReader()
    for step in (step for step in steps() if step.name.startswith(options.only)):
        outcomes: list[Outcome] = []
        aims: list[Aim] = []
        for number in range(options.pages):
            page = draw_page(np.random.default_rng([3, step.height, number]), bank, step.height, step.tilt)
            picture = step.shoot(page, np.random.default_rng([4, step.height, number]))
            result = reader.read_image(picture)
            outcomes += [
                each
                for each in compare(page.digits, digits_read(result))
                if each.truth or not any(each.box.intersection(box).area for box in page.cut)
            ]
            aims.append(measure(picture, result.readings))
        digits = sum(bool(each.truth) for each in outcomes)
        right = sum(bool(each.truth) and each.right for each in outcomes)
        wrong = sum(not each.right and each.read not in ("", UNSURE) for each in outcomes)
        measured = ", ".join(f"{name} {_spread(aims, name)}" for name in ("height", step.measured))
        print(f"{step.name:28}{right / digits:8.1%}{wrong / digits:8.2%}   {measured}", flush=True)


def steps() -> Iterator[Step]:
    """Each thing that is made worse, step by step."""
    for height in HEIGHTS:
        yield Step(f"height {height}", "edge", height=height)
    for height in BLURRED:
        for blur in BLURS:
            sigma = blur * height
            yield Step(f"height {height}, blur {sigma:.1f}", "edge", partial(blurred, sigma), height)
    for contrast in CONTRASTS:
        yield Step(f"contrast {contrast}", "contrast", partial(faint, contrast))
    for share in GLARES:
        yield Step(f"glare {share}", "glare", partial(glaring, share))
    for tilt in TILTS:
        yield Step(f"tilt {tilt}", "tilt", tilt=tilt)


def _spread(aims: Sequence[Aim], name: str) -> str:
    values = [value for aim in aims if (value := getattr(aim, name)) is not None]
    if not values:
        return "unknown"
    middle, low, high = np.percentile(values, [50, 10, 90])
    return f"{middle:.3g} [{low:.3g}, {high:.3g}]"


def draw_page(random: Random, bank: GlyphBank, height: int, tilt: float = 0.0) -> Page:
    """A page of numbers.

    Args:
        random: the source of all draws.
        bank: what to write with; of the split "test".
        height: of the digits, pixels.
        tilt: of the page, degrees, clockwise.
    """
    turn = cv2.getRotationMatrix2D((COLUMNS / 2, ROWS / 2), -tilt, 1)
    canvas = Canvas.empty(Geometry(floats(np.vstack([turn, [0, 0, 1]]))), ROWS, COLUMNS)
    paper.lay_paper(random, canvas, None, (PAPER, PAPER, PAPER), 0.2)
    hand = draw_hand(random, bank)
    hand = replace(hand, gap=max(hand.gap, 0.1), rise=0.0)  # touching digits are another matter
    name = ("ballpoint", "felt", "fountain", "marker")[random.integers(4)]
    pen = replace(draw_pen(random, height, name), opacity=1.0, gaps=0.0, colour=(INK,) * 3, twice=False)
    labels: list[int] = []
    y = random.uniform(1.5, 2.0) * height
    while y < ROWS - 0.4 * height and len(labels) < MOST:
        x = random.uniform(0.5, 2.0) * height
        while x < COLUMNS - 1.5 * height and len(labels) < MOST:
            number = [int(label) for label in random.integers(0, 10, int(random.integers(1, 6)))]
            marks, taken = write_number(random, bank, hand, number, x, y, height, 0.0)
            if taken.right <= COLUMNS - 0.3 * height:
                for mark, label in zip(marks, number, strict=True):
                    labels.append(label)
                    write(random, canvas, mark.shape, mark.place, pen, len(labels))
            x = taken.right + random.uniform(1.2, 2.5) * height
        y += random.uniform(1.7, 2.2) * height
    inside = Box(2, 2, COLUMNS - 2, ROWS - 2)
    seen = [
        (str(label), box)
        for number, label in enumerate(labels, 1)
        if (box := canvas.boxes.get(number)) is not None
    ]
    digits = [(label, box) for label, box in seen if box.intersection(inside) == box]
    cut = [box for _, box in seen if box.intersection(inside) != box]
    grey = cv2.cvtColor(floats(canvas.colour), cv2.COLOR_BGR2GRAY)
    return Page(floats(np.clip(grey, 0, 1)), digits, cut)


if __name__ == "__main__":
    main()
