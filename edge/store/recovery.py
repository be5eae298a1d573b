"""A damaged file: it is set aside, and what can be read of it is kept."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from edge.files import put_in_place
from edge.store.tables import DERIVED, PAGE_BYTES, VERSION, connect_to, open_tables

TORN = ".torn-"
"""Stands in the name of a file that was set aside, before the time of that."""

SKIPPED_NUMBERS = 10_000
"""Numbers that are left out after a recovery: lost rows may have had them, and somebody may know those."""

_SUFFIXES = ("-wal", "-shm")


def torn_files(path: Path) -> list[Path]:
    """The files that were set aside for this one, oldest first, and are still there."""
    found = path.parent.glob(f"{path.name}{TORN}*")
    return sorted(each for each in found if not each.name.endswith(_SUFFIXES))


def looks_erased(path: Path) -> bool:
    """Whether the beginning of a file is blank, as flash memory is that was erased or never written."""
    try:
        with path.open("rb") as file:
            head = file.read(512)
    except FileNotFoundError:
        return False
    return bool(head) and head.count(head[0]) == len(head) and head[0] in (0x00, 0xFF)


def set_aside(path: Path) -> str:
    """Rename a damaged file, and make one of what can be read of it.

    Returns:
        What was done, in a line for people.

    Raises:
        OSError: the folder does not allow it.
        sqlite3.Error: there is no room for what can be read.
    """
    torn = path.with_name(f"{path.name}{TORN}{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}")
    whole = path.with_name(f"{path.name}.new")
    graft = path.with_name(f"{path.name}.graft")
    try:
        kept = _kept(path, whole, graft)
        # Its log goes first: one that is left beside a new file would be taken for that one's.
        with contextlib.suppress(FileNotFoundError):
            Path(f"{path}-wal").rename(f"{torn}-wal")
        Path(f"{path}-shm").unlink(missing_ok=True)
        path.rename(torn)
        put_in_place(whole, path)
    finally:
        for left in (whole, graft):
            for suffix in ("", *_SUFFIXES):
                Path(f"{left}{suffix}").unlink(missing_ok=True)
    rows = ", ".join(f"{kept.get(table, 0):,} {table}" for table in ("entries", "crops", "messages"))
    return f"the history {path} was damaged; what could be read is kept ({rows}); the damaged file is {torn}"


def _kept(path: Path, whole: Path, graft: Path) -> dict[str, int]:
    """Copy what can be read into a new file; how many rows that is, by table."""
    whole.unlink(missing_ok=True)
    try:
        # Of a page that was cut off the rest would be read as zeros.
        return (
            _copy(path, whole) if path.stat().st_size % PAGE_BYTES == 0 else _copy(_cut(path, graft), whole)
        )
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorname == "SQLITE_FULL":
            raise
    # Its first page, which tells where the tables are, is lost; in any other file of the version that is the
    # same.
    for version in range(VERSION, 0, -1):
        _put_first_page(_cut(path, graft), version)
        whole.unlink(missing_ok=True)
        with contextlib.suppress(sqlite3.DatabaseError):
            if any((kept := _copy(graft, whole)).values()):
                return kept
    whole.unlink(missing_ok=True)
    open_tables(whole).close()
    return {}


def _cut(path: Path, copy: Path) -> Path:
    """A copy of the whole pages of a file, and of its log."""
    shutil.copyfile(path, copy)
    with contextlib.suppress(FileNotFoundError):
        shutil.copyfile(f"{path}-wal", f"{copy}-wal")
    with copy.open("r+b") as file:
        file.truncate(path.stat().st_size // PAGE_BYTES * PAGE_BYTES)
    return copy


def _put_first_page(path: Path, version: int) -> None:
    template = path.with_name(f"{path.name}.template")
    template.unlink(missing_ok=True)
    try:
        open_tables(template, version).close()
        page = bytearray(template.read_bytes()[:PAGE_BYTES])
    finally:
        template.unlink(missing_ok=True)
    page[28:32] = (path.stat().st_size // PAGE_BYTES).to_bytes(4, "big")
    with path.open("r+b") as file:
        file.write(page)


def _copy(damaged: Path, whole: Path) -> dict[str, int]:
    rows = {}
    with contextlib.closing(connect_to(damaged, "mode=ro")) as source:
        source.execute("PRAGMA writable_schema = ON")  # else a file that was cut off is not read at all
        source.execute("PRAGMA cell_size_check = ON")
        version = source.execute("PRAGMA user_version").fetchone()[0]
        with contextlib.closing(open_tables(whole, version)) as target:
            target.execute("BEGIN")
            for table in _tables(target):
                rows[table] = _copy_table(source, target, table)
                _skip_numbers(source, target, table)
            target.execute("COMMIT")
    open_tables(whole).close()
    return rows


def _tables(connection: sqlite3.Connection) -> list[str]:
    found = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    )
    return [name for (name,) in found if name not in DERIVED]


def _copy_table(source: sqlite3.Connection, target: sqlite3.Connection, table: str) -> int:
    columns = [name for _, name, *_ in target.execute(f"PRAGMA table_info({table})")]
    into = f"INSERT OR IGNORE INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
    rows = 0
    for row in _readable(source, f"SELECT rowid, {', '.join(columns)} FROM {table}"):
        # Rows of a page that was overwritten in part; no text of ours has this character.
        if any(isinstance(value, str) and "\0" in value for value in row):
            continue
        try:
            rows += target.execute(into, row[1:]).rowcount
        except sqlite3.IntegrityError:  # damage that looks like a row
            continue
    return rows


def _readable(source: sqlite3.Connection, select: str) -> Iterator[tuple[object, ...]]:
    """The rows of a table that can be read, in their order."""
    after = -1
    while True:
        try:
            for row in source.execute(f"{select} WHERE rowid > ? ORDER BY rowid", (after,)):
                after = row[0]
                yield row
            return
        except sqlite3.DatabaseError:
            beyond = _beyond_damage(source, select, after)
        if beyond is None:
            return
        after = beyond - 1


def _beyond_damage(source: sqlite3.Connection, select: str, after: int) -> int | None:
    """The first row after a damaged place that can be read; None where there is none."""
    damaged, step = after + 1, 1
    while damaged + step < 1 << 62:
        found = _first(source, select, damaged + step)
        if found is not None:
            break
        step *= 2
    else:
        return None
    good = damaged + step
    while good - damaged > 1:
        middle = (good + damaged) // 2
        if _first(source, select, middle) is None:
            damaged = middle
        else:
            good = middle
    return good


def _first(source: sqlite3.Connection, select: str, least: int) -> tuple[int] | tuple[()] | None:
    """The number of the first row from `least` on; () where there is none; None where it cannot be read."""
    try:
        row = source.execute(f"{select} WHERE rowid >= ? ORDER BY rowid LIMIT 1", (least,)).fetchone()
    except sqlite3.DatabaseError:
        return None
    return () if row is None else (row[0],)


def _skip_numbers(source: sqlite3.Connection, target: sqlite3.Connection, table: str) -> None:
    """Let numbers that were given before be given to no other row."""
    sequences = "SELECT seq FROM sqlite_sequence WHERE name = ?"
    known = target.execute(sequences, (table,)).fetchone()
    with contextlib.suppress(sqlite3.DatabaseError):
        before = source.execute(sequences, (table,)).fetchone()
        known = max(filter(None, (known, before)), default=None)
    if known is None:
        return
    target.execute("DELETE FROM sqlite_sequence WHERE name = ?", (table,))
    target.execute("INSERT INTO sqlite_sequence VALUES (?, ?)", (table, known[0] + SKIPPED_NUMBERS))
