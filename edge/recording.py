"""Kept frames on disk: what a recording is, and how one of its frames is written and read.

    DIR/digitcam-frames.txt                           says that the folder is ours
    DIR/0007-20261129-185520/digitcam-recording.json  a recording: what is true of all its frames
    DIR/0007-20261129-185520/00000042.png             a frame: grey, lossless, with its times in it

`edge.sinks.keep` writes them, `edge.sources.replay` reads them.
"""

from __future__ import annotations

import json
import math
import re
import struct
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from edge.decode import decode_image, png_text
from edge.errors import ImageError, SourceError
from edge.planes import to_grey
from edge.types import Frame, ModelName

FORMAT = 1
"""Version of what is written here."""

MARK = "digitcam-frames.txt"
"""Stands in a folder of recordings: only where it stands is anything deleted."""

FACTS = "digitcam-recording.json"
"""Stands in the folder of a recording."""

_KEYWORD = "digitcam"
"""Of the text in a frame's file."""

_NAME = re.compile(r"(\d{4,})-\d{8}-\d{6}")
_FRAME = re.compile(r"(\d{8,})\.png")
_UNFINISHED = re.compile(r"\.\d{8,}\.png\..+")

_PNG_HEADER = 8 + 4 + 4 + 13 + 4
"""Bytes of its signature and its first chunk."""

_ENCODER = [
    *(cv2.IMWRITE_PNG_COMPRESSION, 1),
    *(cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_HUFFMAN_ONLY),
]
"""A camera's noise repeats nothing: looking for repetitions takes twice the time and makes larger files."""

if hasattr(cv2, "IMWRITE_PNG_FILTER"):  # OpenCV 4.12; earlier ones choose a filter that is as cheap
    _ENCODER += [cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_UP]


