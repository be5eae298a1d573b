"""A sheet of paper with handwritten numbers on a desk, as a camera above it could see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from edge.sources.handwriting import Hand, Points, draw_strokes, some_hand, write_number, write_word
from edge.types import ByteArray, FloatArray

MARGIN = 0.12
"""How much is drawn beyond each side of the picture, as a share of it: room for the camera's drift."""

FINENESS = 1.25
"""Pixels of a sheet for each pixel of the picture: what the camera's drift magnifies stays sharp."""

SPREAD = 0.78, 1.05
"""Of the paper, as a share of all that is drawn: most of its edges are outside the picture."""

WHOLE = 0.63, 0.68
"""The same of a paper that is wholly inside the picture, and still holds all its numbers."""

_INKS = ((92, 42, 30), (130, 60, 25), (35, 32, 30), (48, 44, 44), (80, 78, 78), (40, 30, 150))
"""Blue and black ballpoint, felt tip, pencil, red; blue, green, red."""

_WORDS = (
    "meter",
    "water",
    "tea",
    "milk",
    "hall",
    "rent",
    "week",
    "name",
    "time",
    "kg",
    "gram",
    "train",
    "unit",
)
_WORD_SHARE = 0.6
"""Of the places before and after rows of numbers where there is room for a word."""

_TINTS = ((236, 240, 240), (228, 236, 240), (240, 240, 236), (214, 230, 240), (224, 226, 226))
_DESKS = ((58, 88, 128), (42, 62, 92), (92, 90, 88), (52, 52, 54), (110, 140, 168))


@dataclass(frozen=True, slots=True, eq=False)
class Number:
    """A number on a sheet: its text, the pen's way (n, 2) in the sheet's pixels, and the pen's half width."""

    text: str
    way: Points
    radius: float


@dataclass(frozen=True, slots=True, eq=False)
class Sheet:
    """Paper on a desk.

    Attributes:
        image: BGR, uint8; `FINENESS` times the picture, with `MARGIN` around it.
        paper: (rows, columns), uint8, 255 where the paper is.
        numbers: in reading order.
    """

    image: ByteArray
    paper: ByteArray
    numbers: tuple[Number, ...]


def draw_sheet(
    rng: np.random.Generator,
    desk: FloatArray,
    size: tuple[int, int],
    *,
    words: np.random.Generator | None = None,
    spread: tuple[float, float] = SPREAD,
) -> Sheet:
    """Lay out a few numbers on a sheet, perhaps with words beside them, and draw it.

    Args:
        rng: decides everything but the words.
        desk: what `draw_desk` made for the same size.
        size: width and height in pixels of the picture that the camera takes of it.
        words: decides which words stand where; None writes none.
        spread: of the paper's sides, smallest and largest, as a share of all that is drawn.
    """
    view = np.array(size) * FINENESS
    rows, columns = desk.shape[:2]
    hand = some_hand(rng, height=view[1] * rng.uniform(0.095, 0.14))
    pen = hand.pen * hand.height
    paper = _paper(rng, rows, columns, hand.height)
    ink = np.zeros((rows, columns), np.uint8)
    numbers = []
    for text, strokes in _write(rng, view, hand):
        draw_strokes(ink, strokes, pen, rng)
        numbers.append(Number(text, np.concatenate(strokes), pen / 2))
    if words is not None:
        _add_words(words, ink, view, hand, numbers)
    _blend(paper, ink, _INKS[rng.integers(len(_INKS))], _grain(rng, rows, columns))
    image, mask = _lay_down(rng, paper, desk, spread)
    return Sheet(image, mask, tuple(numbers))


