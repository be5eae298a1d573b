"""What lies around the sheet, behind it and on it: desks, floors, rooms, people, hands, things."""

from __future__ import annotations

import cv2
import numpy as np

from edge.types import FloatArray
from training.scenes.canvas import SCENERY, SUBPIXEL, Canvas, Colour, fixed
from training.scenes.draws import (
    Random,
    between,
    chance,
    draw_colour,
    floats,
    log_between,
    pick,
    pixels,
    smooth_noise,
)
from training.scenes.paper import crease
from training.scenes.shapes import smooth_curve

DESKS = {
    "wood": 3.0,
    "plain": 1.4,
    "dark": 0.8,
    "cloth": 1.8,
    "mottled": 1.8,
    "tiles": 0.8,
    "crumpled": 0.6,
    "keys": 0.5,
}
WOODS = ((0.25, 0.45, 0.66), (0.14, 0.25, 0.42), (0.40, 0.58, 0.72), (0.10, 0.16, 0.26), (0.16, 0.38, 0.62))
THINGS = {
    "slab": 2.0,
    "disc": 1.5,
    "ruler": 1.0,
    "pen": 1.5,
    "cable": 1.2,
    "legs": 0.7,
    "cover": 0.8,
    "stack": 0.8,
}


def paint_desk(random: Random, canvas: Canvas) -> None:
    """What the sheet lies on, with things on it."""
    kind = pick(random, DESKS)
    rows, columns = canvas.rows, canvas.columns
    canvas.conditions[f"desk {kind}"] = 1.0
    level = between(random, 0.03, 0.2) if kind == "dark" else log_between(random, 0.1, 0.85)
    tint = np.clip(np.float32(level) * (1 + random.normal(0, 0.2, 3)), 0.02, 0.95).astype(np.float32)
    rough = smooth_noise(random, rows, columns, (1.3, 1.3)) * np.float32(between(random, 0.0, 0.06))
    match kind:
        case "wood":
            tint = floats(WOODS[random.integers(len(WOODS))])
            rough += _grain_of_wood(random, rows, columns)
        case "cloth":
            pitch, angle = log_between(random, 2.5, 16), between(random, 0, np.pi)
            for turn in (0.0, np.pi / 2):
                bands = _bands(random, rows, columns, pitch, angle + turn, bend=between(random, 0, 1.5))
                rough += bands * np.float32(between(random, 0.0, 0.16))
            rough += smooth_noise(random, rows, columns, (9, 9)) * np.float32(between(random, 0, 0.2))
            if chance(random, 0.3):  # a printed pattern
                rough += _blots(random, rows, columns) * np.float32(between(random, -0.5, 0.5))
        case "mottled":  # stone, concrete, carpet, gravel
            for _ in range(int(random.integers(1, 4))):
                rough += _blots(random, rows, columns) * np.float32(log_between(random, 0.03, 0.35))
        case "tiles":
            rough += _blots(random, rows, columns) * np.float32(log_between(random, 0.01, 0.1))
            rough += _joints(random, canvas) * np.float32(between(random, -0.7, 0.5))
        case "crumpled":
            for _ in range(2):
                rough += (crease(random, rows, columns) - 1) * np.float32(between(random, 1, 4))
    canvas.colour = np.maximum(1 + rough, 0.1)[..., None] * tint
    if kind == "keys":
        _keyboard(random, canvas)
    most = int(random.choice([0, 4, 18], p=[0.5, 0.36, 0.14]))
    for _ in range(int(random.integers(most + 1))):
        _thing(random, canvas, pick(random, THINGS))


def _bands(random: Random, rows: int, columns: int, pitch: float, angle: float, *, bend: float) -> FloatArray:
    """Stripes `pitch` pixels apart, -1 to 1; `bend`, in radians, makes them wander."""
    x, y = np.arange(columns, dtype=np.float32)[None], np.arange(rows, dtype=np.float32)[:, None]
    phase = x * np.float32(np.cos(angle) * 2 * np.pi / pitch) + y * np.float32(
        np.sin(angle) * 2 * np.pi / pitch
    )
    if bend:
        cell = log_between(random, 10, 150)
        phase += smooth_noise(random, rows, columns, (cell, cell)) * np.float32(bend)
    return floats(np.sin(phase))


