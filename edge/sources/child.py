"""What runs in the process that reads a camera: its newest frame goes to whoever asks.

A read that hangs inside a driver cannot be ended, only killed: with this process. One thread reads the source
and keeps the newest frame; the other answers, gives a sign of life where there is nothing to give, and ends
the process when the source is not well.
"""

from __future__ import annotations

import itertools
import os
import socket
import threading
from collections import Counter
from dataclasses import replace

from edge.errors import EdgeError, SourceError
from edge.sources import open_here
from edge.sources.base import Drop, Source, public_name
from edge.sources.handover import Ask, Beat, Failure, Link, SharedPicture, Shot, Start
from edge.sources.turning import turned
from edge.sources.watch import Watch
from edge.types import Frame

BEAT_S = 0.1
"""Seconds between two signs of life."""

RETRY_S = (0.1, 0.2, 0.4)
"""Seconds to wait before opening is tried again; then the last of them, always."""

GOODBYE_S = 0.7
"""Seconds that a source has to close itself; a read that hangs dies with the process."""


def main(link: int, memory: int) -> None:
    """Serve frames until the other side hangs up or the source fails; then end the process.

    Args:
        link: number of the open socket.
        memory: number of the open shared memory.
    """
    line = Link(socket.socket(fileno=link))
    shared = SharedPicture(memory)
    try:
        start = line.receive(None)
        assert isinstance(start, Start)
        capture = Capture(start)
        capture.start()
        try:
            line.send(_serve(line, shared, capture))
        finally:
            capture.stop()
    except (EOFError, OSError):
        pass  # nobody is left to give frames to
    # Not the orderly way, which would wait for a thread that may hang in a driver.
    os._exit(0)


def _serve(line: Link, shared: SharedPicture, capture: Capture) -> Failure:
    asked = False
    while (failure := capture.failure()) is None:
        if not asked:
            asked = isinstance(line.receive(BEAT_S), Ask)
        elif taken := capture.take(BEAT_S):
            frame, shot = taken
            try:
                shared.write(frame)
            except SourceError as error:
                return Failure("ended", error)
            line.send(shot)
            asked = False
        else:
            line.send(Beat(capture.problem))
    return failure


class Capture(threading.Thread):
    """Reads a source as fast as it gives frames, and keeps the newest.

    Args:
        start: what to read.

    Attributes:
        problem: why the source cannot be opened at present, if so.
    """

    def __init__(self, start: Start) -> None:
        super().__init__(name="digitcam-capture", daemon=True)
        self.problem: EdgeError | None = None
        self._name = public_name(start.text)
        self._start = start
        self._watch = Watch(start.options, fingerprint=start.fingerprint)
        self._stopping = threading.Event()
        self._changed = threading.Condition()
        self._newest: tuple[Frame, Shot] | None = None
        self._drops: Counter[Drop] = Counter()
        self._failure: Failure | None = None

    def run(self) -> None:
        """Read until told to stop."""
        try:
            with self._open() as source:
                failure = self._read(source)
        except EdgeError as error:
            failure = Failure("ended", error)
        except Exception as error:
            said = str(error).replace(self._start.text, self._name)
            failure = Failure("ended", SourceError(f"{self._name}: {type(error).__name__}: {said}"))
        with self._changed:
            self._failure = failure
            self._changed.notify_all()

    def take(self, timeout_s: float) -> tuple[Frame, Shot] | None:
        """The newest frame that was not taken yet, and what is to be said of it; None when none comes."""
        with self._changed:
            self._changed.wait_for(lambda: self._newest or self._failure, timeout_s)
            if self._newest is None:
                return None
            (frame, shot), drops = self._newest, dict(+self._drops)
            self._newest = None
            self._drops.clear()
        return frame, replace(shot, drops=drops)

    def failure(self) -> Failure | None:
        """What is wrong with the source, if anything."""
        if self._failure is not None:
            return self._failure
        match self._watch.verdict():
            case "hung":
                return Failure("hung", SourceError(f"{self._name} gives no frames: is it still connected?"))
            case "frozen":
                return Failure("frozen", SourceError(f"{self._name} gives one and the same picture"))
        return None

    def stop(self) -> None:
        """End the thread, which closes the source, if it comes back from reading in time."""
        self._stopping.set()
        self.join(GOODBYE_S)

    def _open(self) -> Source:
        delays = itertools.chain(RETRY_S, itertools.repeat(RETRY_S[-1]))
        while True:
            self._watch.begin()
            try:
                source = open_here(self._start.text, self._start.options)
            except SourceError as error:
                if not self._start.patient:
                    raise  # that ends it, and is said once, as its end
                self.problem = error
                if self._stopping.wait(next(delays)):
                    raise
            else:
                self.problem = None
                return source

    def _read(self, source: Source) -> Failure:
        last_id = -1
        for frame in source:
            if self._stopping.is_set():
                break
            frame = turned(frame, self._start.options)
            sight = self._watch.see(frame.image if frame.grey is None else frame.grey)
            if sight == "resized":
                return Failure(
                    "resized",
                    SourceError(
                        f"{self._name} changed its size, to {frame.size[0]} x {frame.size[1]} pixels"
                    ),
                )
            shot = Shot(
                frame_id=frame.frame_id,
                timestamp=frame.timestamp,
                capture_ms=frame.capture_ms,
                shape=frame.image.shape,
                grey=frame.grey is not None,
                black=sight == "black",
                fingerprint=self._watch.fingerprint,
            )
            with self._changed:
                self._drops["missed"] += frame.frame_id - last_id - 1
                last_id = frame.frame_id
                if sight == "repeated":
                    self._drops["repeated"] += 1
                    continue
                self._drops["busy"] += self._newest is not None
                self._newest = frame, shot
                self._changed.notify_all()
        return Failure("ended", SourceError(f"{self._name} gives no more frames: is it still connected?"))
