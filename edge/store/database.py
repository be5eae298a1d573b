"""One SQLite file: one process writes it, any may read it, and what was written outlasts a power cut."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from edge.errors import OutputError, UsageError
from edge.store.recovery import looks_erased, set_aside
from edge.store.tables import (
    APPLICATION_ID,
    VERSION,
    check_is_ours,
    foreign,
    has_header,
    is_sound,
    look_at,
    open_tables,
    other_version,
)

CLOSE_S = 2.0
"""Seconds that the end waits for a write: systemd waits five, for all of it."""


class Database:
    """A SQLite file in WAL mode, with `synchronous=FULL`: what `write` has returned from is on the disk.

    It is opened when it is first written to, and again after a failure. A damaged file is set aside, and what
    can be read of it is kept. Any thread may call; writers take turns.

    Args:
        path: of the file; its folder is made when it is missing.
        on_notice: told, in a line for people, that a damaged file was set aside.
    """

    def __init__(self, path: Path, *, on_notice: Callable[[str], None] | None = None) -> None:
        self.path = path
        self._on_notice = on_notice or (lambda line: None)
        self._turn = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._lock: BinaryIO | None = None
        self._inode = 0
        self._damaged = False  # as its beginning tells
        self._suspect = False  # somebody has met damage

    @property
    def exists(self) -> bool:
        """Whether there is such a file yet."""
        return self.path.exists()

    def claim(self) -> None:
        """Make it ours to write, without reading all of it, or making it.

        Raises:
            UsageError: it is another program's file, a later version's, or another process writes to it.
            OutputError: it cannot be written to.
        """
        with self._turn:
            self._claim()

    def open(self) -> None:
        """Open it for writing, which `write` would do, too.

        Raises:
            UsageError: it is another program's file, a later version's, or another process writes to it.
            OutputError: it cannot be made or written to.
        """
        with self._turn:
            self._opened()

    @contextlib.contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """A transaction: all of it is on the disk at the end of the block, or nothing of it after an error.

        Raises:
            UsageError: as `open`.
            OutputError: it cannot be written: a full disk, no right, damage. The next call tries again.
        """
        with self._turn:
            connection = self._opened()
            try:
                connection.execute("BEGIN IMMEDIATE")
                yield connection
                connection.execute("COMMIT")
            except sqlite3.Error as error:
                self._roll_back(connection)
                self._suspect |= _is_damage(error)
                if self._suspect or _is_trouble(error):
                    self._close()
                raise self._told(error, "written to") from error
            except BaseException:
                self._roll_back(connection)
                raise

    @contextlib.contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """A connection that only reads, and sees one state of the file throughout.

        Raises:
            UsageError: there is no such file, or it is not ours.
            OutputError: it cannot be read.
        """
        try:
            with contextlib.closing(self._reading()) as connection:
                connection.execute("BEGIN")
                yield connection
        except sqlite3.Error as error:
            self._suspect |= _is_damage(error)
            raise self._told(error, "read") from error

    def close(self) -> None:
        """Bring the file in order and let another process have it; may be called twice.

        A write that hangs with its disk is not waited for: what it has not acknowledged may be lost.
        """
        if self._turn.acquire(timeout=CLOSE_S):
            try:
                self._close()
            finally:
                self._turn.release()

    def _opened(self) -> sqlite3.Connection:
        if self._connection is not None and not self._is_same_file():
            self._close()  # deleted or replaced meanwhile: what is written to it would be nowhere
        if self._connection is None or self._suspect:
            self._close()
            self._connection = self._open()
        return self._connection

    def _open(self) -> sqlite3.Connection:
        self._claim()
        with self._errors_told():
            if self._damaged or not self._is_sound():
                # A damaged file is set aside, and what can be read of it is put in its place.
                self._on_notice(set_aside(self.path))
            connection = open_tables(self.path)
            self._inode = self.path.stat().st_ino
        self._suspect = self._damaged = False
        return connection

    def _claim(self) -> None:
        if self._lock is not None:
            return
        with self._errors_told():
            if self.path.exists() and not self.path.is_file():
                raise UsageError(f"expected a file for the history, found {self.path}, which is none")
            lock = self.path.with_name(f"{self.path.name}-lock")
            # What lies beside our lock was ours, whatever damage has made of its beginning.
            damaged = looks_erased(self.path) or (lock.exists() and not has_header(self.path))
            self._damaged = damaged or not self._is_ours()
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = _take_lock(lock, self.path)

    @contextlib.contextmanager
    def _errors_told(self) -> Iterator[None]:
        """Close the file on any error, and make errors of other kinds ours."""
        try:
            yield
        except BaseException as error:
            self._close()
            if isinstance(error, sqlite3.Error):
                raise self._told(error, "written to") from error
            if isinstance(error, OSError) and not isinstance(error, OutputError):
                raise OutputError(
                    f"the history {self.path} cannot be written to: {error.strerror or error}"
                ) from error
            raise

    def _is_ours(self) -> bool:
        """Check that the file is ours, or that there is none; False where it is damaged.

        Raises:
            UsageError: it is another program's, or a later version's.
        """
        try:
            check_is_ours(self.path)
        except sqlite3.Error as error:
            if _is_damage(error):
                return False
            raise
        return True

    def _is_sound(self) -> bool:
        """Whether the file is whole, or there is none: damage that nobody meets for months is found here."""
        try:
            return is_sound(self.path, thoroughly=self._suspect)
        except sqlite3.Error as error:
            if _is_damage(error):
                return False
            raise

    def _reading(self) -> sqlite3.Connection:
        try:
            if not self.exists:
                raise UsageError(f"there is no history {self.path}: digitcam run --history FILE keeps one")
            readable = os.access(self.path, os.R_OK)
        except PermissionError:
            readable = False
        if not readable:
            raise OutputError(f"no right to read the history {self.path}: it is another user's; try sudo")
        connection = look_at(self.path)
        try:
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
                raise foreign(self.path)
            if version != VERSION:
                raise other_version(self.path, version)
        except BaseException:
            connection.close()
            raise
        return connection

    def _is_same_file(self) -> bool:
        try:
            return self.path.stat().st_ino == self._inode
        except OSError:
            return False

    @staticmethod
    def _roll_back(connection: sqlite3.Connection) -> None:
        with contextlib.suppress(sqlite3.Error):
            if connection.in_transaction:
                connection.execute("ROLLBACK")

    def _close(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _told(self, error: sqlite3.Error, what: str) -> OutputError:
        return OutputError(f"the history {self.path} cannot be {what}: {_reason(error)}")


def _take_lock(lock: Path, path: Path) -> BinaryIO:
    """Make a history ours to write; the open file that is returned is its lock.

    It is a file beside the database: whoever closes that one ends SQLite's own locks.
    """
    file = lock.open("ab")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            file.close()
            raise UsageError(
                f"another digitcam writes to the history {path} at present: name another file, or stop that "
                "one"
            ) from error
        # A network file system without locks.
    return file


def _is_damage(error: sqlite3.Error) -> bool:
    name = getattr(error, "sqlite_errorname", "")
    return name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB"))


def _is_trouble(error: sqlite3.Error) -> bool:
    """Whether a file should be opened anew after an error."""
    name = getattr(error, "sqlite_errorname", "")
    return name.startswith(("SQLITE_IOERR", "SQLITE_READONLY", "SQLITE_CANTOPEN"))


def _reason(error: sqlite3.Error) -> str:
    name = getattr(error, "sqlite_errorname", "")
    if name == "SQLITE_FULL":
        return "the disk is full: delete something, or lower --history-size and --keep-crops"
    if name.startswith("SQLITE_READONLY"):
        return "it may only be read, as after a fault of the card: look at dmesg, and check the card"
    if name.startswith("SQLITE_CANTOPEN"):
        return f"{error}, or make one beside it: copy it, with its -wal file, to where you may write"
    if _is_damage(error):
        return f"it is damaged ({error})"
    return f"{error} ({name})" if name else str(error)
