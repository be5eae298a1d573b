"""Lessons for the page network: windows of drawn pages, with what is true in them.

Pages are drawn once and kept, as they are large: `Pages`. Each epoch looks at another window of each: nearer
or from further away, turned a little, lighter, as a negative, or standing on its side or head.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from edge.errors import UsageError
from edge.formats import MARKS
from edge.page import BLOCK, flatten, to_blocks
from edge.planes import to_grey
from edge.types import ByteArray, FloatArray
from edge.workers import Place
from training.page.targets import FARTHEST, NEAREST, SeenDigit, draw_truth
from training.scenes import Scene, draw_scene, load_bank
from training.scenes.typefaces import Split
from training.workers import ALONE, mapped

PAGE = (384, 512)
"""(rows, columns) of a page that is kept."""

LAST = "marks.npy"
"""The file that `Pages.save` writes last."""

SIDE = 256
"""Pixels of a lesson, both ways."""

ZOOM = 0.7, 1.7
"""How much larger than on the page a lesson shows it, lowest and highest; of equal chance on a logarithmic
scale."""

FARTHEST_ZOOM = 0.35
"""The lowest for a page with large digits: what is then seen beyond its border is not asked."""

FOCUSED, LOOKED_FOR = 0.8, 24
"""Share of lessons that look at something written, and pixels among which other writing is looked for."""

TURN = 20.0
"""Degrees that a page is turned, at most, and TURNED the share of lessons that are."""
TURNED = 0.4

NEGATIVE = 0.1
"""Share of lessons that show light writing on dark."""

STRIPS = 0.15
"""Share of lessons that show a number cut out of its page, as from a form or a cheque, and nothing else."""

STRIP_MARGIN = 0.05, 1.0
"""Of the paper around such a number, in heights of its digits, least and most, of equal chance on a
logarithmic scale."""

WAYS = (0.9, 0.025, 0.05, 0.025)
"""Shares of lessons that stand upright, on their right side, on their head and on their left side."""

PEN = 6.0
"""Width of a stroke, in pixels, whose ink counts as much as paper does; a thinner one counts more."""

MOST = 4.0
"""The most that a pixel of ink counts: a pen's width of 1.5 pixels."""

CLUTTER = 2.0
"""How much writing that is no digit counts: it is what digits are confused with."""

CUT = 6.0
"""How much the cut between two touching digits counts: no ink, so that the network learns to part them; after
the borders between touching cells in Ronneberger et al., "U-Net", 2015."""

COVERED = 1.6
"""Ink counts as this much more than it covers: strokes of a pixel's width, spread over two, stay whole."""

UNIT = 8
"""A pixel that counts once has this value in `Pages.flags`, of which six bits are the weight."""

WEIGHT, WRITING, IGNORE = 63, 64, 128
"""Bits of `Pages.flags`."""

DIRECTIONS = 16
"""Of the outermost points that are kept of each digit: its box is known, however the page is turned."""

