"""How many bytes a video file says that it has: to OpenCV, a file that was cut off just ends.

Counting frames does not tell either: a trimmed phone video leaves out frames that it counts, and Matroska's
count is its length in seconds times a rate. But these files are made of parts that say their size.
"""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

_EBML = b"\x1a\x45\xdf\xa3"


def promised_bytes(path: Path) -> int:
    """The length that the parts of an AVI, MP4/MOV or Matroska/WebM file add up to.

    Returns:
        Bytes; more than the file has when it was cut off. 0 for other kinds and for files that do not say,
        as recorders leave them when they could not finish.
    """
    with path.open("rb") as file:
        start = file.read(12)
        file.seek(0)
        if start[:4] == b"RIFF":
            return _sum_of_riff(file)
        if start[:4] == _EBML:
            return _sum_of_matroska(file)
        if start[4:8] == b"ftyp":
            return _sum_of_mp4(file)
    return 0


def _sum_of_riff(file: BinaryIO) -> int:
    """RIFF, size (4 bytes, little-endian), content; long files have several, one behind the other."""
    end = 0
    while (header := file.read(8))[:4] == b"RIFF" and len(header) == 8:
        size = int.from_bytes(header[4:], "little")
        if not size:
            return 0
        end += 8 + size + size % 2
        file.seek(end)
    return end


def _sum_of_mp4(file: BinaryIO) -> int:
    """Boxes (ISO/IEC 14496-12): size (4 bytes; 1: 8 more bytes follow; 0: up to the end), kind, content."""
    end = 0
    while len(header := file.read(16)) >= 8:
        size = int.from_bytes(header[:4])
        if size == 1:
            size = int.from_bytes(header[8:])
        if size < 8:
            break
        end += size
        file.seek(end)
    return end


def _sum_of_matroska(file: BinaryIO) -> int:
    """The EBML header and the segment (RFC 8794): an id of 4 bytes, size, content."""
    end = 0
    for _ in ("header", "segment"):
        file.seek(end + 4)
        first = file.read(1)
        if not first or not first[0]:
            return 0
        length = 9 - first[0].bit_length()  # the leading zeros say how many bytes the size takes
        size = int.from_bytes(first + file.read(length - 1)) & ((1 << 7 * length) - 1)
        if size == (1 << 7 * length) - 1:
            return 0  # all ones: unknown
        end += 4 + length + size
    return end
