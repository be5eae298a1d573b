"""Where readings go. A sink takes each result in turn and is closed at the end; any loop can use it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from edge.events import AnyEvent
from edge.types import Frame, Moment, Result

PAUSED = "reading is paused"

PACE_S = 1.0
"""Of sinks for which a frame in which nothing has changed is no more than a sign of life."""


class Sink(ABC):
    """The parent of all sinks: a context manager that is given results and events.

    `edge.live.LiveLoop` calls a sink from a thread of its own, one call at a time. A call that raises is made
    again later, with a later frame.

    Attributes:
        name: what to call it in messages.
        pace_s: seconds in which one frame of a live source is enough, where nothing has changed; events come
            at once. 0: every frame is wanted.
    """

    name: str = "a sink"
    pace_s: float = 0.0

    @abstractmethod
    def write(self, result: Result, events: Sequence[AnyEvent]) -> None:
        """Take the result of one frame, and what has changed since the one before."""

    def trouble(self, text: str) -> None:  # noqa: B027 - most sinks have nobody to tell
        """Hear why there is no result at present: a frame cannot be read, or the source is lost."""

    def unread(self, frame: Frame) -> None:  # noqa: B027 - most sinks have no use for it
        """Take a frame that cannot be read; `trouble` tells why."""

    def idle(self, moment: Moment) -> None:
        """Hear of a fresh frame that is not read, as reading is paused."""
        self.trouble(PAUSED)

    def missed(self, frames: int) -> None:  # noqa: B027 - most sinks take no notice
        """Hear that so many frames were not handed over, between the last one and the next."""

    def finish(self, events: Sequence[AnyEvent]) -> None:  # noqa: B027 - what is over makes no frame
        """Take the last events: nothing follows, and what was still there is gone."""

    def close(self) -> None:  # noqa: B027 - a sink that holds nothing has nothing to finish
        """Finish what was written; may be called twice."""

    def summary(self) -> str:
        """What it has done, in a line for people, once it is closed; "" where there is nothing to say."""
        return ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
