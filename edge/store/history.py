"""What was read: a row for each accepted number and for each change of a field."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from edge.store.database import Database
from edge.types import iso_utc
from edge.words import counted

Kind = Literal["number", "field"]

PAGE = 1000
"""Rows that are fetched at a time when all are wanted."""

SHARE_DELETED = 50
"""One in so many of the oldest is deleted at a time: not a few of them with every new one."""

SET_BACK_S = 60.0
"""Seconds by which the clock must have been set back to be worth a word: time servers correct less."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)

_COLUMNS = (
    "entries.number, kind, field, text, value, raw, problem, why, confidence, unit, captured_at,"
    " synchronised, timestamp, source, boot, digits_model, page_model, crops.number IS NOT NULL"
)
_TABLES = "entries LEFT JOIN contexts USING (context) LEFT JOIN crops ON crops.number = entries.number"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """What was read.

    Attributes:
        kind: "number", one that was accepted and belongs to no field; "field", a change of a field.
        field: name of the field; "" of a number.
        text: as it is written, where it was accepted; None where it was refused.
        value: the same as a number; None where it is none, as a time and a date are.
        raw: what was read, as it is written, `?` for a digit that is not certain; None where there was none.
        problem: why it was refused; None where it was not.
        why: the same in words, for people; "" where it was not.
        confidence: of `raw`, 0 to 1.
        unit: of the value.
        captured_at: when, on the wall clock, UTC; as exact as a millisecond.
        synchronised: whether that clock was kept right then; None where it is not known.
        boot: of the machine; "" where the picture was not taken by it, as in a video.
        timestamp: when, seconds, monotonic, since that boot.
        source: the camera, file or address that it was read from.
        digits_model: SHA-256 of the network that named the digits.
        page_model: SHA-256 of the network that found them.
    """

    kind: Kind
    field: str = ""
    text: str | None = None
    value: float | None = None
    raw: str | None = None
    problem: str | None = None
    why: str = ""
    confidence: float = 0.0
    unit: str = ""
    captured_at: datetime
    synchronised: bool | None = None
    boot: str = ""
    timestamp: float = 0.0
    source: str = ""
    digits_model: str = ""
    page_model: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEntry(Fact):
    """A fact to be kept.

    Attributes:
        crop: the picture of it, JPEG, where it is to be kept.
    """

    crop: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry(Fact):
    """A fact that is kept.

    Attributes:
        number: counts up in the order in which they were kept, which no clock changes; with gaps.
        has_crop: whether a picture of it is kept.
    """

    number: int
    has_crop: bool = False

    def as_dict(self) -> dict[str, Any]:
        """The entry as one JSON object."""
        return {
            "number": self.number,
            "kind": self.kind,
            "field": self.field,
            "text": self.text,
            "value": self.value,
            "raw": self.raw,
            "problem": self.problem,
            "why": self.why,
            "confidence": round(self.confidence, 4),
            "unit": self.unit,
            "captured_at": iso_utc(self.captured_at),
            "synchronised": self.synchronised,
            "boot": self.boot,
            "timestamp": round(self.timestamp, 3),
            "source": self.source,
            "digits_model": self.digits_model,
            "page_model": self.page_model,
            "crop": f"/v1/history/{self.number}/crop" if self.has_crop else None,
        }


