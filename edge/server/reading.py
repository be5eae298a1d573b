"""What a child process does with an upload: decode, read, answer. Called through `edge.isolated`."""

from __future__ import annotations

import json
import os
from functools import lru_cache
from pathlib import Path
from typing import Literal

import cv2

from edge.decode import can_decode_heic, decode_image, left_out, pages_of
from edge.errors import ImageError
from edge.isolated import lift_cpu_limit
from edge.overlay import draw, encode
from edge.reader import DigitReader
from edge.server.answers import with_glyphs
from edge.server.forms import picture_of

FORMATS = ("PNG", "JPEG", "WebP", "HEIF", "AVIF")
MAX_PIXELS = 16_000_000

NICENESS = 5
"""Uploads wait for the camera, not the camera for uploads: a third of its share of a busy processor."""

URLENCODED = "application/x-www-form-urlencoded"
"""What curl calls all that it sends with -d or --data-binary."""

BINARY = "--data-binary @photo.jpg"

Form = Literal["json", "glyphs", "annotated"]
"""What is wanted: schema 1 and warnings, the same with what the reader saw, or the annotated PNG."""


def request(
    body: bytes,
    form: Form,
    model: Path | None = None,
    page_model: Path | None = None,
    *,
    content_type: str = "",
) -> bytes:
    """The message that `answer` takes.

    Args:
        body: an encoded picture of `FORMATS`, or a form (multipart/form-data) with one in it.
        form: of the answer.
        model: path of the digit network, None for the shipped one.
        page_model: path of the page network, likewise.
        content_type: of the body. Only a form is told by it; pictures are told by their content.
    """
    models = [path and str(path) for path in (model, page_model)]
    head = {"form": form, "models": models, "content_type": content_type}
    return json.dumps(head).encode() + b"\n" + body


def answer(message: bytes) -> bytes:
    """Read the picture of a `request`.

    Returns:
        JSON, or a PNG.

    Raises:
        ImageError: it is of none of `FORMATS`, is damaged, or has more than `MAX_PIXELS`; or the
            form is no good.
    """
    head, _, body = message.partition(b"\n")
    wanted = json.loads(head)
    reader = _reader(*wanted["models"])
    picture = picture_of(body, wanted["content_type"])
    try:
        image = decode_image(picture, "the upload", formats=FORMATS, max_pixels=MAX_PIXELS)
    except ImageError as error:
        if wanted["content_type"] != URLENCODED or BINARY in str(error):
            raise
        raise ImageError(f"{error}; curl -d leaves bytes out of files: send it with {BINARY}") from error
    pages, animated = pages_of(picture, FORMATS)
    lift_cpu_limit()  # what takes long from here on is a page full of writing, or a slow board
    result = reader.read_image(image, "upload")
    if wanted["form"] == "annotated":
        return encode(draw(image, result.readings), ".png")
    readable = with_glyphs(result) if wanted["form"] == "glyphs" else result.as_dict()
    told = left_out(pages, 1, animated=animated)
    return json.dumps({**readable, "warnings": [told] if told else []}).encode()


@lru_cache(maxsize=1)
def _reader(model: str | None, page_model: str | None) -> DigitReader:
    os.nice(NICENESS)
    can_decode_heic()  # loaded now, and not in the time that the first such picture has
    cv2.setNumThreads(1)  # as many pictures at a time as there are children
    return DigitReader.of_files(model, page_model, thorough=True)