def _blots(random: Random, rows: int, columns: int) -> FloatArray:
    """Soft clouds to sharp blots, round or long, fine or coarse; -1 to 1."""
    cell, long = log_between(random, 1.5, 45), log_between(random, 1, 6)
    cells = (cell, cell * long) if chance(random, 0.5) else (cell * long, cell)
    noise = smooth_noise(random, rows, columns, cells) + np.float32(between(random, -0.8, 0.8))
    return floats(np.tanh(noise * np.float32(log_between(random, 0.6, 12))))


def _grain_of_wood(random: Random, rows: int, columns: int) -> FloatArray:
    """Fibres, rings and the joints of boards, along the picture or up it."""
    upright = chance(random, 0.5)
    long, fine = between(random, 80, 400), between(random, 1.5, 5)
    cells = (long, fine) if upright else (fine, long)
    grain = smooth_noise(random, rows, columns, cells) * np.float32(between(random, 0.03, 0.16))
    grain += smooth_noise(random, rows, columns, (cells[0] * 1.2, cells[1] * 6)) * np.float32(0.08)
    if chance(random, 0.6):
        angle = (0.0 if upright else np.pi / 2) + float(random.normal(0, 0.05))
        rings = _bands(random, rows, columns, log_between(random, 6, 60), angle, bend=between(random, 1, 9))
        grain += rings * np.float32(between(random, 0.02, 0.14))
    step = between(random, 60, 300)
    along = grain if upright else grain.T
    for at in np.arange(between(random, 0, step), along.shape[1], step).astype(int):
        along[:, at : at + 2] -= np.float32(between(random, 0.1, 0.4))
    return grain


def _joints(random: Random, canvas: Canvas) -> FloatArray:
    """The joints between tiles or planks as a mask, 0 to 1, in the perspective of the page and turned."""
    size = float(max(canvas.rows, canvas.columns))
    turn, pitch = between(random, 0, np.pi), log_between(random, 0.06, 0.5) * size
    across = floats([np.cos(turn), np.sin(turn)])
    middle = floats([canvas.columns / 2, canvas.rows / 2])
    mask = np.zeros((canvas.rows, canvas.columns), np.uint8)
    lines = []
    for forward, step in ((across, pitch), (across[::-1] * floats([-1, 1]), pitch * between(random, 1, 3))):
        sideways = forward[::-1] * floats([-1, 1])
        for at in np.arange(-size + between(random, 0, step), size, step, dtype=np.float32):
            reach = floats([-size, -size / 3, size / 3, size])[:, None]
            lines.append(fixed(canvas.geometry.map(middle + forward * at + sideways * reach)))
    cv2.polylines(mask, lines, False, 255, int(random.integers(1, 6)), cv2.LINE_AA, SUBPIXEL)
    return floats(mask) / np.float32(255)


def _keyboard(random: Random, canvas: Canvas) -> None:
    """Keys with letters, dark or light."""
    pitch, dark = between(random, 14, 70), chance(random, 0.7)
    key = (0.12, 0.12, 0.13) if dark else draw_colour(random, 0.6, 0.9)
    letters = np.zeros((canvas.rows, canvas.columns), np.uint8)
    for left in np.arange(0, canvas.columns, pitch):
        for top in np.arange(0, canvas.rows, pitch):
            opposite = int(left + pitch * 0.82), int(top + pitch * 0.82)
            cv2.rectangle(canvas.colour, (int(left), int(top)), opposite, key, -1)
            letter = "QWERTZUIOPASDFGHJKLYXCVBNM"[random.integers(26)]
            spot = (int(left + pitch * 0.2), int(top + pitch * 0.55))
            cv2.putText(letters, letter, spot, cv2.FONT_HERSHEY_SIMPLEX, pitch / 60, 255, 1, cv2.LINE_AA)
    share = (letters / np.float32(255))[..., None]
    canvas.colour += (np.float32(0.85 if dark else 0.1) - canvas.colour) * share


