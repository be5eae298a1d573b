"""How many numbers that were struck out are read all the same.

    python -m benchmarks.struck_out --data DIR --numbers 200

Pages are drawn with hands, words and fonts of the split "test", which no network has learned from, until so
many numbers on them were struck out, wholly inside the picture: with lines, slashes, a cross, a zigzag or a
scribble. A digit of theirs is read where the middle of a digit that the reader reports lies in the place that
the number takes.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from edge.page_file import load_page
from edge.reader import DigitReader
from edge.types import Digit, Reading
from training.commands import exit_code
from training.scenes.bank import load_bank
from training.scenes.scene import StruckNumber, draw_scene

SEED = 3
SIZE = 480, 640


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, metavar="DIR", help="as for training (default: $DIGITCAM_DATA)")
    parser.add_argument("--numbers", type=int, default=200, metavar="N", help="struck out (default: 200)")
    parser.add_argument("--page-model", type=Path, metavar="FILE", help="default: the shipped one")
    options = parser.parse_args(arguments)
    return exit_code(lambda: _measure(options))


def _measure(options: argparse.Namespace) -> None:
    bank = load_bank(options.data, "test")
    reader = DigitReader(page=load_page(options.page_model), thorough=True)
    counts: dict[str, Counter[str]] = {}
    page = 0
    with tqdm(total=options.numbers, unit="number", mininterval=5) as progress:
        while progress.n < options.numbers:
            scene = draw_scene(np.random.default_rng([SEED, page]), bank, size=SIZE)
            page += 1
            whole = [number for number in scene.struck if _is_inside(number)]
            readings = reader.read_image(scene.image).readings if whole else ()
            for number in whole:
                _count(counts, number, readings)
            progress.update(len(whole))
    print(f"{page} pages")
    print(f"{'struck with':<12} numbers digits  read accepted | numbers: read accepted")
    for how, count in sorted(counts.items()):
        numbers, digits = count["numbers"], count["digits"]
        shares = count["read"] / digits, count["accepted"] / digits
        of_numbers = count["numbers read"] / numbers, count["numbers accepted"] / numbers
        print(
            f"{how:<12} {numbers:7} {digits:6} {shares[0]:5.1%} {shares[1]:8.1%} | "
            f"{of_numbers[0]:13.1%} {of_numbers[1]:8.1%}"
        )


def _is_inside(number: StruckNumber) -> bool:
    rows, columns = SIZE
    return bool((number.corners >= 0).all() and (number.corners <= (columns, rows)).all())


def _count(counts: dict[str, Counter[str]], number: StruckNumber, readings: Sequence[Reading]) -> None:
    read = [
        reading.status == "accepted"
        for reading in readings
        for digit in reading.digits
        if _is_in(number, digit)
    ]
    for how in ("all", number.how):
        counts.setdefault(how, Counter()).update(
            {
                "numbers": 1,
                "digits": number.digits,
                "read": len(read),
                "accepted": sum(read),
                "numbers read": bool(read),
                "numbers accepted": any(read),
            }
        )


def _is_in(number: StruckNumber, digit: Digit) -> bool:
    middle = (digit.box.left + digit.box.right) / 2, (digit.box.top + digit.box.bottom) / 2
    return cv2.pointPolygonTest(number.corners.reshape(-1, 1, 2), middle, False) > 0


if __name__ == "__main__":
    sys.exit(main())
