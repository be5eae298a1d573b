"""What every source of frames is."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from datetime import UTC, datetime
from types import TracebackType
from typing import ClassVar, Self

from edge.types import Frame

DEFAULT_SIZE = (640, 480)
"""Width and height in pixels that cameras are asked for: digits of 20 px and more, at the lowest price."""

DEFAULT_FPS = 30.0


class Source(ABC):
    """Frames, one after the other: iterate it, and close it or use it in a `with` block.

    Attributes:
        name: the file, camera or address, as the user wrote it.
        live: frames come in real time; the newest one is given, and what came in between is dropped.
        continuous: frames follow each other in time, so that what is in one is probably in the next; False
            for separate pictures.
        dropped: frames that a live source gave up so far because nobody was ready for them.
    """

    live: ClassVar[bool] = False
    continuous: ClassVar[bool] = False

    def __init__(self, name: str) -> None:
        self.name = name
        self.dropped = 0

    @abstractmethod
    def __iter__(self) -> Iterator[Frame]:
        """The frames; of a live source without end, until it is closed.

        Raises:
            SourceError: the source ended before its end, or stopped.
            ImageError: a picture cannot be decoded.
        """

    @abstractmethod
    def close(self) -> None:
        """Give back what was opened; iteration ends. May be called twice, and from another thread."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def wall_clock(timestamp: float) -> datetime:
    """The time of day, UTC, at a moment of `time.monotonic`."""
    return datetime.fromtimestamp(time.time() + timestamp - time.monotonic(), UTC)
