"""Draws readings on a copy of a frame, for people."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from statistics import median

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from edge.errors import OutputError, UsageError
from edge.types import Box, ByteArray, FieldReading, Reading

# Okabe and Ito's palette, which the colour-blind can tell apart; red, green, blue.
COLOURS = {"accepted": (0, 158, 115), "uncertain": (230, 159, 0), "rejected": (140, 140, 140)}
PLATE_TEXT = (255, 255, 255)

PLAIN = str.maketrans("²³", "23")
"""Pillow's own typeface has no raised digits: m³ is written m3."""

DIGIT_UNITS = 16
"""Units of drawing in the height of a digit, at least: a label's letters are 10 high."""

SUFFIXES = (".png", ".jpg", ".jpeg")
"""Kinds of pictures that `encode` makes."""


def draw(image: ByteArray, readings: Sequence[Reading]) -> ByteArray:
    """Frame each number and write beside it how it was read, above it where that covers no other number.

    Args:
        image: grey (rows, columns) or BGR (rows, columns, 3), uint8; it is left as it is.
        readings: with boxes in pixels of `image`.

    Returns:
        A BGR picture of the same size.
    """
    rgb = cv2.cvtColor(image, cv2.COLOR_GRAY2RGB if image.ndim == 2 else cv2.COLOR_BGR2RGB)
    picture = Image.fromarray(rgb)
    canvas = ImageDraw.Draw(picture)
    # One at 320x240, two at 640x480; but labels are not to cover small writing in a large photo.
    heights = [digit.box.height for reading in readings for digit in reading.digits]
    unit = max(1, round(min(min(picture.size) / 240, median(heights or [math.inf]) / DIGIT_UNITS)))
    frames = [_draw_frame(canvas, reading, unit) for reading in readings]
    taken = list(frames)
    for reading in readings:
        taken.append(_draw_label(canvas, reading, unit, picture.size, taken))
    return np.asarray(cv2.cvtColor(np.asarray(picture), cv2.COLOR_RGB2BGR), np.uint8)


def draw_fields(image: ByteArray, fields: Sequence[FieldReading]) -> ByteArray:
    """Outline the region of each field and write its name and value below it.

    Args:
        image: BGR (rows, columns, 3), uint8; it is left as it is.
        fields: with outlines in pixels of `image`; those without one are left out.

    Returns:
        A BGR picture of the same size.
    """
    picture = Image.fromarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB))
    canvas = ImageDraw.Draw(picture)
    unit = max(1, round(min(picture.size) / 240))
    for field in fields:
        if field.outline is None:
            continue
        colour = COLOURS[field.status]
        canvas.polygon(field.outline, outline=colour, width=unit)
        value = "?" if field.text is None else f"{field.text} {field.unit}".rstrip()
        text = f"{field.name} = {value}".translate(PLAIN)
        x, y = field.outline[3]
        font = _font(10 * unit)
        left, top, right, bottom = canvas.textbbox((0, 0), text, font=font)
        high = bottom - top + 4 * unit
        y = min(y + unit, picture.size[1] - high)
        canvas.rounded_rectangle((x, y, x + right - left + 6 * unit, y + high), radius=2 * unit, fill=colour)
        canvas.text((x + 3 * unit - left, y + 2 * unit - top), text, font=font, fill=PLATE_TEXT)
    return np.asarray(cv2.cvtColor(np.asarray(picture), cv2.COLOR_RGB2BGR), np.uint8)


def _draw_frame(canvas: ImageDraw.ImageDraw, reading: Reading, unit: int) -> Box:
    """Frame a number and its digits; where the frame is."""
    colour = COLOURS[reading.status]
    for digit in reading.digits:
        canvas.rectangle(_corners(digit.box, 0), outline=colour, width=max(1, unit // 2))
    frame = _corners(reading.box, 3 * unit)
    canvas.rounded_rectangle(frame, radius=3 * unit, outline=colour, width=unit)
    return Box(*frame)


def _draw_label(
    canvas: ImageDraw.ImageDraw, reading: Reading, unit: int, size: tuple[int, int], taken: Sequence[Box]
) -> Box:
    """Write beside its frame how a number was read, where that covers nothing; where the label is.

    Args:
        canvas: to draw on.
        reading: whose label it is.
        unit: of drawing, pixels.
        size: width and height of the picture, pixels.
        taken: frames and labels that it should not cover.
    """
    # By its digits, not by its box, which is much higher where a row slants.
    high = median(digit.box.height for digit in reading.digits)
    usual = min(max(10 * unit, round(0.45 * high)), 28 * unit)
    text = f"{reading.text}  {reading.confidence:.0%}"
    frame = Box(*_corners(reading.box, 3 * unit))
    places = []
    for height in dict.fromkeys((usual, min(usual, 10 * unit))):
        left, top, right, bottom = canvas.textbbox((0, 0), text, font=_font(height))
        wide, tall = round(right - left) + 6 * unit, round(bottom - top) + 4 * unit
        places += [(place, height) for place in _places(frame, wide, tall, unit, size)]
    place, height = min(places, key=lambda one: sum(one[0].intersection(box).area for box in taken))
    font = _font(height)
    left, top, _, _ = canvas.textbbox((0, 0), text, font=font)
    corners = place.left, place.top, place.right, place.bottom
    canvas.rounded_rectangle(corners, radius=2 * unit, fill=COLOURS[reading.status])
    where = place.left + 3 * unit - left, place.top + 2 * unit - top
    canvas.text(where, text, font=font, fill=PLATE_TEXT)
    return place


def _places(frame: Box, wide: int, tall: int, unit: int, size: tuple[int, int]) -> list[Box]:
    """Where a label may stand in the picture, best first: above its frame, below, right and left of it."""
    above, below = frame.top - tall - unit, frame.bottom + 1 + unit
    corners = [
        (frame.left, above),
        (frame.right + 1 - wide, above),
        (frame.left, below),
        (frame.right + 1 - wide, below),
        (frame.right + 1 + unit, frame.top),
        (frame.left - wide - unit, frame.top),
    ]
    inside = [
        (min(max(x, 0), max(0, size[0] - wide)), min(max(y, 0), max(0, size[1] - tall))) for x, y in corners
    ]
    return [Box(x, y, x + wide, y + tall) for x, y in inside]


def _corners(box: Box, margin: int) -> tuple[int, int, int, int]:
    return box.left - margin, box.top - margin, box.right - 1 + margin, box.bottom - 1 + margin


@lru_cache(maxsize=64)
def _font(height: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Pillow's own typeface, `height` pixels high."""
    return ImageFont.load_default(height)


def encode(image: ByteArray, suffix: str, *, quality: int = 95) -> bytes:
    """A picture as the bytes of a file.

    Args:
        image: grey (rows, columns) or BGR (rows, columns, 3), uint8.
        suffix: one of `SUFFIXES`.
        quality: of a JPEG, 0 to 100.

    Raises:
        UsageError: for any other suffix.
    """
    if suffix.lower() not in SUFFIXES:
        raise UsageError(
            f"cannot write a picture as {suffix or 'a file without suffix'!r}: use {' or '.join(SUFFIXES)}"
        )
    options = [] if suffix.lower() == ".png" else [cv2.IMWRITE_JPEG_QUALITY, quality]
    done, data = cv2.imencode(suffix, image, options)
    if not done:
        raise OutputError(f"OpenCV cannot encode a {suffix} picture of shape {image.shape}")
    return bytes(data)
