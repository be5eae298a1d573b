"""How long a client may take, and how many there may be: what uvicorn leaves open.

uvicorn waits forever for the rest of a request, and for a client that does not read. Here each state of a
connection has a deadline, which dripping bytes do not move.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass, field
from typing import Any, Literal

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from edge.server.problems import Problem

MAX_CONNECTIONS = 64
MAX_PER_ADDRESS = 8

Waiting = Literal["headers", "body", "idle"]
"""What a connection waits for its client to send: the head of a request, its body, or another request."""

LIMITS_S: dict[Waiting, float] = {"headers": 5.0, "body": 10.0, "idle": 15.0}

UNREAD_S = 5.0
"""After which a client is dropped that does not read what it asked for."""

GRACE_S = 0.5
"""Who has kept the server waiting for longer makes room for a new client when there is none left."""

LINGER_S = 0.5
"""A refused client may still be sending; a connection that is closed at once takes the answer with it."""


@dataclass(slots=True, eq=False)
class _Connection:
    """An open connection: from which address, and since when it waits for what from its client, if it does."""

    address: str
    waiting: Waiting | None = None
    since: float = field(default_factory=time.monotonic)


class Connections:
    """All open connections, within the limits."""

    def __init__(self) -> None:
        self._open: dict[asyncio.Transport, _Connection] = {}
        self._refused = 0

    def __len__(self) -> int:
        return len(self._open)

    def admit(self, transport: asyncio.Transport) -> bool:
        """Let a new connection in, or answer it with 503 and close it.

        Where there is no room, the one that has kept the server waiting longest is closed for it: so those
        who only drip or hold connections open never keep the others out.
        """
        address = transport.get_extra_info("peername")[0]
        same = [other for other, held in self._open.items() if held.address == address]
        if len(same) >= MAX_PER_ADDRESS:
            full = not self._make_room(same)
        else:
            full = len(self._open) >= MAX_CONNECTIONS and not self._make_room(list(self._open))
        if full:
            self._refuse(transport)
            return False
        self._open[transport] = _Connection(address)
        return True

    def wait(self, transport: asyncio.Transport, waiting: Waiting | None) -> bool:
        """Note what a connection waits for; whether that is something new."""
        connection = self._open.get(transport)
        if connection is None or connection.waiting == waiting:
            return False
        connection.waiting, connection.since = waiting, time.monotonic()
        return True

    def forget(self, transport: asyncio.Transport) -> None:
        """Note that a connection is closed."""
        self._open.pop(transport, None)

    def _make_room(self, transports: list[asyncio.Transport]) -> bool:
        latest = time.monotonic() - GRACE_S
        late = [t for t in transports if self._open[t].waiting and self._open[t].since < latest]
        if not late:
            return False
        longest = min(late, key=lambda transport: self._open[transport].since)
        self.forget(longest)
        longest.abort()
        return True

    def _refuse(self, transport: asyncio.Transport) -> None:
        if self._refused >= MAX_CONNECTIONS:
            transport.abort()
            return
        self._refused += 1
        transport.set_protocol(asyncio.Protocol())  # reads on, and throws away
        most = f"{MAX_CONNECTIONS} connections and {MAX_PER_ADDRESS} from one address"
        transport.write(Problem(503, f"there is room for {most}, and no more now").raw())
        with contextlib.suppress(OSError):
            transport.write_eof()
        asyncio.get_running_loop().call_later(LINGER_S, self._leave, transport)

    def _leave(self, transport: asyncio.Transport) -> None:
        self._refused -= 1
        transport.abort()


class _Impatient(asyncio.Protocol):
    """Drops a client that does not read; for uvicorn's protocols, which wait."""

    transport: asyncio.Transport
    loop: asyncio.AbstractEventLoop

    def __init__(self, connections: Connections, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._all = connections
        self._unread: asyncio.TimerHandle | None = None

    def pause_writing(self) -> None:
        """Called when what was sent piles up."""
        super().pause_writing()
        self._unread = self.loop.call_later(UNREAD_S, self.transport.abort)

    def resume_writing(self) -> None:
        """Called when the client has read most of it."""
        super().resume_writing()
        if self._unread is not None:
            self._unread.cancel()

    def connection_lost(self, exc: Exception | None) -> None:
        """Called when the connection is closed, by whomever."""
        super().connection_lost(exc)
        if self._unread is not None:
            self._unread.cancel()
        self._all.forget(self.transport)


class WebSocket(_Impatient, WebSocketsSansIOProtocol):
    """uvicorn's, for clients that must read."""


class Http(_Impatient, H11Protocol):
    """uvicorn's, for clients that must keep the deadlines.

    Args:
        connections: all that are open.
    """

    def __init__(self, connections: Connections, *args: Any, **options: Any) -> None:
        super().__init__(connections, *args, **options)
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called when a client has connected."""
        assert isinstance(transport, asyncio.Transport)
        if self._all.admit(transport):
            super().connection_made(transport)
            self._watch()

    def data_received(self, data: bytes) -> None:
        """Called with what the client sent."""
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        """Called when all of an answer is written."""
        super().on_response_complete()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Called when the connection is closed, by whomever."""
        super().connection_lost(exc)
        self._set_deadline(None)

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP."""
        self._refuse(Problem(400, f"expected an HTTP/1.1 request: {msg}"))

    def _watch(self) -> None:
        """Set the deadline of what the connection waits for now, unless it waits for that already."""
        waiting = None if self.transport.is_closing() else self._waiting()
        if self._all.wait(self.transport, waiting):
            self._set_deadline(waiting)

    def _set_deadline(self, waiting: Waiting | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        if waiting is not None:
            self._deadline = self.loop.call_later(LIMITS_S[waiting], self._late, waiting)

    def _waiting(self) -> Waiting | None:
        if self.conn.their_state is h11.SEND_BODY:
            return "body"
        if self.conn.their_state is h11.IDLE:
            begun = self.cycle is None or self.conn.trailing_data[0]
            return "headers" if begun else "idle"
        return None

    def _late(self, waiting: Waiting) -> None:
        if waiting == "idle":
            self.transport.close()
        else:
            limit = LIMITS_S[waiting]
            self._refuse(Problem(408, f"expected the whole {waiting} of the request within {limit:g} s"))

    def _refuse(self, problem: Problem) -> None:
        answering = self.cycle is not None and self.cycle.response_started and not self.cycle.response_complete
        if answering:
            self.transport.abort()
        else:
            self.transport.write(problem.raw())
            self.transport.close()
