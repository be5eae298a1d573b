"""Messages that are to be sent: they stay in the file until somebody has acknowledged them."""

from __future__ import annotations

import sqlite3
import threading
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from edge.store.database import Database
from edge.words import counted

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class NewMessage:
    """What is to be sent.

    Attributes:
        destination: who sends it, such as "mqtt".
        topic: of MQTT; "" elsewhere.
        body: what it says.
        retain: whether an MQTT broker shall keep it for those who come later.
    """

    destination: str
    topic: str
    body: bytes
    retain: bool = False


@dataclass(frozen=True, slots=True)
class Message:
    """A message in the outbox.

    Attributes:
        number: grows: the order of sending, within one destination.
        id: 32 hexadecimal digits; the same in every repeat, so that a receiver can tell one.
        destination: who sends it, such as "mqtt".
        topic: of MQTT; "" elsewhere.
        body: what it says.
        retain: whether an MQTT broker shall keep it for those who come later.
        made_at: when it was put into the outbox, on the wall clock, UTC.
    """

    number: int
    id: str
    destination: str
    topic: str
    body: bytes
    retain: bool
    made_at: datetime


class Outbox:
    """Messages in a file, for one sender thread for each destination. Any thread may call.

    Args:
        database: keeps them.
        most: messages that may wait for one destination; then the oldest are dropped, and counted.
        on_notice: told, in a line for people and once for each destination, that some are.
    """

    def __init__(
        self, database: Database, *, most: int = 100_000, on_notice: Callable[[str], None] = lambda line: None
    ) -> None:
        self._database = database
        self._most, self._on_notice = most, on_notice
        self._full: set[str] = set()  # destinations of which messages were dropped
        self._said: set[str] = set()  # and of which it was said
        self._changed = threading.Condition()
        self._added = 0  # how often something was
        self._seen = threading.local()  # up to where each thread knows of it

    def add(self, messages: Sequence[NewMessage]) -> None:
        """Put messages in, all of them or none.

        Raises:
            OutputError: they cannot be kept.
        """
        if messages:
            with self._database.write() as connection:
                self.insert(connection, messages)
            self.tell()

    def pending(self, destination: str, after: int = 0, limit: int = 100) -> list[Message]:
        """Messages that were not acknowledged yet, in their order.

        Args:
            destination: who sends them.
            after: only those of a higher number.
            limit: so many at most.

        Raises:
            OutputError: they cannot be read.
        """
        if not self._database.exists:
            return []
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT number, id, destination, topic, body, retain, made_at FROM messages"
                " WHERE destination = ? AND number > ? ORDER BY number LIMIT ?",
                (destination, after, limit),
            ).fetchall()
        return [
            Message(number, id, where, topic, body, bool(retain), _EPOCH + timedelta(milliseconds=made_at))
            for number, id, where, topic, body, retain, made_at in rows
        ]

    def acknowledge(self, numbers: Sequence[int]) -> None:
        """Take messages out: they have arrived.

        Raises:
            OutputError: that cannot be written; they are sent again.
        """
        if numbers:
            with self._database.write() as connection:
                connection.executemany(
                    "DELETE FROM messages WHERE number = ?", [(number,) for number in numbers]
                )

    def waiting(self, destination: str) -> int:
        """How many messages were not acknowledged yet.

        Raises:
            OutputError: that cannot be read.
        """
        if not self._database.exists:
            return 0
        with self._database.read() as connection:
            row = connection.execute(
                "SELECT count(*) FROM messages WHERE destination = ?", (destination,)
            ).fetchone()
        return int(row[0])

    def dropped(self, destination: str) -> int:
        """How many messages were dropped, since the file was made, because too many were waiting.

        Raises:
            OutputError: that cannot be read.
        """
        if not self._database.exists:
            return 0
        with self._database.read() as connection:
            row = connection.execute(
                "SELECT value FROM counters WHERE name = ?", (_counter(destination),)
            ).fetchone()
        return int(row[0]) if row else 0

    def wait(self, timeout_s: float) -> bool:
        """Wait until something is added.

        What was added since this thread waited the last time, or before it ever did, counts: nothing is
        missed between `pending` and `wait`.

        Args:
            timeout_s: seconds to wait at most.

        Returns:
            Whether something was added.
        """
        with self._changed:
            seen = getattr(self._seen, "added", -1)
            self._changed.wait_for(lambda: self._added != seen, timeout_s)
            self._seen.added = self._added
            return self._added != seen

    def insert(self, connection: sqlite3.Connection, messages: Sequence[NewMessage]) -> None:
        """Put messages in, as a part of a transaction of the database; once it is through, call `tell`."""
        now = (datetime.now(UTC) - _EPOCH) // timedelta(milliseconds=1)
        connection.executemany(
            "INSERT INTO messages (id, destination, topic, body, retain, made_at) VALUES (?, ?, ?, ?, ?, ?)",
            [
                (uuid.uuid4().hex, one.destination, one.topic, one.body, int(one.retain), now)
                for one in messages
            ],
        )
        for destination in {message.destination for message in messages}:
            if self._drop_oldest(connection, destination):
                self._full.add(destination)

    def tell(self) -> None:
        """Wake those who wait, and say what was dropped."""
        with self._changed:
            self._added += 1
            self._changed.notify_all()
            news, self._said = self._full - self._said, self._said | self._full
        for destination in sorted(news):
            self._on_notice(
                f"{counted(self._most, 'message')} wait for {destination}, which is the most: from now on "
                "the oldest are dropped, and counted"
            )

    def _drop_oldest(self, connection: sqlite3.Connection, destination: str) -> int:
        # The number below which there are too many is found in the index, without counting all of them.
        last = connection.execute(
            "SELECT number FROM messages WHERE destination = ? ORDER BY number DESC LIMIT 1 OFFSET ?",
            (destination, self._most),
        ).fetchone()
        if last is None:
            return 0
        dropped = connection.execute(
            "DELETE FROM messages WHERE destination = ? AND number <= ?", (destination, last[0])
        ).rowcount
        connection.execute(
            "INSERT INTO counters (name, value) VALUES (?, ?)"
            " ON CONFLICT (name) DO UPDATE SET value = value + excluded.value",
            (_counter(destination), dropped),
        )
        return dropped


def _counter(destination: str) -> str:
    return f"dropped {destination}"
