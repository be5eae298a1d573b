"""Separate pictures: files, and encoded pictures that arrive on standard input."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from io import BufferedReader
from pathlib import Path

from edge.decode import MAX_BYTES, decode_image, left_out, pages_of, too_many_bytes
from edge.errors import ImageError, SourceError
from edge.sources.base import Notice, Source, SourceOptions, wall_clock
from edge.sources.turning import turned
from edge.types import ByteArray, Frame
from edge.words import counted

IMAGE_SUFFIXES = frozenset(
    {
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".webp", ".bmp", ".tif", ".tiff", ".gif"),
        *(".heic", ".heif", ".hif", ".avif"),
    }
)

MEANT_SUFFIXES = IMAGE_SUFFIXES | {".jp2", ".jxl", ".pdf"}
"""Of what people take for pictures. In a folder, each of them is either read or told with its cure."""

MOST_PAGES = 1000
"""Of one file; a scanner's feeder holds a tenth of them."""

OnError = Callable[[ImageError], None]
"""Told of each picture that cannot be read; the next one follows."""

_JPEG = b"\xff\xd8\xff"
_PNG = b"\x89PNG\r\n\x1a\n"


class ImageFiles(Source):
    """Picture files, in the order given.

    Each page of a TIFF file is a picture of its own: the second one of `scan.tif` is called `scan.tif#2`.

    Args:
        name: the file, folder or pattern, as the user wrote it.
        paths: the files.
        options: whether they are to be turned or mirrored.
        on_error: told of each file that cannot be read; without it, the first such file ends the iteration
            with its error.
        on_notice: told of what is left out of a file.
    """

    def __init__(
        self,
        name: str,
        paths: Sequence[Path],
        options: SourceOptions | None = None,
        *,
        on_error: OnError | None = None,
        on_notice: Notice | None = None,
    ) -> None:
        super().__init__(name)
        self._paths = paths
        self._options = options or SourceOptions()
        self._on_error, self._on_notice = on_error, on_notice
        self._closed = False

    def __iter__(self) -> Iterator[Frame]:
        frame_id = 0
        for path in self._paths:
            page, pages = 1, 1
            data = b""
            while page <= pages and not self._closed:
                started = time.monotonic()
                source = f"{path}#{page}" if page > 1 else str(path)
                try:
                    if page == 1:
                        data = _read(path)
                    frame = _frame(data, source, source, frame_id, started, page=page)
                    if page == 1:
                        pages = _pages(data, source, self._on_notice)
                except ImageError as error:
                    _report(error, self._on_error)
                else:
                    yield turned(frame, self._options)
                page, frame_id = page + 1, frame_id + 1

    def close(self) -> None:
        """End the iteration before the next file."""
        self._closed = True


class ImageStream(Source):
    """Encoded pictures one behind the other in a stream: JPEG or PNG, or one single picture of any kind.

    Each is given as soon as its last byte is there, so that a camera program can write into a pipe.

    Args:
        stream: read until its end; it is not closed, because it is its owner's.
        options: whether they are to be turned or mirrored.
        on_error: told of each picture that cannot be read; without it, the first such picture ends the
            iteration with its error.
        on_notice: told of what is left out of a picture of many pages.
    """

    def __init__(
        self,
        stream: BufferedReader,
        options: SourceOptions | None = None,
        *,
        on_error: OnError | None = None,
        on_notice: Notice | None = None,
    ) -> None:
        super().__init__("-")
        self._stream = stream
        self._options = options or SourceOptions()
        self._on_error, self._on_notice = on_error, on_notice
        self._closed = False

    def __iter__(self) -> Iterator[Frame]:
        frame_id = -1
        for frame_id, data in enumerate(split_pictures(self._stream)):
            if self._closed:
                return
            started = time.monotonic()
            name = f"picture {frame_id + 1} on standard input"
            try:
                frame = _frame(data, name, "-", frame_id, started)
                pages = _pages(data, name, self._on_notice)
            except ImageError as error:
                _report(error, self._on_error)
                continue
            yield turned(frame, self._options)
            # Only a stream of one single picture can have more pages than one.
            for page in range(2, pages + 1):
                if self._closed:
                    return
                yield turned(
                    _frame(data, f"{name}, page {page}", "-", page - 1, time.monotonic(), page=page),
                    self._options,
                )
        if frame_id < 0:
            raise SourceError(
                "standard input is empty: expected encoded pictures, as in: cat *.jpg | digitcam read -"
            )

    def close(self) -> None:
        """End the iteration before the next picture."""
        self._closed = True


def find_images(folder: Path, on_notice: Notice | None = None) -> list[Path]:
    """The picture files in a folder by their suffix, in natural order, hidden ones left out.

    Those of kinds that are not read (PDF and others) are among them: reading one tells its cure.

    Args:
        folder: where they are; folders in it are not looked into.
        on_notice: told of what else the folder holds.

    Raises:
        SourceError: when there is none.
    """
    inside = [path for path in folder.iterdir() if not path.name.startswith(".")]
    found = [path for path in inside if path.suffix.lower() in MEANT_SUFFIXES and path.is_file()]
    if not found:
        raise SourceError(
            f"{folder} holds no pictures: expected files that end in {', '.join(sorted(IMAGE_SUFFIXES))}"
        )
    if on_notice is not None and (others := _in_words(set(inside) - set(found))):
        on_notice(f"{folder}: left out {others}")
    return natural_order(found)


def _in_words(paths: Iterable[Path]) -> str:
    """What is no picture, in words: 3 files (2 .txt, 1 .mp4) and 1 folder."""
    paths = list(paths)
    folders = sum(path.is_dir() for path in paths)
    kinds = Counter(path.suffix.lower() or "without suffix" for path in paths if not path.is_dir())
    told = ", ".join(f"{number} {kind}" for kind, number in kinds.most_common())
    files = f"{counted(kinds.total(), 'file')} ({told})" if kinds else ""
    return " and ".join(filter(None, [files, counted(folders, "folder") if folders else ""]))


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


def read_picture(path: Path) -> ByteArray:
    """One picture file, of several pages the first: grey (rows, columns) or BGR (rows, columns, 3), uint8.

    Raises:
        ImageError: it cannot be read.
    """
    return decode_image(_read(path), str(path))


def _pages(data: bytes, name: str, on_notice: Notice | None) -> int:
    """How many pages of a picture file are to be read; what is left out is told."""
    pages, animated = pages_of(data)
    taken = 1 if animated else min(pages, MOST_PAGES)
    if on_notice is not None and (told := left_out(pages, taken, animated=animated)):
        on_notice(f"{name}: {told}{'; to read all, make a video of it' if animated else ''}")
    return taken


def _frame(data: bytes, name: str, source: str, frame_id: int, started: float, *, page: int = 1) -> Frame:
    image = decode_image(data, name, page=page)
    capture_ms = (time.monotonic() - started) * 1000
    return Frame(image, frame_id, started, wall_clock(started), source, capture_ms)


def _report(error: ImageError, on_error: OnError | None) -> None:
    if on_error is None:
        raise error
    on_error(error)
