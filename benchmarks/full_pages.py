"""How long the fullest pages take: scribbles, bars, loops and printed digits, all over each other.

    python -m benchmarks.full_pages

For frames of 640x480 and pictures of 2000x2000 pixels, prints the slowest of several sizes and counts of each
kind: milliseconds of one thread, what is read, and whether the budget of the digit network ended it. At the
end, the memory that the process took at most.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable

import cv2
import numpy as np

from edge import DigitReader
from edge.types import ByteArray

PAPER, INK = 225, 40

FULL = (((480, 640), (1000,), (14, 24, 40)), ((2000, 2000), (1000, 6000), (20, 40, 80)))
"""Rows and columns of a page, how many things are on it, and their sizes, pixels."""

Draw = Callable[[ByteArray, np.random.Generator, tuple[int, int], int], None]


def main() -> None:
    cv2.setNumThreads(1)
    reader = DigitReader()
    for shape, counts, sizes in FULL:
        for name, draw in KINDS.items():
            slowest = max(
                _read(reader, _page(shape, count, size, draw), f"{count} of {size} pixels")
                for count in counts
                for size in sizes
            )
            print(f"{shape[1]}x{shape[0]}  {name:9} {1000 * slowest[0]:5.0f} ms  {slowest[1]}")
    print(f"memory, at most: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


def _read(reader: DigitReader, page: ByteArray, what: str) -> tuple[float, str]:
    reader.read_image(page)  # plans the memory of its size
    start = time.perf_counter()
    result = reader.read_image(page)
    seconds = time.perf_counter() - start
    digits = sum(len(reading.digits) for reading in result.readings)
    return seconds, f"{what}: {digits} digits{'' if result.complete else ', ended by the budget'}"


def _page(shape: tuple[int, int], count: int, size: int, draw: Draw) -> ByteArray:
    random = np.random.default_rng(1)
    page = np.full(shape, PAPER, np.uint8)
    for _ in range(count):
        x, y = int(random.integers(0, shape[1] - size)), int(random.integers(0, shape[0] - size))
        draw(page, random, (x, y), size)
    return page


def _pen(size: int) -> int:
    return max(1, size // 12)


def _scribble(page: ByteArray, random: np.random.Generator, place: tuple[int, int], size: int) -> None:
    points = random.integers(0, size, (int(random.integers(4, 10)), 2)) + place
    cv2.polylines(page, [points.astype(np.int32)], False, INK, _pen(size), cv2.LINE_AA)


def _bar(page: ByteArray, random: np.random.Generator, place: tuple[int, int], size: int) -> None:
    x, y = place[0] + size // 2, place[1]
    cv2.line(page, (x, y), (x + int(random.integers(-3, 3)), y + size), INK, _pen(size), cv2.LINE_AA)


def _loop(page: ByteArray, random: np.random.Generator, place: tuple[int, int], size: int) -> None:
    middle, axes = (place[0] + size // 2, place[1] + size // 2), (size // 3, size // 2)
    cv2.ellipse(page, middle, axes, 0, 0, 360, INK, _pen(size), cv2.LINE_AA)


def _digit(page: ByteArray, random: np.random.Generator, place: tuple[int, int], size: int) -> None:
    foot = place[0], place[1] + size
    font = cv2.FONT_HERSHEY_SCRIPT_SIMPLEX
    cv2.putText(page, str(random.integers(10)), foot, font, size / 30, INK, _pen(size), cv2.LINE_AA)


KINDS: dict[str, Draw] = {"scribbles": _scribble, "bars": _bar, "loops": _loop, "digits": _digit}


if __name__ == "__main__":
    main()
