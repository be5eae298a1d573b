"""Drawn pages of numbers as they are written, with their marks: what reading whole numbers is fitted on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from edge.formats import MARKS
from edge.planes import to_grey
from edge.types import Box, ByteArray
from edge.workers import Place
from training.arrays import load_arrays, save_arrays
from training.scenes import Scene, draw_scene, load_bank
from training.scenes.typefaces import Split
from training.scenes.writers import Half
from training.workers import ALONE, mapped

SIZE = (240, 320)
"""(rows, columns) of a page."""

MINUS = MARKS.index("-")


@dataclass(frozen=True, slots=True, eq=False)
class Numbers:
    """Pages of numbers and what is true of them.

    Attributes:
        grey: shape (n, rows, columns), uint8.
        ignore: 255 where nothing should be asked, the same shape, uint8.
        digits: page, number on the page, label and box of each digit, shape (digits, 7), int32; in reading
            order.
        marks: page, number, kind (index in `MARKS`) and box of each mark, shape (marks, 7), int32. It stands
            behind its number or in it, a minus in front.
    """

    grey: ByteArray
    ignore: ByteArray
    digits: npt.NDArray[np.int32]
    marks: npt.NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.grey)

    @classmethod
    def together(cls, first: Numbers, second: Numbers) -> Numbers:
        """The pages of both."""
        digits, marks = second.digits.copy(), second.marks.copy()
        digits[:, 0] += len(first)
        marks[:, 0] += len(first)
        return cls(
            np.concatenate([first.grey, second.grey]),
            np.concatenate([first.ignore, second.ignore]),
            np.concatenate([first.digits, digits]),
            np.concatenate([first.marks, marks]),
        )

    def save(self, path: Path) -> None:
        """Write all of it to one file."""
        save_arrays(self, path, compressed=True)

    @classmethod
    def load(cls, path: Path) -> Numbers:
        """What `save` wrote.

        Raises:
            UsageError: when it is missing or damaged.
        """
        return load_arrays(cls, path, "delete it to draw the numbers anew")


@dataclass(frozen=True, slots=True)
class WrittenNumber:
    """A number as it stands on a page.

    Attributes:
        text: as it is written, such as "12.5".
        digits: boxes of its digits, from left to right.
    """

    text: str
    digits: tuple[Box, ...]


@dataclass(frozen=True, slots=True)
class Before:
    """What stands before a digit: the mark, as an index in `MARKS` or -1, and whether its number goes on."""

    mark: int
    joined: bool


def draw_numbers(
    folder: Path | None,
    split: Split,
    count: int,
    *,
    seed: int,
    plan: str | None = "numbers",
    half: Half | None = None,
    place: Place = ALONE,
) -> Numbers:
    """Draw pages; the same arguments give the same ones.

    Args:
        folder: of the data, as `load_bank` takes it.
        split: whose hands write.
        count: pages to draw.
        seed: of the pages.
        plan: which pages, as `training.scenes.draw_scene` takes it: "numbers", "form", or None for all kinds.
        half: of the split's hands; None is all.
        place: where they are drawn; they do not depend on it.
    """
    keys = [(folder, split, half, seed, plan, index) for index in range(count)]
    grey, ignore = (np.empty((count, *SIZE), np.uint8) for _ in range(2))
    digits, marks = [], []
    with mapped(_draw, keys, place=place) as pages:
        for index, page in enumerate(tqdm(pages, total=count, unit="page", mininterval=10)):
            grey[index], ignore[index] = page.grey[0], page.ignore[0]
            at = np.array([index, *[0] * 6], np.int32)
            digits.append(page.digits + at)
            marks.append(page.marks + at)
    return Numbers(grey, ignore, np.concatenate(digits), np.concatenate(marks))


def _draw(key: tuple[Path | None, Split, Half | None, int, str | None, int]) -> Numbers:
    folder, split, half, seed, plan, index = key
    cv2.setNumThreads(1)
    random = np.random.default_rng([seed, index])
    return numbers_of(draw_scene(random, _bank(folder, split, half=half), size=SIZE, plan=plan))


_bank = cache(load_bank)


def numbers_of(scene: Scene) -> Numbers:
    """One scene as such a page."""
    digits = [(0, digit.line, digit.label, *digit.box.as_list()) for digit in scene.digits]
    marks = [
        (0, mark.line, MARKS.index(mark.kind), *mark.box.as_list())
        for mark in scene.marks
        if mark.kind in MARKS
    ]
    return Numbers(
        to_grey(scene.image)[None],
        scene.ignore[None],
        np.array(digits, np.int32).reshape(-1, 7),
        np.array(marks, np.int32).reshape(-1, 7),
    )


def before_each(digits: npt.NDArray[np.int32], marks: npt.NDArray[np.int32]) -> list[Before]:
    """What stands before each digit of one page, given its rows of `Numbers.digits` and `Numbers.marks`."""
    found = []
    for k, (_, line, _, left, top, _, bottom) in enumerate(digits.tolist()):
        other = digits[k - 1].tolist() if k else None
        # The mark whose middle is between the digit's and the one's before it, if they stand side by side.
        beside = other is not None and other[6] > top and bottom > other[4] and other[3] < left
        start = other[3] if other and beside else left - 2 * (bottom - top)
        mine = Before(-1, other is not None and other[1] == line)
        for _, owner, kind, *box in marks.tolist():
            x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
            if not (start < x < (digits[k][3] + digits[k][5]) / 2 and top - 9 < y < 2 * bottom - top):
                continue
            if kind == MINUS and owner == line and not mine.joined:
                mine = Before(kind, False)
            elif other and beside and owner == other[1]:
                mine = Before(kind, True)
        found.append(mine)
    return found


def written(digits: npt.NDArray[np.int32], marks: npt.NDArray[np.int32]) -> list[WrittenNumber]:
    """The numbers of one page, given its rows of `Numbers.digits` and `Numbers.marks`."""
    numbers: list[tuple[str, list[Box]]] = []
    for (_, _, label, *box), before in zip(digits.tolist(), before_each(digits, marks), strict=True):
        sign = MARKS[before.mark] if before.mark >= 0 else ""
        if not before.joined:
            numbers.append(("", []))
        text, boxes = numbers[-1]
        numbers[-1] = text + sign + str(label), [*boxes, Box(*box)]
    return [WrittenNumber(text, tuple(boxes)) for text, boxes in numbers]
