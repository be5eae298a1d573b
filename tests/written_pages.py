"""Pages that someone writes numbers on, in the demo's own hand: the examples of docs/fields.md."""

from dataclasses import dataclass

import cv2
import numpy as np

from edge.sources.handwriting import Hand, draw_strokes, write_number, write_word

SIZE = 960, 720
CELL = 0.07
"""Width of a form's cells, as a share of the sheet."""

PAPER = (120, 60, 840, 660)
"""Left, top, right and bottom of the sheet in the picture."""

HAND = Hand(
    46, slant=0.06, width=1.05, gap=0.26, pen=0.085, shake=0.01, habits=(0, 1, 0, 0, 1, 0, 0, 0, 0, 0)
)


@dataclass
class Page:
    """A page as far as it is filled in; its places are in shares of the sheet."""

    kind: str
    seed: int = 1

    def __post_init__(self):
        left, top, right, bottom = PAPER
        self.size = right - left, bottom - top
        self.paper = np.full((self.size[1], self.size[0], 3), (232, 238, 240), np.uint8)
        self.ink = np.zeros(self.paper.shape[:2], np.uint8)
        self.rng = np.random.default_rng(self.seed)
        RULED[self.kind](self)

    def pixels(self, x, y):
        return round(x * self.size[0]), round(y * self.size[1])

    def line(self, start, end):
        cv2.line(self.paper, self.pixels(*start), self.pixels(*end), (170, 150, 140), 2, cv2.LINE_AA)

    def word(self, text, x, y, height=26):
        hand = Hand(height, slant=0.06, width=1.0, gap=0.26, pen=0.08, shake=0.01, habits=(0,) * 10)
        self._write(write_word(text, hand, self.rng), x, y, hand.pen * height)

    def number(self, text, x, y, pitch=None):
        """Write a number whose first digit begins at x and stands on y; `pitch` is that of cells."""
        if pitch is None:
            self._write(write_number(text, HAND, self.rng), x, y, HAND.pen * HAND.height)
        else:
            for place, digit in enumerate(text):
                self._write(write_number(digit, HAND, self.rng), x + place * pitch, y, HAND.pen * HAND.height)

    def _write(self, strokes, x, y, pen):
        place = np.array(self.pixels(x, y))
        draw_strokes(self.ink, [stroke + place for stroke in strokes], pen, self.rng)

    def picture(self, shift=(0, 0), turn=0.0, noise=0):
        """The page on a desk, BGR, moved by pixels and turned by degrees, with this seed of noise."""
        share = self.ink[..., np.newaxis] / 255
        sheet = (self.paper * (1 - share) + np.array((110, 50, 25)) * share).astype(np.uint8)
        desk = np.full((SIZE[1], SIZE[0], 3), (60, 88, 122), np.uint8)
        mask = np.full(sheet.shape[:2], 255, np.uint8)
        centre = SIZE[0] / 2, SIZE[1] / 2
        move = cv2.getRotationMatrix2D(centre, turn, 1.0)
        move[:, 2] += shift
        move[:, 2] += move[:, :2] @ PAPER[:2]
        laid = cv2.warpAffine(sheet, move, SIZE, flags=cv2.INTER_LINEAR)
        share = cv2.warpAffine(mask, move, SIZE, flags=cv2.INTER_LINEAR)[..., np.newaxis] / 255
        scene = cv2.GaussianBlur(desk * (1 - share) + laid * share, (0, 0), 0.7)
        scene += np.random.default_rng(noise).normal(0, 2.2, scene.shape)
        return np.clip(scene, 0, 255).astype(np.uint8)


def _meter_book(page):
    page.word("water", 0.06, 0.12)
    for row in range(6):
        page.line((0.05, 0.2 + 0.14 * row), (0.95, 0.2 + 0.14 * row))
    page.line((0.36, 0.2), (0.36, 0.9))


def _score_sheet(page):
    page.word("hall", 0.25, 0.12)
    page.word("train", 0.62, 0.12)
    for row in range(5):
        page.line((0.15, 0.18 + 0.18 * row), (0.95, 0.18 + 0.18 * row))
    page.line((0.53, 0.06), (0.53, 0.9))


def _form(page):
    page.word("unit", 0.06, 0.2)
    page.word("week", 0.06, 0.55)
    for y, cells in ((0.26, 8), (0.61, 2)):
        for row in (y, y + 0.14):
            page.line((0.06, row), (0.06 + CELL * cells, row))
        for cell in range(cells + 1):
            page.line((0.06 + CELL * cell, y), (0.06 + CELL * cell, y + 0.14))


RULED = {"meter": _meter_book, "scores": _score_sheet, "form": _form}


def meter_book(*values):
    """A meter book: in each row the day and what the meter shows."""
    page = Page("meter")
    for row, value in enumerate(values):
        page.number(f"{row + 1:02}", 0.12, 0.31 + 0.14 * row)
        page.number(value, 0.45, 0.31 + 0.14 * row)
    return page


def score_sheet(rows):
    """A score sheet: two columns of points."""
    page = Page("scores")
    for row, (first, second) in enumerate(rows):
        page.number(first, 0.3, 0.31 + 0.18 * row)
        page.number(second, 0.68, 0.31 + 0.18 * row)
    return page


def form(unit, week):
    """A form with cells."""
    page = Page("form")
    page.number(unit, 0.075, 0.375, pitch=CELL)
    page.number(week, 0.075, 0.725, pitch=CELL)
    return page