TURNS = np.linspace(0, 2 * np.pi, DIRECTIONS, endpoint=False)
RAYS = np.stack([np.cos(TURNS), np.sin(TURNS)], axis=1).astype(np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Pages:
    """Drawn pages and what is true of them.

    Attributes:
        grey: shape (n, rows, columns), uint8.
        ink: how much of a pixel is ink of digits, the same shape, uint8.
        flags: how much a pixel of ink counts, and whether it is other writing or nothing should be asked;
            uint8.
        outlines: outermost points of all digits, shape (digits, DIRECTIONS, 2), float32, x and y in pixels.
        digits: page, label, goes on to the left, goes on to the right of each digit; shape (digits, 4),
            int32.
        mark_boxes: left, top, right and bottom of all marks, shape (marks, 4), float32.
        marks: page and kind (index in `edge.formats.MARKS`) of each mark, shape (marks, 2), int32.
    """

    grey: ByteArray
    ink: ByteArray
    flags: ByteArray
    outlines: FloatArray
    digits: npt.NDArray[np.int32]
    mark_boxes: FloatArray
    marks: npt.NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.grey)

    def save(self, folder: Path) -> None:
        """Write a file for each array, uncompressed, so that `load` need not read them whole."""
        folder.mkdir(parents=True, exist_ok=True)
        for field in fields(self):
            part = folder / f"{field.name}.npy.part"
            with part.open("wb") as file:
                np.save(file, getattr(self, field.name), allow_pickle=False)
            part.rename(folder / f"{field.name}.npy")

    @classmethod
    def load(cls, folder: Path) -> Pages:
        """What `save` wrote; the pictures stay on disk until they are looked at.

        Raises:
            UsageError: when a file is missing or damaged.
        """
        try:
            return cls(*(np.load(folder / f"{field.name}.npy", mmap_mode="r") for field in fields(cls)))
        except (OSError, ValueError) as error:
            raise UsageError(
                f"cannot read the pages in {folder}: {error}; delete it to draw them anew"
            ) from error


@dataclass(frozen=True, slots=True)
class Span:
    """Which digits and marks of `Pages` are on one page: the first, and the one after the last."""

    digits: tuple[int, int]
    marks: tuple[int, int]


def spans(pages: Pages) -> list[Span]:
    """Of each page."""
    edges = np.arange(len(pages) + 1)
    digits = np.searchsorted(pages.digits[:, 0], edges).tolist()
    marks = np.searchsorted(pages.marks[:, 0], edges).tolist()
    return [Span((digits[k], digits[k + 1]), (marks[k], marks[k + 1])) for k in range(len(pages))]


def draw_pages(
    folder: Path | None, split: Split, count: int, *, seed: int, first: int = 0, place: Place = ALONE
) -> Pages:
    """Draw pages; the same arguments give the same ones.

    Args:
        folder: of the data, as `load_bank` takes it.
        split: whose hands write.
        count: pages to draw.
        seed: of the pages.
        first: number of the first page: pages 100 to 199 are the same whether drawn with 0 to 99 or not.
        place: where they are drawn; they do not depend on it.
    """
    planes = [np.empty((count, *PAGE), np.uint8) for _ in range(3)]
    outlines, digits, boxes, marks = [], [], [], []
    keys = [(folder, split, seed, first + index) for index in range(count)]
    with mapped(_draw, keys, place=place) as pages:
        for index, page in enumerate(tqdm(pages, total=count, unit="page", mininterval=10)):
            for plane, drawn in zip(planes, (page.grey, page.ink, page.flags), strict=True):
                plane[index] = drawn[0]
            outlines.append(page.outlines)
            digits.append(page.digits + np.array([index, 0, 0, 0], np.int32))
            boxes.append(page.mark_boxes)
            marks.append(page.marks + np.array([index, 0], np.int32))
    return Pages(
        planes[0],
        planes[1],
        planes[2],
        np.concatenate(outlines),
        np.concatenate(digits),
        np.concatenate(boxes),
        np.concatenate(marks),
    )


def _draw(key: tuple[Path | None, Split, int, int]) -> Pages:
    folder, split, seed, index = key
    cv2.setNumThreads(1)
    random = np.random.default_rng([seed, index])
    return page_of(draw_scene(random, _bank(folder, split), size=PAGE))


# Loading a bank takes seconds, and its traced shapes are kept.
_bank = cache(load_bank)


