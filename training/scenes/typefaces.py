"""Fonts as handwriting: the centre lines of their letters and digits, for any pen to follow.

OpenCV's own stroke fonts are always there. Those that imitate people's hands, and the models that children
learn to write from, are in the packages that `fonts/package.json` names; `tell_of_fonts` says how to fetch
them. They are for training alone: the scenes of a test are the same without.
"""

from __future__ import annotations

import functools
import hashlib
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from edge.types import ByteArray
from training.scenes.draws import floats
from training.scenes.shapes import Shape, Strokes, trace

Split = Literal["train", "test"]

FONTS = Path(__file__).with_name("fonts")
FILES = "node_modules/@fontsource/*/files/*-latin-400-normal.woff"

CAPITAL = 26  # pixels: height of a capital letter in the picture that a letter is traced from
FINER = 4
"""Fonts are drawn this much larger first, a pixel bolder on each side, so that no hairline is lost."""

RUN_ON = "nmue"
"""Letters that are one stroke where a font joins them."""


@dataclass(frozen=True, slots=True)
class Typeface:
    """A font.

    Attributes:
        source: one of OpenCV's, by number, or a font file.
        joined: its letters run on into each other.
    """

    source: int | Path
    joined: bool

    def character(self, character: str) -> tuple[Strokes, float]:
        """Strokes on the line y = 0, and how far the next letter is, both in heights of a capital."""
        shape, size, corner, advance = _traced(self.source, character)
        return tuple(stroke * np.float32(size) + floats(corner) for stroke in shape.strokes), advance

    def shape(self, character: str) -> Shape:
        """The character by itself."""
        return _traced(self.source, character)[0]


@functools.cache
def stroke_fonts(split: Split) -> tuple[Typeface, ...]:
    """OpenCV's; training and test have different ones, one of them cursive."""
    if split == "train":
        return (
            Typeface(cv2.FONT_HERSHEY_SIMPLEX, joined=False),
            Typeface(cv2.FONT_HERSHEY_DUPLEX, joined=False),
            Typeface(cv2.FONT_HERSHEY_SCRIPT_SIMPLEX, joined=True),
        )
    return (
        Typeface(cv2.FONT_HERSHEY_COMPLEX_SMALL, joined=False),
        Typeface(cv2.FONT_HERSHEY_SCRIPT_COMPLEX, joined=True),
    )


@functools.cache
def handwriting_fonts() -> tuple[Typeface, ...]:
    """Those of the packages, in the order of their names; none when they were not fetched."""
    return tuple(Typeface(path, _is_joined(path)) for path in sorted(FONTS.glob(FILES)))


def fonts_digest() -> dict[str, str]:
    """The name and the SHA-256 of the list of the packages that were fetched; empty when none were."""
    if not handwriting_fonts():
        return {}
    lock = FONTS / "package-lock.json"
    return {f"handwriting fonts, {lock.name}": hashlib.sha256(lock.read_bytes()).hexdigest()}


def tell_of_fonts() -> None:
    """Say on standard error when there are none, and how to get them."""
    if not handwriting_fonts():
        print(
            "no handwriting fonts: words and digits will be of few hands; "
            "`npm ci --ignore-scripts --prefix training/scenes/fonts` fetches a hundred more",
            file=sys.stderr,
        )


@functools.cache
def _traced(source: int | Path, character: str) -> tuple[Shape, float, tuple[float, float], float]:
    """A character's shape, and in heights of a capital: its size, the corner of its box, the advance."""
    if isinstance(source, Path):
        picture, (x, line), advance = _drawn(source, character)
    else:
        picture, (x, line) = np.zeros((64, 72), np.uint8), (14, 44)
        cv2.putText(picture, character, (x, line), source, 1.2, 255, 2, cv2.LINE_AA)
        advance = cv2.getTextSize(character, source, 1.2, 2)[0][0] / CAPITAL
    shape = trace(picture)
    assert shape is not None  # every character has ink
    left, top, width, height = cv2.boundingRect(picture)
    corner = (left - x) / CAPITAL, (top - line) / CAPITAL
    return shape, max(width, height) / CAPITAL, corner, advance


def _drawn(path: Path, text: str) -> tuple[ByteArray, tuple[int, int], float]:
    """White text on black, where it starts on its line, and how far it goes in heights of a capital."""
    font, space = _font(path), 2 * CAPITAL
    advance = font.getlength(text) / FINER
    size = int(advance) + 2 * space, 3 * CAPITAL + space
    picture = Image.new("L", (FINER * size[0], FINER * size[1]))
    ImageDraw.Draw(picture).text(
        (FINER * space, FINER * 3 * CAPITAL), text, 255, font, anchor="ls", stroke_width=1
    )
    small = cv2.resize(np.asarray(picture), size, interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8), (space, 3 * CAPITAL), advance / CAPITAL


@functools.cache
def _font(path: Path) -> ImageFont.FreeTypeFont:
    """The font in a size in which a capital is FINER times CAPITAL pixels high."""
    _, top, _, bottom = ImageFont.truetype(path, 100).getbbox("H", anchor="ls")
    return ImageFont.truetype(path, 100 * FINER * CAPITAL / (bottom - top))


def _is_joined(path: Path) -> bool:
    picture, _, _ = _drawn(path, RUN_ON)
    return cv2.connectedComponents((picture >= 128).astype(np.uint8))[0] == 2  # the paper is the other one
