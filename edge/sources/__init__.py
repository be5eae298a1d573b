"""Where frames come from: `open_source` turns what the user typed into a `Source`."""

from __future__ import annotations

import glob
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from edge.errors import SourceError, UsageError
from edge.sources.base import Notice, Source, SourceOptions, public_name

if TYPE_CHECKING:
    from edge.sources.images import OnError

__all__ = [
    "KINDS",
    "Source",
    "SourceOptions",
    "find_source",
    "open_here",
    "open_source",
    "options_taken",
    "public_name",
]

KINDS = (
    "picamera[:N]",
    "0 or /dev/video0",
    "an image file, a folder or a glob",
    "a video file",
    "a folder of kept frames",
    "rtsp://... or http(s)://...",
    "-",
    "demo",
)
"""What a source may be, in words for people."""

_ADDRESSES = ("/dev/video", "/dev/v4l/", "rtsp://", "http://", "https://")

VIDEO_SUFFIXES = frozenset(
    {".avi", ".m4v", ".mjpeg", ".mjpg", ".mkv", ".mov", ".mp4", ".mpg", ".mpeg", ".ts", ".webm"}
)


def open_source(
    text: str | Path,
    options: SourceOptions | None = None,
    *,
    on_error: OnError | None = None,
    on_notice: Notice | None = None,
) -> Source:
    """Open a source of frames.

    Cameras and network streams are read in a process of their own, and started again when they fail.

    Args:
        text: `picamera[:N]` (camera module), `0`, `/dev/video0` or `/dev/v4l/by-id/...` (V4L2), an image
            file, a folder, a glob, a video file, a folder of frames that were kept (`run --keep-frames`),
            `rtsp://...`, `http(s)://...`, `-` (encoded images on standard input), `demo` (a simulated
            camera), `faulty:FILE` (the same with faults on demand).
        options: what it is asked for; None: the usual.
        on_error: of pictures: told of each that cannot be read, and the next follows; without it, the first
            such picture ends the iteration with its error.
        on_notice: told when a camera or a network stream is lost, is back, goes black or sees again, and what
            of a folder or a file is left out.

    Raises:
        UsageError: it is none of these.
        SourceError: it is one of these, but is missing, empty or cannot be opened.
        CameraNotFoundError: there is no such camera, or no right to use it.
        CameraBusyError: another program uses it.
        CameraSoftwareError: what is needed to speak to it is missing.
    """
    text, options = str(text), options or SourceOptions()
    if text.partition(":")[0] in {"picamera", "faulty"} or _is_address(text):
        from edge.sources.supervised import SupervisedSource

        return SupervisedSource(text, options, on_notice=on_notice)
    return open_here(text, options, on_error=on_error, on_notice=on_notice)


def open_here(
    text: str,
    options: SourceOptions,
    *,
    on_error: OnError | None = None,
    on_notice: Notice | None = None,
) -> Source:
    """Open a source in this process, whatever it is: a read may hang, and what ends has ended.

    Args and errors are those of `open_source`.
    """
    if text == "demo":
        from edge.sources.demo import DemoCamera

        realtime = options.realtime is not False
        return DemoCamera(options.seed, size=options.size, fps=options.fps, realtime=realtime)
    if text == "-":
        if sys.stdin is None or sys.stdin.closed:
            raise UsageError(
                "standard input is closed: expected encoded pictures, as in: digitcam read - <a.jpg"
            )
        if sys.stdin.isatty():
            raise UsageError(
                "standard input is a terminal: expected encoded pictures, as in: cat *.jpg | digitcam read -"
            )
        from edge.sources.images import ImageStream

        pipe = open(sys.stdin.fileno(), "rb", closefd=False)  # noqa: SIM115 - the stream is closed with us
        return ImageStream(pipe, options, on_error=on_error, on_notice=on_notice)
    kind, _, rest = text.partition(":")
    if kind == "picamera":
        if not (rest.isdecimal() or text == "picamera"):
            raise UsageError(f"expected picamera or picamera:N with the camera's number, found {text!r}")
        from edge.sources.picamera import PiCamera

        return PiCamera(int(rest or 0), options)
    if kind == "faulty":
        from edge.sources.faulty import FaultyCamera

        return FaultyCamera(Path(rest), options)
    if _is_address(text):
        from edge.sources.capture import LiveCapture

        return LiveCapture(text, options)
    return _open_files(text, options, on_error, on_notice)


def _is_address(text: str) -> bool:
    """Whether it names what OpenCV captures: a V4L2 camera or a network stream."""
    return text.isdecimal() or text.startswith(_ADDRESSES)


def _open_files(
    text: str, options: SourceOptions, on_error: OnError | None, on_notice: Notice | None
) -> Source:
    from edge.recording import is_recording
    from edge.sources.images import ImageFiles, find_images, natural_order

    path = Path(text)
    if text and path.is_dir():
        if is_recording(path):
            from edge.sources.replay import Replay

            return Replay(path, options, on_error=on_error, on_notice=on_notice)
        paths = find_images(path, on_notice)
        return ImageFiles(text, paths, options, on_error=on_error, on_notice=on_notice)
    if text and path.exists():
        if path.suffix.lower() in VIDEO_SUFFIXES:
            from edge.sources.capture import VideoFile

            return VideoFile(path, options)
        return ImageFiles(text, [path], options, on_error=on_error, on_notice=on_notice)
    if glob.has_magic(text):
        # Not Path.glob, which takes no pattern that is absolute.
        matches = glob.glob(text, recursive=True)  # noqa: PTH207
        found = [Path(match) for match in matches if Path(match).is_file()]
        if not found:
            raise SourceError(f"no file matches {public_name(text)}")
        return ImageFiles(text, natural_order(found), options, on_error=on_error, on_notice=on_notice)
    if "://" not in text and (path.suffix or len(path.parts) > 1):
        raise SourceError(f"no such file or folder: {public_name(text)}")
    raise UsageError(f"unknown source {public_name(text)!r}: expected {', '.join(KINDS[:-1])} or {KINDS[-1]}")


_TURNING = frozenset({"rotation", "mirror"})
_CAMERA = _TURNING | {"size", "fps", "frozen_after_s"}


def options_taken(text: str) -> frozenset[str]:
    """Names of the `SourceOptions` that mean something to a source, by what the user typed."""
    kind = text.partition(":")[0]
    if kind == "picamera":
        return _CAMERA | {"exposure_us", "gain", "focus"}
    if kind == "faulty":
        return _CAMERA | {"seed"}
    if text == "demo":
        return frozenset({"size", "fps", "realtime", "seed"})
    if _is_address(text):
        return _TURNING | {"frozen_after_s"} if "://" in text else _CAMERA
    if Path(text).suffix.lower() in VIDEO_SUFFIXES:
        return _TURNING | {"realtime"}
    if text and Path(text).is_dir():
        from edge.recording import is_recording

        return frozenset({"realtime"}) if is_recording(Path(text)) else _TURNING
    return _TURNING


def find_source() -> str:
    """The best source that this machine has: the camera module, else a V4L2 camera, else `demo`."""
    from edge.board import board
    from edge.sources.picamera import has_camera

    if has_camera():
        return "picamera"
    # On a Raspberry Pi /dev/video0 may be a raw port of the camera module, which only libcamera can read.
    if Path("/dev/video0").exists() and not board().is_raspberry_pi:
        return "0"
    return "demo"
