"""What is written on: sheets with tints, textures, folds and rulings, and boards."""

from __future__ import annotations

import cv2
import numpy as np

from edge.types import ByteArray, FloatArray
from training.scenes.canvas import SUBPIXEL, Canvas, Colour, fixed
from training.scenes.draws import Random, between, chance, floats, log_between, pick, pixels, smooth_noise
from training.scenes.layout import Area, Layout

TINTS: dict[str, tuple[float, Colour]] = {
    "white": (8.0, (0.93, 0.93, 0.93)),
    "cream": (1.5, (0.78, 0.89, 0.93)),
    "grey": (1.2, (0.70, 0.71, 0.71)),
    "yellow": (0.8, (0.50, 0.85, 0.93)),
    "pink": (0.5, (0.80, 0.74, 0.93)),
    "blue": (0.6, (0.92, 0.84, 0.74)),
    "green": (0.4, (0.74, 0.90, 0.78)),
    "kraft": (0.8, (0.42, 0.58, 0.70)),
    "orange": (0.2, (0.45, 0.68, 0.93)),
}
"""Papers: how common, and their colour (BGR, 0 to 1)."""

RULINGS = {"none": 4.2, "ruled": 2.2, "squared": 2.4, "dotted": 0.4, "table": 0.4, "guilloche": 0.4}
RULES: tuple[Colour, ...] = (
    (0.75, 0.60, 0.50),
    (0.80, 0.55, 0.35),
    (0.78, 0.72, 0.62),
    (0.55, 0.55, 0.55),
    (0.70, 0.65, 0.45),
    (0.68, 0.45, 0.58),
    (0.75, 0.58, 0.66),
    (0.50, 0.62, 0.45),
    (0.25, 0.25, 0.25),
    (0.50, 0.50, 0.85),
)
LARGE = 90.0  # pixels: digits of more than this height are large against the paper's ruling
MARGIN_RED: Colour = (0.45, 0.40, 0.88)


def lay_paper(random: Random, canvas: Canvas, page: Area | None, tint: Colour, roughness: float) -> ByteArray:
    """Lay a sheet on the desk, or let it fill the picture.

    Args:
        random: the source of all draws.
        canvas: with the desk painted already when `page` is given.
        page: of which only the part inside the picture shows; None for a sheet that fills it.
        tint: of the paper.
        roughness: 0 for smooth office paper, 1 for packing paper.

    Returns:
        The paper as a mask of the picture, uint8.
    """
    rows, columns = canvas.rows, canvas.columns
    texture = smooth_noise(random, rows, columns, (log_between(random, 1.2, 3), log_between(random, 1.2, 3)))
    texture *= np.float32(0.004 + 0.03 * roughness * random.random())
    texture += smooth_noise(random, rows, columns, (60, 60)) * np.float32(0.004 + 0.01 * roughness)
    if chance(random, 0.25 + 0.5 * roughness):
        _fibres(random, texture, roughness)
    texture += np.float32(1)
    paper = floats(cv2.merge([texture * np.float32(channel) for channel in tint]))
    if page is None:
        canvas.colour = paper
        return np.full((rows, columns), 255, np.uint8)
    low, high = (page.left, page.top), (page.right, page.bottom)
    corners = floats([low, (high[0], low[1]), high, (low[0], high[1])])
    corners += random.normal(0, 2, corners.shape).astype(np.float32)
    edge = _outline(random, corners)
    if chance(random, 0.7):  # the sheet's own shadow on the desk
        offset = random.normal(0, 4, 2).astype(np.float32)
        shade = canvas.fill(edge + offset, soft=between(random, 1.5, 8)).astype(np.float32)
        canvas.colour *= (1 - shade * np.float32(between(random, 0.2, 0.7) / 255))[..., None]
    mask = canvas.fill(edge, soft=between(random, 0, 0.8))
    share = (mask.astype(np.float32) / np.float32(255))[..., None]
    canvas.colour += (paper - canvas.colour) * share
    canvas.conditions["page edge"] = 1.0
    return mask


def _outline(random: Random, corners: FloatArray) -> FloatArray:
    """The border of a sheet through its corners: straight, or torn out of a pad."""
    torn = float(chance(random, 0.12)) * between(random, 1, 4)
    points = []
    for start, end in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        t = np.linspace(0, 1, 40 if torn else 10, endpoint=False, dtype=np.float32)[:, None]
        points.append(
            start + t * (end - start) + random.normal(0, torn + 1e-6, (len(t), 2)).astype(np.float32)
        )
    return np.concatenate(points)


