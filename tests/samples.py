"""Values that several tests need, made by hand."""

import struct
import zlib
from datetime import UTC, datetime, timedelta

import numpy as np

from edge.sources.handwriting import Hand, draw_strokes, write_number
from edge.types import (
    Box,
    Digit,
    Frame,
    Line,
    ModelName,
    Prediction,
    Reading,
    Result,
    Speed,
    Thresholds,
)

THRESHOLDS = Thresholds(accept=0.9, digit=0.5, number=0.9)


def prediction(label: int, confidence: float = 0.99) -> Prediction:
    """A prediction whose other nine digits share the rest."""
    probabilities = np.full(10, (1 - confidence) / 9, np.float32)
    probabilities[label] = confidence
    return Prediction(probabilities)


def number(text: str, left: int = 100, top: int = 100, confidence: float = 0.99) -> Line:
    """A line of digits, each 30 pixels wide and 50 high, 10 apart."""
    boxes = [Box(left + 40 * k, top, left + 40 * k + 30, top + 50) for k in range(len(text))]
    return Line(tuple(Digit(box, prediction(int(c), confidence)) for box, c in zip(boxes, text, strict=True)))


def handwriting(
    text: str, height: int, size: tuple[int, int], left: int, base: int, pitch: int
) -> np.ndarray:
    """Ink of digits in one even hand, 255 is all ink: the first starts at `left`, all stand on `base`."""
    hand = Hand(height, slant=0.05, width=1.0, gap=0.3, pen=0.09, shake=0.008, habits=(0,) * 10)
    rng, ink = np.random.default_rng(5), np.zeros(size, np.uint8)
    for k, character in enumerate(text):
        place = np.array((left + pitch * k, base))
        strokes = [stroke + place for stroke in write_number(character, hand, rng)]
        draw_strokes(ink, strokes, hand.pen * height, rng)
    return ink


def written(text: str, size: tuple[int, int] = (240, 320), ink: int = 40, paper: int = 210) -> np.ndarray:
    """A grey picture of handwritten digits, 48 pixels high and 45 from one to the next, on even paper."""
    covered = handwriting(text, 48, size, left=36, base=140, pitch=45) / 255
    return np.round(paper + (ink - paper) * covered).astype(np.uint8)


def result_of(
    *readings: Reading, frame_id: int = 0, timestamp: float = 0.0, image: np.ndarray | None = None
) -> Result:
    """The result of one frame of a source called "camera"."""
    image = np.zeros((240, 320), np.uint8) if image is None else image
    when = datetime(2026, 1, 1, 12, tzinfo=UTC) + timedelta(seconds=timestamp)
    frame = Frame(image, frame_id, timestamp, when, "camera")
    return Result(frame, readings, Speed(), ModelName("digits", "ab"), ModelName("page", "cd"))


def png_chunk(kind: bytes, content: bytes, length: int | None = None) -> bytes:
    """A chunk of a PNG; `length` is what it says, where that is a lie."""
    checksum = zlib.crc32(kind + content)
    return (
        struct.pack(">I", len(content) if length is None else length)
        + kind
        + content
        + struct.pack(">I", checksum)
    )


def png_of_size(width: int, height: int, body: bytes = b"") -> bytes:
    """A grey PNG with this in its header, and what else is given."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + body