def page_of(scene: Scene) -> Pages:
    """One scene as a page to be kept."""
    instances = scene.instances
    parted = _cuts(instances)
    depth = cv2.distanceTransform(((instances > 0) & ~parted).astype(np.uint8), cv2.DIST_L2, 3)
    pixels = np.maximum(1, np.bincount(instances.ravel()))
    # The distance to the nearest pixel outside is, on average over a stroke, a quarter of its width.
    width = 4 * np.bincount(instances.ravel(), depth.ravel()) / pixels - 1
    counts = np.clip(PEN / np.maximum(width, 1), 1, MOST)
    counts[0] = 1
    weight = counts[instances]
    weight[(scene.clutter_ink > 0) & (instances == 0)] = CLUTTER
    weight[parted] = CUT
    flags = np.round(weight * UNIT).astype(np.uint8)
    flags[(scene.clutter_ink > 96) & (scene.ink < 128)] |= WRITING
    flags[scene.ignore > 0] |= IGNORE
    ink = np.asarray(cv2.convertScaleAbs(scene.ink, alpha=COVERED), np.uint8)
    ink[parted] = 0
    lengths: dict[int, int] = {}
    for digit in scene.digits:
        lengths[digit.line] = max(lengths.get(digit.line, 0), digit.position)
    outlines = np.zeros((len(scene.digits), DIRECTIONS, 2), np.float32)
    digits = np.zeros((len(scene.digits), 4), np.int32)
    for row, digit in enumerate(scene.digits):
        box = digit.box
        ys, xs = np.nonzero(instances[box.top : box.bottom, box.left : box.right] == digit.instance)
        points = np.stack([xs + box.left + 0.5, ys + box.top + 0.5], axis=1).astype(np.float32)
        outlines[row] = points[(points @ RAYS.T).argmax(axis=0)] + 0.5 * RAYS
        digits[row] = 0, digit.label, digit.position > 0, digit.position < lengths[digit.line]
    known = [mark for mark in scene.marks if mark.kind in MARKS]
    boxes = np.array([mark.box.as_list() for mark in known], np.float32).reshape(-1, 4)
    marks = np.array([(0, MARKS.index(mark.kind)) for mark in known], np.int32).reshape(-1, 2)
    return Pages(to_grey(scene.image)[None], ink[None], flags[None], outlines, digits, boxes, marks)


def _cuts(instances: npt.NDArray[np.uint16]) -> npt.NDArray[np.bool_]:
    """Where two digits touch or leave less than a pixel between them."""
    window = np.ones((3, 3), np.uint8)
    highest = cv2.dilate(instances, window)
    nothing = np.iinfo(np.uint16).max
    lowest = cv2.erode(np.where(instances > 0, instances, nothing).astype(np.uint16), window)
    return np.asarray(lowest < highest, bool)  # where there is no digit, nothing < 0 is false


@dataclass(frozen=True, slots=True)
class View:
    """How a lesson looks at a page.

    Attributes:
        zoom: times as large as the page.
        turn: degrees, counter-clockwise.
        middle: x and y of the page's pixel in the middle of the lesson.
        gain: contrast.
        level: levels that it is lighter.
        negative: light on dark.
        way: quarter turns clockwise, after all else.
        strip: left, top, right and bottom side, in pixels of the lesson, of all that there is of the page:
            beyond it, its border goes on, as where `edge.page` pads a picture. None shows all.
    """

    zoom: float = 1.0
    turn: float = 0.0
    middle: tuple[float, float] = (PAGE[1] / 2, PAGE[0] / 2)
    gain: float = 1.0
    level: float = 0.0
    negative: bool = False
    way: int = 0
    strip: tuple[int, int, int, int] | None = None

    def matrix(self, side: int) -> npt.NDArray[np.float64]:
        """From pixels of the page to those of a lesson of this side, before it is turned by quarters."""
        matrix = np.asarray(cv2.getRotationMatrix2D(self.middle, self.turn, self.zoom), np.float64)
        matrix[:, 2] += side / 2 - np.array(self.middle)
        return matrix


