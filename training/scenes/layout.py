"""Where the digits stand: numbers in rows, columns, forms, sums or anywhere, in the plane of the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from edge.types import FloatArray
from training.scenes.bank import LOOKALIKE_SIGNS, OPERATORS, GlyphBank, Script
from training.scenes.draws import Random, between, chance, floats, log_between
from training.scenes.ink import Placement
from training.scenes.shapes import Shape

SMALLEST = 10.0  # pixels: the height of the smallest digit
CRAMPED = (
    0.015  # share of digits that are written close to, or onto, the next by a hand that keeps them apart
)

AFTER = ("minus", "equals", "euro", "dollar", "percent", "hash", "plus")
"""Signs that follow an amount."""


@dataclass(frozen=True, slots=True, eq=False)
class Mark:
    """Something to write and where.

    Attributes:
        shape: what.
        place: where.
        label: 0 to 9; None for what is no digit.
        lookalike: whether it is no digit but looks like one, as a slash looks like a 1.
        kind: ".", ",", "/", ":" or "-" for a small mark in or directly before a number; "" for all others.
        number: index in `Layout.numbers` of the number that such a mark belongs to.
        row: signs that share one of 0 and up are written in one go; -1 for one by itself.
    """

    shape: Shape
    place: Placement
    label: int | None = None
    lookalike: bool = False
    kind: str = ""
    number: int = -1
    row: int = -1


@dataclass(frozen=True, slots=True)
class Area:
    """A part of the page's plane, in pixels."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        """Pixels."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """Pixels."""
        return self.bottom - self.top

    def meets(self, other: Area) -> bool:
        """True when the two share a point."""
        apart = self.right < other.left or other.right < self.left
        return not (apart or self.bottom < other.top or other.bottom < self.top)

    def holds(self, other: Area) -> bool:
        """True when the other lies inside."""
        beside = self.left <= other.left and other.right <= self.right
        return beside and self.top <= other.top and other.bottom <= self.bottom

    def inset(self, by: float) -> Area:
        """The area without a border of this width (wider for a negative one)."""
        return Area(self.left + by, self.top + by, self.right - by, self.bottom - by)


@dataclass(slots=True, eq=False)
class Layout:
    """The plan of a page.

    Attributes:
        name: its kind.
        height: of the digits, pixels.
        numbers: digits that stand together, each a list of marks from left to right.
        signs: marks between the numbers that are no digits.
        taken: areas that hold writing.
        cells: printed boxes that the digits stand in.
        pitch: distance of the lines that the writing keeps to, pixels; 0 when it keeps to none.
        first_line: y of one of those lines.
        limit: the sheet; writing ends where it ends.
        rules: drawn lines that belong to the writing (the line under a sum), each shape (points, 2).
        printed: lines that were printed, likewise.
        words: size of words over that of digits.
    """

    name: str
    height: float
    numbers: list[list[Mark]] = field(default_factory=list)
    signs: list[Mark] = field(default_factory=list)
    taken: list[Area] = field(default_factory=list)
    cells: list[Area] = field(default_factory=list)
    pitch: float = 0.0
    first_line: float = 0.0
    limit: Area | None = None
    rules: list[FloatArray] = field(default_factory=list)
    printed: list[FloatArray] = field(default_factory=list)
    words: float = 1.0

    def free(self, area: Area) -> bool:
        """True when the area is on the sheet and nothing stands in it yet."""
        if self.limit is not None and not self.limit.holds(area):
            return False
        return not any(area.meets(other) for other in self.taken)


@dataclass(frozen=True, slots=True)
class Hand:
    """The habits of a writer.

    Attributes:
        slant: how far the top of a digit leans to the right, in heights.
        stretch: width over the usual width.
        gap: between two digits, in heights; below 0 they may touch.
        unrest: how much size, angle and baseline change from digit to digit, in heights.
        rise: angle of a line of writing, radians; below 0 it rises.
        european: writes ones with a long flag and sevens with a bar.
        script: how its digits, letters and words look.
    """

    slant: float
    stretch: float
    gap: float
    unrest: float
    rise: float
    european: bool
    script: Script


def draw_hand(random: Random, bank: GlyphBank) -> Hand:
    """Some writer of those in the bank."""
    touching = chance(random, 0.08)
    european = chance(random, 0.45)
    return Hand(
        slant=float(np.clip(random.normal(0.02, 0.1), -0.25, 0.35)),
        stretch=between(random, 0.75, 1.2),
        gap=between(random, -0.13, 0.0) if touching else log_between(random, 0.05, 0.6),
        unrest=log_between(random, 0.01, 0.08),
        rise=float(random.normal(0, 0.03)) if chance(random, 0.7) else float(random.normal(0, 0.14)),
        european=european,
        script=bank.script(random, european=european),
    )


