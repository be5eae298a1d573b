"""Video files, V4L2 cameras and network streams: the only file that names OpenCV's VideoCapture."""

from __future__ import annotations

import itertools
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from edge.board import board
from edge.errors import CameraBusyError, CameraNotFoundError, SourceError
from edge.sources.base import DEFAULT_FPS, Source, SourceOptions, public_name, wall_clock
from edge.sources.containers import promised_bytes
from edge.sources.gaps import FrameNumbers
from edge.sources.turning import turned
from edge.types import ByteArray, Frame

TIMEOUT_S = 2.0
"""How long a network camera may take to answer, and then for each frame."""


class VideoFile(Source):
    """All frames of a video file; none is dropped.

    Their times are those of the video: the first is now, the others follow at its frame rate.

    Args:
        path: the file.
        options: whether it is turned or mirrored; where `realtime` is True, each frame is given when its time
            has come, and the late ones at once; otherwise as fast as they are asked for.

    Raises:
        SourceError: when it cannot be opened; while iterating, after the last whole frame of a file that
            was cut off.
    """

    continuous = True

    def __init__(self, path: Path, options: SourceOptions | None = None) -> None:
        super().__init__(str(path))
        self._options = options or SourceOptions()
        self._closing = threading.Event()
        self._cut = _missing_bytes(path)
        with _quiet():
            self._capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
        if not self._capture.isOpened():
            raise SourceError(
                f"cannot read {path}: expected a picture or a video, found {path.stat().st_size:,} bytes "
                f"{f'of a video that is cut off ({self._cut})' if self._cut else 'that are neither'}"
            )
        self._fps = self._capture.get(cv2.CAP_PROP_FPS) or DEFAULT_FPS
        self._frames = max(0, int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT)))

    def __iter__(self) -> Iterator[Frame]:
        given = 0
        # Where a file is cut in mid-frame, FFmpeg decodes what is left to a picture that is half grey.
        for frame in _all_but_last(self._decode()) if self._cut else self._decode():
            yield turned(frame, self._options)
            given += 1
        if not self._capture.isOpened():
            return  # closed
        if self._cut:
            of = f"{given} of {self._frames}" if self._frames > given else str(given)
            raise SourceError(
                f"{self.name} ends early: {of} frames are whole, then it is cut off ({self._cut})"
            )
        if not given:
            raise SourceError(f"{self.name} holds no frame that can be read")

    def _decode(self) -> Iterator[Frame]:
        opened = time.monotonic()
        for frame_id in itertools.count():
            started = time.monotonic()
            ok, image = self._capture.read()
            if not ok:
                return
            timestamp = opened + frame_id / self._fps
            capture_ms = (time.monotonic() - started) * 1000
            if self._options.realtime and self._closing.wait(max(0.0, timestamp - time.monotonic())):
                return
            yield Frame(_bytes(image), frame_id, timestamp, wall_clock(timestamp), self.name, capture_ms)

    def close(self) -> None:
        """Release the file."""
        self._closing.set()
        self._capture.release()


class LiveCapture(Source):
    """Every frame of a V4L2 camera or a network stream; reading blocks until the next one is there.

    Args:
        address: the number of a V4L2 camera, its device file, or an rtsp:// or http(s):// address.
        options: the size and the frame rate that a camera is asked for; it may choose others.

    Raises:
        CameraNotFoundError: there is no such camera, or no right to use it.
        CameraBusyError: it gives no frames, as when another program uses it.
        SourceError: an address does not answer; while iterating, the frames end.
    """

    live = True
    continuous = True

    def __init__(self, address: str, options: SourceOptions) -> None:
        super().__init__(public_name(address))
        self._closed = False
        self._network = "://" in address
        self._capture = _open_stream(address) if self._network else _open_camera(address, options)

    def __iter__(self) -> Iterator[Frame]:
        numbers = FrameNumbers()
        while not self._closed and self._capture.grab():
            now = time.monotonic()
            # Of a camera the driver's clock, which is ours; of a stream the one in the stream.
            clock = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
            ok, image = self._capture.retrieve()
            if not ok:
                continue  # a damaged picture: its number is left out
            capture_ms = (time.monotonic() - now) * 1000
            timestamp = clock if not self._network and 0 <= now - clock < TIMEOUT_S else now
            number = numbers.next(clock)
            yield Frame(_bytes(image), number, timestamp, wall_clock(timestamp), self.name, capture_ms)

    def close(self) -> None:
        """Release the camera or the connection; not while another thread iterates: OpenCV crashes."""
        self._closed = True
        self._capture.release()


