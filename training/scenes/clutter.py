"""What is on the page and is no digit: words, signs, doodles, print, stains."""

from __future__ import annotations

import functools
import importlib.util
import itertools
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from edge.types import ByteArray, FloatArray
from training.scenes.bank import GlyphBank
from training.scenes.canvas import CLUTTER, IGNORE, SUBPIXEL, Canvas, Colour, fixed
from training.scenes.draws import (
    Random,
    between,
    chance,
    draw_colour,
    floats,
    log_between,
    pick,
    pixels,
)
from training.scenes.ink import Pen, Placement, draw_strokes, write
from training.scenes.layout import Area, Hand, Layout
from training.scenes.shapes import smooth_curve

WORDS = (
    "total",
    "date",
    "name",
    "page",
    "note",
    "list",
    "sum",
    "the",
    "and",
    "from",
    "with",
    "order",
    "north",
    "kitchen",
    "signed",
    "paid",
    "room",
    "milk",
    "bread",
    "water",
    "left",
    "right",
    "meter",
    "reading",
    "invoice",
    "table",
    "result",
    "answer",
    "question",
    "week",
    "Monday",
    "April",
    "street",
    "house",
    "garden",
    "Thank",
    "you",
)
MOST_WORDS = 24  # of one handwritten text: each takes half a millisecond to draw


def add_text(
    random: Random, canvas: Canvas, bank: GlyphBank, hand: Hand, layout: Layout, pen: Pen, page: Area
) -> None:
    """Handwritten words, cursive or printed: a line of them somewhere, or lines over the page."""
    joined = chance(random, 0.65)
    font = bank.typeface(random, joined=joined)
    size = max(8.0, layout.height * log_between(random, 0.5, 1.5))
    pitch = layout.pitch or size * between(random, 1.4, 2.6)
    left = between(random, page.left, page.left + 0.4 * page.width)
    y = page.top + (page.height - size) * random.random() + size
    right, bottom = page.right, min(page.bottom, y + 0.5 * pitch)
    if chance(random, 0.5):
        y, bottom = page.top + between(random, 1, 3) * size, page.bottom
    written = 0
    while y < bottom and written < MOST_WORDS:
        x = left + float(random.normal(0, 0.2)) * size
        while x < right and written < MOST_WORDS:
            word = bank.word(random, int(random.integers(1, 10)), font, joined=joined)
            longer = word.size * size
            top = y + (x - left) * hand.rise - word.above * size
            place = Placement(x, top, longer, hand.rise, hand.slant, hand.stretch)
            wide, high = (side * longer for side in (word.shape.width * hand.stretch, word.shape.height))
            area = Area(x, top, x + wide, top + high)
            if layout.free(area):
                layout.taken.append(area)
                write(random, canvas, word.shape, place, pen, CLUTTER)
                written += 1
            x = area.right + between(random, 0.3, 0.8) * size
        y += pitch
        if chance(random, 0.06):
            break
    canvas.conditions["cursive" if joined else "words"] = 1.0


def add_writing(
    random: Random, canvas: Canvas, bank: GlyphBank, hand: Hand, layout: Layout, pen: Pen, page: Area
) -> None:
    """Lone letters and signs in free places."""
    for _ in range(int(random.integers(1, 5))):
        size = max(8.0, layout.height * log_between(random, 0.5, 1.5))
        x, y = between(random, page.left, page.right), between(random, page.top, page.bottom)
        kind = pick(random, {"letter": 2, "sign": 2, "letters": 1})
        if kind == "sign":
            shapes, gap = [bank.symbol(random)], 0.0
        else:
            shapes = [
                bank.letter(random) for _ in range(1 if kind == "letter" else int(random.integers(2, 7)))
            ]
            gap = between(random, 0.05, 0.5)
        advance = sum(shape.width + gap for shape in shapes) * size
        area = Area(x, y - 0.2 * size, x + advance, y + 1.2 * size)
        if not layout.free(area):
            continue
        layout.taken.append(area)
        angle = hand.rise + float(random.normal(0, 0.03))
        for shape in shapes:
            place = Placement(x, y + (1 - shape.height) * size, size, angle, hand.slant, hand.stretch)
            write(random, canvas, shape, place, pen, CLUTTER)
            x += (shape.width + gap) * size
            y += np.sin(angle) * (shape.width + gap) * size
    canvas.conditions["writing"] = 1.0