@dataclass(frozen=True, slots=True)
class Selection:
    """Which entries are wanted.

    Attributes:
        field: only of this field; "" for numbers that belong to none; None for all.
        since: only those captured then or later.
        until: only those captured before.
        before: only those of a lower number: where a page ended.
    """

    field: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    before: int | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Some entries, the newest first, and where to go on.

    Attributes:
        entries: in the order opposite to that in which they were kept.
        next: pass it as `before`; None where there are no more.
    """

    entries: tuple[Entry, ...]
    next: int | None


@dataclass(frozen=True, slots=True)
class FieldSummary:
    """What is kept of a field.

    Attributes:
        name: of the field; "" for numbers that belong to none.
        unit: of its latest value.
        entries: how many.
        refused: how many of them were refused.
        first: when the oldest was captured, by the wall clock, UTC.
        last: when the newest was. (Where that clock was set back, others may be earlier or later.)
    """

    name: str
    unit: str
    entries: int
    refused: int
    first: datetime
    last: datetime

    def as_dict(self) -> dict[str, Any]:
        """The summary as one JSON object."""
        return {
            "name": self.name,
            "unit": self.unit,
            "entries": self.entries,
            "refused": self.refused,
            "first": iso_utc(self.first),
            "last": iso_utc(self.last),
        }


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is kept.

    Attributes:
        most_bytes: of entries; then the oldest are deleted.
        most_age_s: seconds; older ones are deleted. None: they are kept.
        crop_bytes: of crops; then the oldest are deleted, their entries stay. None: none are added.
    """

    most_bytes: int
    most_age_s: float | None = None
    crop_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class State:
    """How a history is.

    Attributes:
        entries: how many there are.
        newest: number of the newest; 0 where there is none.
        deleted: how many were deleted since the file was made, because they were too many or too old.
        crops: how many crops there are.
        crop_bytes: that those take.
        crops_deleted: how many were deleted.
        bytes: that the file takes, without what is free in it.
        clock: why its times are not to be believed, in a line for people; "" where they are.
    """

    entries: int
    newest: int
    deleted: int
    crops: int
    crop_bytes: int
    crops_deleted: int
    bytes: int
    clock: str