@dataclass(frozen=True, slots=True)
class Recording:
    """What is true of all frames of a recording. It holds nothing secret.

    Attributes:
        source: where they came from, as it may be shown (`edge.sources.public_name`).
        continuous: whether they follow each other in time.
        started_at: when the first was captured, UTC.
        model: which network named them.
        page: which network found them.
        options: what the source was asked for.
        machine: what read them: versions and the processor.
        frames: how many were read until its end; None while it has none.
    """

    source: str
    continuous: bool
    started_at: datetime
    model: ModelName
    page: ModelName
    options: Mapping[str, Any]
    machine: Mapping[str, str]
    frames: int | None = None

    def as_json(self) -> str:
        """The recording as its file holds it."""
        options = {
            name: str(value) if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in self.options.items()
        }
        facts = {
            "format": FORMAT,
            **asdict(self),
            "started_at": self.started_at.isoformat(),
            "options": options,
        }
        return json.dumps(facts, indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> Recording:
        """What `as_json` wrote.

        Raises:
            ValueError: it is something else, or of another version.
        """
        facts = json.loads(text)
        if not isinstance(facts, dict) or facts.get("format") != FORMAT:
            raise ValueError(f"expected an object with format {FORMAT}")
        try:
            frames = facts["frames"]
            if not (frames is None or isinstance(frames, int)):
                raise ValueError(f"frames {frames!r}")
            return cls(
                source=str(facts["source"]),
                continuous=bool(facts["continuous"]),
                started_at=datetime.fromisoformat(facts["started_at"]),
                model=ModelName(str(facts["model"]["name"]), str(facts["model"]["sha256"])),
                page=ModelName(str(facts["page"]["name"]), str(facts["page"]["sha256"])),
                options=dict(facts["options"]),
                machine={str(name): str(value) for name, value in facts["machine"].items()},
                frames=frames,
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{type(error).__name__}: {error}") from error


def load_recording(folder: Path) -> Recording:
    """What is true of the recording in a folder.

    Raises:
        SourceError: there is none, it cannot be read, or it is damaged.
    """
    path = folder / FACTS
    if not path.exists():
        raise SourceError(
            f"{folder} holds no kept frames: expected a folder that was given to run --keep-frames, or one "
            f"of the recordings in it, with {FACTS}"
        )
    try:
        return Recording.from_json(path.read_bytes())
    except OSError as error:
        raise SourceError(f"cannot read {path}: {error.strerror or error}") from error
    except ValueError as error:
        raise SourceError(
            f"{path} is damaged, or of another version of digitcam: {error}; copy the folder again"
        ) from error


def is_recording(folder: Path) -> bool:
    """Whether a folder holds kept frames: a recording, or recordings."""
    return (folder / FACTS).is_file() or (folder / MARK).is_file() or bool(recordings(folder))


def recordings(folder: Path) -> list[Path]:
    """The recordings in a folder, in the order in which they were made."""
    found = [
        (int(match[1]), path)
        for path in folder.iterdir()
        if (match := _NAME.fullmatch(path.name)) and (path / FACTS).is_file()
    ]
    return [path for _, path in sorted(found)]


def next_name(folder: Path, started_at: datetime) -> str:
    """The name of the next recording in a folder. It counts, as the clock of a board may be put back."""
    numbers = [int(match[1]) for path in folder.iterdir() if (match := _NAME.match(path.name))]
    return f"{max(numbers, default=0) + 1:04}-{started_at:%Y%m%d-%H%M%S}"


def frame_name(index: int) -> str:
    """The file of a frame: its place among all that were read, from 0."""
    return f"{index:08}.png"


def frame_index(name: str) -> int | None:
    """The place of the frame in a file; None for a file that is no frame."""
    match = _FRAME.fullmatch(name)
    return int(match[1]) if match else None


def is_unfinished(name: str) -> bool:
    """Whether a file is a frame that was being written when its process was killed."""
    return _UNFINISHED.fullmatch(name) is not None


def encode_frame(frame: Frame, index: int) -> bytes:
    """A frame as a PNG: its grey picture, which is what is read of it, and a text with all else.

    The grey picture is the one that the camera gave, or was made by the machine that read it: another machine
    may round a colour picture otherwise.

    Args:
        frame: as it was read.
        index: its place among all that were read, from 0.
    """
    grey = np.ascontiguousarray(to_grey(frame.image) if frame.grey is None else frame.grey)
    about = {
        "index": index,
        "source": frame.source,
        "frame_id": frame.frame_id,
        "timestamp": float(frame.timestamp),
        "captured_at": frame.captured_at.isoformat(),
        "crc32": zlib.crc32(grey.data),
    }
    png = cv2.imencode(".png", grey, _ENCODER)[1].tobytes()
    text = b"tEXt" + _KEYWORD.encode() + b"\0" + json.dumps(about).encode()
    chunk = struct.pack(">I", len(text) - 4) + text + struct.pack(">I", zlib.crc32(text))
    return png[:_PNG_HEADER] + chunk + png[_PNG_HEADER:]


def decode_frame(data: bytes, name: str) -> tuple[Frame, int]:
    """The frame that `encode_frame` wrote, and its place among all that were read.

    Args:
        data: the file.
        name: what to call it in errors.

    Raises:
        ImageError: it is damaged, or no kept frame.
    """
    image = decode_image(data, name, formats=("PNG",))
    try:
        about = json.loads(png_text(data, _KEYWORD) or "")
        index, source, frame_id = about["index"], about["source"], about["frame_id"]
        timestamp, when = about["timestamp"], datetime.fromisoformat(about["captured_at"])
        types = [(index, int), (source, str), (frame_id, int), (timestamp, float)]
        if not all(type(value) is kind for value, kind in types) or not math.isfinite(timestamp):
            raise ValueError("a value of another kind")
        if when.tzinfo is None or image.ndim != 2:
            raise ValueError("a time without its zone, or a picture in colour")
        pixels = about["crc32"]
    except (ValueError, KeyError, TypeError) as error:
        raise ImageError(
            f"{name} is no kept frame: expected a grey PNG with the text {_KEYWORD!r} in it, as "
            "run --keep-frames writes it; a copy that another program has saved has lost it"
        ) from error
    if zlib.crc32(np.ascontiguousarray(image).data) != pixels:
        raise ImageError(f"{name} is damaged: its pixels are not those that were kept; copy it again")
    return Frame(image, frame_id, timestamp, when, source), index