def add_doodles(random: Random, canvas: Canvas, layout: Layout, pen: Pen, page: Area) -> None:
    """Scribbles, curls, frames, rings around numbers, underlines, arrows."""
    for _ in range(int(random.integers(1, 4))):
        kind = pick(
            random,
            {"scribble": 2, "curl": 1.5, "frame": 1, "ring": 1.2, "underline": 1.5, "arrow": 1, "hatch": 0.6},
        )
        size = layout.height * log_between(random, 0.6, 3)
        x, y = between(random, page.left, page.right), between(random, page.top, page.bottom)
        around = (
            layout.taken[random.integers(len(layout.taken))] if layout.taken and chance(random, 0.6) else None
        )
        if kind == "ring" and around is None:
            continue  # by itself it would be a 0
        strokes: list[FloatArray]
        if kind == "underline" and around is not None:
            under = around.bottom + between(random, 0.08, 0.4) * layout.height
            strokes = [
                _wave(
                    random,
                    (around.left, under),
                    (around.right, under + random.normal(0, 0.1 * layout.height)),
                )
            ]
            if chance(random, 0.3):
                strokes.append(strokes[0] + floats([0, 0.15 * layout.height]))
        elif kind in ("ring", "frame") and around is not None:
            strokes = [
                _around(
                    random, around.inset(-between(random, 0.15, 0.4) * layout.height), round_=kind == "ring"
                )
            ]
        else:
            area = Area(x, y, x + size, y + size)
            if not layout.free(area.inset(-0.1 * size)):
                continue
            layout.taken.append(area)
            strokes = _doodle(random, kind, x, y, size)
        draw_strokes(random, canvas, [canvas.geometry.map(stroke) for stroke in strokes], pen, CLUTTER)
    canvas.conditions["doodles"] = 1.0


def _wave(random: Random, start: tuple[float, float], end: tuple[float, float]) -> FloatArray:
    """A line drawn by hand."""
    points = np.linspace(start, end, 6).astype(np.float32)
    length = float(np.hypot(end[0] - start[0], end[1] - start[1]))
    return smooth_curve(points + random.normal(0, 0.012 * length, points.shape).astype(np.float32))


def _around(random: Random, area: Area, *, round_: bool) -> FloatArray:
    middle = floats([(area.left + area.right) / 2, (area.top + area.bottom) / 2])
    half = floats([area.width / 2, area.height / 2])
    if round_:
        t = np.linspace(-0.3, 2 * np.pi + between(random, -0.2, 0.6), 14) + between(random, 0, 6)
        ring = np.stack([np.cos(t), np.sin(t)], axis=1) * 1.25 + random.normal(0, 0.04, (len(t), 2))
        return smooth_curve(middle + floats(ring) * half)
    corners = floats([[-1, -1], [1, -1], [1, 1], [-1, 1], [-1, -1]]) * half
    corners += random.normal(0, 0.04, corners.shape).astype(np.float32) * half
    return floats(middle + np.concatenate([np.linspace(a, b, 8) for a, b in itertools.pairwise(corners)]))