def draw_desk(rng: np.random.Generator, size: tuple[int, int]) -> FloatArray:
    """A desk top, BGR, float32, with its grain; for sheets of this size."""
    columns, rows = (round(n * FINENESS * (1 + 2 * MARGIN)) for n in size)
    colour = np.array(_DESKS[rng.integers(len(_DESKS))], np.float32)
    streaks = rng.standard_normal((rows // 2, 6), dtype=np.float32) * 9
    grain = np.asarray(cv2.resize(streaks, (columns, rows), interpolation=cv2.INTER_CUBIC), np.float32)
    grain += _clouds(rng, rows, columns, 2, 3.0)
    return np.asarray(colour + grain[..., np.newaxis], np.float32)


def _write(
    rng: np.random.Generator, view: npt.NDArray[np.float64], hand: Hand
) -> list[tuple[str, list[Points]]]:
    """Two to six numbers in rows, well apart: text and strokes of each, in reading order."""
    rows = int(rng.integers(2, 4))
    left, top = view * (MARGIN + 0.12)
    room_x, room_y = view * 0.76
    written: list[tuple[str, list[Points]]] = []
    for row in range(rows):
        baseline = top + (row + 0.5) * room_y / rows + hand.height / 2
        numbers: list[tuple[str, list[Points]]] = []
        ends = x = 0.0
        for _ in range(int(rng.integers(1, 4))):
            text = "".join(str(digit) for digit in rng.integers(0, 10, int(rng.integers(1, 6))))
            strokes = write_number(text, hand, rng)
            width = max(stroke[:, 0].max() for stroke in strokes)
            if numbers and x + width > room_x:
                break
            place = np.array([left + x, baseline + rng.normal(0, 0.06) * hand.height])
            numbers.append((text, [stroke + place for stroke in strokes]))
            ends = x + width
            x = ends + hand.height * rng.uniform(1.5, 2.5)
        indent = np.array([rng.uniform(0, 0.6) * max(0.0, room_x - ends), 0.0])
        written += [(text, [stroke + indent for stroke in strokes]) for text, strokes in numbers]
    return written


def _add_words(
    rng: np.random.Generator,
    ink: ByteArray,
    view: npt.NDArray[np.float64],
    hand: Hand,
    numbers: list[Number],
) -> None:
    """Write words before and after rows of numbers, where there is room, with the same pen."""
    left, right = view[0] * (MARGIN + 0.06), view[0] * (MARGIN + 0.94)
    pen = hand.pen * hand.height
    for row in _rows_of(numbers, hand.height):
        ways = np.concatenate([number.way for number in row])
        foot = float(row[0].way[:, 1].max())
        starts, ends = float(ways[:, 0].min()), float(ways[:, 0].max())
        for before in (True, False):
            strokes = write_word(str(rng.choice(_WORDS)), hand, rng)
            wide = max(stroke[:, 0].max() for stroke in strokes)
            gap = hand.height * rng.uniform(0.6, 1.2)
            x = starts - gap - wide if before else ends + gap
            if rng.random() < _WORD_SHARE and left <= x and x + wide <= right:
                draw_strokes(ink, [stroke + np.array([x, foot]) for stroke in strokes], pen, rng)


def _rows_of(numbers: list[Number], height: float) -> list[list[Number]]:
    """Numbers, which are in reading order, by the row that they stand in."""
    rows: list[list[Number]] = []
    for number in numbers:
        if rows and abs(number.way[:, 1].max() - rows[-1][-1].way[:, 1].max()) < height:
            rows[-1].append(number)
        else:
            rows.append([number])
    return rows


def _paper(rng: np.random.Generator, rows: int, columns: int, height: float) -> FloatArray:
    """Tinted paper, BGR, float32: plain, or ruled or squared for writing of this height."""
    paper = np.empty((rows, columns, 3), np.float32)
    paper[:] = _TINTS[rng.integers(len(_TINTS))]
    paper += _clouds(rng, rows, columns, 60, 1.5)[..., np.newaxis]
    paper += _clouds(rng, rows, columns, 1, 1.2)[..., np.newaxis]
    kind = rng.choice(["plain", "plain", "ruled", "squared"])
    if kind != "plain":
        lines = np.zeros((rows, columns), np.uint8)
        pitch = height * (rng.uniform(1.25, 1.6) if kind == "ruled" else rng.uniform(0.5, 0.8))
        for y in np.arange(rng.uniform(0, pitch), rows, pitch):
            cv2.line(lines, (0, round(y)), (columns, round(y)), 255)
        if kind == "squared":
            for x in np.arange(rng.uniform(0, pitch), columns, pitch):
                cv2.line(lines, (round(x), 0), (round(x), rows), 255)
        faint = rng.uniform(0.15, 0.4) * lines.astype(np.float32) / 255
        _mix(paper, faint, (205, 165, 140))
    return paper


def _lay_down(
    rng: np.random.Generator, paper: FloatArray, desk: FloatArray, spread: tuple[float, float]
) -> tuple[ByteArray, ByteArray]:
    """The paper on the desk, a little askew, with its shadow; as 8 bits, as sharp as a cheap lens is.

    Returns:
        The picture, and where in it the paper is.
    """
    rows, columns = paper.shape[:2]
    centre = np.array([columns, rows]) / 2 + rng.normal(0, 0.01, 2) * columns
    size = np.array([columns, rows]) * rng.uniform(*spread, 2)
    corners = cv2.boxPoints((centre.tolist(), size.tolist(), float(rng.normal(0, 1.5))))
    mask = np.zeros((rows, columns), np.uint8)
    cv2.fillConvexPoly(mask, np.rint(corners * 16).astype(np.int32), 255, cv2.LINE_AA, 4)
    shade = np.roll(cv2.GaussianBlur(mask, (0, 0), 5), (4, 3), axis=(0, 1))
    scene = desk * (1 - shade.astype(np.float32)[..., np.newaxis] * np.float32(0.45 / 255))
    _blend(scene, mask, paper)
    soft = cv2.GaussianBlur(scene, (0, 0), float(rng.uniform(0.6, 1.0)))
    np.clip(soft, 0, 255, out=soft)
    return soft.astype(np.uint8), mask


def _blend(
    image: FloatArray, mask: ByteArray, over: FloatArray | tuple[int, ...], grain: FloatArray | None = None
) -> None:
    """Lay a colour or a picture over an image, where the mask (0 to 255) says so."""
    share = mask.astype(np.float32) / 255
    if grain is not None:
        share *= grain
    _mix(image, share, over)


def _mix(image: FloatArray, share: npt.NDArray[np.floating[Any]], over: FloatArray | tuple[int, ...]) -> None:
    """Move an image by this share (rows, columns), 0 to 1, towards a colour or a picture."""
    # In place: a copy of a sheet takes 9 MB, which is much on a small board.
    change = np.asarray(over, np.float32) - image
    change *= share[..., np.newaxis]
    image += change


def _grain(rng: np.random.Generator, rows: int, columns: int) -> FloatArray:
    """How well the paper takes the ink, 0 to 1: even for a felt tip, grainy for a pencil."""
    roughness = rng.uniform(0.02, 0.16)
    grain = _clouds(rng, rows, columns, 1, roughness) + _clouds(rng, rows, columns, 25, 0.05)
    grain += np.float32(rng.uniform(0.78, 0.98))
    return np.clip(grain, 0, 1, out=grain)


def _clouds(rng: np.random.Generator, rows: int, columns: int, scale: int, strength: float) -> FloatArray:
    """Smooth noise: spots of `scale` pixels, with the standard deviation `strength`; float32."""
    shape = rows // scale + 2, columns // scale + 2
    coarse = rng.standard_normal(shape, dtype=np.float32) * strength
    return np.asarray(cv2.resize(coarse, (columns, rows), interpolation=cv2.INTER_CUBIC), np.float32)
