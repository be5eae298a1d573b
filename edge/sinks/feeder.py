"""Feeds one sink from a thread of its own, so that no sink holds up the reading or another one."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from edge.errors import EdgeError, OutputError
from edge.events import AnyEvent
from edge.sinks import Sink
from edge.types import Frame, Moment, Result
from edge.words import counted

WAITING = 8
"""Frames that may wait for a sink: one that is slow for a moment, as a card is, misses none."""

OWED = 10_000
"""Events that are kept for a sink that takes none at present; then the oldest are lost."""

RETRY_S = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0)
"""Seconds until a sink that failed is tried again; then the last of them, always."""

HANGS_S = 10.0
"""Seconds that a sink may take for one frame before it is said that it hangs."""


@dataclass(frozen=True, slots=True, eq=False)
class _Item:
    """What a sink is to be told: a result with its events, trouble, or the end with its events.

    Attributes:
        result: of a frame that was read.
        events: what has changed.
        trouble: why there is no result.
        unread: the frame that cannot be read.
        idle: the moment of a frame that is left unread, as reading is paused.
        missed: frames that were left out before this one.
    """

    result: Result | None = None
    events: tuple[AnyEvent, ...] = ()
    trouble: str = ""
    unread: Frame | None = None
    idle: Moment | None = None
    missed: int = 0

    @property
    def frames(self) -> int:
        """How many frames it brings."""
        return int(self.result is not None or self.unread is not None)


class Feeder:
    """Hands a sink what it is to take, in a thread.

    When the sink is too slow, frames are left out, but no event: those come with the next frame. When it
    fails, that is said, and it is left out and tried again later. Of a stream that nobody waits for, a sink
    does not get more frames without events than it asks for: each wakes its thread.

    Args:
        sink: closed by the thread, at the end.
        wait: let the reading wait for the sink instead of leaving frames out, as for a file that is read.
        on_error: told when the sink fails, once until it works again.
        on_notice: told when it works again, and when it hangs.
        clock: seconds, monotonic; for tests.

    Attributes:
        sink: what it feeds.
        skipped: frames that were left out.
        lost: events that were, since more than `OWED` waited.
        broken: it failed the last time.
        failure: why, in a line for people; "" where it did not, and does not hang.
        hung_up: whoever reads what the sink writes wants no more; it is not tried again.
    """

    def __init__(
        self,
        sink: Sink,
        *,
        wait: bool,
        on_error: Callable[[EdgeError], None],
        on_notice: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.sink = sink
        self.skipped = 0
        self.lost = 0
        self._missed = 0  # of those, what the sink was not told of yet
        self.broken = False
        self.failure = ""
        self.hung_up: BrokenPipeError | None = None
        self._wait, self._on_error, self._on_notice, self._clock = wait, on_error, on_notice, clock
        self._items: deque[_Item] = deque()
        self._owed: deque[AnyEvent] = deque(maxlen=OWED)
        self._changed = threading.Condition()
        self._ending = False
        self._failures, self._retry_at = 0, 0.0
        self._next_at = -math.inf  # before that, a frame without events is none that the sink asks for
        self._busy_since: float | None = None
        self._said_hanging = False
        self._thread = threading.Thread(target=self._work, name=f"digitcam-sink-{sink.name}", daemon=True)
        self._thread.start()

    def write(self, result: Result, events: Sequence[AnyEvent]) -> None:
        """Let the sink take a result."""
        self._put(_Item(result, tuple(events)))

    def trouble(self, text: str, unread: Frame | None = None) -> None:
        """Let the sink hear why there is no result, and take the frame that cannot be read, if it is one."""
        self._put(_Item(trouble=text, unread=unread))

    def idle(self, moment: Moment) -> None:
        """Let the sink hear of a frame that is left unread, as reading is paused."""
        self._put(_Item(idle=moment))

    def end(self, events: Sequence[AnyEvent]) -> None:
        """Let the sink take the last events, then close it. `join` waits for that."""
        with self._changed:
            if not self._ending:
                self._ending = True
                self._items.append(_Item(None, (*self._owed, *events), missed=self._missed))
                self._owed.clear()
                self._changed.notify_all()

    def join(self, timeout_s: float | None) -> bool:
        """Wait until the sink is closed; whether it is."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _put(self, item: _Item) -> None:
        hangs = False
        with self._changed:
            self.lost += max(0, len(self._owed) + len(item.events) - OWED)
            self._owed.extend(item.events)
            if self._ending or self.hung_up or (self.broken and self._clock() < self._retry_at):
                self._leave_out(item.frames)
                return
            if self._is_not_asked_for(item):
                return
            if self._wait:
                self._changed.wait_for(self._takes_more)
            if len(self._items) < WAITING:
                self._items.append(replace(item, events=tuple(self._owed), missed=self._missed))
                self._owed.clear()
                self._missed = 0
                self._changed.notify_all()
            else:
                self._leave_out(item.frames)
                since = self._busy_since
                hangs = since is not None and self._clock() - since > HANGS_S and not self._said_hanging
                self._said_hanging |= hangs
        if hangs:
            self.failure = f"{self.sink.name} has taken nothing for {HANGS_S:.0f} s"
            self._on_notice(f"{self.failure}; reading goes on without it")

    def _is_not_asked_for(self, item: _Item) -> bool:
        pace_s = self.sink.pace_s
        if self._wait or not pace_s:
            return False
        now = self._clock()
        if item.result is not None and not self._owed and now < self._next_at:
            return True
        # After trouble, the first frame that is read again tells that it is over.
        self._next_at = now + pace_s if item.result is not None else -math.inf
        return False

    def _leave_out(self, frames: int) -> None:
        self.skipped += frames
        self._missed += frames

    def _takes_more(self) -> bool:
        return len(self._items) < WAITING or self.broken or self.hung_up is not None

    def _work(self) -> None:
        while (item := self._next()) is not None:
            try:
                self._give(item)
            except BrokenPipeError as error:
                self._hang_up(error)
            except Exception as error:  # whatever a sink does, the others and the reading go on
                self._fail(item, error)
            else:
                self._succeed(item)
        try:
            self.sink.close()
        except BrokenPipeError as error:
            self._hang_up(error)
        except Exception as error:
            if not self.broken:  # or it is said already
                self._on_error(_as_error(self.sink, error))

    def _next(self) -> _Item | None:
        with self._changed:
            self._busy_since = None
            self._changed.wait_for(lambda: self._items or self._ending)
            if not self._items:
                return None
            self._busy_since = self._clock()
            item = self._items.popleft()
            self._changed.notify_all()
            return item

    def _give(self, item: _Item) -> None:
        if self.hung_up:
            return
        if item.missed:
            self.sink.missed(item.missed)
        if item.unread is not None:
            self.sink.unread(item.unread)
        if item.idle is not None:
            self.sink.idle(item.idle)
        elif item.trouble:
            self.sink.trouble(item.trouble)
        elif item.result is not None:
            self.sink.write(item.result, item.events)
        else:
            self.sink.finish(item.events)

    def _succeed(self, item: _Item) -> None:
        if self.broken and item.result is None:
            return  # many a sink has no use for it, which does not tell that it can write
        if self._said_hanging or self.broken:
            lost = f"; {counted(self.lost, 'event')} lost in all" if self.lost else ""
            self._on_notice(f"{self.sink.name} works again{lost}")
        self._said_hanging = self.broken = False
        self.failure = ""
        self._failures = 0

    def _fail(self, item: _Item, error: Exception) -> None:
        told = _as_error(self.sink, error)
        self.failure = str(told)
        with self._changed:
            first, self.broken = not self.broken, True
            self._retry_at = self._clock() + RETRY_S[min(self._failures, len(RETRY_S) - 1)]
            self._failures += 1
            # Frames are not kept for it, events are; the end is told all the same.
            last = self._items.pop() if self._ending and self._items else None
            owed = [event for waiting in (item, *self._items) for event in waiting.events]
            self._leave_out(item.frames + sum(waiting.frames for waiting in self._items))
            # Of those before `item` the sink has heard.
            self._missed += sum(waiting.missed for waiting in self._items)
            self._items.clear()
            if last is not None:
                self._items.append(_Item(None, (*owed, *last.events), missed=self._missed + last.missed))
            else:
                self.lost += max(0, len(owed) + len(self._owed) - OWED)
                self._owed = deque([*owed, *self._owed], OWED)
            self._changed.notify_all()
        if first:
            self._on_error(told)

    def _hang_up(self, error: BrokenPipeError) -> None:
        with self._changed:
            self.hung_up = error
            self._items.clear()
            self._changed.notify_all()


def _as_error(sink: Sink, error: Exception) -> EdgeError:
    if isinstance(error, EdgeError):
        return error
    return OutputError(f"{sink.name} failed: {type(error).__name__}: {error}")
