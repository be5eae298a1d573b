"""Photographed writing without digits: pages of old French wills, and words to stamp on a page.

Unlike all else in a scene it is real ink. What was not transcribed may hold digits and is ignored.
"""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from edge.types import ByteArray
from training.scenes.draws import Random, between, log_between, pixels
from training.scenes.typefaces import Split
from training.scenes.writers import held_out


@dataclass(frozen=True, slots=True, eq=False)
class Page:
    """A photographed page.

    Attributes:
        path: of its picture.
        lines: outlines of the lines without digits, each shape (points, 2), pixels.
        height: of a line in the median, pixels.
    """

    path: Path
    lines: tuple[np.ndarray, ...]
    height: float


@dataclass(frozen=True, slots=True, eq=False)
class Archive:
    """The photographed writing of a split.

    Attributes:
        pages: whole pages.
        words: shape (n, 64, 256), uint8, dark on white.
    """

    pages: tuple[Page, ...]
    words: ByteArray

    def page(self, random: Random, rows: int, columns: int) -> tuple[ByteArray, ByteArray, ByteArray] | None:
        """A part of a page in a picture of this size; None when there are no pages.

        Returns:
            The picture, shape (rows, columns, 3), uint8; the ink of its lines without digits; and what is to
            be ignored, both shape (rows, columns), uint8.
        """
        if not self.pages:
            return None
        page = self.pages[int(random.integers(len(self.pages)))]
        picture = _read(page.path)
        scale = log_between(random, 18, 90) / page.height
        scale = max(scale, rows / picture.shape[0], columns / picture.shape[1])
        # Somewhere around a line without digits.
        line = page.lines[int(random.integers(len(page.lines)))]
        x, y = random.uniform(line.min(axis=0), line.max(axis=0))
        turn = float(random.normal(0, 2))
        matrix = cv2.getRotationMatrix2D((x, y), turn, scale)
        at = [between(random, 0.2, 0.8) * columns, between(random, 0.2, 0.8) * rows]
        # Inside the picture of the page, as far as it goes.
        for axis, (size, length) in enumerate(((columns, picture.shape[1]), (rows, picture.shape[0]))):
            first = (x, y)[axis] * scale
            at[axis] = float(np.clip(at[axis], size - length * scale + first, first))
        matrix[:, 2] += np.array(at) - (x, y)
        way = cv2.INTER_AREA if scale < 0.6 else cv2.INTER_LINEAR
        seen = pixels(
            cv2.warpAffine(picture, matrix, (columns, rows), flags=way, borderMode=cv2.BORDER_REFLECT)
        )
        inside = np.zeros((rows, columns), np.uint8)
        outlines = [
            np.round(points @ matrix[:, :2].T + matrix[:, 2]).astype(np.int32) for points in page.lines
        ]
        for outline in outlines:
            cv2.fillPoly(inside, [outline], 255)
        grey = pixels(cv2.cvtColor(seen, cv2.COLOR_BGR2GRAY))
        side = int(page.height * scale) | 1
        paper = cv2.blur(grey, (2 * side + 1, 2 * side + 1))
        dark = (grey.astype(np.int16) < paper.astype(np.int16) - 18).astype(np.uint8) * 255
        return seen, pixels(cv2.bitwise_and(dark, inside)), pixels(cv2.bitwise_not(inside))

    def word(self, random: Random) -> ByteArray | None:
        """The ink of a word, white on black, cut to it; None when there are none."""
        if not len(self.words):
            return None
        image = 255 - self.words[int(random.integers(len(self.words)))][:56]  # ruling lies below
        image[image < 60] = 0
        left, top, width, height = cv2.boundingRect(image)
        return image[top : top + height, left : left + width] if width and height > 8 else None


@functools.lru_cache(maxsize=64)
def _read(path: Path) -> ByteArray:
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    assert picture is not None  # it is listed beside its lines
    return pixels(picture)


@functools.cache
def load_archive(folder: Path, split: Split) -> Archive:
    """The photographed writing in `writing` of the data folder; nothing where it is not there."""
    test = split == "test"
    pages: list[Page] = []
    listed = folder / "testaments" / "lines.json"
    if listed.is_file():
        for name, page in sorted(json.loads(listed.read_bytes()).items()):
            if held_out(f"will {page['hand']}") != test:
                continue
            outlines = tuple(
                np.array(line["polygon"], np.float32) for line in page["lines"] if not line["digits"]
            )
            if outlines:
                height = float(np.median([np.ptp(outline[:, 1]) for outline in outlines]))
                pages.append(Page(folder / "testaments" / "pages" / name, outlines, height))
    words = np.zeros((0, 64, 256), np.uint8)
    stored = folder / "dhsd" / "words.npz"
    if stored.is_file():
        with np.load(stored, allow_pickle=False) as arrays:
            plain = np.array([not any(c.isdigit() for c in text) for text in arrays["text"]])
            mine = np.array([held_out(f"dhsd {text}") == test for text in arrays["text"]])
            words = arrays["images"][plain & mine]
    return Archive(tuple(pages), words)
