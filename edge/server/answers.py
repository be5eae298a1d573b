"""Result -> what the API answers: schema 1, and on request what the reader saw of each digit."""

from __future__ import annotations

import base64
from typing import Any

from edge.overlay import encode
from edge.preprocess import to_glyph
from edge.types import Box, ByteArray, Digit, Result

CROP_MARGIN = 0.15
"""Of a digit's longer side: how much of the paper around it its crop shows."""


def with_glyphs(result: Result) -> dict[str, Any]:
    """Schema 1 with three more keys in each digit.

    `crop` is the digit in the picture and `glyph` the 28x28 picture that the network was given, both as data
    URLs of PNGs; `probabilities` are all ten.
    """
    answer = result.as_dict()
    for reading, readable in zip(result.readings, answer["readings"], strict=True):
        for digit, item in zip(reading.digits, readable["digits"], strict=True):
            item["crop"] = _data_url(_crop(result.frame.image, digit.box))
            item["glyph"] = _data_url(_glyph(digit))
            item["probabilities"] = [round(float(p), 4) for p in digit.prediction.probabilities]
    return answer


def _glyph(digit: Digit) -> ByteArray:
    if digit.ink is None:
        raise ValueError(f"nothing was seen of the digit at {digit.box}")
    return to_glyph(digit.ink)


def _crop(image: ByteArray, box: Box) -> ByteArray:
    """The square around a digit, as far as the picture goes."""
    half = round((0.5 + CROP_MARGIN) * max(box.width, box.height))
    x, y = map(round, box.centre)
    return Box(x - half, y - half, x + half, y + half).clipped(*image.shape[:2]).of(image)


def _data_url(picture: ByteArray) -> str:
    return f"data:image/png;base64,{base64.b64encode(encode(picture, '.png')).decode()}"