def _doodle(random: Random, kind: str, x: float, y: float, size: float) -> list[FloatArray]:
    corner = floats([x, y])
    t = np.linspace(0, 1, 40, dtype=np.float32)
    match kind:
        case "curl":
            turns, squeeze = between(random, 2, 5), between(random, 0.3, 1)  # one turn is a 0, a 6 or a 9
            angle = t * np.float32(2 * np.pi * turns)
            radius = 0.5 * (1 - t * np.float32(between(random, 0, 0.9)))
            points = np.stack(
                [np.cos(angle) * radius + t * random.normal(0, 1), np.sin(angle) * radius * squeeze], axis=1
            )
            return [corner + (points + 0.5).astype(np.float32) * np.float32(size)]
        case "hatch":
            lines = np.linspace(0, 1, int(random.integers(3, 9)))
            lean = between(random, -0.4, 0.4)
            return [
                corner + floats([[v + lean, 0], [v, between(random, 0.8, 1)]]) * np.float32(size)
                for v in lines
            ]
        case "arrow":
            end = random.uniform(0.4, 1, 2)
            tip = corner + floats(end) * np.float32(size)
            shaft = _wave(random, (x, y), (float(tip[0]), float(tip[1])))
            heading = float(np.arctan2(end[1], end[0]))
            wings = [
                tip - floats([np.cos(heading + a), np.sin(heading + a)]) * np.float32(0.25 * size)
                for a in (0.5, -0.5)
            ]
            return [shaft, np.stack([wings[0], tip, wings[1]])]
        case "frame":
            return [_around(random, Area(x, y, x + size * between(random, 0.7, 2.5), y + size), round_=False)]
        case "underline":
            return [_wave(random, (x, y), (x + size * between(random, 1, 4), y))]
        case _:
            corners = random.uniform(0, 1, (int(random.integers(4, 14)), 2)).astype(np.float32)
            return [smooth_curve(corner + corners * np.float32(size))]


@functools.cache
def _font(name: str, size: int) -> ImageFont.FreeTypeFont:
    """A font of matplotlib's, which the workstation has."""
    spec = importlib.util.find_spec("matplotlib")
    assert spec is not None and spec.origin is not None  # the workstation extra brings it
    return ImageFont.truetype(Path(spec.origin).parent / "mpl-data" / "fonts" / "ttf" / name, size)


FONTS = (
    "DejaVuSans.ttf",
    "DejaVuSans-Bold.ttf",
    "DejaVuSerif.ttf",
    "DejaVuSansMono.ttf",
    "DejaVuSerif-Italic.ttf",
    "STIXGeneral.ttf",
    "STIXGeneralItalic.ttf",
    "cmss10.ttf",
    "cmtt10.ttf",
)


def add_print(random: Random, canvas: Canvas, bank: GlyphBank, layout: Layout, page: Area) -> None:
    """Printed words (no digits: clutter) and printed numbers (neither right nor wrong to read: ignored).

    Here and there, as on forms, or in full lines, as in books.
    """
    size = int(np.clip(layout.height * log_between(random, 0.35, 1.0), 7, 60))
    colour = draw_colour(random, 0.03, 0.5) if chance(random, 0.3) else (between(random, 0.03, 0.35),) * 3
    font = _font(FONTS[random.integers(len(FONTS))], size)
    x0, y = between(random, page.left, page.right), between(random, page.top, page.bottom)
    lines, words, numbers = round(log_between(random, 1, 9)), int(random.integers(1, 6)), 0.25
    if chance(random, 0.4):
        x0, y = page.left + between(random, 0, 0.2) * page.width, between(random, page.top, page.bottom)
        lines, words, numbers = int(random.integers(3, 16)), 12, 0.04
        size = min(size, 18)
        font = _font(FONTS[random.integers(len(FONTS))], size)
    pitch = size * between(random, 1.2, 1.8)
    for _ in range(lines):
        x = x0
        if y > page.bottom:
            break
        line: list[str] = []
        while x < page.right and len(line) < words:
            number = chance(random, numbers)
            word = _printed_number(random) if number else _printed_word(random, bank)
            line.append(word)
            left, _, right, _ = (int(v) for v in font.getbbox(word))
            ascent, descent = font.getmetrics()
            area = Area(x, y, x + right - left + 2, y + ascent + descent)
            if layout.free(area.inset(-2)):
                layout.taken.append(area)
                picture = Image.new("L", (right - left + 2, ascent + descent))
                ImageDraw.Draw(picture).text((1 - left, 0), word, fill=255, font=font)
                _paste(canvas, np.asarray(picture), area, colour, ignored=number)
            x = area.right + 0.35 * size
        y += pitch
    canvas.conditions["print"] = 1.0