def draw_view(random: np.random.Generator, pages: Pages, span: Span, index: int, *, side: int = SIDE) -> View:
    """Some way to look at a page: mostly at something that is written on it."""
    zoom = float(np.exp(random.uniform(*np.log(ZOOM))))
    first, last = span.digits
    middle = random.uniform(0, 1, 2) * PAGE[::-1]
    if random.random() < FOCUSED:
        spots = random.integers(0, PAGE, (LOOKED_FOR, 2))
        written = spots[(pages.flags[index][spots[:, 0], spots[:, 1]] & WRITING) > 0]
        if first < last and (not len(written) or random.random() < 0.7):
            points = pages.outlines[random.integers(first, last)]
            middle = points.mean(axis=0)
            height = float(np.ptp(points[:, 1]))
            if random.random() < 0.5 or height * zoom > FARTHEST:
                zoom = float(np.exp(random.uniform(*np.log((NEAREST, FARTHEST))))) / height
        elif len(written):
            middle = written[0][::-1].astype(np.float64)
        middle = middle + random.uniform(-0.35, 0.35, 2) * side / zoom
    zoom = min(max(zoom, FARTHEST_ZOOM), ZOOM[1])
    # Inside of the page, as far as it is large enough.
    low = np.minimum(side / 2 / zoom, np.array(PAGE[::-1]) / 2)
    x, y = np.clip(middle, low, np.array(PAGE[::-1]) - low).tolist()
    view = View(
        zoom=zoom,
        turn=float(random.uniform(-TURN, TURN)) if random.random() < TURNED else 0.0,
        middle=(x, y),
        gain=float(random.uniform(0.7, 1.15)),
        level=float(random.uniform(-30, 20)),
        negative=bool(random.random() < NEGATIVE),
        way=int(random.choice(4, p=WAYS)),
    )
    if first < last and not view.way and random.random() < STRIPS:
        return replace(view, strip=_strip(random, pages, span, view, side))
    return view


def _strip(
    random: np.random.Generator, pages: Pages, span: Span, view: View, side: int
) -> tuple[int, int, int, int] | None:
    """The place in a lesson of some number that is whole in it, with a margin; None when there is none."""
    first, last = span.digits
    matrix = view.matrix(side).astype(np.float32)
    points = pages.outlines[first:last] @ matrix[:, :2].T + matrix[:, 2]
    low, high = points.min(axis=1), points.max(axis=1)
    # A number begins with each digit that does not go on to the left.
    number = np.cumsum(pages.digits[first:last, 2] == 0)
    inside = ((low >= 0) & (high <= side)).all(axis=1)
    whole = np.flatnonzero(~np.isin(number, number[~inside]))
    if not len(whole):
        return None
    own = number == number[random.choice(whole)]  # long ones rather than short ones
    return strip_around(random, low[own], high[own], (side, side))


def strip_around(
    random: np.random.Generator, low: FloatArray, high: FloatArray, size: tuple[int, int]
) -> tuple[int, int, int, int]:
    """The place of a number, with a margin.

    Args:
        random: the source of all draws.
        low: left and top side of each of its digits, shape (n, 2).
        high: right and bottom side, likewise.
        size: width and height of the picture.

    Returns:
        Left, top, right and bottom.
    """
    least, most = np.log(STRIP_MARGIN)
    margins = np.exp(random.uniform(least, most, 4)) * float((high - low)[:, 1].max())
    left, top = np.maximum(low.min(axis=0) - margins[:2], 0).astype(int).tolist()
    right, bottom = np.minimum(np.ceil(high.max(axis=0) + margins[2:]), size).astype(int).tolist()
    return left, top, right, bottom


