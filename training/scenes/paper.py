"""What is written on: sheets with tints, textures, folds and rulings, boards, and what lies around them."""

from __future__ import annotations

import cv2
import numpy as np

from edge.types import ByteArray, FloatArray
from training.scenes.canvas import SUBPIXEL, Canvas, Colour, fixed
from training.scenes.draws import Random, between, chance, floats, log_between, pick, smooth_noise
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

RULINGS = {"none": 4.2, "ruled": 2.3, "squared": 2.0, "dotted": 0.4, "table": 0.4, "guilloche": 0.35}
RULES: tuple[Colour, ...] = (
    (0.75, 0.60, 0.50), (0.80, 0.55, 0.35), (0.55, 0.55, 0.55), (0.70, 0.65, 0.45), (0.68, 0.45, 0.58),
    (0.50, 0.62, 0.45), (0.25, 0.25, 0.25), (0.50, 0.50, 0.85),
)  # fmt: skip
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
    corners = floats([
        [page.left, page.top], [page.right, page.top], [page.right, page.bottom], [page.left, page.bottom]
    ])  # fmt: skip
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


def rule(random: Random, canvas: Canvas, page: Area, layout: Layout, paper: ByteArray) -> None:
    """Print lines, squares or dots on the paper, at the pitch that the writing keeps to or at any other."""
    kind = pick(random, RULINGS)
    if layout.cells:
        _cells(random, canvas, layout, paper)
        kind = kind if chance(random, 0.15) else "none"
    if kind == "none":
        return
    size = layout.height
    kept = bool(layout.pitch) and chance(random, 0.75)
    if kind == "squared":
        pitch = (
            size * float(random.choice([0.5, 0.55, 0.7, 1.0, 1.2]))
            if chance(random, 0.8)
            else between(random, 8, 60)
        )
        pitch = max(pitch, 6.0)
    else:
        pitch = layout.pitch if kept else max(9.0, size * log_between(random, 0.7, 3))
    phase = layout.first_line if kept else between(random, 0, pitch)
    first = phase + between(random, 0, 0.12) * size
    ink = RULES[random.integers(len(RULES))]
    strength = log_between(random, 0.12, 1.0)
    thick = 1 if pitch < 25 or chance(random, 0.7) else 2
    reach = max(canvas.rows, canvas.columns) * 0.35
    wide = Area(page.left, page.top, page.right, page.bottom)
    if kind in ("ruled", "squared", "table"):
        down = np.arange(first + np.ceil((wide.top - first) / pitch) * pitch, wide.bottom, pitch)
        lines = _straight(wide, down, None)
        if kind != "ruled":
            step = pitch if kind == "squared" else max(30.0, size * between(random, 2, 8))
            start = between(random, 0, step)
            lines += _straight(wide, None, np.arange(wide.left + start % step, wide.right, step))
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
            along = np.linspace(-2 * reach, 4 * reach, 60, dtype=np.float32)
            swing, pace = between(random, 0, 2) * pitch, between(random, 0.01, 0.12)
            offsets = np.arange(-2 * reach, 4 * reach, pitch, dtype=np.float32)
            shape = np.sin(along * pace) * swing
            x = along * np.cos(angle) - (shape + offsets[:, None]) * np.sin(angle)
            y = along * np.sin(angle) + (shape + offsets[:, None]) * np.cos(angle)
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
    share = cv2.min(mask, paper).astype(np.float32)
    share *= np.float32(strength / 255)
    # Print absorbs light: it makes the paper darker, never lighter.
    for i, channel in enumerate(ink):
        canvas.colour[..., i] *= 1 - share * np.float32(1 - channel)


def paint_desk(random: Random, canvas: Canvas) -> None:
    """What the sheet lies on."""
    kind = pick(random, {"wood": 3, "plain": 2, "dark": 1.2, "cloth": 1, "clutter": 1.5, "keys": 0.3})
    rows, columns = canvas.rows, canvas.columns
    canvas.conditions[f"desk {kind}"] = 1.0
    if kind == "wood":
        base = floats(
            [(0.25, 0.45, 0.66), (0.14, 0.25, 0.42), (0.40, 0.58, 0.72), (0.10, 0.16, 0.26)][
                random.integers(4)
            ]
        )
        upright = chance(random, 0.5)
        long, fine = between(random, 80, 400), between(random, 1.5, 5)
        cells = (long, fine) if upright else (fine, long)
        grain = smooth_noise(random, rows, columns, cells) * np.float32(between(random, 0.05, 0.16))
        grain += smooth_noise(random, rows, columns, (cells[0] * 1.2, cells[1] * 6)) * np.float32(0.08)
        step = between(random, 60, 300)
        for at in np.arange(between(random, 0, step), columns if upright else rows, step):
            where = (
                (slice(None), slice(int(at), int(at) + 2))
                if upright
                else (slice(int(at), int(at) + 2), slice(None))
            )
            grain[where] -= between(random, 0.1, 0.4)
        canvas.colour = (1 + grain)[..., None] * base
        return
    level = between(random, 0.03, 0.2) if kind == "dark" else between(random, 0.1, 0.75)
    tint = np.clip(np.float32(level) * (1 + random.normal(0, 0.25, 3)), 0.02, 0.95).astype(np.float32)
    rough = smooth_noise(random, rows, columns, (1.3, 1.3)) * np.float32(between(random, 0.0, 0.06))
    if kind == "cloth":
        x, y = np.arange(columns, dtype=np.float32)[None], np.arange(rows, dtype=np.float32)[:, None]
        weave = np.float32(between(random, 0.4, 2.2))
        rough = rough * 4 + (np.sin(x * weave) + np.sin(y * weave)) * np.float32(between(random, 0.03, 0.2))
        rough += smooth_noise(random, rows, columns, (9, 9)) * np.float32(between(random, 0, 0.3))
    canvas.colour = np.maximum(1 + rough, 0.2)[..., None] * tint
    if kind == "clutter":
        _things(random, canvas, int(random.integers(4, 18)))
    elif kind == "keys":
        pitch = between(random, 14, 60)
        letters = np.zeros((rows, columns), np.uint8)
        for left in np.arange(0, columns, pitch):
            for top in np.arange(0, rows, pitch):
                opposite = int(left + pitch * 0.82), int(top + pitch * 0.82)
                cv2.rectangle(canvas.colour, (int(left), int(top)), opposite, (0.12, 0.12, 0.13), -1)
                letter = "QWERTZUIOPASDFGHJKLYXCVBNM"[random.integers(26)]
                spot = (int(left + pitch * 0.2), int(top + pitch * 0.55))
                cv2.putText(letters, letter, spot, cv2.FONT_HERSHEY_SIMPLEX, pitch / 60, 200, 1, cv2.LINE_AA)
        canvas.colour = np.maximum(canvas.colour, (letters / np.float32(255))[..., None])


