"""The source, read in a thread of its own: the newest result for whoever asks, and what changed."""

from __future__ import annotations

import asyncio
import contextlib
import math
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace

from edge.errors import EdgeError
from edge.events import Changes, Event
from edge.overlay import encode
from edge.reader import DigitReader
from edge.sources import Source
from edge.speedometer import Speedometer
from edge.types import Frame, Result

EVENTS_KEPT = 1000
"""Latest events that a client which comes back can still ask for."""

REOPEN_S = 2.0
"""After a live source failed, until it is opened again."""

CLOSE_S = 5.0
"""For a source to end that hangs."""

PICTURE_S = 2.0
"""How long each of several separate pictures is shown."""

JPEG_QUALITY = 80
"""Of the stream: 25 kB for 640x480, a quarter of what OpenCV's 95 takes, and no difference to the eye."""


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """What the source shows now.

    Attributes:
        result: of the newest frame; None before the first.
        frames_per_second: read over the last seconds.
        latency_ms: from capture to reading of the newest frame.
        dropped: frames that the source gave up so far.
        trouble: why there is no new frame; empty where all is well.
    """

    result: Result | None = None
    frames_per_second: float = 0.0
    latency_ms: float = 0.0
    dropped: int = 0
    trouble: str = "no frame yet"

    def stale_s(self) -> float:
        """Seconds since the newest frame was captured."""
        return math.inf if self.result is None else time.monotonic() - self.result.frame.timestamp


class Live:
    """Reads a source in a thread until it is closed; a live source that fails is opened again.

    All but the reading itself happens in the event loop that `start` was called in.

    Args:
        open_source: opens the source.
        reader: used by the thread alone.
        on_view: told of each view and its events, in the event loop.

    Raises:
        EdgeError: the source cannot be opened the first time.
    """

    def __init__(
        self,
        open_source: Callable[[], Source],
        reader: DigitReader,
        on_view: Callable[[View, list[Event]], None],
    ) -> None:
        self.view = View()
        self.closed = False
        self._open, self._reader, self._on_view = open_source, reader, on_view
        self._source = open_source()
        self._posted = self.view
        self._dropped_before = 0
        self._changes = Changes()
        self._events: deque[tuple[int, Event]] = deque(maxlen=EVENTS_KEPT)
        self._end = threading.Event()
        self._news = asyncio.Event()
        self._jpeg: tuple[Frame, asyncio.Future[bytes]] | None = None
        self._thread = threading.Thread(target=self._run, name="digitcam-live", daemon=True)

    @property
    def source(self) -> str:
        """The name of the source."""
        return self._source.name

    @property
    def live(self) -> bool:
        """Whether the source is one that frames should always come from."""
        return self._source.live

    @property
    def last_event(self) -> int:
        """The number of the latest event; 0 before the first."""
        return self._events[-1][0] if self._events else 0

    def start(self) -> None:
        """Begin to read; called in the event loop, once."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    def stop(self) -> None:
        """End the reading and all `views`; called in the event loop."""
        self.closed = True
        self._end.set()
        self._source.close()
        self._news.set()

    def close(self) -> None:
        """Wait until the reading has ended; may be called twice, and without `start`."""
        self.stop()
        if self._thread.is_alive():
            self._thread.join(CLOSE_S)

    def events(self, since: int) -> list[tuple[int, Event]]:
        """The events after number `since`, as far as they are kept; all of them when that is not yet reached.

        (A number from before a restart may well be higher than any there is now.)
        """
        return [(k, event) for k, event in self._events if k > since or since > self.last_event]

    async def views(self) -> AsyncIterator[View]:
        """Yield what is shown now, then the newest view each time that there is another.

        Who comes late misses views, and holds nobody up.
        """
        while not self.closed:
            news = self._news
            yield self.view
            await news.wait()

    async def jpeg(self, frame: Frame) -> bytes:
        """A frame of a view as JPEG. All who ask for the newest frame share one encoding."""
        if self._jpeg is None or self._jpeg[0] is not frame:
            encoding = asyncio.to_thread(encode, frame.image, ".jpg", quality=JPEG_QUALITY)
            self._jpeg = frame, asyncio.ensure_future(encoding)
        return await asyncio.shield(self._jpeg[1])

    def _run(self) -> None:
        source: Source | None = self._source
        while not self._end.wait(0 if source else REOPEN_S):
            try:
                source = self._source = source or self._open()
                self._read(source)
                trouble = f"{source.name} has ended"
            except EdgeError as error:
                trouble = str(error)
            if self._end.is_set():
                return
            self._dropped_before += source.dropped if source else 0
            self._post(replace(self._posted, frames_per_second=0.0, trouble=trouble), [])
            if not self._source.live:
                return
            source = None

    def _read(self, source: Source) -> None:
        speedometer = Speedometer(source)
        for result in self._reader.results(source):
            frame = result.frame
            if source.continuous and not source.live:  # a video, in its own time
                self._end.wait(max(0.0, frame.timestamp - time.monotonic()))
            speedometer.tick(result)
            view = View(
                result,
                speedometer.frames_per_second,
                max(0.0, time.monotonic() - frame.timestamp) * 1000,
                self._dropped_before + source.dropped,
                trouble="",
            )
            self._post(view, self._changes.update(result))
            if self._end.wait(0 if source.continuous else PICTURE_S):
                return

    def _post(self, view: View, events: list[Event]) -> None:
        self._posted = view
        with contextlib.suppress(RuntimeError):  # the loop is closed already
            self._loop.call_soon_threadsafe(self._take, view, events)

    def _take(self, view: View, events: list[Event]) -> None:
        self.view = view
        self._events.extend(enumerate(events, self.last_event + 1))
        self._on_view(view, events)
        self._news.set()
        self._news = asyncio.Event()