class History:
    """Entries in a file. Any thread may call.

    Args:
        database: keeps them.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(self, selection: Selection = Selection(), limit: int = 100) -> Page:
        """The newest entries of a selection.

        Raises:
            UsageError: there is no such file, or it is not ours.
            OutputError: it cannot be read.
        """
        with self._database.read() as connection:
            where, values = _where(selection, connection)
            rows = connection.execute(
                f"SELECT {_COLUMNS} FROM {_TABLES} WHERE {where} ORDER BY entries.number DESC LIMIT ?",
                (*values, limit + 1),
            ).fetchall()
        entries = tuple(_entry(row) for row in rows[:limit])
        return Page(entries, entries[-1].number if len(rows) > limit else None)

    def each(self, selection: Selection = Selection()) -> Iterator[Entry]:
        """All entries of a selection in the order in which they were kept, the oldest first.

        Raises:
            UsageError: there is no such file, or it is not ours.
            OutputError: it cannot be read.
        """
        with self._database.read() as connection:
            where, values = _where(selection, connection)
        select = f"SELECT {_COLUMNS} FROM {_TABLES} WHERE {where} AND entries.number > ?"
        after = 0
        while True:
            # In portions, so that a slow reader does not keep the log from being cut back.
            with self._database.read() as connection:
                rows = connection.execute(
                    f"{select} ORDER BY entries.number LIMIT ?", (*values, after, PAGE)
                ).fetchall()
            yield from map(_entry, rows)
            if len(rows) < PAGE:
                return
            after = rows[-1][0]

    def crop(self, number: int) -> bytes | None:
        """The picture of an entry, JPEG; None where none is kept.

        Raises:
            UsageError: there is no such file, or it is not ours.
            OutputError: it cannot be read.
        """
        with self._database.read() as connection:
            row = connection.execute("SELECT jpeg FROM crops WHERE number = ?", (number,)).fetchone()
        return row[0] if row else None

    def fields(self) -> list[FieldSummary]:
        """What is kept of each field, by name; numbers that belong to none come first.

        Raises:
            UsageError: there is no such file, or it is not ours.
            OutputError: it cannot be read.
        """
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT name, fields.entries, refused, oldest.captured_at, newest.captured_at, newest.unit"
                " FROM fields"
                " JOIN entries AS oldest"
                "  ON oldest.number = (SELECT min(number) FROM entries WHERE field = name)"
                " JOIN entries AS newest"
                "  ON newest.number = (SELECT max(number) FROM entries WHERE field = name)"
                " ORDER BY name"
            ).fetchall()
        return [
            FieldSummary(name, unit, entries, refused, _moment(first), _moment(last))
            for name, entries, refused, first, last, unit in rows
        ]

    def state(self) -> State:
        """How it is.

        Raises:
            UsageError: there is no such file, or it is not ours.
            OutputError: it cannot be read.
        """
        with self._database.read() as connection:
            entries = connection.execute("SELECT coalesce(sum(entries), 0) FROM fields").fetchone()[0]
            newest = connection.execute("SELECT max(number) FROM entries").fetchone()[0]
            crops, crop_bytes = connection.execute("SELECT count(*), sum(bytes) FROM crops").fetchone()
            counters = dict(connection.execute("SELECT name, value FROM counters"))
            used = _used_bytes(connection)
            clock = _clock(connection)
        return State(
            entries,
            newest or 0,
            counters.get("deleted entries", 0),
            crops,
            crop_bytes or 0,
            counters.get("deleted crops", 0),
            used,
            clock,
        )

    def version(self) -> str:
        """Changes whenever an answer may: a few characters, made without looking at the entries.

        Raises:
            UsageError: there is no such file, or it is not ours.
            OutputError: it cannot be read.
        """
        with self._database.read() as connection:
            newest, oldest = connection.execute(
                "SELECT (SELECT max(number) FROM entries), (SELECT min(number) FROM entries)"
            ).fetchone()
            crop = connection.execute("SELECT min(number) FROM crops").fetchone()[0]
        return f"{newest or 0:x}-{oldest or 0:x}-{crop or 0:x}"

    def insert(self, connection: sqlite3.Connection, entries: Sequence[NewEntry]) -> None:
        """Keep entries, as a part of a transaction of the database."""
        contexts: dict[tuple[str, ...], int] = {}
        for entry in entries:
            named = (entry.source, entry.boot, entry.digits_model, entry.page_model)
            if named not in contexts:
                contexts[named] = _context(connection, named)
            number = connection.execute(
                "INSERT INTO entries (kind, field, text, value, raw, problem, why, confidence, unit,"
                " captured_at, synchronised, timestamp, context)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *(entry.kind, entry.field, entry.text, entry.value, entry.raw, entry.problem, entry.why),
                    *(entry.confidence, entry.unit, _milliseconds(entry.captured_at), entry.synchronised),
                    *(entry.timestamp, contexts[named]),
                ),
            ).lastrowid
            if entry.crop is not None:
                connection.execute(
                    "INSERT INTO crops (number, bytes, jpeg) VALUES (?, ?, ?)",
                    (number, len(entry.crop), entry.crop),
                )

    def tidy(
        self, limits: Limits, *, now: datetime, synchronised: bool | None, boot: str, timestamp: float
    ) -> str:
        """Delete what is too old or too much, the oldest first, and count it.

        Nothing is deleted for its age that may be young, whatever the clock says: not while the clock is not
        synchronised, nothing of this boot that is young by the monotonic clock, and nothing that was kept
        after an entry that is young.

        Args:
            limits: how much is kept.
            now: on the wall clock.
            synchronised: whether that clock is kept right; None where it is not known.
            boot: of the machine.
            timestamp: now, seconds, monotonic, since that boot.

        Returns:
            What was deleted, in a line for people; "" where nothing was.

        Raises:
            OutputError: it cannot be written.
        """
        told = []
        with self._database.write() as connection:
            most = limits.crop_bytes
            if most is not None and (crops := _delete_crops(connection, most)):
                told.append(f"{counted(crops, 'crop')} (more than {most:,} bytes of them)")
            if limits.most_age_s is not None and synchronised is not False:
                oldest = _milliseconds(now - timedelta(seconds=min(limits.most_age_s, 1e9)))
                last = _last_too_old(connection, oldest, boot, timestamp - limits.most_age_s)
                if old := _delete_entries(connection, last):
                    told.append(f"{_entries(old)} (too old)")
            if large := _delete_too_much(connection, limits.most_bytes):
                told.append(f"{_entries(large)} (more than {limits.most_bytes:,} bytes of them)")
            _give_back(connection)
        return f"deleted from the history: {', '.join(told)}" if told else ""


def _where(selection: Selection, connection: sqlite3.Connection) -> tuple[str, list[object]]:
    """The condition of a selection, and its values."""
    conditions: list[tuple[str, object]] = []
    if selection.field is not None:
        conditions.append(("field = ?", selection.field))
    if selection.since is not None:
        conditions.append(("captured_at >= ?", _milliseconds(selection.since)))
    if selection.until is not None:
        conditions.append(("captured_at < ?", _milliseconds(selection.until)))
    if selection.before is not None:
        conditions.append(("entries.number < ?", selection.before))
    if selection.since is not None or selection.until is not None:
        conditions += _numbers(selection, connection)
    return " AND ".join(["1", *(text for text, _ in conditions)]), [value for _, value in conditions]


def _numbers(selection: Selection, connection: sqlite3.Connection) -> list[tuple[str, object]]:
    """Between which numbers the entries of a time are: an index tells, and the rest is not looked at."""
    since = -(1 << 62) if selection.since is None else _milliseconds(selection.since)
    until = 1 << 62 if selection.until is None else _milliseconds(selection.until)
    earliest, latest = connection.execute(
        "SELECT (SELECT min(captured_at) FROM entries), (SELECT max(captured_at) FROM entries)"
    ).fetchone()
    if earliest is not None and since <= earliest and latest < until:
        return []  # all of them
    first, last = connection.execute(
        "SELECT min(number), max(number) FROM entries INDEXED BY entries_by_time"
        " WHERE captured_at >= ? AND captured_at < ?",
        (since, until),
    ).fetchone()
    return [("entries.number >= ?", first or 0), ("entries.number <= ?", last or 0)]


def _entry(row: tuple[Any, ...]) -> Entry:
    number, kind, field, text, value, raw, problem, why, confidence, unit, captured_at, *rest = row
    synchronised, timestamp, source, boot, digits_model, page_model, has_crop = rest
    return Entry(
        number=number,
        kind=kind,
        field=field,
        text=text,
        value=value,
        raw=raw,
        problem=problem,
        why=why,
        confidence=confidence,
        unit=unit,
        captured_at=_moment(captured_at),
        synchronised=None if synchronised is None else bool(synchronised),
        timestamp=timestamp,
        # Damage may have taken them.
        source=source or "",
        boot=boot or "",
        digits_model=digits_model or "",
        page_model=page_model or "",
        has_crop=bool(has_crop),
    )


def _context(connection: sqlite3.Connection, named: tuple[str, ...]) -> int:
    connection.execute(
        "INSERT OR IGNORE INTO contexts (source, boot, digits_model, page_model) VALUES (?, ?, ?, ?)", named
    )
    row = connection.execute(
        "SELECT context FROM contexts WHERE (source, boot, digits_model, page_model) = (?, ?, ?, ?)", named
    ).fetchone()
    return int(row[0])


def _delete_crops(connection: sqlite3.Connection, most: int) -> int:
    """Delete the oldest pictures until there is some room again."""
    found = connection.execute("SELECT number, bytes FROM crops ORDER BY number").fetchall()
    held = sum(size for _, size in found)
    if held <= most:
        return 0
    deleted = 0
    while held > most - most // SHARE_DELETED and deleted < len(found):
        held -= found[deleted][1]
        deleted += 1
    connection.execute("DELETE FROM crops WHERE number <= ?", (found[deleted - 1][0],))
    _count(connection, "deleted crops", deleted)
    return deleted


def _last_too_old(
    connection: sqlite3.Connection, oldest: int, boot: str, oldest_timestamp: float
) -> int | None:
    """The number up to which entries are too old."""
    # In the order of their numbers, of which only those that will be deleted are looked at.
    young = connection.execute(
        "SELECT number FROM entries NOT INDEXED LEFT JOIN contexts USING (context)"
        " WHERE captured_at >= ? OR (boot = ? AND boot <> '' AND timestamp >= ?) ORDER BY number LIMIT 1",
        (oldest, boot, oldest_timestamp),
    ).fetchone()
    last = connection.execute(
        "SELECT number FROM entries NOT INDEXED"
        " WHERE number < ? AND captured_at < ? AND synchronised IS NOT 0 ORDER BY number DESC LIMIT 1",
        (young[0] if young else 1 << 62, oldest),
    ).fetchone()
    return last[0] if last else None


def _delete_too_much(connection: sqlite3.Connection, most: int) -> int:
    """Delete the oldest entries until there is some room again."""
    deleted = 0
    while (held := _entry_bytes(connection)) > most:
        entries = connection.execute("SELECT count(*) FROM entries").fetchone()[0]
        if not entries:
            break
        # What that frees is known afterwards: pages that are not empty stay.
        surplus = math.ceil(entries * (1 - (most - most / SHARE_DELETED) / held))
        last = connection.execute(
            "SELECT number FROM entries ORDER BY number LIMIT 1 OFFSET ?", (surplus - 1,)
        ).fetchone()
        deleted += _delete_entries(connection, last[0])
    return deleted


def _entry_bytes(connection: sqlite3.Connection) -> int:
    """What the file takes for all but crops and messages."""
    crops = connection.execute("SELECT total(bytes) FROM crops").fetchone()[0]
    # With the index, and what is left free in pages.
    messages = connection.execute("SELECT 1.5 * total(length(body) + 200) FROM messages").fetchone()[0]
    return int(_used_bytes(connection) - crops - messages)


def _delete_entries(connection: sqlite3.Connection, last: int | None) -> int:
    if last is None:
        return 0
    _count(
        connection,
        "deleted crops",
        connection.execute("DELETE FROM crops WHERE number <= ?", (last,)).rowcount,
    )
    deleted = connection.execute("DELETE FROM entries WHERE number <= ?", (last,)).rowcount
    _count(connection, "deleted entries", deleted)
    return deleted


def _give_back(connection: sqlite3.Connection) -> None:
    """Make the file smaller where much of it is free, as after a limit was lowered."""
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    if connection.execute("PRAGMA freelist_count").fetchone()[0] > pages // 4:
        connection.execute("PRAGMA incremental_vacuum").fetchall()


def _count(connection: sqlite3.Connection, name: str, number: int) -> None:
    connection.execute(
        "INSERT INTO counters (name, value) VALUES (?, ?)"
        " ON CONFLICT (name) DO UPDATE SET value = value + excluded.value",
        (name, number),
    )


def _used_bytes(connection: sqlite3.Connection) -> int:
    pages, free, size = (
        connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)


def _clock(connection: sqlite3.Connection) -> str:
    newest = connection.execute(
        "SELECT captured_at, synchronised, boot FROM entries LEFT JOIN contexts USING (context)"
        " ORDER BY number DESC LIMIT 1"
    ).fetchone()
    if newest is None or not newest[2]:  # nothing, or a video's
        return ""
    latest = connection.execute("SELECT max(captured_at) FROM entries").fetchone()[0]
    if latest - newest[0] > 1000 * SET_BACK_S:
        return (
            f"the clock was set back: the newest entry is of {iso_utc(_moment(newest[0]))}, an earlier one "
            f"of {iso_utc(_moment(latest))}; entries stay in the order in which they were read"
        )
    if newest[1] == 0:
        return "the clock is not synchronised: the times of the newest entries may be wrong"
    return ""


def _milliseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // _MILLISECOND


def _moment(milliseconds: int) -> datetime:
    return _EPOCH + milliseconds * _MILLISECOND


def _entries(number: int) -> str:
    return f"{number:,} entr{'y' if number == 1 else 'ies'}"
