"""How long a client may take, and how many there may be: what uvicorn leaves open.

uvicorn waits forever for the rest of a request, and for a client that does not read. Here each state of a
connection has a deadline, which dripping bytes do not move.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, cast

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from edge.server.problems import Problem

MAX_CONNECTIONS = 64

MAX_PER_ADDRESS = 16
"""A browser opens up to six for a page and six for what it asks for without credentials, and WebSockets."""

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

Waiting = Literal["headers", "body", "idle"]
"""What a connection waits for its client to send: the head of a request, its body, or another request."""

LIMITS_S: dict[Waiting, float] = {"headers": 5.0, "body": 10.0, "idle": 15.0}

UNREAD_S = 5.0
"""After which a client is dropped that does not read what it asked for."""

GRACE_S = 0.5
"""Who has kept the server waiting in a request for longer makes room for a new client of the same address."""

LINGER_S = 0.5
"""A refused client may still be sending; a connection that is closed at once takes the answer with it."""

FULL = Problem(
    503, f"there is room for {MAX_CONNECTIONS} connections, {MAX_PER_ADDRESS} of an address, and no more now"
)

MAX_LINGERING = 256
"""Refused clients that are let finish; more are cut off."""


@dataclass(slots=True, eq=False)
class _Connection:
    """An open connection: from which address, and what it waits for from its client, since when."""

    address: str
    protocol: Http
    waiting: Waiting | None = None
    since: float = field(default_factory=time.monotonic)


class Connections:
    """All open connections, within the limits.

    Args:
        proxies: networks of proxies, whose connections are many clients': an address's limit is not theirs.
            (`edge.server.guard` counts the requests of each client.)
    """

    def __init__(self, proxies: Sequence[Network] = ()) -> None:
        self._proxies = proxies
        self._open: dict[asyncio.Transport, _Connection] = {}
        self._refused = 0

    def __len__(self) -> int:
        return len(self._open)

    def admit(self, protocol: Http, transport: asyncio.Transport) -> bool:
        """Let a new connection in, or answer it with 503 and close it.

        Where there is no room, one that keeps the server waiting is closed for it: so those who only drip or
        hold connections open never keep the others out.
        """
        address = transport.get_extra_info("peername")[0]
        mine = sum(held.address == address for held in self._open.values())
        proxy = any(ipaddress.ip_address(address) in network for network in self._proxies)
        most = MAX_CONNECTIONS if proxy else MAX_PER_ADDRESS
        room = mine < most and len(self._open) < MAX_CONNECTIONS
        if not room and not self._make_room(address, mine, most):
            self.refuse(transport, FULL)
            return False
        self._open[transport] = _Connection(address, protocol)
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

    def refuse(self, transport: asyncio.Transport, problem: Problem) -> None:
        """Answer a connection with a problem, and close it when its client has had time to read that."""
        self.forget(transport)
        transport.set_protocol(asyncio.Protocol())  # reads on, and throws away
        if self._refused >= MAX_LINGERING:
            transport.abort()
            return
        self._refused += 1
        transport.write(problem.raw())
        with contextlib.suppress(OSError):
            transport.write_eof()
        asyncio.get_running_loop().call_later(LINGER_S, self._leave, transport)

    def _make_room(self, address: str, mine: int, most: int) -> bool:
        """Close a connection for this address: of those that may go, the one that has waited longest.

        An address that has all it may have gives up one of its own, if that had its time. (An idle one has
        none to have: HTTP clients expect that it is closed.) Otherwise it is one of those that have more
        connections than this address, however new it is.
        """
        latest = time.monotonic() - GRACE_S
        held_by = Counter(held.address for held in self._open.values())
        waiting = [
            held
            for held in self._open.values()
            if held.waiting
            and (
                (held.address == address and (held.waiting == "idle" or held.since < latest))
                if mine >= most
                else (held_by[held.address] > mine or held.since < latest)
            )
        ]
        if not waiting:
            return False
        min(waiting, key=lambda held: held.since).protocol.give_way()
        return True

    def _leave(self, transport: asyncio.Transport) -> None:
        self._refused -= 1
        transport.abort()


class _Impatient(asyncio.Protocol):
    """Drops a client that does not read; for uvicorn's protocols, which wait.

    Args:
        connections: all that are open.
        options: uvicorn's own.
    """

    transport: asyncio.Transport
    loop: asyncio.AbstractEventLoop

    def __init__(self, connections: Connections, **options: Any) -> None:  # noqa: ANN401 - handed through
        super().__init__(**options)
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
    """uvicorn's, for clients that must keep the deadlines as well."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called when a client has connected."""
        assert isinstance(transport, asyncio.Transport)
        if self._all.admit(self, transport):
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

    def give_way(self) -> None:
        """End the wait for the client, for another one."""
        self._end_wait(FULL)

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
        if self.transport.get_protocol() is not self:
            return None  # it is a WebSocket by now
        if self.conn.their_state is h11.SEND_BODY:
            return "body"
        if self.conn.their_state is h11.IDLE:
            begun = self._request is None or self.conn.trailing_data[0]
            return "headers" if begun else "idle"
        return None

    def _late(self, waiting: Waiting) -> None:
        limit = LIMITS_S[waiting]
        self._end_wait(Problem(408, f"expected the whole {waiting} of the request within {limit:g} s"))

    def _end_wait(self, problem: Problem) -> None:
        if self._waiting() == "idle":
            self.transport.close()
        else:
            self._refuse(problem)

    def _refuse(self, problem: Problem) -> None:
        request = self._request
        if request is not None and request.response_started and not request.response_complete:
            self.transport.abort()
        else:
            self.flow.resume_reading()
            self._all.refuse(self.transport, problem)
            self.connection_lost(ConnectionAbortedError())  # as far as uvicorn is concerned

    @property
    def _request(self) -> RequestResponseCycle | None:
        """The latest request; uvicorn's hints leave out that there is none before the first."""
        return cast("RequestResponseCycle | None", self.cycle)
