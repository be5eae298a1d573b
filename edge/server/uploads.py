"""Uploads are read in child processes that are kept warm: a picture can harm only the child that opens it."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import AsyncIterable
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from edge.isolated import Isolated, IsolatedError
from edge.overlay import encode
from edge.server.reading import Form, request
from edge.types import Road

READ = "edge.server.reading:answer"

MAX_BYTES = 4 << 20

MAX_WAITING = 24
"""Uploads that may wait for a child."""

MAX_HELD_BYTES = 16 << 20
"""Of all pictures that are being received, wait or are read: what uploads add to this process."""

CPU_LIMIT_S = 1.0
"""Of the processor's time, to decode one picture. (16 megapixels take 0.3 to 0.5 s of a desktop's; on a slow
board, send smaller ones. The page does.)"""

TIME_LIMIT_S = 30.0
"""For one picture on a slow board that has other things to do. (Of 140 drawn pages of small writing, 19 in
20 take a desktop less than 0.5 s, the longest 1.7 s.)"""

START_LIMIT_S = 60.0
"""For a child to import, to load the model and to read a first picture, on the slowest board."""

RESTART_S = 1.0
"""Between two attempts to start a child."""

MEMORY_MB = 1280
"""Address space of a child: 650 MB once it runs, and 400 MB more for 16 megapixels with transparency."""

_SOMETHING = encode(np.full((480, 640), 255, np.uint8), ".png")
"""A picture to warm up with."""


class BusyError(Exception):
    """More uploads than can be served now."""


class TooLargeError(Exception):
    """An upload of more than `MAX_BYTES`."""


class Uploads:
    """Reads uploaded pictures, as many at a time as there are children; use it in a `with` block.

    Args:
        children: how many. Each has a thread that hands it the pictures.
        model: path of the digit network, None for the shipped one.
        page_model: path of the page network, likewise.
        road: how digits are found; None for the usual way.

    Raises:
        IsolatedError: the first child cannot be started.
    """

    def __init__(
        self,
        children: int,
        model: Path | None = None,
        page_model: Path | None = None,
        road: Road | None = None,
    ) -> None:
        self._models = model, page_model, road
        self._jobs: queue.Queue[tuple[Future[bytes], bytes] | None] = queue.Queue(MAX_WAITING)
        self._held = 0
        self._closed = threading.Event()
        self._children = [Isolated(READ, memory_mb=MEMORY_MB) for _ in range(children)]
        self._warm_up(self._children[0])  # where one starts, the others will
        self._threads = [
            threading.Thread(target=self._serve, args=[child], name="digitcam-upload", daemon=True)
            for child in self._children
        ]
        for thread in self._threads:
            thread.start()

    @property
    def ready(self) -> bool:
        """Whether there is a child to read an upload."""
        return any(child.running for child in self._children)

    async def read(self, chunks: AsyncIterable[bytes], form: Form, content_type: str = "") -> bytes:
        """Receive an encoded picture and read it.

        Args:
            chunks: of the picture, or of a form that holds it, as they come.
            form: of the answer.
            content_type: of what comes; see `request`.

        Returns:
            JSON, or the annotated picture.

        Raises:
            IsolatedError: it is no picture that can be read within the limits.
            TooLargeError: it has more than `MAX_BYTES`; raised as soon as that is known.
            BusyError: too many are being received or wait already.
        """
        picture = bytearray()
        try:
            async for chunk in chunks:
                picture += chunk
                self._held += len(chunk)
                if len(picture) > MAX_BYTES:
                    raise TooLargeError
                if self._held > MAX_HELD_BYTES:
                    raise BusyError
            job: Future[bytes] = Future()
            message = request(bytes(picture), form, *self._models, content_type=content_type)
            self._jobs.put_nowait((job, message))
            return await asyncio.wrap_future(job)
        except queue.Full as error:
            raise BusyError from error
        finally:
            self._held -= len(picture)

    def close(self) -> None:
        """End the children, and what waits for them; may be called twice."""
        self._closed.set()
        with contextlib.suppress(queue.Empty):
            while (job := self._jobs.get_nowait()) is not None:
                job[0].cancel()
        for _ in self._threads:
            self._jobs.put(None)
        for child in self._children:
            child.close()
        for thread in self._threads:
            thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _serve(self, child: Isolated) -> None:
        """Hand pictures to a child until the end, and start it anew when it is gone."""
        with child:
            while not self._closed.is_set():
                try:
                    if not child.running:
                        self._warm_up(child)
                except IsolatedError:
                    self._closed.wait(RESTART_S)
                    continue
                job = self._jobs.get()
                if job is not None and job[0].set_running_or_notify_cancel():
                    _do(job[0], child, job[1])

    def _warm_up(self, child: Isolated) -> None:
        child.call(request(_SOMETHING, "json", *self._models), timeout_s=START_LIMIT_S)


def _do(job: Future[bytes], child: Isolated, message: bytes) -> None:
    try:
        job.set_result(child.call(message, timeout_s=TIME_LIMIT_S, cpu_s=CPU_LIMIT_S))
    except IsolatedError as error:
        job.set_exception(error)
