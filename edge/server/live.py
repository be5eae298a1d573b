"""The page as a sink: the newest result for whoever asks, and what changed; and the thread that reads."""

from __future__ import annotations

import asyncio
import contextlib
import math
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from edge.aim import Trend, Trends
from edge.errors import EdgeError, ReadingError
from edge.events import AnyEvent
from edge.live import LiveLoop
from edge.overlay import encode
from edge.sinks import Sink
from edge.speedometer import Speedometer
from edge.types import Frame, Result

Made = TypeVar("Made")

EVENTS_KEPT = 1000
"""Latest events that a client which comes back can still ask for."""

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
        failed: frames that could not be read so far.
        trouble: why there is no new result; empty where all is well.
        failures: which sinks take nothing at present, and why, each in a line.
        trends: how reading went in the last seconds: all of it, under "", and each field, under its name.
    """

    result: Result | None = None
    frames_per_second: float = 0.0
    latency_ms: float = 0.0
    dropped: int = 0
    failed: int = 0
    trouble: str = "no frame yet"
    failures: tuple[str, ...] = ()
    trends: Mapping[str, Trend] = field(default_factory=dict)

    def stale_s(self) -> float:
        """Seconds since the newest frame was captured."""
        return math.inf if self.result is None else time.monotonic() - self.result.frame.timestamp


class Live:
    """Runs a loop in a thread until it is closed, and is told by it as one of its sinks.

    All but the reading itself happens in the event loop that `start` was called in.

    Args:
        loop: reads the source; used and closed by the thread alone.
        on_view: told of each view and its events, in the event loop.
        on_error: told, in the thread, of what ends the reading for good.
    """

    def __init__(
        self,
        loop: LiveLoop,
        on_view: Callable[[View, list[AnyEvent]], None],
        on_error: Callable[[EdgeError], None],
    ) -> None:
        self.view = View()
        self.closed = False
        self._reading, self._on_view, self._on_error = loop, on_view, on_error
        self._posted = self.view
        self._events: deque[tuple[int, AnyEvent]] = deque(maxlen=EVENTS_KEPT)
        self._news = asyncio.Event()
        self._jpeg: tuple[Frame, asyncio.Future[bytes]] | None = None
        self._made: dict[Callable[[Result], Any], tuple[Result, Any]] = {}
        self._making = asyncio.Lock()
        self._thread = threading.Thread(target=self._run, name="digitcam-live", daemon=True)
        loop.add(_Page(loop.speedometer, self._post))

    @property
    def source(self) -> str:
        """The name of the source."""
        return self._reading.source.name

    @property
    def live(self) -> bool:
        """Whether the source is one that frames should always come from."""
        return self._reading.source.live

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
        self._reading.stop()
        self._news.set()

    def close(self) -> None:
        """Wait until the reading has ended; may be called twice, and without `start`."""
        self.stop()
        if self._thread.is_alive():
            self._thread.join(CLOSE_S)

    def events(self, since: int) -> list[tuple[int, AnyEvent]]:
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

    async def made(self, make: Callable[[Result], Made]) -> Made | None:
        """What a function makes of the newest result; None before the first.

        It is called in a thread, once for a result, and not beside another function: however many ask, the
        reading keeps the other processors.
        """
        async with self._making:
            result = self.view.result
            if result is None:
                return None
            if make not in self._made or self._made[make][0] is not result:
                self._made[make] = result, await asyncio.to_thread(make, result)
            made: Made = self._made[make][1]
            return made

    def _run(self) -> None:
        try:
            # Whoever reads our standard output may leave: the page stays.
            self._reading.run(picture_s=PICTURE_S, until_hung_up=False)
        except Exception as error:  # said, or nobody would know why there is nothing new
            failure = ReadingError(f"reading has ended: {type(error).__name__}: {error}")
            self._on_error(failure)
            self._post(View(trouble=str(failure)), [])

    def _post(self, view: View, events: Sequence[AnyEvent]) -> None:
        if view.result is None:
            last = self._posted
            view = replace(view, result=last.result, latency_ms=last.latency_ms, trends=last.trends)
        self._posted = view = replace(view, failures=self._reading.failures)
        with contextlib.suppress(RuntimeError):  # the event loop is closed already
            self._loop.call_soon_threadsafe(self._take, view, list(events))

    def _take(self, view: View, events: list[AnyEvent]) -> None:
        self.view = view
        self._events.extend(enumerate(events, self.last_event + 1))
        self._on_view(view, events)
        self._news.set()
        self._news = asyncio.Event()


class _Page(Sink):
    """Makes a view of each result.

    Args:
        speedometer: knows how the reading goes.
        post: takes a view and its events; from any thread.
    """

    name = "the page"

    def __init__(self, speedometer: Speedometer, post: Callable[[View, Sequence[AnyEvent]], None]) -> None:
        self._speedometer, self._post = speedometer, post
        self._trends = Trends()

    def write(self, result: Result, events: Sequence[AnyEvent]) -> None:
        """Show a result."""
        trends = self._trends.see(result)
        latency_ms = 1000 * max(0.0, self._speedometer.latency_s(result))
        view = self._view()
        self._post(replace(view, result=result, latency_ms=latency_ms, trouble="", trends=trends), events)

    def trouble(self, text: str) -> None:
        """Show why there is none."""
        self._post(replace(self._view(), trouble=text), ())

    def finish(self, events: Sequence[AnyEvent]) -> None:
        """Tell what was still there and is gone; the last result stays."""
        if events:
            self._post(replace(self._view(), trouble=f"{events[-1].moment.source} has ended"), events)

    def _view(self) -> View:
        speed = self._speedometer
        return View(
            frames_per_second=speed.frames_per_second,
            dropped=speed.drops.total(),
            failed=speed.failed,
        )
