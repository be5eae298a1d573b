"""What a child process does with a picture of an archive. Called through `edge.isolated`.

It is asked with pickle, since it trusts whoever started it. It answers in JSON: what comes out of a process
that opens pictures from anywhere is trusted less.
"""

from __future__ import annotations

import json
import pickle
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import cv2

from edge.archive.rows import Row, as_list, failed, from_list, rows_of
from edge.archive.settings import Settings
from edge.decode import can_decode_heic, decode_image, pages_of, taken_at
from edge.errors import NotHereError
from edge.field_reader import FieldReader
from edge.live import FrameReader
from edge.reader import DigitReader
from edge.sources.images import MOST_PAGES
from edge.sources.turning import turned
from edge.types import Frame, ModelName


@dataclass(frozen=True, slots=True)
class Opening:
    """The first message: what to read with.

    Attributes:
        settings: all but the models.
        model: file of the digit network; None is the shipped one.
        page_model: file of the page network, likewise.
    """

    settings: Settings
    model: Path | None
    page_model: Path | None


@dataclass(frozen=True, slots=True)
class Page:
    """Every other message: a page to read.

    Attributes:
        data: the encoded picture.
        source: its file or address.
        page: which one of the file, from 1.
        modified_at: when the file was last changed, UTC, ISO 8601.
    """

    data: bytes
    source: str
    page: int
    modified_at: str | None


@dataclass(frozen=True, slots=True)
class PageRead:
    """What came of a page.

    Attributes:
        pages: that its file has.
        rows: of this one.
        again: whether another run may read it better.
    """

    pages: int
    rows: tuple[Row, ...]
    again: bool = False


def request(message: Opening | Page) -> bytes:
    """The message that `answer` takes."""
    return pickle.dumps(message)


def page_read(said: bytes) -> PageRead:
    """What `answer` said of a page."""
    told = json.loads(said)
    rows = tuple(from_list(values) for values in told["rows"])
    return PageRead(int(told["pages"]), rows, again=bool(told["again"]))


_frames: FrameReader
_settings: Settings


def answer(message: bytes) -> bytes:
    """Open the networks, or read a page.

    Raises:
        ImageError: it is no picture that can be read.
        ModelError: a model that cannot be used.
    """
    global _frames, _settings
    asked: Opening | Page = pickle.loads(message)
    if isinstance(asked, Opening):
        _settings = asked.settings
        _frames = open_reader(asked.settings, asked.model, asked.page_model)[0]
        return b""
    started = time.monotonic()
    try:
        image = decode_image(asked.data, asked.source, page=asked.page)
    except NotHereError as error:
        row = failed(asked.source, asked.page, str(error), asked.modified_at)
        return _said(PageRead(asked.page, (row,), again=True))
    pages, animated = pages_of(asked.data) if asked.page == 1 else (asked.page, False)
    name = asked.source if asked.page == 1 else f"{asked.source}#{asked.page}"
    frame = Frame(image, 0, started, datetime.now(UTC), name, (time.monotonic() - started) * 1000)
    result = _frames.read_frame(turned(frame, _settings.options))
    rows = rows_of(result, asked.source, asked.page, taken_at(asked.data), asked.modified_at)
    return _said(PageRead(1 if animated else min(pages, MOST_PAGES), tuple(rows)))


def _said(read: PageRead) -> bytes:
    rows = [as_list(row) for row in read.rows]
    return json.dumps({"pages": read.pages, "rows": rows, "again": read.again}).encode()


def open_reader(
    settings: Settings, model: Path | None, page_model: Path | None
) -> tuple[FrameReader, tuple[ModelName, ModelName]]:
    """The reader for these settings, and which networks it has.

    Args:
        settings: all but the models.
        model: file of the digit network; None is the shipped one.
        page_model: file of the page network, likewise.

    Raises:
        ModelError: one of them cannot be used, or the two are no pair.
    """
    can_decode_heic()  # loaded now, and not in the time that the first such picture has
    cv2.setNumThreads(1)  # as many pictures at a time as there are workers
    reader = DigitReader.of_files(model, page_model, threads=settings.threads, thorough=not settings.quick)
    names = reader.classifier.name, reader.page.name
    return (FieldReader(reader, settings.fields) if settings.fields else reader), names
