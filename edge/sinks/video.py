"""Annotated video: H.264 in MP4, in the time of the frames."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from edge.errors import OutputError, PackageMissingError
from edge.events import AnyEvent
from edge.files import put_in_place
from edge.overlay import draw
from edge.sinks import Sink
from edge.types import Result
from edge.words import counted

if TYPE_CHECKING:
    import av

MILLISECOND = Fraction(1, 1000)

FRAGMENT_S = 1.0
"""Seconds of video that a fragment holds: what a power cut may cost."""

KEYFRAME_EVERY = 60
"""Frames; a player can jump to those."""

MUXER = {"movflags": "empty_moov+default_base_moof", "frag_duration": str(round(FRAGMENT_S * 1e6))}

ENCODER = {"preset": "ultrafast", "crf": "26"}
"""For x264: the least work, as a board needs its time for reading, and a quality that keeps the ink."""

ROOM = 64 << 20
"""Bytes that must be free before a recording that failed is begun anew: a full disk would be full again."""


class Video(Sink):
    """Writes every frame with its readings drawn on it.

    The video grows under a name of its own, `out.part.mp4`, in fragments that are synced one by one, and gets
    its name when it is whole. After a power cut, what was written up to the last second can be played under
    the name of its own. Where writing fails, that is what is left, and the next frame begins anew, under
    another such name.

    Args:
        path: a file that ends in `.mp4`.

    Attributes:
        frames: frames that were recorded, since it was last begun.

    Raises:
        PackageMissingError: PyAV is not installed.
        OutputError: the file cannot be made.
    """

    def __init__(self, path: Path) -> None:
        try:
            import av  # noqa: F401 - only recordings need it, and it is heavy; here for its error
        except ImportError as error:
            raise PackageMissingError.of_extra("video", "a recording needs PyAV") from error
        self._path, self.name = path, str(path)
        self._recording: _Recording | None = _open(path)
        self._failed = self._saved = False
        self.frames = 0

    def write(self, result: Result, events: Sequence[AnyEvent]) -> None:
        """Draw and encode this frame.

        Raises:
            OutputError: the disk is full or gone; what was written until then is kept.
        """
        if self._recording is None:
            if shutil.disk_usage(self._path.parent).free < ROOM:
                raise OutputError(f"cannot write {self._path}: less than {ROOM >> 20} MB are free")
            self._recording, self._failed = _open(self._path), False
        try:
            self._recording.add(result)
            self.frames = self._recording.frames
        except Exception as error:  # PyAV's and the system's are of many kinds
            self._give_up()
            raise _error(self._path, error) from error

    def close(self) -> None:
        """Finish the video and give it its name; without a single frame there is none.

        Raises:
            OutputError: that fails.
        """
        if self._recording is None:
            return
        recording, self._recording = self._recording, None
        try:
            self._saved = recording.finish(self._path)
        except Exception as error:
            self._failed = True
            recording.abandon()
            raise _error(self._path, error) from error

    def summary(self) -> str:
        """What was recorded."""
        if not self._saved:
            return ""
        return f"recorded {counted(self.frames, 'frame')} as {self._path}"

    def _give_up(self) -> None:
        if self._recording is not None:
            self._recording.abandon()
        self._recording, self._failed = None, True


class _Recording:
    """A video that is being written."""

    def __init__(self, part: Path, file: BinaryIO) -> None:
        self._part, self._file = part, file
        self._container: av.container.OutputContainer | None = None
        self._width = self._height = 0
        self._last = -1  # time of the last frame, milliseconds
        self._first_at = self._synced_at = 0.0
        self.frames = 0

    def add(self, result: Result) -> None:
        """Encode a frame."""
        import av

        captured = result.frame.timestamp
        if self._container is None:
            self._begin(result)
        assert self._container is not None
        picture = av.VideoFrame.from_ndarray(draw(result.frame.image, result.readings), "bgr24")
        # A source may come back with another size.
        picture = picture.reformat(self._width, self._height, "yuv420p")
        self._last = max(self._last + 1, round((captured - self._first_at) / float(MILLISECOND)))
        picture.pts, picture.time_base = self._last, MILLISECOND
        self._container.mux(self._stream.encode(picture))
        self.frames += 1
        if captured - self._synced_at >= FRAGMENT_S:
            self._synced_at = captured
            self._sync()

    def finish(self, path: Path) -> bool:
        """Write what the encoder still holds, and give the file its name; whether there is one."""
        with self._file:
            if self._container is not None:
                self._container.mux(self._stream.encode(None))
                self._container.close()
                self._sync()
        if not self.frames:
            self._part.unlink()
            return False
        put_in_place(self._part, path)
        return True

    def abandon(self) -> None:
        """Leave what is written as it is, if it is anything."""
        with contextlib.suppress(Exception):
            if self._container is not None:
                self._container.close()
        with contextlib.suppress(OSError):
            self._file.close()
        with contextlib.suppress(OSError):
            if not self._part.stat().st_size:
                self._part.unlink()

    def _begin(self, first: Result) -> None:
        import av

        # Half a pixel of colour cannot be coded: sizes are even.
        self._width, self._height = (side - side % 2 for side in first.frame.size)
        self._container = av.open(self._file, "w", format="mp4", options=MUXER)
        self._stream = self._container.add_stream("libx264", rate=30, options=ENCODER)
        self._stream.width, self._stream.height = self._width, self._height
        self._stream.pix_fmt = "yuv420p"
        self._stream.codec_context.time_base = MILLISECOND
        self._stream.codec_context.gop_size = KEYFRAME_EVERY
        self._stream.codec_context.thread_count = 1  # the other cores read
        self._first_at = self._synced_at = first.frame.timestamp

    def _sync(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())


def _open(path: Path) -> _Recording:
    try:
        return _Recording(*_create(path))
    except OSError as error:
        raise _error(path, error) from error


def _create(path: Path) -> tuple[Path, BinaryIO]:
    """A new file beside `path`: what an earlier recording left when it was cut off stays as it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    names = (path.with_name(f"{path.stem}.part{n or ''}{path.suffix}") for n in itertools.count())
    part = next(name for name in names if not name.exists())
    return part, part.open("xb")


def _error(path: Path, error: Exception) -> OutputError:
    reason = error.strerror if isinstance(error, OSError) else error
    return OutputError(f"cannot write {path}: {reason}")