def _fibres(random: Random, texture: FloatArray, roughness: float) -> None:
    """Short fibres and specks, lighter or darker than the paper, added to its texture in place."""
    rows, columns = texture.shape
    count = int(rows * columns / 4000 * between(random, 0.2, 1 + 2 * roughness))
    flecks = np.zeros(texture.shape, np.uint8)
    starts = random.uniform(0, 1, (count, 2)) * (columns, rows)
    ends = starts + random.normal(0, log_between(random, 1.0, 8.0), (count, 2))
    lines = list(np.stack([starts, ends], axis=1).astype(np.float32))
    cv2.polylines(flecks, [fixed(line) for line in lines], False, 255, 1, cv2.LINE_AA, SUBPIXEL)
    texture -= flecks * np.float32(between(random, -0.05, 0.16) / 255)


def crease(random: Random, rows: int, columns: int) -> FloatArray:
    """Light on folded or crumpled paper.

    Returns:
        Shape (rows, columns), float32, around 1.
    """
    light = np.ones((rows, columns), np.float32)
    x, y = np.arange(columns, dtype=np.float32)[None], np.arange(rows, dtype=np.float32)[:, None]
    for _ in range(int(random.integers(1, 4))):
        angle = (
            between(random, 0, np.pi)
            if chance(random, 0.4)
            else between(random, -0.05, 0.05) + np.pi / 2 * random.integers(2)
        )
        across = (x - between(random, 0, columns)) * np.float32(np.cos(angle)) + (
            y - between(random, 0, rows)
        ) * np.float32(np.sin(angle))
        width = log_between(random, 0.004, 0.04) * max(rows, columns)
        # A fold turns one side towards the light and keeps a dark or a bright edge.
        light += np.tanh(across / np.float32(width * 8)) * np.float32(random.normal(0, 0.03))
        light += np.exp(-np.abs(across) / np.float32(width)) * np.float32(random.normal(0, 0.08))
    if chance(random, 0.4):
        cell = between(random, 0.08, 0.3) * max(rows, columns)
        # Crumpled: ridges where the noise is near zero, lit from one side.
        ridges = -np.abs(smooth_noise(random, rows, columns, (cell, cell)))
        ridges -= np.abs(smooth_noise(random, rows, columns, (cell * 0.5, cell * 0.5))) * np.float32(0.5)
        angle = between(random, 0, 2 * np.pi)
        across, down = cv2.Sobel(ridges, cv2.CV_32F, 1, 0), cv2.Sobel(ridges, cv2.CV_32F, 0, 1)
        slope = cv2.addWeighted(across, float(np.cos(angle)), down, float(np.sin(angle)), 0)
        slope = floats(cv2.GaussianBlur(slope, (0, 0), between(random, 0.7, 2.5)))
        light += np.tanh(slope * np.float32(cell / 20)) * np.float32(between(random, 0.01, 0.07))
    return light


def rule(
    random: Random, canvas: Canvas, page: Area, layout: Layout, paper: ByteArray, *, secure: bool
) -> None:
    """Print lines, squares or dots on the paper, at the pitch that the writing keeps to or at any other.

    Args:
        random: the source of all draws.
        canvas: with the paper.
        page: the sheet.
        layout: of what will be written.
        paper: the sheet as a mask of the picture.
        secure: print it with the fine pattern of a cheque.
    """
    kind = "guilloche" if secure else pick(random, RULINGS)
    size = layout.height
    first_column = between(random, 0, size)
    kept = bool(layout.pitch) and chance(random, 0.75)
    # Lines are 5 to 10 mm apart: small digits are as tall as one or two spaces, large ones as several.
    if size > LARGE:
        pitch = size * log_between(random, 0.1, 1.0)
    elif kind == "squared":
        pitch = size * float(random.choice([0.5, 0.55, 0.7, 1.0, 1.2]))
    else:
        pitch = max(9.0, size * log_between(random, 0.7, 3))
    if kind == "squared" and chance(random, 0.2):
        pitch = between(random, 8, 60)
    first = (layout.first_line if kept else between(random, 0, pitch)) + between(random, 0, 0.12) * size
    if kept:
        pitch = layout.pitch / (int(random.integers(1, 4)) if kind == "squared" else 1)
    if layout.cells and chance(random, 0.25):  # a digit in every square, or in every other
        kind, cell = "squared", layout.cells[0]
        pitch = cell.width / int(random.integers(1, 3))
        first, first_column = cell.bottom, cell.left
    elif layout.cells:
        _cells(random, canvas, layout, paper)
        kind = kind if secure or chance(random, 0.15) else "none"
    if layout.printed:
        shade = (0.08, 0.08, 0.08) if chance(random, 0.6) else RULES[random.integers(len(RULES))]
        _print_lines(
            canvas, layout.printed, shade, between(random, 0.4, 1.0), int(random.integers(1, 3)), paper
        )
    if kind == "none":
        return
    pitch = max(pitch, 6.0)
    ink = RULES[random.integers(len(RULES))]
    strength = log_between(random, 0.12, 1.0)
    thick = 1 if pitch < 25 or chance(random, 0.5) else int(random.integers(1, 2 + min(3, int(pitch / 25))))
    wide = Area(page.left, page.top, page.right, page.bottom)
    if kind in ("ruled", "squared", "table"):
        down = np.arange(first + np.ceil((wide.top - first) / pitch) * pitch, wide.bottom, pitch)
        lines = _straight(wide, down, None)
        if kind != "ruled":
            step = pitch if kind == "squared" else max(30.0, size * between(random, 2, 8))
            start = wide.left + (first_column - wide.left) % step
            lines += _straight(wide, None, np.arange(start, wide.right, step))
        _print_lines(canvas, lines, ink, strength, thick, paper)
        if chance(random, 0.3):
            x = wide.left + between(random, 0.05, 0.25) * wide.width
            _print_lines(
                canvas,
                _straight(wide, None, np.array([x])),
                MARGIN_RED,
                between(random, 0.4, 0.95),
                thick,
                paper,
            )
    elif kind == "dotted":
        ys, xs = np.arange(wide.top, wide.bottom, pitch), np.arange(wide.left, wide.right, pitch)
        grid = np.stack(np.meshgrid(xs, ys), axis=-1).reshape(-1, 1, 2).astype(np.float32)
        dots = np.concatenate([grid, grid + floats([0.6, 0.2])], axis=1)
        _print_lines(canvas, list(dots), ink, strength, thick, paper)
    else:
        pitch = between(random, 4, 14)
        for _ in range(int(random.integers(1, 4))):
            angle = between(random, 0, np.pi)
            reach = 0.8 * float(np.hypot(canvas.rows, canvas.columns))
            along = np.linspace(-reach, reach, 120, dtype=np.float32)
            swing, pace = between(random, 0, 2) * pitch, between(random, 0.01, 0.12)
            offsets = np.arange(-reach, reach, pitch, dtype=np.float32)
            shape = np.sin(along * pace) * swing
            x = canvas.columns / 2 + along * np.cos(angle) - (shape + offsets[:, None]) * np.sin(angle)
            y = canvas.rows / 2 + along * np.sin(angle) + (shape + offsets[:, None]) * np.cos(angle)
            lines = list(np.stack([x, y], axis=-1).astype(np.float32))
            _print_lines(canvas, lines, ink, between(random, 0.1, 0.5), 1, paper)
    canvas.conditions[kind] = strength


