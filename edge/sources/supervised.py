"""A live source that a process of its own reads, and that is started again whenever something is wrong."""

from __future__ import annotations

import contextlib
import itertools
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import replace

from edge.errors import SourceError
from edge.isolated import python_command
from edge.sources.base import Notice, Source, SourceOptions, State, public_name, wall_clock
from edge.sources.handover import Ask, Beat, Failure, Link, MessageError, SharedPicture, Shot, Start
from edge.types import Frame

SILENT_S = 1.4
"""Seconds without a sign of life after which the process is given up: many times what it promises."""

STARTING_S = 30.0
"""The same before its first frame: loading libraries and opening a camera stop all threads."""

RESTART_S = (0.0, 0.1, 0.2, 0.4, 0.8)
"""Seconds to wait before a process is started once more; then the last of them, always."""

WELL_S = 2.0
"""Seconds that a source must give frames before the waiting begins anew."""

CLOSING_S = 1.0
"""Seconds that the process has to close the source and end."""


class SupervisedSource(Source):
    """The newest frame of a source that a child process reads.

    Whatever goes wrong with the source, its driver or the process, the process is ended and another one is
    started; iteration goes on with the next new picture. Until then nothing is given. The next process is
    there before it is needed: on a board it takes seconds to load its libraries.

    Args:
        text: the source, as the user wrote it.
        options: what it is asked for.
        on_notice: told when it is lost, is back, goes black or sees again.

    Raises:
        SourceError: it cannot be opened or gives no frame at all. Later, nothing is raised.
        UsageError: the text makes no sense.
    """

    live = True
    continuous = True

    def __init__(self, text: str, options: SourceOptions, *, on_notice: Notice | None = None) -> None:
        super().__init__(public_name(text))
        self._on_notice = on_notice
        self._noticed = ""
        self._start = Start(text, options)
        self._closing = threading.Event()
        self._lock = threading.Lock()  # so that close() misses neither a new child nor a picture being copied
        self._shared = SharedPicture()
        self._child = _Child(self.name, self._shared)
        self._spare: _Child | None = None
        self._delays = _delays()
        self._since = time.monotonic()  # when it was lost, or came back
        self._offset: int | None = 0  # from the ids of the child's frames to ours; None before its first
        self._last_id, self._last_at = -1, 0.0
        try:
            self._child.send(self._start)
            first = self._child.answer(self._notice)
            if isinstance(first, Failure):
                raise first.error
        except BaseException:
            self.close()
            raise
        self._first: Shot | None = first
        self._start = replace(self._start, patient=True)

    @property
    def pid(self) -> int:
        """The number of the process that reads the source at present."""
        return self._child.process.pid

    def __iter__(self) -> Iterator[Frame]:
        while not self._closing.is_set():
            answer = self._first or self._child.answer(self._notice)
            self._first = None
            if isinstance(answer, Failure):
                self._restart(answer)
            elif frame := self._frame(answer):
                self._be_well("black" if answer.black else "running")
                yield frame

    def close(self) -> None:
        """End the process, which closes the source."""
        self._closing.set()
        with self._lock:
            if self._spare is not None:
                self._spare.end(0)
            self._child.end(CLOSING_S)
            self._shared.close()

    def _frame(self, shot: Shot) -> Frame | None:
        with self._lock:
            if self._closing.is_set():
                return None
            image, grey = self._shared.read(shot)
        if self._offset is None:
            due = max(0, round((shot.timestamp - self._last_at) * self._start.options.fps) - 1)
            self.drops["outage"] += due
            self._offset = self._last_id + 1 + due - shot.frame_id
        else:
            self.drops.update(shot.drops)
        self._last_id, self._last_at = shot.frame_id + self._offset, shot.timestamp
        self._start = replace(self._start, fingerprint=shot.fingerprint)
        when = wall_clock(shot.timestamp)
        return Frame(image, self._last_id, shot.timestamp, when, self.name, shot.capture_ms, grey)

    def _be_well(self, state: State) -> None:
        before, self.state = self.state, state
        if before == "lost":
            now = time.monotonic()
            self._notice(f"{self.name} is back after {now - self._since:.1f} s")
            self._since = now
        if state == "black" != before:
            self._notice(f"{self.name} is black: is there light, is the lens free?")
        if before == "black" != state:
            self._notice(f"{self.name} sees again")
        if self._spare is None:
            with self._lock, _unless_crowded():
                self._spare = None if self._closing.is_set() else _Child(self.name, self._shared)

    def _restart(self, failure: Failure) -> None:
        if self._closing.is_set():
            return
        self.restarts[failure.trouble] += 1
        if self.state != "lost":
            now = time.monotonic()
            if now - self._since > WELL_S:
                self._delays = _delays()
            self.state, self._since = "lost", now
            self._notice(f"{failure.error}; starting it again")
        self._child.end(0)
        self._closing.wait(next(self._delays))
        with self._lock, _unless_crowded():
            if not self._closing.is_set():
                self._child, self._spare = self._spare or _Child(self.name, self._shared), None
                self._child.send(self._start)
                self._offset = None

    def _notice(self, text: str) -> None:
        if self._on_notice is not None and text != self._noticed:
            self._noticed = text
            self._on_notice(text)


class _Child:
    """The process, which waits to be told what to read, and our end of the line to it."""

    def __init__(self, name: str, shared: SharedPicture) -> None:
        self._name = name
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            files = theirs.fileno(), shared.handle
            self.process = subprocess.Popen(
                python_command("edge.sources.child:main", *files),
                stdin=subprocess.DEVNULL,
                stdout=2,  # standard output is for readings
                pass_fds=files,
                process_group=0,  # Ctrl-C is for us: we end it in order
            )
        self._link = Link(ours)
        self._patience_s = STARTING_S

    def send(self, message: Start | Ask) -> None:
        """Tell it what to read, or ask for a frame."""
        with contextlib.suppress(OSError):  # it ended; what it said before is still to be read
            self._link.send(message)

    def answer(self, on_problem: Notice) -> Shot | Failure:
        """Ask for a frame, and wait as long as there are signs of life."""
        self.send(Ask())
        try:
            while (message := self._link.receive(self._patience_s)) is not None:
                if isinstance(message, Shot):
                    self._patience_s = SILENT_S
                    return message
                if isinstance(message, Failure):
                    return message
                if isinstance(message, Beat) and message.problem is not None:
                    on_problem(str(message.problem))
        except EOFError:
            code = self.process.wait()
            how = f"signal {-code}" if code < 0 else f"exit code {code}"
            return Failure("died", SourceError(f"the process that reads {self._name} died ({how})"))
        except MessageError as error:
            return Failure(
                "died", SourceError(f"the process that reads {self._name} is no longer sane: {error}")
            )
        return Failure("hung", SourceError(f"the process that reads {self._name} gives no sign of life"))

    def end(self, grace_s: float) -> None:
        """Hang up, and kill what does not end in time; may be called twice."""
        self._link.hang_up()
        try:
            self.process.wait(grace_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            with contextlib.suppress(subprocess.TimeoutExpired):  # not even that ends a driver that hangs
                self.process.wait(CLOSING_S)
        self._link.close()


def _unless_crowded() -> contextlib.AbstractContextManager[None]:
    """Where there is no memory for another process at present, the next failure tries again."""
    return contextlib.suppress(OSError)


def _delays() -> Iterator[float]:
    return itertools.chain(RESTART_S, itertools.repeat(RESTART_S[-1]))
