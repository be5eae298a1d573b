"""What is listed, what is done, and rows that are in no part yet: an SQLite file beside the parts.

A batch is done in one transaction with its rows, and a part is written before its rows are taken from here.
So every picture is done once and every row is in one part, whenever the process is killed: the part that was
being written is written again, under the same name.

A picture that could not be read for no fault of its own is done in this run only: its rows are held back from
the parts, so that the next run can take them away and read it again.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from edge.archive.errors import ArchiveError
from edge.archive.fetching import Listed, Pending
from edge.archive.rows import Row, as_list, from_list

NAME = "_journal.sqlite"

_TABLES = """
CREATE TABLE IF NOT EXISTS pictures (
    id INTEGER PRIMARY KEY, source TEXT NOT NULL UNIQUE, size INTEGER, modified REAL,
    done INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS pending ON pictures (id) WHERE done = 0;
CREATE INDEX IF NOT EXISTS again ON pictures (id) WHERE done = 2;
CREATE TABLE IF NOT EXISTS rows (id INTEGER PRIMARY KEY, row TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS held (id INTEGER PRIMARY KEY, row TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS parts (number INTEGER PRIMARY KEY, rows INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS counts (name TEXT PRIMARY KEY, number INTEGER NOT NULL);
"""

CACHE_KB = 32_000

DONE, DONE_FOR_NOW = 1, 2
"""Of a picture, `done`: once and for all, or until the next run."""


@dataclass(frozen=True, slots=True)
class Done:
    """A picture that is read.

    Attributes:
        id: its number in the journal.
        rows: of it.
        again: whether the next run is to read it again.
    """

    id: int
    rows: Sequence[Row]
    again: bool = False


@dataclass(frozen=True, slots=True)
class Counts:
    """How far an archive is read, over all runs.

    Attributes:
        listed: pictures that were found so far.
        done: of which so many are read.
        failed: pictures of which a page at least could not be read.
        again: of which the next run reads so many again.
        rows: of the output.
        parts: that are written.
        kept: rows that are in no part yet, and not held back.
        held: rows that are held back, of pictures that are read again.
    """

    listed: int
    done: int
    failed: int
    again: int
    rows: int
    parts: int
    kept: int
    held: int


class Journal:
    """The journal of an archive; use it in a `with` block. One process at a time can have it open.

    Args:
        folder: of the output.

    Raises:
        ArchiveError: another process has it open, or it cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME
        with self._told():
            self._db = sqlite3.connect(self._path, timeout=0.5, isolation_level=None)
        try:
            self._make_tables()
            self._handed_out = 0  # the last picture of `pending`
            self.recount()
        except BaseException:
            self._db.close()
            raise

    def recount(self) -> Counts:
        """How far the archive is read, counted anew."""
        with self._told():
            self._listed = self._count("SELECT count(*) FROM pictures")
            self._done = self._listed - self._count("SELECT count(*) FROM pictures WHERE done = 0")
            self._rows = self._count("SELECT coalesce(sum(rows), 0) FROM parts")
            self._parts = self._count("SELECT count(*) FROM parts")
            self._failed = self._count("SELECT coalesce(sum(number), 0) FROM counts WHERE name = 'failed'")
            self._again = self._count("SELECT count(*) FROM pictures WHERE done = 2")
            self._kept = self._count("SELECT count(*) FROM rows")
            self._held = self._count("SELECT count(*) FROM held")
        return self.counts

    @property
    def counts(self) -> Counts:
        """How far the archive is read."""
        return Counts(
            self._listed,
            self._done,
            self._failed + self._again,
            self._again,
            self._rows + self._kept + self._held,
            self._parts,
            self._kept,
            self._held,
        )

    def add(self, pictures: Iterable[Listed]) -> None:
        """Note pictures that are to be read; those that are known already are left as they are."""
        values = [(one.source, one.size, one.modified) for one in pictures]
        with self._told(), self._transaction():
            before = self._db.total_changes
            self._db.executemany(
                "INSERT OR IGNORE INTO pictures (source, size, modified) VALUES (?, ?, ?)", values
            )
            self._listed += self._db.total_changes - before

    def pending(self, count: int) -> list[Pending]:
        """The next pictures that are to be read, each given out once; none where all that are known were."""
        with self._told():
            found = self._db.execute(
                "SELECT id, source, size, modified FROM pictures WHERE id > ? AND done = 0 "
                "ORDER BY id LIMIT ?",
                (self._handed_out, count),
            ).fetchall()
        if found:
            self._handed_out = found[-1][0]
        return [Pending(number, Listed(*listed)) for number, *listed in found]

    def done(self, pictures: Sequence[Done]) -> None:
        """Note that pictures are read, and their rows, all or none."""
        ready = [one for one in pictures if not one.again]
        again = [one for one in pictures if one.again]
        rows, held = _values(ready), _values(again)
        failed = sum(any(row.kind == "failed" for row in one.rows) for one in ready)
        with self._told(), self._transaction():
            self._db.executemany(
                "UPDATE pictures SET done = ? WHERE id = ?",
                [(DONE_FOR_NOW if one.again else DONE, one.id) for one in pictures],
            )
            self._db.executemany("INSERT INTO rows (row) VALUES (?)", rows)
            self._db.executemany("INSERT INTO held (row) VALUES (?)", held)
            if failed:
                self._db.execute(
                    "INSERT INTO counts VALUES ('failed', ?) "
                    "ON CONFLICT (name) DO UPDATE SET number = number + excluded.number",
                    (failed,),
                )
        self._done += len(pictures)
        self._failed += failed
        self._again += len(again)
        self._kept += len(rows)
        self._held += len(held)

    def read_again(self) -> None:
        """Have those pictures be read again that an earlier run has read until the next one only."""
        with self._told(), self._transaction():
            self._db.execute("DELETE FROM held")
            self._db.execute("UPDATE pictures SET done = 0 WHERE done = 2")
        self.recount()

    def rows(self) -> Iterator[Row]:
        """The rows that are in no part yet, and not held back."""
        return self._rows_of("SELECT row FROM rows ORDER BY id")

    def held(self) -> Iterator[Row]:
        """The rows that are held back."""
        return self._rows_of("SELECT row FROM held ORDER BY id")

    def written(self, part: int) -> None:
        """Note that all rows which were in no part are in this one, the next."""
        with self._told(), self._transaction():
            self._db.execute("INSERT INTO parts SELECT ?, count(*) FROM rows", (part,))
            self._db.execute("DELETE FROM rows")
        self._parts, self._rows, self._kept = self._parts + 1, self._rows + self._kept, 0

    def close(self) -> None:
        """Let others have it; may be called twice."""
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _rows_of(self, query: str) -> Iterator[Row]:
        with self._told():
            for (row,) in self._db.execute(query):
                yield from_list(json.loads(row))

    def _count(self, query: str) -> int:
        (number,) = self._db.execute(query).fetchone()
        return int(number)

    def _make_tables(self) -> None:
        with self._told():
            self._db.execute("PRAGMA locking_mode = EXCLUSIVE")  # until it is closed, or we are dead
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.execute(f"PRAGMA cache_size = -{CACHE_KB}")
            with self._transaction():
                for statement in _TABLES.split(";"):
                    self._db.execute(statement)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        try:
            self._db.execute("BEGIN IMMEDIATE")
            yield
            self._db.execute("COMMIT")
        finally:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Say what is wrong with the file so that it can be cured."""
        try:
            yield
        except sqlite3.Error as error:
            if "locked" in str(error):
                raise ArchiveError(
                    f"{self._path.parent} is being written by another digitcam: wait for its end, or name "
                    "another --out"
                ) from error
            raise ArchiveError(
                f"cannot write {self._path}: {error}; make room or give the right to write, then go on with "
                "--resume"
            ) from error


def _values(pictures: Sequence[Done]) -> list[tuple[str]]:
    """Their rows, for a table."""
    return [(json.dumps(as_list(row), ensure_ascii=False),) for one in pictures for row in one.rows]