def label_cells(random: Random, canvas: Canvas, bank: GlyphBank, layout: Layout, page: Area) -> None:
    """Print beside, above and between the cells of a form: what to fill in, units, numbers of lines."""
    colour = draw_colour(random, 0.03, 0.5) if chance(random, 0.3) else (between(random, 0.03, 0.35),) * 3
    rows: dict[float, list[Area]] = {}
    for cell in layout.cells:
        rows.setdefault(cell.top, []).append(cell)
    size = int(np.clip(layout.cells[0].height * between(random, 0.2, 0.6), 7, 40))
    font = _font(FONTS[random.integers(len(FONTS))], size)
    above = chance(random, 0.5)
    for cells in rows.values():
        words = [_printed_word(random, bank) for _ in range(int(random.integers(1, 4)))]
        if chance(random, 0.3):
            words.insert(0, f"{random.integers(1, 40)}.")
        text = " ".join(words)
        left, _, right, _ = (int(v) for v in font.getbbox(text))
        high = sum(font.getmetrics())
        wide = right - left + 2
        first, last = cells[0], cells[-1]
        x = first.left if above else first.left - wide - between(random, 0.2, 1.0) * size
        y = first.top - high - 2 if above else (first.top + first.bottom - high) / 2
        if not above and x < page.left:
            x = last.right + between(random, 0.2, 1.0) * size
        area = Area(x, y, x + wide, y + high)
        digits = any(character.isdigit() for character in text)
        if not any(area.meets(cell) for cell in layout.cells) and not any(map(area.meets, layout.taken)):
            layout.taken.append(area)
            picture = Image.new("L", (wide, high))
            ImageDraw.Draw(picture).text((1 - left, 0), text, fill=255, font=font)
            _paste(canvas, np.asarray(picture), area, colour, ignored=digits)
    canvas.conditions["labels"] = 1.0


def _printed_number(random: Random) -> str:
    return str(random.integers(1, 10 ** int(random.integers(1, 6))))


def _printed_word(random: Random, bank: GlyphBank) -> str:
    """A word as forms and books have it."""
    word = WORDS[random.integers(len(WORDS))]
    if bank.writers is not None and chance(random, 0.8):
        word = bank.writers.any_word(random)
    kind = pick(random, {"plain": 6, "capital": 2, "capitals": 1, "colon": 1, "bracket": 0.5, "dots": 0.5})
    return {
        "plain": word,
        "capital": word.capitalize(),
        "capitals": word.upper(),
        "colon": word + ":",
        "bracket": f"({word})",
        "dots": word + "." * int(random.integers(3, 20)),
    }[kind]


def stamp_words(
    random: Random, canvas: Canvas, bank: GlyphBank, layout: Layout, pen: Pen, page: Area
) -> None:
    """Words as they were scanned, in this pen's colour, in free places."""
    for _ in range(int(random.integers(1, 8))):
        ink = bank.archive.word(random)
        if ink is None:
            return
        high = max(8.0, layout.height * log_between(random, 0.6, 1.6))
        wide = high * ink.shape[1] / ink.shape[0]
        x, y = between(random, page.left, page.right), between(random, page.top, page.bottom)
        area = Area(x, y, x + wide, y + high)
        if not layout.free(area):
            continue
        layout.taken.append(area)
        _paste(canvas, ink, area, pen.colour, ignored=False)
    canvas.conditions["scanned words"] = 1.0


