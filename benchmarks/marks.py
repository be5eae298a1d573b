"""How many numbers are read as they are written, with their marks; and how many by their format.

    python -m benchmarks.marks --data DIR --pages 500

Pages of numbers are drawn with hands, words and fonts of the split "test", which no network has learned
from, and with the last half of these hands: what tells marks and decides by formats is fitted on the first
half. A number counts where none of it is cut, hidden or too faint to be read. By its format it is read as a
field reads it that has its region. `right` is a reading with this text, `accepted` one that is also certain,
`wrong` one that is certain and has another text; of those, `digits` have other digits, too, and `marks` only
other marks. `well aimed` are those about which the aiming aid has nothing to say but their tilt
(docs/aiming.md). For those of `another format`, a format is given that they do not have: nothing of them is
right.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from convert.whole import another_format, around, format_of
from edge.aim import LIMITS, measure
from edge.field_reader import FieldReader
from edge.fields import Field
from edge.formats import Format
from edge.page_file import load_page
from edge.reader import DigitReader
from edge.types import Box, ByteArray, Digit, Frame, Prediction, Reading
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
        numbers = draw_numbers(options.data, "test", options.pages, seed=SEED, plan=options.plan, half="last")
        if options.kept:
            numbers.save(options.kept)
    reader = DigitReader(page=load_page(options.page_model), thorough=True)
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
            reading = _reading_of(readings, one)
            text = "" if reading is None else reading.text
            _count(counts, named, one.text, text, reading is not None and reading.status == "accepted")
            region = np.ascontiguousarray(around(one).clipped(*grey.shape).of(grey))
            named = {f"by format: {name}" for name in ("all", _kind_of(one.text))}
            named |= {f"by format: {LONG} digits"} if len(one.digits) >= LONG else set()
            named |= {"by format: well aimed"} if _is_well_aimed(grey, one.digits) else set()
            _count(counts, named, one.text, *_read(reader, region, format_of(one.text)))
            _count(
                counts, {"another format"}, one.text, *_read(reader, region, another_format(one.text, page))
            )
    print(f"{'':26}{'numbers':>9}{'right':>9}{'accepted':>10}{'wrong':>8}{'digits':>8}{'marks':>8}")
    for name, count in sorted(counts.items()):
        total = count["numbers"]
        print(
            f"{name:26}{total:>9}{count['right'] / total:>9.3f}{count['accepted'] / total:>10.3f}"
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


def _read(reader: DigitReader, region: ByteArray, form: Format) -> tuple[str, bool]:
    """What a field with this format reads in its region, and whether it takes it."""
    frame = Frame(region, 0, 0.0, datetime.now(UTC), "page")
    (field,) = FieldReader(reader, [Field("number", format=form)]).read_frame(frame).fields
    return field.raw or "", field.problem is None


def _kind_of(text: str) -> str:
    """The marks of a number, each once."""
    return " ".join(sorted({character for character in text if not character.isdigit()})) or "no marks"


def _is_well_aimed(grey: ByteArray, boxes: Iterable[Box]) -> bool:
    nothing = Prediction(np.full(10, 0.1, np.float32))
    digits = tuple(Digit(box, nothing) for box in boxes)
    aim = measure(grey, [Reading("0" * len(digits), "uncertain", 0.0, digits[0].box, digits)])
    if aim.height is None or aim.edge is None or aim.contrast is None or aim.glare is None:
        return False
    return (
        aim.height >= LIMITS.height
        and aim.edge <= LIMITS.edge * aim.height
        and aim.contrast >= LIMITS.contrast
        and aim.glare <= LIMITS.glare
    )


def _count(counts: dict[str, Counter[str]], names: set[str], number: str, text: str, certain: bool) -> None:
    right = text == number
    digits, read = ([character for character in one if character.isdigit()] for one in (number, text))
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
