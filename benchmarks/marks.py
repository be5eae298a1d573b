"""How many numbers are read as they are written, with their marks; and how many by their format.

    python -m benchmarks.marks --data DIR --pages 500

Pages of numbers are drawn with hands, words and fonts of the split "test", which no network has learned from.
The weights that tell marks and decide by formats are fitted with other pages of the same hands. A number
counts where none of it is cut, hidden or too faint to be read. `right` is a reading with this text,
`accepted` one that is also certain, `wrong` one that is certain and has another text; of those, `digits` have
other digits, too, and `marks` only other marks.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from convert.whole import around, format_of
from edge.lines import to_reading
from edge.page_file import load_page
from edge.reader import DigitReader
from edge.types import Reading
from training.commands import exit_code
from training.page.numbers import Numbers, WrittenNumber, draw_numbers, written

SEED = 2
"""Of the pages: not that of the pages that weights are fitted on."""

LONG = 8
"""Digits from which on a number is told apart, too."""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, metavar="DIR", help="as for training (default: $DIGITCAM_DATA)")
    parser.add_argument("--pages", type=int, default=500, metavar="N", help="pages to draw (default: 500)")
    parser.add_argument("--plan", choices=("numbers", "form"), default="numbers", help="what is on them")
    parser.add_argument("--page-model", type=Path, metavar="FILE", help="default: the shipped one")
    parser.add_argument(
        "--kept", type=Path, metavar="FILE", help="read the pages from here, or draw and keep them here"
    )
    options = parser.parse_args(arguments)
    return exit_code(lambda: _measure(options))


def _measure(options: argparse.Namespace) -> None:
    if options.kept and options.kept.exists():
        numbers = Numbers.load(options.kept)
    else:
        numbers = draw_numbers(options.data, "test", options.pages, seed=SEED, plan=options.plan)
        if options.kept:
            numbers.save(options.kept)
    reader = DigitReader(page=load_page(options.page_model))
    counts: dict[str, Counter[str]] = {}
    for page in range(min(options.pages, len(numbers))):
        grey = np.ascontiguousarray(numbers.grey[page])
        there = [
            one
            for one in written(
                numbers.digits[numbers.digits[:, 0] == page], numbers.marks[numbers.marks[:, 0] == page]
            )
            if not around(one).of(numbers.ignore[page]).any()
        ]
        if not there:
            continue
        readings = reader.read_image(grey).readings
        for one in there:
            named = {"all"} | ({"plain"} if one.text.isdigit() else {"with marks"})
            _count(counts, named, one, _reading_of(readings, one))
            place = around(one).clipped(*grey.shape)
            lines = reader.expect(np.ascontiguousarray(place.of(grey)), format_of(one.text)).lines
            named = {"by format: all"} | ({f"by format: {LONG} digits"} if len(one.digits) >= LONG else set())
            _count(counts, named, one, to_reading(lines[0], reader.thresholds) if lines else None)
    print(f"{'':22}{'numbers':>9}{'right':>9}{'accepted':>10}{'wrong':>8}{'digits':>8}{'marks':>8}")
    for name, count in sorted(counts.items()):
        total = count["numbers"]
        print(
            f"{name:22}{total:>9}{count['right'] / total:>9.3f}{count['accepted'] / total:>10.3f}"
            f"{count['wrong']:>8}{count['digits']:>8}{count['marks']:>8}"
        )


def _reading_of(readings: Sequence[Reading], number: WrittenNumber) -> Reading | None:
    """The reading that has most of a number's digits in it."""

    def shared(reading: Reading) -> int:
        middles = [digit.box.centre for digit in reading.digits]
        return sum(
            any(b.left <= x < b.right and b.top <= y < b.bottom for x, y in middles) for b in number.digits
        )

    best = max(readings, key=shared, default=None)
    return best if best is not None and shared(best) else None


def _count(
    counts: dict[str, Counter[str]], names: set[str], number: WrittenNumber, reading: Reading | None
) -> None:
    right = reading is not None and reading.text == number.text
    certain = reading is not None and reading.status == "accepted"
    digits, read = (
        [character for character in text if character.isdigit()]
        for text in (number.text, reading.text if reading is not None else "")
    )
    for name in names:
        count = counts.setdefault(name, Counter())
        count["numbers"] += 1
        count["right"] += right
        count["accepted"] += right and certain
        if certain and not right:
            count["wrong"] += 1
            count["marks" if digits == read else "digits"] += 1


if __name__ == "__main__":
    sys.exit(main())