def strike(random: Random, canvas: Canvas, area: Area, pen: Pen) -> str:
    """Strike out what stands in an area; how: "lines", "cross", "slashes", "zigzag" or "scribble"."""
    left, right = area.left - 0.1 * area.height, area.right + 0.1 * area.height
    high, low = area.top + 0.1 * area.height, area.bottom - 0.1 * area.height
    middle = (high + low) / 2
    strokes: list[FloatArray] = []
    kind = pick(random, {"lines": 3, "cross": 1, "zigzag": 1.5, "scribble": 1.5, "slashes": 1})
    match kind:
        case "lines":
            for _ in range(int(random.integers(1, 4)) + (area.width < 2 * area.height)):
                y = middle + float(random.normal(0, 0.12)) * area.height
                strokes.append(
                    _wave(random, (left, y), (right, y + float(random.normal(0, 0.1)) * area.height))
                )
        case "cross":
            strokes = [_wave(random, (left, high), (right, low)), _wave(random, (left, low), (right, high))]
        case "slashes":
            for x in np.arange(left, right, 0.35 * area.height):
                strokes.append(_wave(random, (float(x) + 0.3 * area.height, high), (float(x), low)))
        case _:
            count = max(4, int((right - left) / (between(random, 0.12, 0.3) * area.height)))
            x = np.linspace(left, right, count)
            ends = np.where(np.arange(count) % 2, low, high) + random.normal(0, 0.1 * area.height, count)
            line = floats(np.stack([x, ends], axis=1))
            strokes = [smooth_curve(line) if kind == "scribble" else line]
            if kind == "scribble":
                strokes.append(
                    smooth_curve(line + random.normal(0, 0.15 * area.height, line.shape).astype(np.float32))
                )
    draw_strokes(random, canvas, [canvas.geometry.map(stroke) for stroke in strokes], pen, CLUTTER)
    canvas.conditions["struck out"] = 1.0
    return kind


def _paste(canvas: Canvas, picture: ByteArray, area: Area, colour: Colour, *, ignored: bool) -> None:
    """Print a picture on the page; a number's whole box is ignored, a word is clutter where it is dark."""
    box = floats(
        [[area.left, area.top], [area.right, area.top], [area.right, area.bottom], [area.left, area.bottom]]
    )
    corners = canvas.geometry.map(box)
    left, top = np.floor(corners.min(axis=0)).astype(int) - 1
    width, height = (np.ceil(corners.max(axis=0)).astype(int) + 1 - (left, top)).tolist()
    rows, columns = picture.shape
    source = floats([[0, 0], [columns, 0], [columns, rows], [0, rows]]) - np.float32(0.5)
    transform = cv2.getPerspectiveTransform(source, corners - floats([left, top]) - np.float32(0.5))
    ink = pixels(cv2.warpPerspective(picture, transform, (width, height)))
    whole = np.full_like(picture, 255) if ignored else picture
    truth = pixels(cv2.warpPerspective(whole, transform, (width, height)))
    seen = ink.astype(np.float32) / np.float32(255)
    canvas.lay(truth, int(left), int(top), colour, seen, IGNORE if ignored else CLUTTER)


