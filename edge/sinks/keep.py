"""Every frame that is read, kept lossless, so that it can be read again: `digitcam replay`."""

from __future__ import annotations

import contextlib
import fcntl
import shutil
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from edge.errors import OutputError, UsageError
from edge.events import AnyEvent
from edge.files import write_whole
from edge.recording import (
    FACTS,
    MARK,
    Recording,
    encode_frame,
    frame_index,
    frame_name,
    is_unfinished,
    next_name,
    recordings,
)
from edge.sinks import Sink
from edge.types import Frame, Result
from edge.words import counted

USUAL_BYTES = 500_000_000
USUAL_AGE_S = 7 * 86400.0

ROOM = 64 << 20
"""Bytes that are left free on the disk: a system whose disk is full does nothing well."""

MARK_TEXT = """\
digitcam keeps the frames that it reads in this folder (run --keep-frames), and deletes the oldest
recordings in it by itself. It leaves all other files alone. digitcam replay reads the frames again.
"""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is kept, of all recordings in a folder together.

    Attributes:
        most_bytes: of their frames.
        most_age_s: seconds since a frame was written.
    """

    most_bytes: int = USUAL_BYTES
    most_age_s: float = USUAL_AGE_S


class KeepFrames(Sink):
    """Writes every frame into a file of its own, and deletes the oldest where a limit is reached.

    Each run makes a recording of its own in the folder. Where writing fails, the frames in between are not
    kept; where the recording has been deleted meanwhile, another one is begun.

    Args:
        folder: for recordings only; it is made where it is missing.
        recording: what is true of the frames; when the first was captured is filled in.
        limits: how much is kept.
        clock: seconds, wall clock; for tests.

    Attributes:
        frames: that were kept.

    Raises:
        UsageError: the folder holds other files, or another process keeps frames in it.
        OutputError: the folder cannot be made or written to.
    """

    def __init__(
        self,
        folder: Path,
        recording: Recording,
        limits: Limits | None = None,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.name = f"frames in {folder}"
        self._folder, self._recording = folder, recording
        self._limits, self._clock = limits or Limits(), clock
        self._shelf: _Shelf | None = _Shelf(folder, parents=True)
        self._own: Path | None = None  # the folder of this recording, made with its first frame
        self._index = 0  # of the next frame, among all that were read
        self._latest: Path | None = None
        self.frames = 0
        self._shelf.make_room(self._limits, self._clock())

    def write(self, result: Result, events: Sequence[AnyEvent]) -> None:
        """Keep the frame.

        Raises:
            OutputError: it cannot be written.
        """
        self.unread(result.frame)

    def unread(self, frame: Frame) -> None:
        """Keep the frame: one that cannot be read is worth more than any other.

        Raises:
            OutputError: it cannot be written.
        """
        if self._own is not None and not (self._own / FACTS).exists():
            gone, self._own = self._own, None
            if self._shelf is not None:
                self._shelf.close()
            self._shelf = None
            raise OutputError(f"{gone} has been deleted while frames were kept there; another one is begun")
        if self._shelf is None:
            self._shelf = _Shelf(self._folder, parents=False)
        data = encode_frame(frame, self._index)
        self._shelf.make_room(self._limits, self._clock(), len(data))
        if self._own is None:
            self._recording = replace(self._recording, started_at=frame.captured_at, frames=None)
            self._own = self._shelf.begin(self._recording)
        self._shelf.add(self._own / frame_name(self._index), data, self._clock())
        self._latest = self._own
        self._index += 1
        self.frames += 1

    def missed(self, frames: int) -> None:
        """Leave their places out, so that a replay knows of them."""
        self._index += frames

    def close(self) -> None:
        """Write down that this was the end.

        Raises:
            OutputError: that fails.
        """
        shelf, self._shelf = self._shelf, None
        own, self._own = self._own, None
        if shelf is None:
            return
        with contextlib.closing(shelf):
            if own is not None and (own / FACTS).exists():
                write_whole(own / FACTS, replace(self._recording, frames=self._index).as_json())

    def summary(self) -> str:
        """What was kept."""
        return f"kept {counted(self.frames, 'frame')} in {self._latest}" if self._latest else ""


@dataclass(frozen=True, slots=True)
class _Kept:
    """A frame's file, its bytes, and when it was written, seconds, wall clock."""

    path: Path
    size: int
    written_at: float


