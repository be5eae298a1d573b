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

from edge.errors import CameraNotFoundError, SourceError
from edge.sources.base import DEFAULT_FPS, DEFAULT_SIZE, Source, wall_clock
from edge.sources.containers import promised_bytes
from edge.types import ByteArray, Frame

TIMEOUT_S = 5.0
"""How long a live source may take to open, and then for each frame."""

_BOARD = Path("/proc/device-tree/model")


class VideoFile(Source):
    """All frames of a video file, as fast as they are asked for; none is dropped.

    Their times are those of the video: the first is now, the others follow at its frame rate.

    Args:
        path: the file.

    Raises:
        SourceError: when it cannot be opened; while iterating, after the last whole frame of a file that
            was cut off.
    """

    continuous = True

    def __init__(self, path: Path) -> None:
        super().__init__(str(path))
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
            yield frame
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
            yield Frame(_bytes(image), frame_id, timestamp, wall_clock(timestamp), self.name, capture_ms)

    def close(self) -> None:
        """Release the file."""
        self._capture.release()


class LiveCapture(Source):
    """The newest frame of a V4L2 camera or a network stream; a thread reads all and counts what is dropped.

    Args:
        address: the number of a V4L2 camera, its device file, or an rtsp:// or http(s):// address.
        size: width and height in pixels that a camera is asked for; it may choose another.
        fps: frames per second that a camera is asked for.

    Raises:
        CameraNotFoundError: when there is no such camera, or another program uses it.
        SourceError: when an address does not answer; while iterating, when no frame comes for `TIMEOUT_S`.
    """

    live = True
    continuous = True

    def __init__(
        self, address: str, *, size: tuple[int, int] = DEFAULT_SIZE, fps: float = DEFAULT_FPS
    ) -> None:
        super().__init__(address)
        capture = _open_stream(address) if "://" in address else _open_camera(address, size, fps)
        self._newest = NewestFrame(capture)

    def __iter__(self) -> Iterator[Frame]:
        taken = -1
        while (got := self._newest.after(taken)) is not None:
            frame_id, timestamp, image = got
            self.dropped += frame_id - taken - 1
            taken = frame_id
            yield Frame(image, frame_id, timestamp, wall_clock(timestamp), self.name)
        if not self._newest.closed:
            raise SourceError(f"{self.name} gave {taken + 1} frames, then no more: is it still connected?")

    def close(self) -> None:
        """Stop the thread, which releases the camera."""
        self._newest.close()


class NewestFrame:
    """A thread that reads a capture as fast as it gives frames, and keeps the newest.

    The thread owns the capture: releasing it while another thread is in `read` crashes OpenCV.
    """

    def __init__(self, capture: cv2.VideoCapture) -> None:
        self.closed = False
        self._capture = capture
        self._changed = threading.Condition()
        self._slot: tuple[int, float, ByteArray] | None = None
        self._ended = False
        self._thread = threading.Thread(target=self._read_all, name="digitcam-capture", daemon=True)
        self._thread.start()

    def after(self, frame_id: int) -> tuple[int, float, ByteArray] | None:
        """Wait for a frame newer than `frame_id`: its id, its time (monotonic seconds) and the picture.

        None when no more will come, or none came for `TIMEOUT_S`.
        """

        def ready() -> bool:
            return self._ended or (self._slot is not None and self._slot[0] > frame_id)

        with self._changed:
            self._changed.wait_for(ready, TIMEOUT_S)
            newer = self._slot is not None and self._slot[0] > frame_id and not self.closed
            return self._slot if newer else None

    def close(self) -> None:
        """End the thread, which releases the capture when it comes back from reading."""
        with self._changed:
            self.closed = self._ended = True
            self._changed.notify_all()
        self._thread.join(TIMEOUT_S)

    def _read_all(self) -> None:
        frame_id = 0
        while not self._ended:
            ok, image = self._capture.read()
            with self._changed:
                if ok:
                    self._slot = (frame_id, time.monotonic(), _bytes(image))
                else:
                    self._ended = True
                self._changed.notify_all()
            frame_id += 1
        self._capture.release()


def _open_stream(address: str) -> cv2.VideoCapture:
    timeout_ms = round(TIMEOUT_S * 1000)
    limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, timeout_ms, cv2.CAP_PROP_READ_TIMEOUT_MSEC, timeout_ms]
    with _quiet():
        capture = cv2.VideoCapture(address, cv2.CAP_FFMPEG, limits)
    if not capture.isOpened():
        raise SourceError(f"{address} gives no video: check the address, and that its server runs")
    return capture


def _open_camera(address: str, size: tuple[int, int], fps: float) -> cv2.VideoCapture:
    device = Path(f"/dev/video{address}" if address.isdecimal() else address)
    if not device.exists():
        raise CameraNotFoundError(f"no camera at {device}: connect one, or name another source{_hint()}")
    with _quiet():
        capture = cv2.VideoCapture(str(device), cv2.CAP_V4L2)
        if capture.isOpened():
            # The compressed format first: uncompressed, a USB 2 camera gives few frames at a large size.
            capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
            capture.set(cv2.CAP_PROP_FRAME_WIDTH, size[0])
            capture.set(cv2.CAP_PROP_FRAME_HEIGHT, size[1])
            capture.set(cv2.CAP_PROP_FPS, fps)
            capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
            if capture.read()[0]:
                return capture
            capture.release()
    if not os.access(device, os.R_OK | os.W_OK):
        raise CameraNotFoundError(
            f"no right to use {device}: sudo usermod -aG video $USER, then log in again"
        )
    raise CameraNotFoundError(
        f"{device} gives no frames: it is no camera, or another program uses it "
        f"(fuser {device} tells which){_hint()}"
    )


def raspberry_pi() -> str:
    """The model of this board when it is a Raspberry Pi; otherwise nothing."""
    try:
        board = _BOARD.read_bytes().rstrip(b"\0").decode(errors="replace")
    except OSError:
        return ""
    return board if "Raspberry Pi" in board else ""


def _hint() -> str:
    """On a Raspberry Pi, V4L2 devices are there without a USB camera, and none of them gives pictures."""
    board = raspberry_pi()
    return f"; for the camera module of a {board}, use the source picamera" if board else ""


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