def add_marks(random: Random, canvas: Canvas, page: Area) -> None:
    """Stains, punched holes, staples, adhesive tape, highlighter: on the paper, below the writing."""
    size = max(canvas.rows, canvas.columns)
    for _ in range(int(random.integers(1, 4))):
        x, y = between(random, page.left, page.right), between(random, page.top, page.bottom)
        at = canvas.geometry.map(floats([[x, y]]))[0]
        mask = np.zeros((canvas.rows, canvas.columns), np.uint8)
        middle = [int(v) for v in fixed(at)]
        kind = pick(
            random,
            {"stain": 2, "cup": 0.8, "hole": 1.5, "staple": 0.8, "tape": 1, "highlight": 1.2, "specks": 1.5},
        )
        colour: Colour = (0.1, 0.1, 0.1)
        strength = 1.0
        one = 1 << SUBPIXEL
        match kind:
            case "stain":
                radius = log_between(random, 0.01, 0.15) * size
                axes = [int(radius * one), int(radius * between(random, 0.4, 1) * one)]
                cv2.ellipse(
                    mask, middle, axes, between(random, 0, 180), 0, 360, 255, -1, cv2.LINE_AA, SUBPIXEL
                )
                soft = max(0.6, radius * between(random, 0.05, 0.4))
                mask = pixels(cv2.GaussianBlur(mask, (0, 0), soft))
                colour, strength = (0.25, 0.4, 0.5), between(random, 0.05, 0.4)
            case "cup":
                radius = between(random, 0.08, 0.25) * size * one
                cv2.circle(mask, middle, int(radius), 255, int(random.integers(1, 4)), cv2.LINE_AA, SUBPIXEL)
                colour, strength = (0.2, 0.35, 0.5), between(random, 0.15, 0.6)
            case "hole":
                radius = log_between(random, 0.008, 0.03) * size * one
                cv2.circle(mask, middle, int(radius), 255, -1, cv2.LINE_AA, SUBPIXEL)
                grey = between(random, 0.03, 0.5)
                colour = (grey, grey, grey)
            case "staple":
                end = at + random.normal(0, 0.025 * size, 2).astype(np.float32)
                cv2.polylines(
                    mask, [fixed(np.stack([at, end]))], False, 255, 1 + int(size > 400), cv2.LINE_AA, SUBPIXEL
                )
                grey = between(random, 0.25, 0.7)
                colour = (grey, grey, grey)
            case "specks":
                spots = (
                    random.uniform(0, 1, (int(random.integers(5, 60)), 2)) * (canvas.columns, canvas.rows)
                ).astype(np.float32)
                for spot in spots:
                    x, y = (int(v) for v in fixed(spot))
                    radius = one * between(random, 0.3, 1.4)
                    cv2.circle(mask, (x, y), int(radius), 255, -1, cv2.LINE_AA, SUBPIXEL)
                strength = between(random, 0.2, 0.9)
            case _:
                wide, high = log_between(random, 0.1, 0.5) * size, log_between(random, 0.03, 0.1) * size
                box = cv2.boxPoints((at.tolist(), (wide, high), between(random, -25, 25)))
                cv2.fillPoly(mask, [fixed(box)], 255, cv2.LINE_AA, SUBPIXEL)
                if kind == "tape":
                    colour, strength = (0.6, 0.75, 0.8), between(random, 0.1, 0.4)
                else:
                    bright: tuple[Colour, ...] = (
                        (0.2, 0.95, 0.95),
                        (0.5, 0.95, 0.4),
                        (0.75, 0.4, 0.98),
                        (0.2, 0.6, 1.0),
                    )
                    colour, strength = bright[random.integers(4)], between(random, 0.4, 0.9)
        share = mask * np.float32(strength / 255)
        for i, channel in enumerate(colour):
            canvas.colour[..., i] *= 1 - share * np.float32(1 - channel)
        canvas.conditions[kind] = strength


def show_through(
    random: Random, canvas: Canvas, bank: GlyphBank, hand: Hand, layout: Layout, page: Area
) -> None:
    """What is written on the back of the sheet, mirrored, faint and blurred: no digit here."""
    before = canvas.colour.copy()
    spare = canvas.clutter.copy()
    pen = Pen("back", (0.4, 0.35, 0.35), max(1.0, layout.height * 0.06), between(random, 0.12, 0.3))
    for _ in range(int(random.integers(4, 25))):
        shape = bank.digit(random, int(random.integers(10)))
        place = Placement(
            between(random, page.left, page.right),
            between(random, page.top, page.bottom),
            layout.height,
            stretch=-1.0,
        )
        write(random, canvas, shape, place, pen, CLUTTER)
    canvas.clutter = spare
    change = cv2.GaussianBlur(canvas.colour - before, (0, 0), max(1.2, 0.05 * layout.height))
    canvas.colour = before + change
    canvas.conditions["show-through"] = pen.opacity