def lesson(
    pages: Pages, span: Span, index: int, view: View, *, side: int = SIDE
) -> tuple[ByteArray, FloatArray]:
    """A window of a page, as the network sees it, and the truth of it.

    Returns:
        Blocks of the flattened picture, shape (side/4, side/4, 16), uint8; and `draw_truth`'s.
    """
    matrix = view.matrix(side)
    grey, ink, flags = pages.grey[index], pages.ink[index], pages.flags[index]
    if view.zoom < 1:
        grey = np.asarray(cv2.GaussianBlur(np.asarray(grey), (0, 0), 0.4 / view.zoom), np.uint8)
    seen = _warped(grey, matrix, side, cv2.INTER_LINEAR, cv2.BORDER_REPLICATE)
    seen = np.clip(seen * np.float32(view.gain) + np.float32(view.level), 0, 255).astype(np.uint8)
    if view.negative:
        seen = 255 - seen
    covered = _warped(ink, matrix, side, cv2.INTER_LINEAR, cv2.BORDER_CONSTANT)
    bits = _warped(flags, matrix, side, cv2.INTER_NEAREST, cv2.BORDER_CONSTANT, IGNORE)
    least, most = (0, 0), (side, side)
    if view.strip is not None:
        seen, bits = _cut_out(seen, view.strip), _alone(bits, view.strip, IGNORE)
        covered = _alone(covered, view.strip, 0)
        least, most = view.strip[:2], view.strip[2:]
    if view.way:
        seen, covered, bits = (
            np.ascontiguousarray(np.rot90(plane, -view.way)) for plane in (seen, covered, bits)
        )
    ignored = (bits & IGNORE) > 0
    weight = np.where(ignored, 0, bits & WEIGHT).astype(np.uint8)
    written, unasked = bits & np.uint8(WRITING), bits & np.uint8(IGNORE)
    blocks = [to_blocks(plane[np.newaxis])[0] for plane in (covered, weight, written, unasked)]
    ink_blocks, weight_blocks, writing, ignore = blocks
    scale, shift = matrix[:, :2].astype(np.float32), matrix[:, 2].astype(np.float32)
    digits = []
    if not view.way:
        first, last = span.digits
        points = pages.outlines[first:last] @ scale.T + shift
        low, high = points.min(axis=1), points.max(axis=1)
        whole = ((low >= np.array(least) - 1) & (high <= np.array(most) + 1)).all(axis=1)
        for k in range(last - first):
            _, label, left, right = pages.digits[first + k].tolist()
            box = (*low[k].tolist(), *high[k].tolist())
            if whole[k]:
                digits.append(SeenDigit(box, label, bool(left), bool(right)))
            else:
                _blank(ignore, weight_blocks, box)
    truth = draw_truth(
        digits,
        ink_blocks.astype(np.float32) / 255,
        weight_blocks.astype(np.float32) / UNIT,
        (writing > 0).mean(axis=-1, dtype=np.float32),
        (ignore > 0).mean(axis=-1, dtype=np.float32),
        way=view.way,
    )
    return to_blocks(flatten(seen)[np.newaxis])[0], truth


def _cut_out(plane: ByteArray, strip: tuple[int, int, int, int]) -> ByteArray:
    """A picture of which only a strip is left, and its border goes on."""
    left, top, right, bottom = strip
    across, down = (np.arange(size) for size in plane.shape[::-1])
    return plane[np.ix_(np.clip(down, top, bottom - 1), np.clip(across, left, right - 1))]


def _alone(plane: ByteArray, strip: tuple[int, int, int, int], outside: int) -> ByteArray:
    """A plane that says the same everywhere outside of a strip."""
    left, top, right, bottom = strip
    alone = np.full_like(plane, outside)
    alone[top:bottom, left:right] = plane[top:bottom, left:right]
    return alone


def _warped(
    plane: ByteArray, matrix: npt.NDArray[np.float64], side: int, how: int, border: int, value: int = 0
) -> ByteArray:
    return np.asarray(
        cv2.warpAffine(
            np.asarray(plane), matrix, (side, side), flags=how, borderMode=border, borderValue=[value]
        ),
        np.uint8,
    )


def _blank(ignore: ByteArray, weight: ByteArray, box: tuple[float, float, float, float]) -> None:
    """Ask nothing where a digit is cut by the lesson's border."""
    left, top, right, bottom = (int(side // BLOCK) for side in box)
    place = slice(max(0, top), max(0, bottom + 1)), slice(max(0, left), max(0, right + 1))
    ignore[place] = IGNORE
    weight[place] = 0
