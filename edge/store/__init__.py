"""What outlasts the process: what was read, and messages to be sent, in one file that one process writes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from edge.store.database import Database
from edge.store.history import Entry, History, Limits, NewEntry, Page, Selection, State
from edge.store.outbox import Message, NewMessage, Outbox
from edge.store.recovery import torn_files


class Store:
    """One SQLite file with all of it. Any thread may call.

    Args:
        path: of the file; it is made when it is missing.
        on_notice: told, in a line for people, that a damaged file was set aside, or messages are dropped.

    Attributes:
        path: of the file.
        history: what was read.
        outbox: messages to be sent.
    """

    def __init__(self, path: Path, *, on_notice: Callable[[str], None] | None = None) -> None:
        self.path = path
        self._database = Database(path, on_notice=on_notice)
        self.history = History(self._database)
        self.outbox = Outbox(self._database, on_notice=on_notice or (lambda line: None))

    def claim(self) -> None:
        """Make the file ours to write, without reading all of it, which may take its time.

        Raises:
            UsageError: it is another program's file, a later version's, or another process writes to it.
            OutputError: it cannot be written to.
        """
        self._database.claim()

    def open(self) -> None:
        """Open the file for writing, which happens by itself when something is written.

        Raises:
            UsageError: it is another program's file, a later version's, or another process writes to it.
            OutputError: it cannot be made or written to.
        """
        self._database.open()

    def record(self, entries: Sequence[NewEntry], messages: Sequence[NewMessage] = ()) -> None:
        """Keep entries and the messages about them: all of it is on the disk when this returns, or nothing.

        Raises:
            UsageError: as `open`.
            OutputError: it cannot be written; the next call tries again.
        """
        if not entries and not messages:
            return
        with self._database.write() as connection:
            self.history.insert(connection, entries)
            self.outbox.insert(connection, messages)
        if messages:
            self.outbox.tell()

    @property
    def torn(self) -> list[Path]:
        """Damaged files that were set aside and are still there, oldest first."""
        return torn_files(self.path)

    def close(self) -> None:
        """Bring the file in order and let another process have it; may be called twice."""
        self._database.close()


__all__ = [
    "Entry",
    "History",
    "Limits",
    "Message",
    "NewEntry",
    "NewMessage",
    "Outbox",
    "Page",
    "Selection",
    "State",
    "Store",
]