def _open_stream(address: str) -> cv2.VideoCapture:
    timeout_ms = round(TIMEOUT_S * 1000)
    limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, timeout_ms, cv2.CAP_PROP_READ_TIMEOUT_MSEC, timeout_ms]
    with _quiet():
        capture = cv2.VideoCapture(address, cv2.CAP_FFMPEG, limits)
    if not capture.isOpened():
        name = public_name(address)
        raise SourceError(f"{name} gives no video: check the address, and that its server runs")
    return capture


def _open_camera(address: str, options: SourceOptions) -> cv2.VideoCapture:
    device = Path(f"/dev/video{address}" if address.isdecimal() else address)
    if not device.exists():
        raise CameraNotFoundError(f"no camera at {device}: connect one, or name another source{_hint()}")
    with _quiet():
        capture = cv2.VideoCapture(str(device), cv2.CAP_V4L2)
        if capture.isOpened():
            # The compressed format first: uncompressed, a USB 2 camera gives few frames at a large size.
            for name in ("MJPG", "YUYV"):
                code = cv2.VideoWriter.fourcc(*name)
                if capture.set(cv2.CAP_PROP_FOURCC, code) and capture.get(cv2.CAP_PROP_FOURCC) == code:
                    break
            capture.set(cv2.CAP_PROP_FRAME_WIDTH, options.size[0])
            capture.set(cv2.CAP_PROP_FRAME_HEIGHT, options.size[1])
            capture.set(cv2.CAP_PROP_FPS, options.fps)
            capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
            if capture.read()[0]:
                return capture
            capture.release()
    if not os.access(device, os.R_OK | os.W_OK):
        raise CameraNotFoundError(
            f"no right to use {device}: sudo usermod -aG video $USER, then log in again"
        )
    raise CameraBusyError(
        f"{device} gives no frames: another program uses it, or it is no camera "
        f"(fuser {device} tells which){_hint()}"
    )


def _hint() -> str:
    """On a Raspberry Pi, V4L2 devices are there without a USB camera, and none of them gives pictures."""
    machine = board()
    if not machine.is_raspberry_pi:
        return ""
    return f"; for the camera module of a {machine.model}, use the source picamera"


def _all_but_last(frames: Iterator[Frame]) -> Iterator[Frame]:
    for frame, _ in itertools.pairwise(frames):
        yield frame


def _missing_bytes(path: Path) -> str:
    """How much of a video file is there, when it was cut off; otherwise nothing."""
    found, promised = path.stat().st_size, promised_bytes(path)
    return f"{found:,} of {promised:,} bytes are there" if found < promised else ""


def _bytes(image: np.ndarray) -> ByteArray:
    """OpenCV's pictures are uint8, but its type hints do not say so."""
    return np.asarray(image, np.uint8)


@contextmanager
def _quiet() -> Iterator[None]:
    """Open without OpenCV's and FFmpeg's own lines on standard error: the caller raises one that says more.

    FFmpeg takes its level from the environment only, when OpenCV first uses it; the environment is put back
    afterwards. What the user has set there wins.
    """
    log: Any = getattr(cv2.utils, "logging", cv2)  # OpenCV 5 moved the two functions
    level = log.getLogLevel()
    log.setLogLevel(0)  # silent
    ours = "OPENCV_FFMPEG_LOGLEVEL" not in os.environ
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # AV_LOG_QUIET
    try:
        yield
    finally:
        if ours:
            os.environ.pop("OPENCV_FFMPEG_LOGLEVEL", None)
        log.setLogLevel(level)
