"""Readings into a history, and messages about them into its outbox, both in one transaction."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Protocol

from edge.clock import boot_id, synchronised
from edge.events import AnyEvent, Event, FieldEvent
from edge.sinks import PACE_S, Sink
from edge.sinks.crops import crop_of
from edge.store import Limits, NewEntry, NewMessage, Store
from edge.types import Frame, Result
from edge.words import counted

TIDY_S = 600.0
"""Seconds from one look at what is too old or too much to the next."""

CROP_SHARE = 64
"""Crops are looked at as well when one in so many of all the bytes they may take was added."""


class MessageWriter(Protocol):
    """Makes what is to be sent about events; it does nothing else, and never waits."""

    def messages(self, events: Sequence[AnyEvent]) -> list[NewMessage]:
        """The messages about the events of a frame, in the order in which they are to be sent."""


class History(Sink):
    """Keeps every accepted number and every change of a field, and queues what is to be sent about them.

    Args:
        store: keeps both; whoever opened it closes it.
        limits: how much is kept; crops are, where it says how many bytes. None: no entry is kept, and only
            messages are queued.
        live: the source shows what is there now; else its times are of no boot of this machine.
        writers: make the messages.
        on_notice: told what was deleted.
        now: the wall clock, UTC; for tests.
        clock: seconds, monotonic, since the boot; for tests.
    """

    pace_s = PACE_S

    def __init__(
        self,
        store: Store,
        limits: Limits | None,
        *,
        live: bool,
        writers: Sequence[MessageWriter] = (),
        on_notice: Callable[[str], None] = lambda line: None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = f"the history {store.path}"
        self._store, self._limits, self._writers = store, limits, writers
        self._boot = boot_id() if live else ""
        self._live = live
        self._on_notice, self._now, self._clock = on_notice, now, clock
        self._tidy_at = clock()
        self._crops = limits is not None and limits.crop_bytes is not None
        self._crop_bytes = 0  # since the last look
        self._kept = 0
        self._models = ("", "")

    def write(self, result: Result, events: Sequence[AnyEvent]) -> None:
        """Keep what has changed. It is on the disk when this returns.

        Raises:
            OutputError: it cannot be written.
        """
        # Asked whether something changed or not, so that a disk that takes nothing is noticed before.
        self._store.open()
        self._models = result.model.sha256, result.page.sha256
        self._record(events, result.frame)

    def finish(self, events: Sequence[AnyEvent]) -> None:
        """Keep the last changes.

        Raises:
            OutputError: they cannot be written.
        """
        self._record(events, None)

    def summary(self) -> str:
        """What was kept."""
        if not self._kept:
            return ""
        return f"kept {counted(self._kept, 'reading')} in {self._store.path}"

    def _record(self, events: Sequence[AnyEvent], frame: Frame | None) -> None:
        # Before anything is kept: after an error, the events come again.
        if self._limits is not None:
            self._tidy(self._limits)
        if not events:
            return
        is_right = synchronised() if self._live else None
        kept = () if self._limits is None else filter(_is_kept, events)
        entries = [self._entry(event, frame, is_right) for event in kept]
        messages = [message for writer in self._writers for message in writer.messages(events)]
        self._store.record(entries, messages)
        self._kept += len(entries)
        self._crop_bytes += sum(len(entry.crop or b"") for entry in entries)

    def _entry(self, event: AnyEvent, frame: Frame | None, is_right: bool | None) -> NewEntry:
        crop = None
        if self._crops and frame is not None and frame.moment == event.moment:
            crop = crop_of(event, frame)
        digits_model, page_model = self._models
        return replace(
            _fact(event),
            synchronised=is_right,
            boot=self._boot,
            digits_model=digits_model,
            page_model=page_model,
            crop=crop,
        )

    def _tidy(self, limits: Limits) -> None:
        if self._clock() < self._tidy_at and self._crop_bytes <= (limits.crop_bytes or 0) // CROP_SHARE:
            return
        deleted = self._store.history.tidy(
            limits,
            now=self._now(),
            synchronised=synchronised(),
            boot=self._boot,
            timestamp=self._clock(),
        )
        self._tidy_at, self._crop_bytes = self._clock() + TIDY_S, 0
        if deleted:
            self._on_notice(deleted)


def _is_kept(event: AnyEvent) -> bool:
    """Whether an event is a row: numbers that appear, are doubtful or go are not."""
    return isinstance(event, FieldEvent) or event.kind == "accepted"


def _fact(event: AnyEvent) -> NewEntry:
    moment = event.moment
    if isinstance(event, Event):
        reading = event.reading
        return NewEntry(
            kind="number",
            text=reading.text,
            value=reading.value,
            raw=reading.text,
            confidence=reading.confidence,
            captured_at=moment.captured_at,
            timestamp=moment.timestamp,
            source=moment.source,
        )
    field = event.field
    accepted = event.kind == "value"
    return NewEntry(
        kind="field",
        field=field.name,
        text=field.text if accepted else None,
        value=float(field.value) if accepted and field.value is not None else None,
        raw=field.raw,
        problem=field.problem,
        why=field.why,
        confidence=field.confidence,
        unit=field.unit,
        captured_at=moment.captured_at,
        timestamp=moment.timestamp,
        source=moment.source,
    )
