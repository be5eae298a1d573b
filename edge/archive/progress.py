"""How an archive is getting on: in a bar on a terminal, else in a line now and then."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self, TextIO

from edge.archive.journal import Counts
from edge.words import counted

EVERY_S = 30.0
"""Between two lines where there is no terminal."""

WINDOW_S = 120.0
"""Over which the rate is taken: an archive may be of small pictures first and of large ones then."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How far it is, and how fast.

    Attributes:
        done: pictures that are read, of all runs.
        listed: pictures that were found.
        all_listed: whether there are no more.
        failed: pictures that could not be read.
        rate: pictures read in a second; 0 where that is not known yet.
    """

    done: int
    listed: int
    all_listed: bool
    failed: int
    rate: float

    @property
    def left_s(self) -> float | None:
        """Seconds until all that is listed is read; None where that is not known."""
        return (self.listed - self.done) / self.rate if self.rate else None

    def as_text(self) -> str:
        """In words: 1,200 of 40,000 pictures, 3 not read, 9.5 / s, 1 h 8 min left."""
        of = "" if self.all_listed else "at least "
        parts = [f"{self.done:,} of {of}{counted(self.listed, 'picture')}"]
        if self.failed:
            parts.append(f"{self.failed:,} not read")
        if self.rate:
            parts.append(f"{self.rate:.3g} / s")
        if self.left_s is not None and self.done < self.listed:
            parts.append(f"{of}{duration(self.left_s)} left")
        return ", ".join(parts)


def duration(seconds: float) -> str:
    """A time for people: 40 s, 12 min, 3 h 5 min, 2 d 4 h."""
    whole = round(seconds)
    if whole < 100:
        return f"{whole} s"
    minutes = round(seconds / 60)
    if minutes < 100:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min"
    return f"{hours // 24} d {hours % 24} h"


class Meter:
    """Measures the pace.

    Args:
        clock: seconds, monotonic; for tests.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: deque[tuple[float, int]] = deque()

    def pace(self, counts: Counts, *, all_listed: bool) -> Pace:
        """The pace, now that it is so far."""
        now = self._clock()
        self._seen.append((now, counts.done))
        while len(self._seen) > 2 and now - self._seen[1][0] > WINDOW_S:
            self._seen.popleft()
        since, before = self._seen[0]
        rate = (counts.done - before) / (now - since) if now > since else 0.0
        return Pace(counts.done, counts.listed, all_listed, counts.failed, rate)


class Progress:
    """Tells the pace; use it in a `with` block.

    Args:
        stream: is told; a terminal has a line that is written over.
        say: tells in a line of its own, where there is no terminal.
    """

    def __init__(self, say: Callable[[str], None], stream: TextIO | None = None) -> None:
        self._say, self._stream = say, stream or sys.stderr
        self._terminal = self._stream.isatty()
        self._meter = Meter()
        self._told_at = time.monotonic()
        self._width = 0

    def tell(self, counts: Counts, all_listed: bool) -> None:
        """Tell how far it is, where it is time to."""
        now = time.monotonic()
        if now - self._told_at < (1.0 if self._terminal else EVERY_S):
            return
        self._told_at = now
        text = self._meter.pace(counts, all_listed=all_listed).as_text()
        if self._terminal:
            self._over(text)
        else:
            self._say(text)

    def _over(self, text: str) -> None:
        print(f"\r{text:<{self._width}}", end="", file=self._stream, flush=True)
        self._width = len(text)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._terminal and self._width:
            self._over("")
            print("\r", end="", file=self._stream, flush=True)
