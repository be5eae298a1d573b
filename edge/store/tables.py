"""The tables of the history, how older ones become today's, and how a file is opened."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from edge.errors import UsageError

APPLICATION_ID = 0x44474331
"""Stands in the header of every file that is ours: DGC1."""

PAGE_BYTES = 4096
"""Of a page of the file, as of one of memory, and of most file systems."""

BUSY_S = 10.0
"""Seconds that a statement waits for another program's lock, such as a backup's."""

WAL_BYTES = 4 << 20
"""What the write-ahead log is cut back to once its pages are in the file."""

MIGRATIONS: tuple[Sequence[str], ...] = (
    (
        # What is the same in row after row stands here once.
        """CREATE TABLE contexts (
            context INTEGER PRIMARY KEY,
            source TEXT NOT NULL,
            boot TEXT NOT NULL,
            digits_model TEXT NOT NULL,
            page_model TEXT NOT NULL,
            UNIQUE (source, boot, digits_model, page_model)
        ) STRICT""",
        # captured_at: milliseconds since 1970, UTC. timestamp: seconds, monotonic, of that boot.
        """CREATE TABLE entries (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            kind TEXT NOT NULL,
            field TEXT NOT NULL,
            text TEXT,
            value REAL,
            raw TEXT,
            problem TEXT,
            why TEXT NOT NULL,
            confidence REAL NOT NULL,
            unit TEXT NOT NULL,
            captured_at INTEGER NOT NULL,
            synchronised INTEGER,
            timestamp REAL NOT NULL,
            context INTEGER NOT NULL
        ) STRICT""",
        # With all that is asked of many entries of a field at once.
        "CREATE INDEX entries_by_field ON entries (field, number, captured_at, problem)",
        "CREATE INDEX entries_by_time ON entries (captured_at)",
        """CREATE TABLE crops (
            number INTEGER PRIMARY KEY,
            bytes INTEGER NOT NULL,
            jpeg BLOB NOT NULL
        ) STRICT""",
        # How much there is of them is asked for often, and is not to be read out of the pictures' own pages.
        "CREATE INDEX crops_by_size ON crops (number, bytes)",
        """CREATE TABLE messages (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            id TEXT NOT NULL,
            destination TEXT NOT NULL,
            topic TEXT NOT NULL,
            body BLOB NOT NULL,
            retain INTEGER NOT NULL,
            made_at INTEGER NOT NULL
        ) STRICT""",
        "CREATE INDEX messages_by_destination ON messages (destination, number)",
        # What was deleted and dropped, in all.
        "CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT",
    ),
    (
        # What is asked of all entries, so that nobody counts two million of them.
        """CREATE TABLE fields (
            name TEXT PRIMARY KEY,
            entries INTEGER NOT NULL,
            refused INTEGER NOT NULL
        ) STRICT""",
        "INSERT INTO fields SELECT field, count(*), count(problem) FROM entries GROUP BY field",
        # In two statements: an upsert does not count under an INSERT OR IGNORE of the entry.
        """CREATE TRIGGER entry_added AFTER INSERT ON entries BEGIN
            INSERT OR IGNORE INTO fields VALUES (new.field, 0, 0);
            UPDATE fields SET entries = entries + 1, refused = refused + (new.problem IS NOT NULL)
                WHERE name = new.field;
        END""",
        """CREATE TRIGGER entry_deleted AFTER DELETE ON entries BEGIN
            UPDATE fields SET entries = entries - 1, refused = refused - (old.problem IS NOT NULL)
                WHERE name = old.field;
            DELETE FROM fields WHERE name = old.field AND entries = 0;
        END""",
    ),
)
"""Statements that lead from each `user_version` to the next."""

DERIVED = frozenset({"fields"})
"""Tables that the file keeps by itself, from others."""

VERSION = len(MIGRATIONS)


def has_header(path: Path) -> bool:
    """Whether a file begins as SQLite's do, or is empty, or not there."""
    try:
        with path.open("rb") as file:
            return file.read(16) in (b"SQLite format 3\0", b"")
    except FileNotFoundError:
        return True


