"""Separate pictures: files, and encoded pictures that arrive on standard input."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from io import BufferedReader
from pathlib import Path

from edge.decode import MAX_BYTES, decode_image, too_many_bytes
from edge.errors import ImageError, SourceError
from edge.sources.base import Source, wall_clock
from edge.types import Frame

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif"})

OnError = Callable[[ImageError], None]
"""Told of each picture that cannot be read; the next one follows."""

_JPEG = b"\xff\xd8\xff"
_PNG = b"\x89PNG\r\n\x1a\n"


class ImageFiles(Source):
    """Picture files, in the order given.

    Args:
        name: the file, folder or pattern, as the user wrote it.
        paths: the files.
        on_error: told of each file that cannot be read; without it, the first such file ends the iteration
            with its error.
    """

    def __init__(self, name: str, paths: Sequence[Path], *, on_error: OnError | None = None) -> None:
        super().__init__(name)
        self._paths = paths
        self._on_error = on_error
        self._closed = False

    def __iter__(self) -> Iterator[Frame]:
        for frame_id, path in enumerate(self._paths):
            if self._closed:
                return
            started = time.monotonic()
            try:
                frame = _frame(_read(path), str(path), str(path), frame_id, started)
            except ImageError as error:
                _report(error, self._on_error)
            else:
                yield frame

    def close(self) -> None:
        """End the iteration before the next file."""
        self._closed = True


class ImageStream(Source):
    """Encoded pictures one behind the other in a stream: JPEG or PNG, or one single picture of any kind.

    Each is given as soon as its last byte is there, so that a camera program can write into a pipe.

    Args:
        stream: read until its end; it is not closed, because it is its owner's.
        on_error: told of each picture that cannot be read; without it, the first such picture ends the
            iteration with its error.
    """

    def __init__(self, stream: BufferedReader, *, on_error: OnError | None = None) -> None:
        super().__init__("-")
        self._stream = stream
        self._on_error = on_error
        self._closed = False

    def __iter__(self) -> Iterator[Frame]:
        frame_id = -1
        for frame_id, data in enumerate(split_pictures(self._stream)):
            if self._closed:
                return
            started = time.monotonic()
            try:
                frame = _frame(data, f"picture {frame_id + 1} on standard input", "-", frame_id, started)
            except ImageError as error:
                _report(error, self._on_error)
            else:
                yield frame
        if frame_id < 0:
            raise SourceError(
                "standard input is empty: expected encoded pictures, as in: cat *.jpg | digitcam read -"
            )

    def close(self) -> None:
        """End the iteration before the next picture."""
        self._closed = True


def find_images(folder: Path) -> list[Path]:
    """The picture files in a folder by their suffix, in natural order, hidden ones left out.

    Raises:
        SourceError: when there is none.
    """
    found = [
        path
        for path in folder.iterdir()
        if path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".") and path.is_file()
    ]
    if not found:
        raise SourceError(
            f"{folder} holds no pictures: expected files that end in {', '.join(sorted(IMAGE_SUFFIXES))}"
        )
    return natural_order(found)


def natural_order(paths: Iterable[Path]) -> list[Path]:
    """Sorted as people count: page2 before page10."""

    def key(path: Path) -> list[tuple[int, str]]:
        parts: list[str] = re.findall(r"\d+|\D+", str(path))
        # Numbers sort by their value, before words; text breaks the tie between 01 and 1.
        return [(int(part), part) if part.isdecimal() else (1 << 62, part.lower()) for part in parts]

    return sorted(paths, key=key)


def split_pictures(stream: BufferedReader) -> Iterator[bytes]:
    """Cut a stream of JPEG and PNG pictures into the single ones.

    Bytes between two pictures are skipped (phones write trailers). A stream that begins with anything else
    is given as one piece, and so is a last picture that is cut off: the decoder says what is wrong with them.
    """
    pile = _Pile(stream)
    first = True
    while pile.fill(1):
        pile.fill(len(_PNG))
        if pile.data.startswith(_JPEG):
            yield pile.take(_jpeg_length(pile))
        elif pile.data.startswith(_PNG):
            yield pile.take(_png_length(pile))
        elif first:
            pile.fill(MAX_BYTES)
            yield pile.take(len(pile.data))
        else:
            pile.take(1)
        first = False


class _Pile:
    """What has come from a stream and was not taken yet; never much more than `MAX_BYTES`."""

    def __init__(self, stream: BufferedReader) -> None:
        self.data = bytearray()
        self._stream = stream

    def fill(self, size: int) -> bool:
        """Wait for `size` bytes; False when the stream ends before, or that is more than a picture has."""
        while len(self.data) < min(size, MAX_BYTES + 1):
            chunk = self._stream.read1(1 << 16)
            if not chunk:
                return False
            self.data += chunk
        return size <= MAX_BYTES + 1

    def take(self, size: int) -> bytes:
        taken = bytes(self.data[:size])
        del self.data[:size]
        return taken


def _jpeg_length(pile: _Pile) -> int:
    """How long the JPEG at the start of the pile is; all there is, when it has no end."""
    at = 2
    while pile.fill(at + 2):
        if pile.data[at] != 0xFF:  # compressed data, up to the next marker
            at = pile.data.find(0xFF, at)
            if at < 0:
                at = len(pile.data)
            continue
        marker = pile.data[at + 1]
        if marker == 0xD9:  # end of image
            return at + 2
        if marker == 0xD8:  # start of the next: this one was cut off
            return at
        if marker == 0xFF:  # a fill byte
            at += 1
        elif marker <= 0x01 or 0xD0 <= marker <= 0xD7:  # no marker, or one without a segment
            at += 2
        elif pile.fill(at + 4):
            at += 2 + int.from_bytes(pile.data[at + 2 : at + 4])
        else:
            break
    return len(pile.data)


def _png_length(pile: _Pile) -> int:
    """How long the PNG at the start of the pile is; all there is, when it has no end."""
    at = len(_PNG)
    while pile.fill(at + 8):
        size, kind = int.from_bytes(pile.data[at : at + 4]), pile.data[at + 4 : at + 8]
        at += 8 + size + 4  # length and kind, content, checksum
        if kind == b"IEND":
            pile.fill(at)
            return at
    return len(pile.data)


def _read(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise too_many_bytes(str(path), size)
        return path.read_bytes()
    except OSError as error:
        raise ImageError(f"cannot read {path}: {error.strerror or error}") from error


def _frame(data: bytes, name: str, source: str, frame_id: int, started: float) -> Frame:
    image = decode_image(data, name)
    capture_ms = (time.monotonic() - started) * 1000
    return Frame(image, frame_id, started, wall_clock(started), source, capture_ms)


def _report(error: ImageError, on_error: OnError | None) -> None:
    if on_error is None:
        raise error
    on_error(error)
