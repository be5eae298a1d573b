"""Uploads are read in child processes that are kept warm: a picture can harm only the child that opens it."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
import time
from collections.abc import AsyncIterable, Awaitable, Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self
from weakref import WeakValueDictionary

import numpy as np

from edge.isolated import Isolated, IsolatedError
from edge.overlay import encode
from edge.server.reading import Form, request

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

LEFT_S = 1.0
"""For a picture to be read whose client has left. (Most take less, and a new child takes longer to start.)"""

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


class LeftError(Exception):
    """The client has left before its picture was read."""


@dataclass(eq=False)
class _Job:
    """A picture to read: the message to the child, its answer, and the child that reads it now."""

    message: bytes
    answer: Future[bytes] = field(default_factory=Future)
    since: float = field(default_factory=time.monotonic)
    child: Isolated | None = None


class Uploads:
    """Reads uploaded pictures, as many at a time as there are children; use it in a `with` block.

    Each address has one picture read at a time; its others wait for that. A client that leaves gives up its
    place.

    Args:
        children: how many. Each has a thread that hands it the pictures.
        model: path of the digit network, None for the shipped one.
        page_model: path of the page network, likewise.

    Raises:
        IsolatedError: the first child cannot be started.
    """

    def __init__(self, children: int, model: Path | None = None, page_model: Path | None = None) -> None:
        self._models = model, page_model
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._waiting: list[_Job] = []
        self._slots: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._readings: set[asyncio.Task[bytes]] = set()
        self._lock = threading.Lock()  # what a job's child is
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

    def oldest_s(self) -> float:
        """For how many seconds the first of the pictures has waited that a child could read; 0 for none."""
        waiting = self._waiting[:1]
        return time.monotonic() - waiting[0].since if waiting else 0.0

    async def read(
        self,
        chunks: AsyncIterable[bytes],
        form: Form,
        address: str,
        left: Callable[[], Awaitable[None]],
        content_type: str = "",
    ) -> bytes:
        """Receive an encoded picture and read it.

        Args:
            chunks: of the picture, or of a form that holds it, as they come.
            form: of the answer.
            address: whose picture it is.
            left: called when all of it has come; ends when the client has left.
            content_type: of what comes; see `request`.

        Returns:
            JSON, or the annotated picture.

        Raises:
            IsolatedError: it is no picture that can be read within the limits.
            TooLargeError: it has more than `MAX_BYTES`; raised as soon as that is known.
            BusyError: too many are being received or wait already.
            LeftError: the client has left. A picture that waited is dropped; one that is being read holds its
                child for `LEFT_S` at most.
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
            if len(self._readings) >= MAX_WAITING + len(self._children):
                raise BusyError
            message = request(bytes(picture), form, *self._models, content_type=content_type)
            reading = asyncio.create_task(self._in_turn(_Job(message), address))
            self._readings.add(reading)
            reading.add_done_callback(self._readings.discard)
            leaving = asyncio.ensure_future(left())
            try:
                await asyncio.wait([reading, leaving], return_when=asyncio.FIRST_COMPLETED)
                if not reading.done():
                    raise LeftError
                return reading.result()
            finally:
                reading.cancel()
                leaving.cancel()
        finally:
            self._held -= len(picture)

    def close(self) -> None:
        """End the children, and what waits for them; may be called twice."""
        self._closed.set()
        with contextlib.suppress(queue.Empty):
            while (job := self._jobs.get_nowait()) is not None:
                job.answer.cancel()
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
                if job is not None and self._take(job, child):
                    self._do(job, child)

    async def _in_turn(self, job: _Job, address: str) -> bytes:
        """Wait until the address has no other picture that is read, then for the answer.

        Cancelled, it keeps the address waiting until a child that is at it is free again.
        """
        slot = self._slots.setdefault(address, asyncio.Lock())
        async with slot:
            job.since = time.monotonic()
            self._waiting.append(job)
            self._jobs.put(job)
            answer = asyncio.wrap_future(job.answer)
            try:
                return await asyncio.shield(answer)
            except asyncio.CancelledError:
                if not job.answer.cancel():
                    done, _ = await asyncio.wait([answer], timeout=LEFT_S)
                    if not done:
                        self._kill(job)
                        await asyncio.wait([answer])
                    answer.exception()  # nobody asks for it
                raise
            finally:
                with contextlib.suppress(ValueError):  # a child has taken it
                    self._waiting.remove(job)

    def _take(self, job: _Job, child: Isolated) -> bool:
        """Give a job to a child, unless its client has left."""
        with contextlib.suppress(ValueError):  # its client has left, or the end has come
            self._waiting.remove(job)
        with self._lock:
            if not job.answer.set_running_or_notify_cancel():
                return False
            job.child = child
            return True

    def _do(self, job: _Job, child: Isolated) -> None:
        answer: bytes | IsolatedError
        try:
            answer = child.call(job.message, timeout_s=TIME_LIMIT_S, cpu_s=CPU_LIMIT_S)
        except IsolatedError as error:
            answer = error
        with self._lock:
            job.child = None  # from here on, the child may be at another's picture
        if isinstance(answer, bytes):
            job.answer.set_result(answer)
        else:
            job.answer.set_exception(answer)

    def _kill(self, job: _Job) -> None:
        """Kill the child that is at a job; another one is started for the next."""
        with self._lock:
            if job.child is not None:
                job.child.kill()

    def _warm_up(self, child: Isolated) -> None:
        child.call(request(_SOMETHING, "json", *self._models), timeout_s=START_LIMIT_S)
