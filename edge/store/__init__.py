"""What outlasts the process: messages to be sent, in one SQLite file that one process writes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from edge.store.database import Database
from edge.store.outbox import Message, NewMessage, Outbox


class Store:
    """One file with all of it.

    Args:
        path: of the file; it is made when it is missing.
        on_notice: told, in a line for people, that a damaged file was set aside.

    Attributes:
        path: of the file.
        outbox: messages to be sent.
    """

    def __init__(self, path: Path, *, on_notice: Callable[[str], None] | None = None) -> None:
        self.path = path
        self._database = Database(path, on_notice=on_notice)
        self.outbox = Outbox(self._database)

    def open(self) -> None:
        """Open the file for writing, which happens by itself when something is written.

        Raises:
            UsageError: it is another program's file, a later version's, or another process writes to it.
            OutputError: it cannot be made or written to.
        """
        self._database.open()

    def close(self) -> None:
        """Bring the file in order and let another process have it; may be called twice."""
        self._database.close()


__all__ = ["Message", "NewMessage", "Outbox", "Store"]