def _cells(random: Random, canvas: Canvas, layout: Layout, paper: ByteArray) -> None:
    """The printed boxes of a form: whole, or open at the top as a comb."""
    style = pick(random, {"boxes": 4, "comb": 0.8, "baseline": 0.5})
    lines = []
    for cell in layout.cells:
        left, top, right, bottom = cell.left, cell.top, cell.right, cell.bottom
        if style == "comb":
            top += 0.7 * cell.height
            lines.append(floats([[left, top], [left, bottom], [right, bottom], [right, top]]))
        elif style == "baseline":
            lines.append(floats([[left + 2, bottom], [right - 2, bottom]]))
        else:
            lines.append(floats([[left, top], [right, top], [right, bottom], [left, bottom], [left, top]]))
    ink = RULES[random.integers(len(RULES))] if chance(random, 0.6) else (0.08, 0.08, 0.08)
    strength = between(random, 0.4, 1.0)
    thick = 1 + int(random.integers(0, 1 + max(1, int(layout.height / 20))))
    _print_lines(canvas, lines, ink, strength, min(thick, 4), paper)
    canvas.conditions["form"] = strength


def _straight(page: Area, down: np.ndarray | None, across: np.ndarray | None) -> list[FloatArray]:
    """Lines over the whole page at these heights or columns, with enough points to bend with the paper."""
    if down is not None:
        xs = np.linspace(page.left, page.right, 14)
        return [np.stack([xs, np.full_like(xs, y)], axis=1).astype(np.float32) for y in down]
    ys = np.linspace(page.top, page.bottom, 14)
    columns = across if across is not None else np.zeros(0)
    return [np.stack([np.full_like(ys, x), ys], axis=1).astype(np.float32) for x in columns]


def _print_lines(
    canvas: Canvas, lines: list[FloatArray], ink: Colour, strength: float, thick: int, paper: ByteArray
) -> None:
    """Print lines given in the page's plane on the paper."""
    if not lines:
        return
    mask = np.zeros((canvas.rows, canvas.columns), np.uint8)
    cv2.polylines(
        mask, [fixed(canvas.geometry.map(line)) for line in lines], False, 255, thick, cv2.LINE_AA, SUBPIXEL
    )
    printed = pixels(cv2.min(mask, paper))
    np.maximum(canvas.ruling, printed, out=canvas.ruling)
    share = printed.astype(np.float32)
    share *= np.float32(strength / 255)
    # Print absorbs light: it makes the paper darker, never lighter.
    for i, channel in enumerate(ink):
        canvas.colour[..., i] *= 1 - share * np.float32(1 - channel)