def write_number(
    random: Random,
    bank: GlyphBank,
    hand: Hand,
    labels: Sequence[int],
    x: float,
    y: float,
    size: float,
    angle: float,
) -> tuple[list[Mark], Area]:
    """A number that starts at x on the baseline y, and the area it takes."""
    marks: list[Mark] = []
    along, drift = 0.0, 0.0
    cosine, sine = float(np.cos(angle)), float(np.sin(angle))
    points = []
    for label in labels:
        shape = bank.written(random, hand.script, int(label))
        height = size * (1 + float(random.normal(0, hand.unrest)))
        drift = 0.6 * drift + float(random.normal(0, hand.unrest)) * size
        foot_x, foot_y = x + along * cosine - drift * sine, y + along * sine + drift * cosine
        tall = max(shape.height, 0.3)
        # Every digit is `height` tall, but a very flat one keeps its width.
        longer = min(height / tall, 1.4 * height)
        place = Placement(
            foot_x,
            foot_y - shape.height * longer,
            longer,
            angle + float(random.normal(0, hand.unrest)),
            hand.slant + float(random.normal(0, 0.03)),
            hand.stretch,
        )
        points.append(place.map(shape.corners, shape.height))
        marks.append(Mark(shape, place, int(label)))
        if hand.gap > 0 and not chance(random, CRAMPED):
            gap = hand.gap + abs(float(random.normal(0, 0.06)))
        else:
            gap = min(hand.gap, -0.04) + float(random.normal(0, 0.04))
        along += shape.width * hand.stretch * longer + gap * size
    corners = np.concatenate(points)
    (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
    return marks, Area(float(left), float(top), float(right), float(bottom))


def _labels(random: Random, longest: int) -> list[int]:
    count = 1 + int(min(random.geometric(0.3), longest) - 1)
    return [int(label) for label in random.integers(0, 10, count)]


def _add(layout: Layout, marks: list[Mark], area: Area) -> None:
    layout.numbers.append(marks)
    layout.taken.append(area)


def huge(random: Random, bank: GlyphBank, hand: Hand, area: Area) -> Layout:
    """One to four digits that fill much of the picture, at times with a sign beside them."""
    count = int(random.choice(4, p=[0.5, 0.24, 0.16, 0.1])) + 1
    gap = min(hand.gap, 0.3)
    size = max(
        SMALLEST, min(area.height, area.width / _widths(hand, count, gap)) * between(random, 0.45, 1.02)
    )
    layout = Layout("huge", size)
    _one_number(random, bank, replace(hand, gap=gap), area, layout, count)
    return layout


def single(random: Random, bank: GlyphBank, hand: Hand, area: Area) -> Layout:
    """One number, small or over the whole width, at times with signs as an amount of money has them."""
    count = round(log_between(random, 1.6, 12.4))
    most = max(SMALLEST + 1, min(area.width / _widths(hand, count, hand.gap), 0.8 * area.height))
    size = max(SMALLEST, most * between(random, 0.7, 1.0))
    if chance(random, 0.5):
        size = log_between(random, SMALLEST, most)
    layout = Layout("number", size)
    _one_number(random, bank, hand, area, layout, count)
    return layout


def _widths(hand: Hand, count: int, gap: float) -> float:
    """How wide a number of so many digits is, in heights of a digit."""
    return count * (0.6 * hand.stretch + max(gap, -0.1)) + 0.2


def _one_number(random: Random, bank: GlyphBank, hand: Hand, area: Area, layout: Layout, count: int) -> None:
    """Put a number in the area, where there is room."""
    size = layout.height
    wide = _widths(hand, count, hand.gap) * size
    # What rises or falls starts so that its middle is where a level number would stand.
    rise = float(np.clip(hand.rise, -0.15, 0.15)) if wide > 0.6 * area.width else hand.rise
    x = area.left + max(0.05 * size, area.width - wide) * between(random, 0.05, 0.95)
    y = area.top + size + max(0.0, area.height - size) * between(random, 0.05, 0.95) - rise * wide / 2
    marks, taken = write_number(random, bank, hand, random.integers(0, 10, count).tolist(), x, y, size, rise)
    _add(layout, marks, taken)
    if not chance(random, 0.25):
        return
    if len(marks) > 1 and chance(random, 0.5):  # a decimal point or comma
        mark = marks[int(random.integers(1, len(marks)))]
        foot = mark.place.y + mark.shape.height * mark.place.size
        name, kind, high = ("dot", ".", 0.08) if chance(random, 0.6) else ("comma", ",", 0.25)
        _sign(
            random, layout, bank, name, mark.place.x - 0.12 * size, foot - 0.08 * size, high * size, kind=kind
        )
    name = AFTER[random.integers(len(AFTER))]
    right = taken.right + between(random, 0.05, 0.4) * size
    _sign(random, layout, bank, name, right, y + rise * wide - 0.6 * size, between(random, 0.3, 0.6) * size)


def rows(random: Random, bank: GlyphBank, hand: Hand, area: Area) -> Layout:
    """A page of numbers in rows."""
    size = log_between(random, SMALLEST, max(SMALLEST + 1, area.height / 3))
    layout = Layout("rows", size, pitch=size * log_between(random, 1.15, 2.5))
    fullness = between(random, 0.25, 1.0)
    single_digits = chance(random, 0.3)
    apart = between(random, 0.6, 3.0) * size
    y = area.top + size + between(random, 0, layout.pitch)
    layout.first_line = y
    while y < area.bottom and len(layout.numbers) < 60:
        if chance(random, fullness):
            x = area.left + between(random, 0, 1.5) * size
            while x < area.right - size and len(layout.numbers) < 60:
                labels = _labels(random, 1 if single_digits else 9)
                marks, taken = write_number(
                    random, bank, hand, labels, x, y + (x - area.left) * hand.rise, size, hand.rise
                )
                if taken.right > area.right:
                    break
                if layout.free(taken.inset(0.04 * size)) and chance(random, 0.4 + 0.6 * fullness):
                    _add(layout, marks, taken)
                x = taken.right + apart * between(random, 0.6, 1.4)
        y += layout.pitch
    return layout


def scattered(random: Random, bank: GlyphBank, hand: Hand, area: Area) -> Layout:
    """Numbers here and there, at angles and in sizes of their own."""
    size = log_between(random, SMALLEST, max(SMALLEST + 1, area.height / 2))
    layout = Layout("scattered", size)
    spread = between(random, 0.0, 0.26)
    for _ in range(int(random.integers(2, 16))):
        mine = max(SMALLEST, size * log_between(random, 0.7, 1.4))
        if mine > min(area.width, area.height):
            continue
        x, y = between(random, area.left, area.right - mine), between(random, area.top + mine, area.bottom)
        angle = float(np.clip(random.normal(0, spread), -0.45, 0.45))
        marks, taken = write_number(random, bank, hand, _labels(random, 6), x, y, mine, angle)
        if taken.right < area.right and taken.bottom < area.bottom and layout.free(taken.inset(-0.15 * size)):
            _add(layout, marks, taken)
    return layout


def column(random: Random, bank: GlyphBank, hand: Hand, area: Area) -> Layout:
    """Numbers one below the other, set to the right, perhaps added up."""
    size = log_between(random, SMALLEST, max(SMALLEST + 1, area.height / 3.5))
    layout = Layout("column", size, pitch=size * between(random, 1.15, 1.7))
    right = between(random, area.left + 0.4 * area.width, area.right)
    y = area.top + size * between(random, 1.0, 2.5)
    layout.first_line = y
    count = int(random.integers(2, 9))
    for row in range(count):
        labels = _labels(random, 6)
        marks, taken = write_number(random, bank, hand, labels, 0, y, size, 0.0)
        shift = right - taken.right + float(random.normal(0, 0.1)) * size
        if taken.left + shift < area.left or y > area.bottom:
            break
        moved = [Mark(m.shape, _moved(m.place, shift), m.label) for m in marks]
        _add(layout, moved, Area(taken.left + shift, taken.top, taken.right + shift, taken.bottom))
        if row == count - 2 and chance(random, 0.6):
            under = y + 0.25 * size
            layout.rules.append(floats([[right - 4 * size, under], [right + 0.3 * size, under]]))
            if chance(random, 0.6):
                left = min(area.left for area in layout.taken) - 0.9 * size
                _sign(random, layout, bank, "plus", left, y - 0.75 * size, 0.5 * size)
            y += 0.3 * size
        y += layout.pitch
    return layout


def equation(random: Random, bank: GlyphBank, hand: Hand, area: Area) -> Layout:
    """Sums on a line: numbers with signs between them."""
    size = log_between(random, SMALLEST, max(SMALLEST + 1, min(area.height / 1.5, area.width / 3)))
    layout = Layout("equation", size, pitch=size * between(random, 1.4, 2.4))
    y = area.top + size * between(random, 1.0, 2.0)
    layout.first_line = y
    while y < area.bottom:
        x = area.left + between(random, 0, 1.5) * size
        for _ in range(int(random.integers(2, 5))):
            marks, taken = write_number(random, bank, hand, _labels(random, 3), x, y, size, hand.rise / 2)
            if taken.right > area.right:
                break
            _add(layout, marks, taken)
            x = taken.right + between(random, 0.2, 0.6) * size
            name = OPERATORS[random.integers(len(OPERATORS))]
            tall = name in ("slash", "open", "close", "root")
            height = (1.0 if tall else between(random, 0.4, 0.6)) * size
            if x + height > area.right:
                break
            x = _sign(random, layout, bank, name, x, y - (size if tall else 0.75 * size), height, told=True)
            x += between(random, 0.2, 0.6) * size
        y += layout.pitch * between(random, 1.0, 1.5)
        if chance(random, 0.3):
            break
    return layout


def form(random: Random, bank: GlyphBank, hand: Hand, area: Area) -> Layout:
    """Rows of printed cells with a digit in each, which may touch its borders; some stay empty."""
    columns = int(random.integers(3, 13))
    side = min(area.width / (columns + 0.5), area.height * 0.7)
    if side > 20:
        side = log_between(random, max(20.0, 0.4 * side), side)
    tall = side * between(random, 0.9, 1.6)
    size = min(side * 1.25, tall) * between(random, 0.5, 1.05)
    layout = Layout("form", size)
    gap = side * between(random, 0.05, 0.4) if chance(random, 0.3) else 0.0
    lines = max(1, min(int(area.height // (tall * 1.3)), int(random.integers(1, 5))))
    x0 = area.left + max(0.0, area.width - columns * (side + gap)) * between(random, 0.05, 0.95)
    y = area.top + max(0.0, area.height - lines * tall * 1.3) * between(random, 0.05, 0.95)
    off = log_between(random, 0.02, 0.18)
    for _ in range(lines):
        number: list[Mark] = []
        filled = between(random, 0.5, 1.1)
        for i in range(columns):
            x = x0 + i * (side + gap)
            if x + side > area.right + 0.1 * side:
                break
            layout.cells.append(Area(x, y, x + side, y + tall))
            if not chance(random, filled):
                continue
            (mark,), taken = write_number(random, bank, hand, [int(random.integers(10))], 0, 0, size, 0.0)
            dx = x + (side - taken.width) / 2 - taken.left + float(random.normal(0, off)) * side
            dy = y + (tall - taken.height) / 2 - taken.top + float(random.normal(0, off)) * tall
            number.append(Mark(mark.shape, _moved(mark.place, dx, dy), mark.label))
        if number:
            _add(layout, number, Area(x0, y, x0 + columns * (side + gap), y + tall))
        y += tall * between(random, 1.1, 1.6)
        if y + tall > area.bottom:
            break
    return layout


def nothing(random: Random, bank: GlyphBank, hand: Hand, area: Area) -> Layout:
    """A page without a digit."""
    return Layout("nothing", log_between(random, SMALLEST, max(SMALLEST + 1, area.height / 2.5)))


def _moved(place: Placement, dx: float, dy: float = 0.0) -> Placement:
    return replace(place, x=place.x + dx, y=place.y + dy)


def _sign(
    random: Random,
    layout: Layout,
    bank: GlyphBank,
    name: str,
    x: float,
    y: float,
    height: float,
    *,
    kind: str = "",
    told: bool = False,
) -> float:
    """Put a sign with its top left corner at x, y; return the x of its right border.

    `kind` is that of a mark in the number written last; it, and what is `told` by what stands beside it,
    cannot be taken for a digit.
    """
    shape = bank.symbol(random, name)
    number = len(layout.numbers) - 1 if kind else -1
    lookalike = name in LOOKALIKE_SIGNS and not kind and not told
    layout.signs.append(Mark(shape, Placement(x, y, height), lookalike=lookalike, kind=kind, number=number))
    right = x + shape.width * height
    layout.taken.append(Area(x, y, right, y + shape.height * height))
    return right


LAYOUTS = {
    "huge": huge,
    "number": single,
    "rows": rows,
    "scattered": scattered,
    "column": column,
    "equation": equation,
    "form": form,
    "nothing": nothing,
}