def _things(random: Random, canvas: Canvas, count: int) -> None:
    """Boxes, books, cups and whatever else stands about, as plain shapes."""
    rows, columns = canvas.rows, canvas.columns
    for _ in range(count):
        colour = random.uniform(0.03, 0.9, 3)
        centre = random.uniform((-0.1 * columns, -0.1 * rows), (1.1 * columns, 1.1 * rows))
        size = np.exp(random.uniform(np.log(8), np.log(0.6 * max(rows, columns)), 2))
        angle = between(random, 0, 180)
        if chance(random, 0.65):
            box = cv2.boxPoints((centre.tolist(), size.tolist(), angle))
            cv2.fillPoly(canvas.colour, [fixed(box)], colour.tolist(), cv2.LINE_AA, SUBPIXEL)
        else:
            axes = np.maximum(1, size / 2).astype(int).tolist()
            cv2.ellipse(
                canvas.colour,
                centre.astype(int).tolist(),
                axes,
                angle,
                0,
                360,
                colour.tolist(),
                -1,
                cv2.LINE_AA,
            )


def paint_room(random: Random, canvas: Canvas) -> None:
    """A room out of focus with a person in it, who holds the sheet up to the camera."""
    rows, columns = canvas.rows, canvas.columns
    wall = random.uniform(0.2, 0.8, 3).astype(np.float32)
    canvas.colour = (1 + smooth_noise(random, rows, columns, (rows, columns)) * np.float32(0.15))[
        ..., None
    ] * wall
    _things(random, canvas, int(random.integers(3, 14)))
    x, head = columns * between(random, 0.25, 0.75), rows * between(random, 0.14, 0.26)
    y = rows * between(random, 0.1, 0.4)
    skin = skin_tone(random)
    shirt = random.uniform(0.03, 0.8, 3).tolist()
    at = (int(x), int(y + 3.1 * head))
    cv2.ellipse(canvas.colour, at, (int(2.1 * head), int(2 * head)), 0, 0, 360, shirt, -1, cv2.LINE_AA)
    neck = (int(x), int(y + head))
    cv2.ellipse(canvas.colour, neck, (int(0.45 * head), int(0.7 * head)), 0, 0, 360, skin, -1, cv2.LINE_AA)
    hair = random.uniform(0.02, 0.35, 3).tolist()
    crown = (int(x), int(y - 0.25 * head))
    cv2.ellipse(canvas.colour, crown, (int(0.85 * head), int(head)), 0, 0, 360, hair, -1, cv2.LINE_AA)
    cv2.ellipse(
        canvas.colour,
        (int(x), int(y)),
        (int(0.72 * head), int(0.95 * head)),
        0,
        0,
        360,
        skin,
        -1,
        cv2.LINE_AA,
    )
    for side in (-1, 1):
        eye = (int(x + side * 0.3 * head), int(y - 0.15 * head))
        cv2.ellipse(
            canvas.colour,
            eye,
            (max(1, int(0.13 * head)), max(1, int(0.07 * head))),
            0,
            0,
            360,
            (0.1, 0.1, 0.1),
            -1,
        )
    mouth = (int(x), int(y + 0.45 * head))
    cv2.ellipse(
        canvas.colour,
        mouth,
        (max(1, int(0.25 * head)), max(1, int(0.06 * head))),
        0,
        0,
        360,
        (0.25, 0.25, 0.5),
        -1,
    )
    canvas.colour = floats(cv2.GaussianBlur(canvas.colour, (0, 0), between(random, 0.8, 4)))
    canvas.conditions["person"] = 1.0


def skin_tone(random: Random) -> Colour:
    """From very light to very dark skin, BGR."""
    light = between(random, 0.18, 0.85)
    return light * between(random, 0.55, 0.72), light * between(random, 0.68, 0.8), light