def paint_room(random: Random, canvas: Canvas) -> None:
    """A room out of focus with a person in it, who holds the sheet up to the camera."""
    # What is out of focus need not be painted finer than this.
    coarse = Canvas.empty(canvas.geometry, -(-canvas.rows // 2), -(-canvas.columns // 2))
    _paint_room(random, coarse)
    canvas.conditions.update(coarse.conditions)
    size = canvas.columns, canvas.rows
    canvas.colour = floats(cv2.resize(coarse.colour, size, interpolation=cv2.INTER_LINEAR))


def _paint_room(random: Random, canvas: Canvas) -> None:
    rows, columns = canvas.rows, canvas.columns
    wall = random.uniform(0.2, 0.8, 3).astype(np.float32)
    shade = smooth_noise(random, rows, columns, (rows, columns))
    canvas.colour = (1 + shade * np.float32(0.15))[..., None] * wall
    for _ in range(int(random.integers(3, 14))):
        _thing(random, canvas, "slab" if chance(random, 0.6) else pick(random, THINGS))
    x, head = columns * between(random, 0.25, 0.75), rows * between(random, 0.12, 0.3)
    y = rows * between(random, 0.1, 0.45)
    skin, shirt = floats(skin_tone(random)), floats(draw_colour(random, 0.03, 0.8))
    pattern = np.zeros((rows, columns), np.float32)
    if chance(random, 0.5):  # stripes, checks, a print
        strength = np.float32(between(random, 0.1, 0.7))
        pattern = _blots(random, rows, columns)
        if chance(random, 0.6):
            pitch, angle = log_between(random, 4, 40), between(random, 0, np.pi)
            pattern = _bands(random, rows, columns, pitch, angle, bend=between(random, 0.3, 3))
        pattern *= strength

    def part(dx: float, dy: float, wide: float, high: float, colour: FloatArray) -> None:
        _cover(canvas, _ellipse((x + dx * head, y + dy * head), (wide * head, high * head), 0.0), colour)

    part(0, 3.1, 2.1, 2, np.maximum(1 + pattern, 0.05)[..., None] * shirt)
    part(0, 1, 0.45, 0.7, skin)
    hair = 1 + smooth_noise(random, rows, columns, (0.5 * head, 2)) * np.float32(0.3)
    part(0, -0.25, 0.85, 1, hair[..., None] * floats(draw_colour(random, 0.02, 0.35)))
    part(0, 0, 0.72, 0.95, skin)
    for side in (-0.3, 0.3):
        part(side, -0.15, 0.13, 0.07, floats((0.1, 0.1, 0.1)))
        part(side, -0.33, 0.2, 0.04, skin * np.float32(0.4))
    part(0, 0.15, 0.1, 0.22, skin * np.float32(0.85))
    part(0, 0.45, 0.25, 0.06, floats((0.25, 0.25, 0.5)))
    canvas.colour = floats(cv2.GaussianBlur(canvas.colour, (0, 0), log_between(random, 0.3, 2)))
    canvas.conditions["person"] = 1.0


def skin_tone(random: Random) -> Colour:
    """From very light to very dark skin, BGR."""
    light = between(random, 0.18, 0.85)
    return light * between(random, 0.55, 0.72), light * between(random, 0.68, 0.8), light


def add_objects(random: Random, canvas: Canvas, *, held: bool) -> None:
    """Fingers and things on top of the page; `held`: thumbs at both sides, as a sheet is held up."""
    if held:
        tone = skin_tone(random)
        for x in (0.0, 1.0):
            for _ in range(int(random.integers(1, 3))):
                start = floats([x * canvas.columns, between(random, 0.4, 1.1) * canvas.rows])
                _finger(random, canvas, start, floats([0.5 - x, random.normal(-0.1, 0.15)]), tone)
        return
    if chance(random, 0.45):
        _hand(random, canvas)
        return
    _thing(random, canvas, pick(random, THINGS), on_edge=True)
    canvas.conditions["object"] = 1.0


def _edge_point(random: Random, canvas: Canvas) -> tuple[FloatArray, FloatArray]:
    """A point on the picture's border, and a step from there into the picture, as shares of its size."""
    along = between(random, 0.1, 0.9)
    x, y = [(along, 0.0), (1.0, along), (along, 1.0), (0.0, along)][random.integers(4)]
    inward = floats([0.5 - x, 0.5 - y]) + random.normal(0, 0.15, 2).astype(np.float32)
    return floats([x * canvas.columns, y * canvas.rows]), inward


def _thing(random: Random, canvas: Canvas, kind: str, *, on_edge: bool = False) -> None:
    """A book, phone or card; a coin, cup or plate; a ruler, a pen, a cable: anywhere, or at the border."""
    size = float(max(canvas.rows, canvas.columns))
    at, inward = _edge_point(random, canvas)
    if not on_edge:
        at = floats(random.uniform(-0.1, 1.1, 2) * (canvas.columns, canvas.rows))
    colour = floats(draw_colour(random, 0.02, 0.9))
    angle = between(random, 0, np.pi)
    match kind:
        case "slab":
            half = floats(np.exp(random.uniform(np.log(0.01), np.log(0.3), 2)) * size)
            _cover(canvas, _box(at, half, angle), colour, shadow=between(random, 0, 0.5))
            if chance(random, 0.5):  # a screen, a label
                other = floats(draw_colour(random, 0.02, 0.9))
                _cover(canvas, _box(at, half * np.float32(between(random, 0.5, 0.95)), angle), other)
        case "disc":
            radius = log_between(random, 0.012, 0.14) * size
            axes = (radius, radius * between(random, 0.6, 1))
            _cover(canvas, _ellipse(at, axes, angle), colour, shadow=between(random, 0, 0.5))
            for _ in range(int(random.integers(1, 4))):
                axes = (axes[0] * (share := between(random, 0.6, 0.95)), axes[1] * share)
                shade = np.clip(colour * np.float32(between(random, 0.5, 1.5)), 0, 1)
                _cover(canvas, _ellipse(at, axes, angle), shade)
        case "ruler":
            half = floats([between(random, 0.2, 0.5), between(random, 0.015, 0.05)]) * np.float32(size)
            _cover(canvas, _box(at, half, angle), colour, shadow=between(random, 0, 0.4))
            along = floats([np.cos(angle), np.sin(angle)])
            across = along[::-1] * floats([-1, 1])
            dark = np.clip(colour + np.float32(0.5 if colour.mean() < 0.3 else -0.5), 0, 1)
            step = half[1] * between(random, 0.12, 0.4)
            edge = at + across * half[1]
            for i, place in enumerate(np.arange(-0.97 * half[0], half[0], max(step, 2.5))):
                length = half[1] * (0.9 if i % 10 == 0 else 0.65 if i % 5 == 0 else 0.4)
                line = np.stack([edge + along * place, edge + along * place - across * length])
                ends = [fixed(line)]
                cv2.polylines(canvas.colour, ends, False, dark.tolist(), 1, cv2.LINE_AA, SUBPIXEL)
        case "pen":
            width = log_between(random, 0.01, 0.04) * size
            reach = inward if on_edge else floats([np.cos(angle), np.sin(angle)]) * np.float32(0.5)
            tip = at + reach * np.float32(between(random, 0.3, 1.2) * size)
            line = np.stack([at - reach * np.float32(40), tip])
            _rod(random, canvas, line, width, colour)
            if chance(random, 0.6):  # a cap, a sharpened end
                end = floats(draw_colour(random, 0.02, 0.9))
                _rod(random, canvas, np.stack([line[0] * 0.12 + tip * 0.88, tip]), width, end)
        case "legs":  # of a chair, a table, a lamp: rods across the picture
            turn = floats([np.cos(angle), np.sin(angle)]) * np.float32(1.5 * size)
            for _ in range(int(random.integers(1, 5))):
                lean = random.normal(0, 0.15 * size, 2).astype(np.float32)
                start = floats(random.uniform(0, 1, 2) * (canvas.columns, canvas.rows))
                line = np.stack([start - turn - lean, start + turn * np.float32(random.uniform(-0.3, 1))])
                _rod(random, canvas, line, log_between(random, 0.008, 0.06) * size, colour)
        case "cover":  # a book with a title on it
            half = floats(np.exp(random.uniform(np.log(0.1), np.log(0.4), 2)) * size)
            _cover(canvas, _box(at, half, angle), colour, shadow=between(random, 0.1, 0.5))
            other = floats(draw_colour(random, 0.02, 0.95))
            for _ in range(int(random.integers(1, 5))):
                bar = half * floats([between(random, 0.2, 0.8), between(random, 0.01, 0.1)])
                middle = at + (_box(at, half, angle)[1] - at) * np.float32(between(random, -0.7, 0.7))
                _cover(canvas, _box(middle, bar, angle), other)
        case "stack":  # of sheets: their edges beside each other
            half = floats(np.exp(random.uniform(np.log(0.08), np.log(0.4), 2)) * size)
            pale = floats(draw_colour(random, 0.6, 0.95))
            for _ in range(int(random.integers(2, 9))):
                shift = random.normal(0, 0.015 * size, 2).astype(np.float32)
                tone = np.clip(pale * np.float32(between(random, 0.8, 1.1)), 0, 1)
                box = _box(at + shift, half, angle + float(random.normal(0, 0.03)))
                _cover(canvas, box, tone, shadow=between(random, 0.1, 0.5))
        case _:
            grey = float(random.choice([0.04, 0.1, 0.85]))
            points = at + np.cumsum(random.normal(0, 0.12 * size, (6, 2)), axis=0)
            curve = smooth_curve(np.concatenate([at[None], points]).astype(np.float32))
            _rod(random, canvas, curve, log_between(random, 2, 10), floats((grey, grey, grey)))


def _box(middle: FloatArray, half: FloatArray, angle: float) -> FloatArray:
    """Corners of a box that is turned."""
    turn = floats([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return floats(middle + floats([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * floats(half) @ turn)


def _ellipse(middle: FloatArray | tuple[float, float], axes: tuple[float, float], angle: float) -> FloatArray:
    """Points of an ellipse that is turned."""
    t = np.linspace(0, 2 * np.pi, 48, endpoint=False, dtype=np.float32)
    turn = floats([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return floats(floats(middle) + np.stack([np.cos(t), np.sin(t)], axis=1) * floats(axes) @ turn)


def _cover(canvas: Canvas, outline: FloatArray, colour: FloatArray, *, shadow: float = 0.0) -> None:
    """Put a flat thing on what is there, given its outline in pixels of the picture.

    Args:
        canvas: to draw on.
        outline: shape (points, 2).
        colour: of the thing, one, or one for each pixel of the picture.
        shadow: how dark the shadow beside it is, 0 to 1.
    """
    spread = 4
    left, top = np.maximum(np.floor(outline.min(axis=0)).astype(int) - spread, 0).tolist()
    end = np.ceil(outline.max(axis=0)).astype(int) + 2 * spread
    right, bottom = np.minimum(end, (canvas.columns, canvas.rows)).tolist()
    if right <= left or bottom <= top:
        return
    mask = np.zeros((bottom - top, right - left), np.uint8)
    cv2.fillPoly(mask, [fixed(outline - floats([left, top]))], 255, cv2.LINE_AA, SUBPIXEL)
    place = np.s_[top:bottom, left:right]
    if shadow:
        below = cv2.blur(np.roll(mask, (2, 3), axis=(0, 1)), (7, 7))
        canvas.colour[place] *= (1 - below * np.float32(shadow / 255))[..., None]
    tint = colour[place] if colour.ndim > 1 else np.broadcast_to(colour, (*mask.shape, 3))
    canvas.lay(mask, left, top, floats(tint), mask * np.float32(1 / 255), SCENERY)


def _hand(random: Random, canvas: Canvas) -> None:
    """One to four fingers beside each other that come in from the border."""
    start, inward = _edge_point(random, canvas)
    sideways = floats([-inward[1], inward[0]])
    sideways /= np.float32(max(float(np.hypot(*sideways)), 1e-6))
    width = log_between(random, 0.05, 0.14) * max(canvas.rows, canvas.columns)
    tone = skin_tone(random)
    for i in range(int(random.integers(1, 5))):
        _finger(random, canvas, start + sideways * np.float32(i * width * 1.05), inward, tone, width)
    canvas.conditions["fingers"] = 1.0


def _finger(
    random: Random,
    canvas: Canvas,
    start: FloatArray,
    inward: FloatArray,
    tone: Colour,
    width: float = 0.0,
) -> None:
    """A finger that comes in from a border."""
    width = width or between(random, 0.06, 0.12) * max(canvas.rows, canvas.columns)
    direction = inward / np.float32(max(float(np.hypot(*inward)), 1e-6))
    tip = start + direction * np.float32(width * between(random, 0.6, 2.8))
    middle = (start + tip) / 2 + random.normal(0, 0.08 * width, 2).astype(np.float32)
    line = smooth_curve(np.stack([start - direction * np.float32(width), middle, tip]))
    _rod(random, canvas, line, width, floats(tone), blush=True)
    if chance(random, 0.5):
        nail = tip + direction * np.float32(0.12 * width)
        axes = (max(1, int(0.3 * width)), max(1, int(0.22 * width)))
        angle = float(np.rad2deg(np.arctan2(direction[1], direction[0])))
        pale = tuple(min(1.0, channel * 1.15 + 0.05) for channel in tone)
        cv2.ellipse(canvas.colour, nail.astype(int).tolist(), axes, angle, 0, 360, pale, -1, cv2.LINE_AA)


def _rod(
    random: Random, canvas: Canvas, line: FloatArray, width: float, colour: FloatArray, *, blush: bool = False
) -> None:
    """A round thing along a line: lit in the middle, dark at its sides, with a shadow beside it."""
    pad = width * 1.5 + 4
    low = np.maximum(np.floor(line.min(axis=0) - pad), 0).astype(int)
    high = np.minimum(np.ceil(line.max(axis=0) + pad), (canvas.columns, canvas.rows)).astype(int)
    if (high <= low).any():
        return
    spine = np.full((high[1] - low[1], high[0] - low[0]), 255, np.uint8)
    cv2.polylines(spine, [fixed(line - low.astype(np.float32))], False, 0, 1, cv2.LINE_8, SUBPIXEL)
    # What changes with the distance from the spine alone is looked up, in steps far finer than a pixel.
    step = np.float32(2 * width / 255)
    distance = floats(cv2.distanceTransform(spine, cv2.DIST_L2, 5))
    near = pixels(cv2.convertScaleAbs(distance, alpha=1 / float(step)))
    away = np.arange(256, dtype=np.float32) * step
    half = np.float32(width / 2)
    shadow = np.clip(1.35 - away / (half * 1.3), 0, 1) * np.float32(between(random, 0.1, 0.5))
    dark = floats(cv2.LUT(np.roll(near, random.integers(-6, 7, 2), axis=(0, 1)), 1 - shadow))
    below = canvas.colour[low[1] : high[1], low[0] : high[0]]
    below *= dark[..., None]
    inside = floats(cv2.LUT(near, np.clip(half + 0.5 - away, 0, 1)))
    shade = floats(cv2.LUT(near, 1 - np.float32(0.45) * np.minimum(away / half, 1) ** 2))
    if blush:
        shade *= 1 + smooth_noise(random, len(near), len(near[0]), (width / 3, width / 3)) * np.float32(0.05)
    coat = shade[..., None] * colour
    canvas.lay((inside * 255).astype(np.uint8), int(low[0]), int(low[1]), coat, inside, SCENERY)
