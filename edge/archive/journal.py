"""What is listed, what is done, and rows that are in no part yet: an SQLite file beside the parts.

A batch is done in one transaction with its rows, and a part is written before its rows are taken from here.
So every picture is done once and every row is in one part, whenever the process is killed: the part that was
being written is written again, under the same name.
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
CREATE TABLE IF NOT EXISTS rows (id INTEGER PRIMARY KEY, row TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS parts (number INTEGER PRIMARY KEY, rows INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS counts (name TEXT PRIMARY KEY, number INTEGER NOT NULL);
"""

CACHE_KB = 32_000


@dataclass(frozen=True, slots=True)
class Counts:
    """How far an archive is read, over all runs.

    Attributes:
        listed: pictures that were found so far.
        done: of which so many are read.
        failed: pictures of which a page at least could not be read.
        rows: of the output.
        parts: that are written.
        kept: rows that are in no part yet.
    """

    listed: int
    done: int
    failed: int
    rows: int
    parts: int
    kept: int


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
            self._db.execute("PRAGMA locking_mode = EXCLUSIVE")  # until it is closed, or we are dead
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.execute(f"PRAGMA cache_size = -{CACHE_KB}")
            self._db.execute("BEGIN IMMEDIATE")
            for statement in _TABLES.split(";"):
                self._db.execute(statement)
            self._db.execute("COMMIT")
        self._handed_out = 0  # the last picture of `pending`
        self.recount()

    def recount(self) -> Counts:
        """How far the archive is read, counted anew."""
        with self._told():
            self._listed = self._count("SELECT count(*) FROM pictures")
            self._done = self._listed - self._count("SELECT count(*) FROM pictures WHERE done = 0")
            self._rows = self._count("SELECT coalesce(sum(rows), 0) FROM parts")
            self._parts = self._count("SELECT count(*) FROM parts")
            self._failed = self._count("SELECT coalesce(sum(number), 0) FROM counts WHERE name = 'failed'")
            self._kept = self._count("SELECT count(*) FROM rows")
        return self.counts

    @property
    def counts(self) -> Counts:
        """How far the archive is read."""
        return Counts(
            self._listed, self._done, self._failed, self._rows + self._kept, self._parts, self._kept
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

    def done(self, pictures: Sequence[tuple[int, Sequence[Row]]]) -> None:
        """Note that pictures are read, and their rows, all or none."""
        rows = [(json.dumps(as_list(row), ensure_ascii=False),) for _, of_one in pictures for row in of_one]
        failed = sum(any(row.kind == "failed" for row in of_one) for _, of_one in pictures)
        with self._told(), self._transaction():
            self._db.executemany("UPDATE pictures SET done = 1 WHERE id = ?", [(one,) for one, _ in pictures])
            self._db.executemany("INSERT INTO rows (row) VALUES (?)", rows)
            if failed:
                self._db.execute(
                    "INSERT INTO counts VALUES ('failed', ?) "
                    "ON CONFLICT (name) DO UPDATE SET number = number + excluded.number",
                    (failed,),
                )
        self._done += len(pictures)
        self._failed += failed
        self._kept += len(rows)

    def rows(self) -> Iterator[Row]:
        """The rows that are in no part yet."""
        with self._told():
            for (row,) in self._db.execute("SELECT row FROM rows ORDER BY id"):
                yield from_list(json.loads(row))

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

    def _count(self, query: str) -> int:
        (number,) = self._db.execute(query).fetchone()
        return int(number)

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
