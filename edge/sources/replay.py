"""Frames that were kept with `run --keep-frames`, read again."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from edge.errors import ImageError, SourceError
from edge.recording import decode_frame, frame_index, load_recording, recordings
from edge.sources.base import Notice, Source, SourceOptions
from edge.sources.images import OnError
from edge.types import Frame
from edge.words import counted


class Replay(Source):
    """A recording: the same pictures with the same names and times, none dropped.

    Args:
        folder: of the recording, or of recordings, of which the last is taken.
        options: where `realtime` is True, frames come as far apart as they were captured; otherwise as fast
            as they are asked for.
        on_error: told of each frame that is damaged, and the next follows; without it, the first such frame
            ends the iteration with its error.
        on_notice: told which frames are missing, as readings may differ from then on.

    Attributes:
        recording: what is true of all frames.

    Raises:
        SourceError: there is no recording, or nothing is left of it.
    """

    def __init__(
        self,
        folder: Path,
        options: SourceOptions | None = None,
        *,
        on_error: OnError | None = None,
        on_notice: Notice | None = None,
    ) -> None:
        super().__init__(str(folder))
        self._realtime = bool(options and options.realtime)
        self._on_error = on_error
        self._closing = threading.Event()
        folder = _last_recording(folder, on_notice)
        self.recording = load_recording(folder)
        self.continuous = self.recording.continuous
        found = ((frame_index(path.name), path) for path in _files(folder))
        self._frames = sorted((index, path) for index, path in found if index is not None)
        if not self._frames:
            raise SourceError(f"{folder} holds no frames any more: copy the folder again")
        if on_notice is not None and (missing := self._missing()):
            on_notice(f"{folder}: {missing}; readings may differ from those that were made then")

    def __iter__(self) -> Iterator[Frame]:
        ahead_s: float | None = None  # of the times of the frames before our clock
        for index, path in self._frames:
            if self._closing.is_set():
                return
            started = time.monotonic()
            try:
                frame, place = decode_frame(_read(path), str(path))
                if place != index:
                    raise ImageError(f"{path} is frame {place} under another name: copy the folder again")
            except ImageError as error:
                if self._on_error is None:
                    raise
                self._on_error(error)
                continue
            capture_ms = (time.monotonic() - started) * 1000
            if self._realtime:
                if ahead_s is None:
                    ahead_s = frame.timestamp - started
                if self._closing.wait(max(0.0, frame.timestamp - ahead_s - time.monotonic())):
                    return
            yield replace(frame, capture_ms=capture_ms)

    def close(self) -> None:
        """End the iteration before the next frame."""
        self._closing.set()

    def _missing(self) -> str:
        """Which of the frames that were read are not there, in words; "" where all are."""
        first, last = self._frames[0][0], self._frames[-1][0]
        within = sum(after - before - 1 for before, after in pairwise(index for index, _ in self._frames))
        read = self.recording.frames
        after = 0 if read is None else max(0, read - 1 - last)
        parts = []
        if first:
            parts.append(f"the first {counted(first, 'frame')} of the recording are no longer there")
        if within or after:
            parts.append(f"{counted(within + after, 'frame')} in it were not kept, or have been deleted")
        if read is None:
            parts.append("it has no end: it was cut off, or still goes on")
        return ", and ".join(parts)


def _last_recording(folder: Path, on_notice: Notice | None) -> Path:
    if not folder.is_dir():
        raise SourceError(f"no such folder: {folder}: expected one that was given to --keep-frames")
    found = recordings(folder)
    if not found:
        return folder
    if len(found) > 1 and on_notice is not None:
        on_notice(f"{folder}: of {len(found)} recordings the last is read; the first is {found[0]}")
    return found[-1]


def _files(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError as error:
        raise SourceError(f"cannot read {folder}: {error.strerror or error}") from error


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ImageError(f"cannot read {path}: {error.strerror or error}") from error