class _Shelf:
    """The folder of recordings: belongs to one process at a time, and knows what lies in it."""

    def __init__(self, folder: Path, *, parents: bool) -> None:
        self._folder = folder
        self._own: Path | None = None  # the recording that is being made
        if folder.exists() and not folder.is_dir():
            raise UsageError(f"{folder} is a file: expected a folder, for kept frames alone")
        try:
            folder.mkdir(parents=parents, exist_ok=True)
            self._lock = _claim(folder)
            self._kept = deque(_scan(folder))
        except OSError as error:
            if isinstance(error, OutputError):
                raise
            raise OutputError(f"cannot keep frames in {folder}: {error.strerror or error}") from error
        self._bytes = sum(kept.size for kept in self._kept)

    def begin(self, recording: Recording) -> Path:
        """Make the folder of a recording."""
        folder = self._folder / next_name(self._folder, recording.started_at)
        write_whole(folder / FACTS, recording.as_json())
        self._own = folder
        return folder

    def add(self, path: Path, data: bytes, now: float) -> None:
        write_whole(path, data, lasting=False)
        self._kept.append(_Kept(path, len(data), now))
        self._bytes += len(data)

    def make_room(self, limits: Limits, now: float, size: int = 0) -> None:
        """Delete what is too old, and the oldest until there is room for a frame of this size."""
        if size > limits.most_bytes:
            raise OutputError(
                f"a frame of {size:,} bytes is not kept: --keep-size is {limits.most_bytes:,} for all of them"
            )
        oldest = now - limits.most_age_s
        while self._kept and (self._bytes + size > limits.most_bytes or self._kept[0].written_at < oldest):
            self._delete_oldest()
        if size and (free := shutil.disk_usage(self._folder).free) < ROOM + size:
            raise OutputError(
                f"cannot keep frames in {self._folder}: {free >> 20} MB are free on its disk, and "
                f"{ROOM >> 20} MB are left free; delete something, or lower --keep-size"
            )

    def close(self) -> None:
        """Let another process have the folder."""
        self._lock.close()

    def _delete_oldest(self) -> None:
        kept = self._kept[0]
        try:
            kept.path.unlink(missing_ok=True)
        except OSError as error:
            raise OutputError(f"cannot delete {kept.path}: {error.strerror or error}") from error
        self._kept.popleft()
        self._bytes -= kept.size
        folder = kept.path.parent
        if folder != self._own and not (self._kept and self._kept[0].path.parent == folder):
            _remove(folder)


def _claim(folder: Path) -> BinaryIO:
    """Make the folder ours, or find that it is; the open file is the lock."""
    mark = folder / MARK
    if not mark.is_file():
        if other := next((path.name for path in folder.iterdir()), None):
            raise UsageError(
                f"{folder} holds other files, such as {other}: expected a folder for kept frames alone, in "
                "which digitcam may delete the oldest; name one that is empty or does not exist yet"
            )
        write_whole(mark, MARK_TEXT)
    lock = mark.open("rb+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.close()
        raise UsageError(
            f"another digitcam keeps frames in {folder} at present: name another folder, or stop that one"
        ) from error
    except OSError:  # a network file system without locks
        pass
    return lock


def _scan(folder: Path) -> Iterator[_Kept]:
    """The frames that are there, oldest first. What a kill has left unfinished is deleted."""
    for recording in recordings(folder):
        found = []
        for path in recording.iterdir():
            index = frame_index(path.name)
            if index is not None:
                state = path.stat()
                found.append((index, _Kept(path, state.st_size, state.st_mtime)))
            elif is_unfinished(path.name):
                path.unlink(missing_ok=True)
        if not found:
            _remove(recording)
        yield from (kept for _, kept in sorted(found, key=lambda pair: pair[0]))


def _remove(recording: Path) -> None:
    """Delete a recording without frames."""
    (recording / FACTS).unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # somebody else's file is in it
        recording.rmdir()