def check_is_ours(path: Path) -> None:
    """Check, before it is opened for writing, that a file is ours or none.

    Raises:
        UsageError: it is something else. It is left as it is.
        sqlite3.Error: it cannot be told.
    """
    if not has_header(path):
        raise foreign(path)
    if not path.exists() or path.stat().st_size == 0:
        return
    with contextlib.closing(look_at(path)) as connection:
        application = connection.execute("PRAGMA application_id").fetchone()[0]
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        empty = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
    if application != APPLICATION_ID and not (empty and not application and not version):
        raise foreign(path)
    if version > VERSION:
        raise other_version(path, version)


def is_sound(path: Path, *, thoroughly: bool) -> bool:
    """Whether SQLite finds a file whole, or there is none.

    Args:
        path: of the file.
        thoroughly: compare tables and indexes, too.

    Raises:
        sqlite3.Error: it cannot be told.
    """
    if not path.exists():
        return True
    check = "integrity_check" if thoroughly else "quick_check"
    with contextlib.closing(look_at(path)) as connection:
        return bool(connection.execute(f"PRAGMA {check}(1)").fetchone()[0] == "ok")


def look_at(path: Path) -> sqlite3.Connection:
    """Open a file without changing it, but for bringing in order what a power cut has left half done.

    Raises:
        sqlite3.Error: it cannot be read.
    """
    connection = connect_to(path, "mode=ro")
    try:
        connection.execute("PRAGMA user_version").fetchone()
    except sqlite3.Error as error:
        connection.close()
        if error.sqlite_errorname.startswith("SQLITE_READONLY"):
            return connect_to(path, "mode=rw")
        log = path.with_name(f"{path.name}-wal")
        if error.sqlite_errorname == "SQLITE_CANTOPEN" and not (log.exists() and log.stat().st_size):
            # On a read-only file system the log's index cannot be made; without a log there is no need of it.
            return connect_to(path, "mode=ro&immutable=1")
        raise
    return connection


def open_tables(path: Path, upto: int | None = None) -> sqlite3.Connection:
    """Open a file that is ours, or make one, for writing, and bring its tables up to date.

    Args:
        path: of the file.
        upto: the version of the tables that it shall have at least; None: the newest.

    Raises:
        sqlite3.Error: that fails.
    """
    connection = connect_to(path, "mode=rwc")
    try:
        # Before the first table is made: with it, what is deleted makes the file smaller.
        connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA journal_size_limit = {WAL_BYTES}")
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        for number, statements in enumerate(MIGRATIONS[version:upto], version + 1):
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            for statement in statements:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {number}")
            connection.execute("COMMIT")
    except BaseException:
        connection.close()
        raise
    return connection


def connect_to(path: Path, how: str) -> sqlite3.Connection:
    """Open a file in one of SQLite's ways, such as `mode=ro`. Statements begin and end transactions."""
    return sqlite3.connect(
        f"file:{quote(str(path.absolute()))}?{how}",
        uri=True,
        timeout=BUSY_S,
        isolation_level=None,
        check_same_thread=False,
    )


def foreign(path: Path) -> UsageError:
    """The error for a file that is not ours."""
    return UsageError(
        f"{path} is not a history of digitcam: name another file, or one that does not exist yet"
    )


def other_version(path: Path, found: int) -> UsageError:
    """The error for a file whose tables are older or newer than this program's."""
    if found < VERSION:
        return UsageError(
            f"the history {path} has tables of version {found}, this digitcam those of version {VERSION}: "
            "it is brought up to date when digitcam run or serve writes to it"
        )
    return UsageError(
        f"the history {path} has tables of version {found}, this digitcam knows those up to {VERSION}: "
        "install the digitcam that wrote it, or name another file"
    )
