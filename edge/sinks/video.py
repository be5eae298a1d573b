"""Annotated video: H.264 in MP4, in the time of the frames."""

from __future__ import annotations

import contextlib
import itertools
import os
import queue
import threading
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

from edge.errors import OutputError, PackageMissingError
from edge.events import Event
from edge.files import put_in_place
from edge.overlay import draw
from edge.sinks import Sink
from edge.types import Result
from edge.words import counted

MILLISECOND = Fraction(1, 1000)

FRAGMENT_S = 1.0
"""Seconds of video that a fragment holds: what a power cut may cost."""

KEYFRAME_EVERY = 60
"""Frames; a player can jump to those."""

MUXER = {"movflags": "empty_moov+default_base_moof", "frag_duration": str(round(FRAGMENT_S * 1e6))}

ENCODER = {"preset": "ultrafast", "crf": "26"}
"""For x264: the least work, as a board needs its time for reading, and a quality that keeps the ink."""

WAITING = 8
"""Frames that may wait to be encoded: a card that is slow for a moment costs none."""

CLOSE_TIMEOUT_S = 1.0
"""How long the end may take while a live source is stopped by the system, which waits two seconds in all."""


class Video(Sink):
    """Writes every frame with its readings drawn on it.

    A thread draws and encodes. The video grows under a name of its own, `out.part.mp4`, in fragments that are
    synced one by one, and gets its name when it is whole. After a power cut, what was written up to the last
    second can be played under the name of its own.

    Args:
        path: a file that ends in `.mp4`.
        wait: let the reading wait when encoding is too slow; otherwise frames are left out.

    Attributes:
        frames: frames that were recorded.
        skipped: frames that were left out.

    Raises:
        PackageMissingError: PyAV is not installed.
        OutputError: the file cannot be made.
    """

    def __init__(self, path: Path, *, wait: bool) -> None:
        try:
            import av  # noqa: F401 - only recordings need it, and it is heavy; here for its error
        except ImportError as error:
            raise PackageMissingError.of_extra("video", "a recording needs PyAV") from error
        self._path, self._wait = path, wait
        try:
            self._part, self._file = _create(path)
        except OSError as error:
            raise _error(path, error) from error
        self._queue: queue.Queue[Result | None] = queue.Queue(WAITING)
        self._failed: Exception | None = None
        self._said = self._closed = False
        self.frames = self.skipped = 0
        self._thread = threading.Thread(target=self._work, name="digitcam-video", daemon=True)
        self._thread.start()

    def write(self, result: Result, events: Sequence[Event]) -> None:
        """Hand this frame to the encoder.

        Raises:
            OutputError: the disk is full or gone; what was written until then is kept.
        """
        if self._failed is not None:
            self._said = True
            raise _error(self._path, self._failed)
        try:
            self._queue.put(result, block=self._wait)
        except queue.Full:
            self.skipped += 1

    def close(self) -> None:
        """Finish the video and give it its name; without a single frame there is none.

        Raises:
            OutputError: that fails, or the disk takes too long.
        """
        if self._closed:
            return
        self._closed = True
        patience = None if self._wait else CLOSE_TIMEOUT_S
        with contextlib.suppress(queue.Full):
            self._queue.put(None, timeout=patience)
        self._thread.join(patience)
        if self._thread.is_alive():
            raise OutputError(f"{self._path} is not finished in time; {self._part} holds what is written")
        if self._failed is not None and not self._said:
            raise _error(self._path, self._failed)

    def summary(self) -> str:
        """What was recorded, and what was not."""
        if self._failed is not None or not self.frames:
            return ""
        left_out = f", {self.skipped} left out, as encoding was too slow" if self.skipped else ""
        return f"recorded {counted(self.frames, 'frame')} as {self._path}{left_out}"

    def _work(self) -> None:
        results = iter(self._queue.get, None)
        try:
            with self._file:
                self._encode(results)
            if self._part.stat().st_size:
                put_in_place(self._part, self._path)
            else:
                self._part.unlink()
        except Exception as error:  # whatever it is: who hands over frames must hear of it
            self._failed = error
            for _ in results:
                pass  # or who puts them would wait for ever

    def _encode(self, results: Iterator[Result]) -> None:
        """Encode all results; nothing is written when there is none."""
        import av

        first = next(results, None)
        if first is None:
            return
        # Half a pixel of colour cannot be coded: sizes are even.
        width, height = (side - side % 2 for side in first.frame.size)
        with av.open(self._file, "w", format="mp4", options=MUXER) as container:
            stream = container.add_stream("libx264", rate=30, options=ENCODER)
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            stream.codec_context.time_base = MILLISECOND
            stream.codec_context.gop_size = KEYFRAME_EVERY
            stream.codec_context.thread_count = 1  # the other cores read
            last = -1
            synced = first.frame.timestamp
            for result in itertools.chain([first], results):
                captured = result.frame.timestamp
                picture = av.VideoFrame.from_ndarray(draw(result.frame.image, result.readings), "bgr24")
                # A source may come back with another size.
                picture = picture.reformat(width, height, "yuv420p")
                last = max(last + 1, round((captured - first.frame.timestamp) / float(MILLISECOND)))
                picture.pts, picture.time_base = last, MILLISECOND
                container.mux(stream.encode(picture))
                self.frames += 1
                if captured - synced >= FRAGMENT_S:
                    synced = captured
                    self._sync()
            container.mux(stream.encode(None))
        self._sync()

    def _sync(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())


def _create(path: Path) -> tuple[Path, BinaryIO]:
    """A new file beside `path`: what an earlier recording left when it was cut off stays as it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    names = (path.with_name(f"{path.stem}.part{n or ''}{path.suffix}") for n in itertools.count())
    part = next(name for name in names if not name.exists())
    return part, part.open("xb")


def _error(path: Path, error: Exception) -> OutputError:
    reason = error.strerror if isinstance(error, OSError) else error
    return OutputError(f"cannot write {path}: {reason}")
