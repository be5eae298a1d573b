"""Light on the page, and the camera that takes its picture."""

from __future__ import annotations

import cv2
import numpy as np

from edge.types import ByteArray, FloatArray
from training.scenes.canvas import Canvas
from training.scenes.draws import Random, between, chance, floats, log_between, pick, pixels, smooth_noise
from training.scenes.paper import crease

COARSE = 2  # light changes slowly: it is worked out on every second pixel


def light_on(random: Random, canvas: Canvas, *, flat: bool) -> FloatArray:
    """Light on the page: lamp, shadows, folds, vignette; `flat` for a scanner's.

    Returns:
        Shape (rows, columns), float32, about 1 where nothing shades.
    """
    rows, columns = -(-canvas.rows // COARSE), -(-canvas.columns // COARSE)
    conditions = canvas.conditions
    light = np.ones((rows, columns), np.float32)
    if chance(random, 0.1 if flat else 0.3):
        light *= crease(random, rows, columns)
        conditions["folds"] = 1.0
    if not flat:
        x = np.linspace(-1, 1, columns, dtype=np.float32)[None]
        y = np.linspace(-1, 1, rows, dtype=np.float32)[:, None]
        if chance(random, 0.75):
            angle, strength = between(random, 0, 2 * np.pi), between(random, 0.02, 0.55)
            light *= 1 - np.float32(strength / 2) * (
                1 + x * np.float32(np.cos(angle)) + y * np.float32(np.sin(angle))
            )
            conditions["gradient"] = strength
        if chance(random, 0.4):
            strength = between(random, 0.1, 0.75)
            centre = random.normal(0, 0.25, 2)
            far = (x - np.float32(centre[0])) ** 2 + (y - np.float32(centre[1])) ** 2
            light *= 1 - np.float32(strength) * np.minimum(far / 2, 1) ** np.float32(
                between(random, 0.7, 1.6)
            )
            conditions["vignette"] = strength
        if chance(random, 0.2):
            light *= 1 + smooth_noise(random, rows, columns, (rows / 2, columns / 2)) * np.float32(0.1)
        for _ in range(int(random.choice(4, p=[0.5, 0.3, 0.14, 0.06]))):
            strength = between(random, 0.15, 0.7)
            light *= 1 - _shadow(random, rows, columns) * np.float32(strength)
            conditions["shadow"] = max(strength, conditions.get("shadow", 0.0))
    full = cv2.resize(light, (canvas.columns, canvas.rows), interpolation=cv2.INTER_LINEAR)
    return np.maximum(full, 0.08)


def _shadow(random: Random, rows: int, columns: int) -> FloatArray:
    """A shadow with a hard or soft edge: of a hand, a phone, a window frame, or something out of sight."""
    mask = np.zeros((rows, columns), np.uint8)
    size = max(rows, columns)
    kind = pick(random, {"half": 2.6, "hand": 1.5, "phone": 1.0, "bars": 0.4})
    middle = random.uniform((0, 0), (columns, rows))
    if kind == "half":
        angle = between(random, 0, 2 * np.pi)
        along = np.array([np.cos(angle), np.sin(angle)])
        across = np.array([-along[1], along[0]])
        corners = [middle - along * 3 * size, middle + along * 3 * size]
        corners += [corners[1] + across * 3 * size, corners[0] + across * 3 * size]
        cv2.fillPoly(mask, [np.array(corners, np.int32)], 255)
    elif kind == "hand":
        for _ in range(int(random.integers(3, 8))):
            at = (middle + random.normal(0, 0.13 * size, 2)).astype(int).tolist()
            axes = np.maximum(2, random.uniform(0.03, 0.2, 2) * size).astype(int).tolist()
            cv2.ellipse(mask, at, axes, between(random, 0, 180), 0, 360, 255, -1)
    elif kind == "phone":
        box = cv2.boxPoints(
            (middle.tolist(), (random.uniform(0.2, 0.7, 2) * size).tolist(), between(random, 0, 180))
        )
        cv2.fillPoly(mask, [np.asarray(box, np.int32)], 255)
    else:
        pitch, angle = between(random, 0.1, 0.4) * size, between(random, -0.6, 0.6)
        for at in np.arange(-size, 2 * size, pitch):
            ends = np.array([[at, -size], [at + 2 * size * np.sin(angle), size * 2]], np.int32)
            cv2.polylines(mask, [ends], False, 255, max(1, int(pitch * 0.4)))
    soft = log_between(random, 0.5, 0.08 * size)
    wide, narrow = int(soft) * 2 + 1, int(soft) + 1
    return floats(cv2.blur(cv2.blur(mask, (wide, wide)), (narrow, narrow)) / np.float32(255))


def take_picture(
    random: Random, canvas: Canvas, light: FloatArray, height: float, *, style: str
) -> ByteArray:
    """Take the picture of what is on the canvas.

    Args:
        random: the source of all draws.
        canvas: finished; its conditions are added to.
        light: from `light_on`.
        height: of the digits in pixels; blur stays small against it, so that a person can still read them.
        style: "photo", "webcam", "scan" or "cheque".

    Returns:
        Shape (rows, columns, 3), uint8, BGR.
    """
    conditions = canvas.conditions
    image = canvas.colour
    if style in ("photo", "webcam"):
        cast = 1 + random.normal(0, 0.09 if chance(random, 0.35) else 0.025, 3)
        # The camera sets its exposure by the middle of the picture, and gets it wrong now and then.
        rows, columns = light.shape
        middle = (slice(rows // 8, -(rows // 8), 4), slice(columns // 8, -(columns // 8), 4))
        mean = float((image[(*middle, 1)] * light[middle]).mean())
        level = between(random, 0.5, 0.8) / max(mean, 0.15)
        if chance(random, 0.13):
            level *= between(random, 0.25, 0.6)
            conditions["low light"] = level
        elif chance(random, 0.1):
            level *= between(random, 1.25, 1.8)
            conditions["overexposed"] = level
        image = floats(cv2.multiply(image, cv2.merge([light * np.float32(level * tone) for tone in cast])))
        if chance(random, 0.12):
            _glare(random, image, conditions)
    else:
        image = floats(cv2.multiply(image, cv2.merge([light] * 3)))
    grey = chance(random, {"photo": 0.08, "webcam": 0.03, "scan": 0.6, "cheque": 0.8}[style])
    image = _blur(random, image, height, style, conditions)
    image = _grain(random, image, height, style, conditions)
    picture = cv2.multiply(image, np.full(4, 255.0), dtype=cv2.CV_8U)  # saturates
    if style != "scan" and chance(random, 0.6):
        picture = cv2.LUT(picture, _tone(random))
    if chance(random, 0.15):
        soft = cv2.GaussianBlur(picture, (0, 0), 1.5)
        amount = between(random, 0.3, 1.2)
        picture = cv2.addWeighted(picture, 1 + amount, soft, -amount, 0)
        conditions["sharpened"] = amount
    if grey:
        picture = cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
        conditions["grey"] = 1.0
    if style == "scan" and chance(random, 0.45):
        return _one_bit(random, pixels(picture), conditions)
    if chance(random, 0.75):
        quality = int(between(random, 30, 96))
        _, encoded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
        decoded = cv2.imdecode(encoded, cv2.IMREAD_COLOR)
        assert decoded is not None  # it was encoded just now
        picture = decoded
        conditions["jpeg"] = 1 - quality / 100
    return pixels(picture)


def _glare(random: Random, image: FloatArray, conditions: dict[str, float]) -> None:
    """A lamp's reflection, added in place."""
    rows, columns = image.shape[:2]
    spot = np.zeros((-(-rows // 4), -(-columns // 4)), np.float32)
    middle = (random.uniform(0, 1, 2) * spot.shape[::-1]).astype(int).tolist()
    axes = np.maximum(2, random.uniform(0.03, 0.2, 2) * max(spot.shape)).astype(int).tolist()
    cv2.ellipse(spot, middle, axes, between(random, 0, 180), 0, 360, between(random, 0.1, 0.7), -1)
    soft = cv2.GaussianBlur(spot, (0, 0), max(1.0, min(axes) * between(random, 0.3, 1)))
    image += floats(cv2.resize(soft, (columns, rows), interpolation=cv2.INTER_LINEAR))[..., None]
    conditions["glare"] = 1.0


def _blur(
    random: Random, image: FloatArray, height: float, style: str, conditions: dict[str, float]
) -> FloatArray:
    """Defocus, motion, a coarser sensor."""
    most = 0.05 * height  # a stroke is about a tenth of the digit
    if chance(random, 0.85):
        sigma = min(between(random, 0.3, 0.9) if chance(random, 0.65) else log_between(random, 0.8, 8), most)
        if sigma > 0.3:
            image = floats(cv2.GaussianBlur(image, (0, 0), sigma))
        if sigma > 1:
            conditions["blur"] = sigma
    if style in ("photo", "webcam") and chance(random, 0.12):
        length = min(log_between(random, 2, 20), 2.5 * most)
        side = int(np.ceil(length)) | 1
        if side > 1:
            kernel = np.zeros((side, side), np.float32)
            turn = between(random, 0, np.pi)
            reach = np.array([np.cos(turn), np.sin(turn)]) * (side - 1) / 2
            ends = np.round([side // 2 - reach, side // 2 + reach]).astype(int)
            cv2.line(kernel, ends[0].tolist(), ends[1].tolist(), 1.0, 1)
            image = floats(cv2.filter2D(image, -1, kernel / kernel.sum()))
            conditions["motion"] = length
    if chance(random, 0.7 if style == "cheque" else 0.12):
        factor = max(between(random, 0.35, 0.8), min(1.0, 11 / height))
        if factor < 0.95:
            rows, columns = image.shape[:2]
            ways = (cv2.INTER_AREA, cv2.INTER_LINEAR, cv2.INTER_NEAREST)
            way = ways[int(random.choice(3, p=[0.6, 0.3, 0.1]))]
            small = cv2.resize(image, None, fx=factor, fy=factor, interpolation=way)
            back = cv2.INTER_CUBIC if chance(random, 0.5) else cv2.INTER_LINEAR
            image = floats(cv2.resize(small, (columns, rows), interpolation=back))
            conditions["low resolution"] = factor
    return image


def _grain(
    random: Random, image: FloatArray, height: float, style: str, conditions: dict[str, float]
) -> FloatArray:
    """Noise of the sensor: more where there is more light, coarser in colour than in brightness."""
    level = log_between(random, 0.002, 0.03) if style == "scan" else log_between(random, 0.004, 0.06)
    level = min(level, 0.012 + 0.0008 * height)
    rows, columns = image.shape[:2]
    # A quarter of the picture is drawn and mirrored: drawing normal numbers is what costs most here.
    quarter = random.standard_normal((-(-rows // 2), -(-columns // 2)), dtype=np.float32) * np.float32(level)
    noise = floats(cv2.copyMakeBorder(quarter, 0, rows // 2, 0, columns // 2, cv2.BORDER_REFLECT))
    if chance(random, 0.4):
        noise = floats(cv2.GaussianBlur(noise, (3, 3), 0)) * np.float32(1.6)
    noise *= np.sqrt(np.maximum(image[..., 1], np.float32(0.05)) + np.float32(0.1))
    coloured = floats(cv2.merge([noise] * 3))
    if chance(random, 0.5):
        tint = random.standard_normal((-(-rows // 4), -(-columns // 4), 3), dtype=np.float32)
        tint *= np.float32(level * 0.7)
        coloured += floats(cv2.resize(tint, (columns, rows), interpolation=cv2.INTER_LINEAR))
    if level > 0.015:
        conditions["noise"] = level
    return floats(cv2.add(image, coloured))


def _tone(random: Random) -> ByteArray:
    """A camera's tone curve: gamma, contrast, lifted blacks."""
    x = np.linspace(0, 1, 256) ** between(random, 0.65, 1.5)
    contrast, lift = between(random, 0.7, 1.25), between(random, 0, 0.15)
    return (np.clip((x - 0.5) * contrast + 0.5 + lift * (1 - x), 0, 1) * 255).astype(np.uint8)


def _one_bit(random: Random, picture: ByteArray, conditions: dict[str, float]) -> ByteArray:
    """A scan in black and white."""
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    level, _ = cv2.threshold(grey, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    paper = float(np.median(grey))
    # Never so high that the paper's own grain becomes ink, as Otsu's level is on an empty page.
    level = min(level + between(random, -10, 10), 0.8 * paper)
    conditions["one bit"] = 1.0
    black_white = cv2.threshold(grey, level, 255, cv2.THRESH_BINARY)[1]
    if chance(random, 0.4):  # dirt on the glass
        dirt = pixels(random.random(grey.shape, np.float32) < log_between(random, 3e-5, 3e-3))
        side = int(random.integers(1, 4))
        black_white[cv2.dilate(dirt, np.ones((side, side), np.uint8)) > 0] = 0
    return pixels(cv2.cvtColor(black_white, cv2.COLOR_GRAY2BGR))
